"""Reports of other tools become findings, tables and notes that a person reads on one page."""

import json
from pathlib import Path

import pytest

from delivery import findings, release, summary
from delivery.deploy import Deployment
from delivery.errors import DeliveryError


def test_a_vulnerable_package_is_a_finding_on_the_line_that_pins_it(tmp_path: Path) -> None:
    lock = tmp_path / "run.txt"
    lock.write_text("anyio==4.0 \\\n    --hash=sha256:0\nstarlette==0.1 \\\n    --hash=sha256:1\n")
    report = tmp_path / "report.json"
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["0.2"], "aliases": [], "description": "…"}
    report.write_text(
        json.dumps(
            {
                "dependencies": [
                    {"name": "anyio", "version": "4.0", "vulns": []},
                    {"name": "starlette", "version": "0.1", "vulns": [flaw]},
                ]
            }
        )
    )
    results = findings.pip_audit(report, str(lock))["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["PYSEC-2026-1"]
    assert results[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert "0.2" in results[0]["message"]["text"]


def test_a_found_credential_is_reported_without_its_value(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    found = {"type": "AWS Access Key", "filename": "a.py", "hashed_secret": "0f" * 20, "line_number": 7}
    report.write_text(json.dumps({"results": {"a.py": [found]}}))
    text = json.dumps(findings.secrets(report))
    assert "AWS Access Key" in text and '"startLine": 7' in text
    assert found["hashed_secret"] not in text


def test_the_summary_counts_and_names_what_failed(tmp_path: Path) -> None:
    (tmp_path / "tests-unit.xml").write_text(
        '<testsuites><testsuite tests="2" failures="1" errors="0" skipped="0" time="1.6">'
        '<testcase classname="tests.a" name="test_holds"/>'
        '<testcase classname="tests.a" name="test_breaks"><failure/></testcase>'
        "</testsuite></testsuites>"
    )
    text = summary.tests(tmp_path)
    assert "| unit | 2 | 1 | 0 | 2 |" in text
    assert "`tests.a.test_breaks`" in text and "test_holds" not in text


def test_a_summary_without_a_report_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="run the tests first"):
        summary.tests(tmp_path)


def test_release_notes_name_image_model_and_hash() -> None:
    image, manifest = "r/orderguard@sha256:ab", "12" * 32
    deployment = Deployment("prod", "c" * 40, "v1.2.3", image, "20261001-abc-def", manifest, "https://x", "deployed")
    text = release.notes(deployment, ["Add a gate"])
    for part in ("# v1.2.3", image, "20261001-abc-def", manifest, "- Add a gate"):
        assert part in text
