"""The way up from the former release: this commit, compared with its stacks, destroys nothing that holds data."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from delivery.previews.steps import UNCHANGED, read
from delivery.stack import Stack
from infra.former_versions import VERSION
from infra.local import pulumi
from infra.local.home import Home
from tests.infra.former_state import bring_up, recorded_lines
from tests.infra.recording import STACKS


@pytest.mark.parametrize("stack", STACKS)
def test_no_bucket_key_secret_or_database_is_replaced_or_deleted(stack: str, models: Path, tmp_path: Path) -> None:
    """Where this fails: an alias (docs/technical/infrastructure.md, "Rename") lets a resource move or take a new name
    in the program; what Google Cloud itself has to make again stays beside the old one until its data has moved.
    """
    home, log = Home(tmp_path / "home"), tmp_path / "events.json"
    bring_up(home, stack)
    # As a deployment begins: what the former program drew stays in Secret Manager, and leaves the state.
    Stack(stack, {**os.environ, "LOCAL_CLOUD_HOME": str(home.root)}).let_go_of_versions()
    asked = {"PULUMI_DEBUG_COMMANDS": "1"}
    done = pulumi.run(["preview", "--event-log", str(log)], home=home, stack=stack, extra=asked)
    assert done.returncode == 0, done.stdout
    steps = read(json.loads(line) for line in log.read_text().splitlines())
    assert [f"{step.operation} {step.type} {step.name}" for step in steps.destroyed() if step.data] == []
    # The program meets what was recorded, instead of declaring another stack beside it.
    known = sum('"custom":true' in line and '"type":"pulumi:' not in line for line in recorded_lines(stack))
    assert steps.counted(UNCHANGED) + steps.counted("update") > 0.8 * known > 40


def test_an_up_that_would_destroy_the_keys_of_a_former_program_is_refused(models: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    bring_up(home, "local")
    whole = json.loads(_engine(home, "export"))
    resources = whole["deployment"]["resources"]
    like = next(one for one in resources if one["type"] == VERSION)
    parent = next(one["urn"] for one in resources if one["urn"].endswith("platform:Secret::masking-key"))
    drawn = f"urn:pulumi:local::orderguard::orderguard:platform:Secret${VERSION}::masking-key-9"
    resources.append({**like, "urn": drawn, "parent": parent})
    (tmp_path / "state.json").write_text(json.dumps(whole))
    _engine(home, "import", "--file", str(tmp_path / "state.json"))
    refused = pulumi.run(["up", "--yes", "--skip-preview"], home=home, stack="local")
    assert refused.returncode and "`make secrets STACK=local` takes them out" in refused.stdout, refused.stdout
    kept = {one["urn"] for one in json.loads(_engine(home, "export"))["deployment"]["resources"]}
    assert {one["urn"] for one in resources} <= kept, "nothing was destroyed"
    assert "masking-key-9" in Stack("local", {**os.environ, "LOCAL_CLOUD_HOME": str(home.root)}).let_go_of_versions()
    assert drawn not in _engine(home, "export")


def _engine(home: Home, *words: str) -> str:
    done = pulumi.run(["stack", *words], home=home, stack="local")
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("stack", STACKS)
def test_a_recorded_state_holds_no_secret_and_no_place_of_a_machine(stack: str) -> None:
    text = "\n".join(recorded_lines(stack))
    assert [word for word in ('"ciphertext"', f"{Path.home()}/", f"{tempfile.gettempdir()}/") if word in text] == []
    sealed = [part.partition('"}')[0] for part in text.split('"plaintext":"')[1:]]
    assert sealed and all("recorded" in part for part in sealed)
