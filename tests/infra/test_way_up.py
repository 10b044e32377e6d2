"""The way up from the former release: this commit, held against its stacks, destroys nothing that holds data."""

import json
import tempfile
from pathlib import Path

import pytest

from delivery.previews.steps import UNCHANGED, read
from infra.local import pulumi
from infra.local.home import Home
from tests.infra.former_state import bring_up, recorded_lines
from tests.infra.recording import STACKS


@pytest.mark.parametrize("stack", STACKS)
def test_no_bucket_key_secret_or_database_is_replaced_or_deleted(stack: str, models: Path, tmp_path: Path) -> None:
    """Where this fails: an alias (docs/technical/infrastructure.md, "Rename") lets a resource move or take a new name
    in the program; what Google Cloud itself has to make anew stays beside the old one until its data has moved.
    """
    home, log = Home(tmp_path / "home"), tmp_path / "events.json"
    bring_up(home, stack)
    asked = {"PULUMI_DEBUG_COMMANDS": "1"}
    done = pulumi.run(["preview", "--event-log", str(log)], home=home, stack=stack, extra=asked)
    assert done.returncode == 0, done.stdout
    steps = read(json.loads(line) for line in log.read_text().splitlines())
    assert [f"{step.operation} {step.type} {step.name}" for step in steps.destroyed() if step.data] == []
    # The program meets what was recorded, instead of declaring another stack beside it.
    known = sum('"custom":true' in line and '"type":"pulumi:' not in line for line in recorded_lines(stack))
    assert steps.counted(UNCHANGED) + steps.counted("update") > 0.8 * known > 40


@pytest.mark.parametrize("stack", STACKS)
def test_a_recorded_state_holds_no_secret_and_no_place_of_a_machine(stack: str) -> None:
    text = "\n".join(recorded_lines(stack))
    assert [word for word in ('"ciphertext"', f"{Path.home()}/", f"{tempfile.gettempdir()}/") if word in text] == []
    sealed = [part.partition('"}')[0] for part in text.split('"plaintext":"')[1:]]
    assert sealed and all("recorded" in part for part in sealed)
