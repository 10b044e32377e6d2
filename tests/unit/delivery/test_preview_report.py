"""A preview's report keeps violations, undecided rules and advice apart, and shows what would change."""

from pathlib import Path
from typing import Any

import pytest

from delivery import preview
from delivery.preview import Preview, changes, markdown

URN = "urn:pulumi:prod::orderguard::gcp:storage/bucket:Bucket::models"


def step(operation: str, urn: str = URN, kind: str = "gcp:storage/bucket:Bucket") -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": operation, "urn": urn, "type": kind}}}


def said(*findings: tuple[str, str, str]) -> dict[str, Any]:
    """A report of the policies with these findings: state, rule and message."""
    return {
        "summary": {
            **{
                state: sum(f[0] == state for f in findings)
                for state in ("violated", "undecided", "excepted", "accepted")
            },
            "mandatory": sum(f[0] == "violated" for f in findings),
        },
        "rules": [{"name": rule, "fix": "Write it otherwise."} for _, rule, _ in findings],
        "findings": [
            {
                **{"state": state, "rule": rule, "message": message, "urn": URN, "type": "gcp:storage/bucket:Bucket"},
                **{"severity": "high", "level": "mandatory", "name": "models", "path": "", "note": ""},
            }
            for state, rule, message in findings
        ],
        "notes": [],
    }


def test_changes_are_grouped_by_operation_without_the_stack_itself() -> None:
    stack = step("create", "urn:pulumi:prod::orderguard::pulumi:pulumi:Stack::orderguard-prod", "pulumi:pulumi:Stack")
    found = changes([stack, step("create"), step("same"), {"summaryEvent": {}}])
    assert found["create"] == ["gcp:storage/bucket:Bucket models"]
    assert len(found["same"]) == 1 and not found["delete"]


def test_the_section_shows_counts_tables_and_the_engines_refusal() -> None:
    nothing: dict[str, list[str]] = {operation: [] for operation in ("create", "update", "replace", "delete", "same")}
    found = said(("violated", "no-public-buckets", "a | b"), ("undecided", "labels", "x"), ("undecided", "labels", "y"))
    text = markdown(
        Preview("prod", "local cloud", {**nothing, "create": ["t a", "t b"], "same": ["t c"]}, found, "refused")
    )
    assert "2 to create; 1 unchanged. Policies: 1 violation, 0 advisory, on 1 resource; 2 undecided." in text
    assert "| `models`<br>gcp:storage:Bucket | `no-public-buckets`<br>high | a / b | Write it otherwise. |" in text
    assert "| `labels` | 2 | `models` |" in text and "engine refused" not in text
    assert "The engine refused" in markdown(Preview("prod", "local cloud", nothing, None, "gcp:region is wrong"))


def test_the_comment_is_our_own_is_updated_in_place_and_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[str] = []

    def run(command: list[str]) -> str:
        commands.append(" ".join(command))
        return "77\n" if "--paginate" in command else ""

    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "preview-prod.md").write_text("x" * 70_000)
    (tmp_path / "reports" / "preview-prod-google-cloud.md").write_text("### `prod` on Google Cloud\n")
    monkeypatch.setattr(preview, "REPOSITORY", tmp_path)
    monkeypatch.setattr(preview, "run", run)
    assert preview.comment("5") == "updated"
    assert 'select(.user.login == "github-actions[bot]")' in commands[0]
    assert "issues/comments/77" in commands[1]
    text = (tmp_path / "reports" / "comment.md").read_text()
    assert text.startswith(preview.MARKER) and "on Google Cloud" in text
    assert len(text) < 65_536 and text.endswith(preview.CUT)


def test_each_cloud_has_a_report_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preview, "REPOSITORY", tmp_path)
    nothing: dict[str, list[str]] = {operation: [] for operation in preview.OPERATIONS}
    places = [preview.write(Preview("prod", cloud, nothing, None, None)) for cloud in (preview.LOCAL, "Google Cloud")]
    assert [place.name for place in places] == ["preview-prod.md", "preview-prod-google-cloud.md"]


def test_text_of_others_stays_text() -> None:
    nothing: dict[str, list[str]] = {operation: [] for operation in preview.OPERATIONS}
    found = said(("violated", "r", "ask @team | <img src=x>"))
    text = markdown(Preview("prod", preview.LOCAL, nothing, found, None))
    assert "ask &#64;team / &lt;img src=x>" in text
    refused = markdown(Preview("prod", preview.LOCAL, nothing, None, "error\n```\n# not a heading"))
    assert refused.count("```") == 2
