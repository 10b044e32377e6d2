"""Drift between cloud, state and program becomes one issue for each stack, with the way out; where all agree, none."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery import drift, github
from delivery.previews.preview import LOCAL, Preview
from delivery.previews.steps import Steps, read
from delivery.stack import Stack
from tests.unit.delivery.conftest import Recorder

URN = "urn:pulumi:prod::orderguard::gcp:storage/bucket:Bucket::raw"


def told(operation: str, key: str) -> dict[str, Any]:
    """What the engine says of the bucket of raw orders, whose label somebody changed."""
    old, new = ({"custom": True, "inputs": {"labels": {"team": team}}} for team in ("orders", "other"))
    diff = {"labels.team": {"diffKind": "update", "inputDiff": True}}
    same: dict[str, Any] = {"urn": URN, "type": "gcp:storage/bucket:Bucket", "old": old, "new": new}
    return {key: {"metadata": {**same, "op": operation, "detailedDiff": diff if operation == "update" else None}}}


class Refreshed(Stack):
    """A stack whose cloud holds something else than its state."""

    operation = "update"

    def refresh_preview(self, events: Path) -> str:
        events.write_text(json.dumps(told(self.operation, "resOutputsEvent")))
        return ""


class Agreeing(Refreshed):
    operation = "same"


@pytest.fixture
def gh(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    """`gh`, and a program that says what the state says."""
    monkeypatch.setattr(drift, "run", recorder)
    monkeypatch.setattr(drift, "REPOSITORY", tmp_path)
    monkeypatch.setattr(github, "summary", lambda text: None)
    monkeypatch.setattr(drift, "preview", lambda stack: previewed("same"))
    return recorder


def previewed(operation: str) -> Preview:
    steps = read([told(operation, "resourcePreEvent")])
    return Preview("prod", LOCAL, "what is up here", steps, None, None)


def test_where_all_agree_nobody_is_told(gh: Recorder) -> None:
    assert drift.report(Agreeing("prod", {})) == "prod: state, program and cloud agree"
    assert gh.commands == []


def test_what_somebody_changed_is_an_issue_that_names_the_way_out(gh: Recorder, tmp_path: Path) -> None:
    gh.answers["gh issue create"] = "https://github.com/o/r/issues/7\n"
    assert drift.report(Refreshed("prod", {})) == "https://github.com/o/r/issues/7"
    (made,) = gh.those("gh issue create")
    assert "--title Drift in prod " in made
    body = (tmp_path / "reports" / "drift.md").read_text()
    assert "gcp:storage/bucket:Bucket raw differs in labels.team" in body
    assert "`pulumi up --stack prod --refresh` puts it right" in body and "not deployed" not in body


def test_what_was_never_deployed_is_told_where_an_issue_is_open_already(
    gh: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(drift, "preview", lambda stack: previewed("update"))
    gh.answers["gh issue list"] = "7\n"
    assert drift.report(Agreeing("prod", {})) == "Drift in prod: issue 7 has this run's findings"
    assert gh.those("gh issue comment 7") and not gh.those("gh issue create")
    body = (tmp_path / "reports" / "drift.md").read_text()
    assert "In the program and not deployed" in body and 'labels.team: "orders" → "other"' in body


def test_a_stack_that_can_not_be_previewed_is_told_too(gh: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Preview("prod", LOCAL, "what is up here", Steps((), (), ()), None, "the project is gone")
    monkeypatch.setattr(drift, "preview", lambda stack: failed)
    assert "the project is gone" in "\n".join(drift.found(Agreeing("prod", {})))
