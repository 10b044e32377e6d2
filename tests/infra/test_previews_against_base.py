"""A change is previewed against the base that it begins at: the comment shows what it alone would do, and what it would
destroy before all else.
"""

import json
import os
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
from tests.infra.conftest import VERSION, write_version
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
    return markdown(Preview("prod", LOCAL, "the base", steps, None, None))


def test_an_added_alert_and_no_more_is_one_resource(changed: Callable[..., tuple[int, Steps]]) -> None:
    code, steps = changed(ADDED_ALERT)
    assert code == 0
    section = comment(steps)
    assert "**1 to create; " in section and "Destroyed" not in section
    assert "+   gcp:monitoring:AlertPolicy alert-busy (create)" in section
    assert steps.counted("same") > 100


def test_a_renamed_bucket_and_a_changed_key_are_told_as_data_that_is_destroyed(
    changed: Callable[..., tuple[int, Steps]],
) -> None:
    code, steps = changed(RENAMED_BUCKET, CHANGED_KEY)
    print(steps.problems, [s for s in steps.steps if s.operation != "same"][:5])
    assert code == 0 and any("up` refuses to destroy what is protected" in problem for problem in steps.problems)
    lost = [(step.data, step.name) for step in steps.destroyed()]
    assert lost[0] == ("bucket", "raw") and ("key", "data") in lost
    section = comment(steps)
    rows = [line for line in section.splitlines() if line.startswith("| ⚠️")]
    assert "`raw`" in rows[0] and "because of name" in rows[0] and "protected: `up` refuses it" in rows[0]
    assert section.index("`raw`<br>") < section.index("What changes, by component")
