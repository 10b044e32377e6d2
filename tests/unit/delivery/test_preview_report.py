"""A preview's report keeps violations, undecided rules and advice apart, and shows what would change."""

from typing import Any

from delivery.preview import Finding, Preview, changes, findings, markdown

URN = "urn:pulumi:prod::orderguard::gcp:storage/bucket:Bucket::models"


def step(operation: str, urn: str = URN, kind: str = "gcp:storage/bucket:Bucket") -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": operation, "urn": urn, "type": kind}}}


def policy(level: str, message: str, rule: str = "no-public-buckets") -> dict[str, Any]:
    return {"policyEvent": {"enforcementLevel": level, "policyName": rule, "message": message, "resourceUrn": URN}}


def test_changes_are_grouped_by_operation_without_the_stack_itself() -> None:
    stack = step("create", "urn:pulumi:prod::orderguard::pulumi:pulumi:Stack::orderguard-prod", "pulumi:pulumi:Stack")
    found = changes([stack, step("create"), step("same"), {"summaryEvent": {}}])
    assert found["create"] == ["gcp:storage/bucket:Bucket models"]
    assert len(found["same"]) == 1 and not found["delete"]


def test_a_finding_is_told_once_and_undecided_is_no_violation() -> None:
    events = [
        policy("mandatory", "public access\n  prevention is off"),
        policy("mandatory", "public access prevention is off"),
        policy("advisory", "can't be decided until up", "labels"),
        policy("advisory", "consider versioning", "versioning"),
    ]
    assert [(finding.level, finding.rule) for finding in findings(events)] == [
        ("mandatory", "no-public-buckets"),
        ("undecided", "labels"),
        ("advisory", "versioning"),
    ]


def test_the_section_shows_counts_tables_and_the_engines_refusal() -> None:
    nothing: dict[str, list[str]] = {operation: [] for operation in ("create", "update", "replace", "delete", "same")}
    violation = Finding("mandatory", "no-public-buckets", "models", "a | b")
    text = markdown(
        Preview("prod", "local cloud", {**nothing, "create": ["t a", "t b"], "same": ["t c"]}, (violation,), "refused")
    )
    assert "2 to create; 1 unchanged. 1 violations, 0 undecided" in text
    assert "| `no-public-buckets` | `models` | a / b |" in text and "engine refused" not in text
    assert "The engine refused" in markdown(Preview("prod", "local cloud", nothing, (), "gcp:region is wrong"))
