"""A change is previewed against the base that it begins at: the comment shows what it alone would do, and what it would
destroy before all else.
"""

import json
import os
import re
from collections.abc import Callable

import pytest

from delivery.previews import base
from delivery.previews.markdown import markdown
from delivery.previews.preview import LOCAL, Preview
from delivery.previews.steps import Steps, read
from delivery.stack import Stack
from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.supervisor import client
from orderguard.model_version import CHAMPION
from policies.report import Document
from tests.infra.conftest import VERSION, write_version
from tests.infra.recording import ROOT
from tests.local_platform import copy_of_the_tree

Edit = tuple[str, str, str]
"""A file of the tree, what stands there, and what a change makes of it."""
RENAMED_BUCKET: Edit = (
    "infra/bucket.py",
    "name=settings.global_name(name)",
    'name=settings.global_name({"raw": "incoming"}.get(name, name))',
)
CHANGED_KEY: Edit = ("infra/encryption.py", 'name="data",', 'name="data-2",')
ADDED_ALERT: Edit = (
    "infra/alerts.py",
    "    conditions = {\n",
    '    conditions = {\n        "alert-busy": Condition("busy", Query(watched.service), "look", "WARNING"),\n',
)

PAGE = ROOT / "docs" / "technical" / "previews.md"


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, Steps]]:
    """Previews edits of the tree in `prod` against the tree itself; the exit code and the steps."""
    folder = tmp_path_factory.mktemp("base")
    tree, home = copy_of_the_tree(folder / "tree"), Home(folder / "home")
    write_version(folder / "models", VERSION)
    (folder / "models" / CHAMPION).write_text(f"{VERSION}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "PULUMI_"))}
    variables = {**kept, "MODELS_DIR": str(folder / "models"), "ORDERGUARD_COMMIT": "0123abc"}
    stack = Stack("prod", {**variables, "LOCAL_CLOUD_HOME": str(home.root)})
    recorded = base.record(stack, tree)
    assert recorded.note == ""
    assert not client.running(Cloud(home, "prod"))  # nothing runs: neither the service nor its store

    def previewed(*edits: Edit) -> tuple[int, Steps]:
        before = {name: (tree / name).read_text() for name, _, _ in edits}
        log = folder / "events.json"
        log.unlink(missing_ok=True)
        try:
            for name, old, new in edits:
                assert old in before[name]
                (tree / name).write_text(before[name].replace(old, new, 1))
            arguments = ["preview", "--event-log", str(log)]
            asked = {"PULUMI_DEBUG_COMMANDS": "1"}
            done = pulumi.run(arguments, home=home, stack="prod", project=tree, variables=variables, extra=asked)
        finally:
            for name, text in before.items():
                (tree / name).write_text(text)
        assert log.exists(), done.stdout
        return done.returncode, recorded.marked(read(json.loads(line) for line in log.read_text().splitlines()))

    return previewed


def comment(steps: Steps) -> str:
    said: Document = {
        "tool": {"name": "orderguard-gcp", "version": "1"},
        **{"profile": "platform", "project": "orderguard", "stack": "prod"},
        "summary": {"violated": 0, "undecided": 0, "excepted": 0, "accepted": 0, "mandatory": 0},
        **{"rules": [], "findings": [], "notes": []},
    }
    return markdown(Preview("prod", LOCAL, "the base 0123abc", steps, said, "\n".join(steps.problems) or None))


def test_an_added_alert_and_no_more_is_one_resource(changed: Callable[..., tuple[int, Steps]]) -> None:
    code, steps = changed(ADDED_ALERT)
    assert code == 0
    section = comment(steps)
    assert "**1 to create; " in section and "Destroyed" not in section and "Refused" not in section
    tree = ["  Observability observability", "+   gcp:monitoring:AlertPolicy alert-busy (create)"]
    assert "\n".join(["```diff", *tree, f"  {steps.counted('same')} unchanged", "```"]) in section
    assert steps.counted("same") > 100


def test_a_renamed_bucket_reads_as_the_page_shows(changed: Callable[..., tuple[int, Steps]]) -> None:
    code, steps = changed(RENAMED_BUCKET)
    assert code == 0
    shown = re.sub(r"\d+ unchanged", "136 unchanged", comment(steps))
    example = re.search(r"^````markdown\n(.*?)^````$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert example and shown == example[1], shown


def test_a_changed_key_is_told_as_data_that_is_destroyed_and_with_all_that_hangs_on_it(
    changed: Callable[..., tuple[int, Steps]],
) -> None:
    code, steps = changed(CHANGED_KEY)
    assert code == 0
    section = comment(steps)
    rows = [line for line in section.splitlines() if line.startswith("| ⚠️")]
    assert (
        "`data`" in rows[0] and "nothing opens what it encrypts; because of name; protected: `up` refuses it" in rows[0]
    )
    assert {"histories", "registry", "api-key"} <= {step.name for step in steps.destroyed() if step.data}
    assert {"raw", "models"} <= {step.name for step in steps.steps if step.operation == "update"}
    assert 'name: "data" → "data-2" (replaces)' in section
    assert 'secretId: "orderguard-prod-api-key", which is recreated (replaces)' in section
    assert not [line for line in section.splitlines() if re.search(r': ("[^"]*…?"?) → \1( |$)', line)]
    assert section.index("`data`<br>") < section.index("`registry`<br>") < section.index("What changes, by component")
