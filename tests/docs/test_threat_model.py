"""The threat model names proofs that exist, and every alert has its runbook."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs" / "technical"
MODEL = (DOCS / "threat-model.md").read_text(encoding="utf-8")
PROOFS = sorted(set(re.findall(r"`(tests/[\w./-]+)::(\w+)`", MODEL)))
ROWS = [line for line in MODEL.splitlines() if re.match(r"\| [STRIDE] \|", line)]


@pytest.mark.parametrize(("path", "name"), PROOFS)
def test_a_proof_is_a_test_that_exists(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (REPOSITORY / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_rules_that_are_named_exist() -> None:
    rules = set(re.findall(r"^\| \[`([a-z0-9-]+)`\]", (DOCS / "policies.md").read_text(encoding="utf-8"), re.MULTILINE))
    named = {rule for row in ROWS for rule in re.findall(r"`([a-z0-9-]+)`", row.rpartition("rule")[2])}
    assert named and named <= rules


def test_every_class_of_threat_is_looked_at() -> None:
    assert {row[2] for row in ROWS} == set("STRIDE")


def test_every_alert_has_a_runbook() -> None:
    alerts = set(re.findall(r'"(alert-[a-z-]+)"', (REPOSITORY / "infra" / "alerts.py").read_text(encoding="utf-8")))
    runbooks = set(
        re.findall(r"^## .*\(`([a-z-]+)`\)$", (DOCS / "runbooks.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert alerts and alerts <= runbooks
