"""Checkov looks at every workflow file, and says so."""

import json
import sys
from pathlib import Path

import pytest

from delivery.errors import DeliveryError
from delivery.workflow_rules import check, readable

WORKFLOW = """\
concurrency:
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}
jobs:
  image:
    permissions:
      contents: read
      attestations: write # provenance
"""


def checkov(folder: Path, results: object) -> Path:
    """A program that answers as Checkov does."""
    program = folder / "checkov"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(results))})\n")
    program.chmod(0o755)
    return program


def workflows(folder: Path) -> Path:
    (folder / "workflows").mkdir()
    for name in ("a.yml", "b.yml"):
        (folder / "workflows" / name).write_text(WORKFLOW)
    return folder / "workflows"


def found(*names: str) -> list[dict[str, object]]:
    return [
        {"file_path": f"/{name}", "file_line_range": [7, 9], "check_id": "CKV_GHA_1", "check_name": "A rule"}
        for name in names
    ]


def test_what_checkov_does_not_know_is_written_as_it_does_on_the_same_lines() -> None:
    copy = readable(WORKFLOW)
    assert "  cancel-in-progress: true\n" in copy
    assert "attestations:" not in copy
    assert len(copy.splitlines()) == len(WORKFLOW.splitlines())


def test_each_file_has_to_be_looked_at(tmp_path: Path) -> None:
    folder = workflows(tmp_path)
    both = checkov(tmp_path, {"results": {"passed_checks": found("a.yml", "b.yml", "b.yml"), "failed_checks": []}})
    assert check(both, folder) == {"a.yml": 1, "b.yml": 2}
    one = checkov(tmp_path, {"results": {"passed_checks": found("a.yml"), "failed_checks": []}})
    with pytest.raises(DeliveryError, match="passed over b.yml"):
        check(one, folder)
    none = checkov(tmp_path, {"passed": 0, "failed": 0})
    with pytest.raises(DeliveryError, match="passed over a.yml, b.yml"):
        check(none, folder)


def test_a_broken_rule_is_told_with_its_place(tmp_path: Path) -> None:
    program = checkov(tmp_path, {"results": {"passed_checks": found("a.yml"), "failed_checks": found("b.yml")}})
    with pytest.raises(DeliveryError, match="b.yml:7: CKV_GHA_1 A rule"):
        check(program, workflows(tmp_path))
