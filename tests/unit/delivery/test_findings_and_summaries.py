"""Reports of other tools become findings, tables and notes that a person reads on one page."""

import inspect
import json
import re
from pathlib import Path

import pytest

import delivery.__main__ as steps
from delivery import findings, release, summary
from delivery.deployment import Deployment
from delivery.errors import DeliveryError
from delivery.steps import reports
from tests.unit.delivery.manifests import manifest as of_version


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


def test_no_two_runs_of_findings_share_a_category() -> None:
    documents = [findings.sarif("pip-audit", [], "requirements/run.txt"), findings.sarif("pip-audit", [], "image")]
    documents.append(findings.sarif("detect-secrets", []))
    found = [document["runs"][0]["automationDetails"]["id"] for document in documents]
    assert len(set(found)) == len(found) and all(name.endswith("/") for name in found)


@pytest.mark.parametrize(
    ("report", "title", "words"),
    [("# The card", "stopped by a gate", "# The card"), (None, "Training failed at", "ended before its gates")],
)
def test_a_failed_training_opens_an_issue_that_leads_to_its_run(
    report: str | None, title: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    (tmp_path / "reports").mkdir()
    if report:
        (tmp_path / "reports" / "model-summary.md").write_text(report)
    monkeypatch.setattr(reports, "REPOSITORY", tmp_path)
    monkeypatch.setattr(reports, "commit", lambda: "c" * 40)

    def created(command: list[str]) -> str:
        commands.append(command)
        return ""

    monkeypatch.setattr(reports, "run", created)
    for name, value in {"SERVER_URL": "https://github.com", "REPOSITORY": "o/n", "RUN_ID": "7"}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    reports.gate_issue()
    assert title in commands[0][commands[0].index("--title") + 1]
    body = (tmp_path / "reports" / "issue.md").read_text()
    assert words in body and "https://github.com/o/n/actions/runs/7" in body


def test_a_found_credential_is_reported_without_its_value(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    digest = "0f" * 20
    found = {"type": "AWS Access Key", "filename": "a.py", "hashed_secret": digest, "line_number": 7}
    report.write_text(json.dumps({"results": {"a.py": [found]}}))
    text = json.dumps(findings.secrets(report))
    assert "AWS Access Key" in text and '"startLine": 7' in text
    assert digest not in text


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


def test_the_models_summary_tells_of_the_new_version_and_of_how_it_stands_against_the_champion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(summary, "REPOSITORY", tmp_path)
    figure = {"name": "average precision against old's", "value": 0.5, "bound": "at least", "limit": 0.75}
    gate = {
        "name": "champion",
        "meaning": "Not worse.",
        "verdict": "failed",
        "figures": [figure],
        "tables": [],
        "note": "",
    }
    for version in ("new", "old"):  # the champion was fetched, so its files are the newer ones by now
        (tmp_path / version).mkdir()
        (tmp_path / version / "card.md").write_text(f"# Model {version}\n")
    (tmp_path / "new" / "challenge.json").write_text(json.dumps(gate))
    text = summary.model(tmp_path, rival="old")
    assert "# Model new" in text and "## FAILED: champion" in text
    assert "average precision against old's is 0.5, must be at least 0.75" in text
    assert (tmp_path / "reports" / "model-summary.md").read_text() == text


def test_a_training_that_ended_before_its_gates_is_not_told_of_by_the_champions_card(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "card.md").write_text("# Model old\n")
    with pytest.raises(DeliveryError, match="did not get that far"):
        summary.model(tmp_path, rival="old")


def test_release_notes_name_image_model_and_the_hashes_of_manifest_and_orders() -> None:
    image, manifest = "r/orderguard@sha256:ab", "12" * 32
    deployment = Deployment("prod", "c" * 40, "v1.2.3", image, "20261001-abc-def", manifest, "https://x", "deployed")
    text = release.notes(deployment, of_version("20261001-abc-def"), ["Add a gate"])
    for part in (
        "# v1.2.3",
        image,
        "20261001-abc-def",
        manifest,
        "- Add a gate",
        f"`sha256:{'ab' * 32}`: 2,000 in 2 files",
    ):
        assert part in text


@pytest.mark.parametrize("step", sorted(steps.STEPS))
def test_help_names_every_setting_that_a_step_asks_for(
    step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    used = set(re.findall(r"""required\(\s*["'](\w+)|environ.get\(["'](\w+)""", inspect.getsource(steps.STEPS[step])))
    named = {name for pair in used for name in pair if name} - {"GITHUB_ACTIONS"}
    with pytest.raises(SystemExit):
        steps.main(["--help"])
    (told,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  {step} "))
    assert all(name in told for name in named), told


@pytest.mark.parametrize(
    ("step", "given", "missing"),
    [
        ("deploy", {}, "STACK"),
        ("sign-image", {"STACK": "prod"}, "REGISTRY"),
        ("verify-image", {"REGISTRY": "r"}, "IMAGE_DIGEST"),
        ("promote-image", {"SOURCE_REGISTRY": "r", "REGISTRY": "r", "IMAGE_DIGEST": "d"}, "TRAIN_IMAGE_DIGEST"),
        ("publish-model", {"MODELS_BUCKET": "b"}, "VERSION"),
    ],
)
def test_a_setting_that_is_missing_is_named_and_help_knows_it(
    step: str,
    given: dict[str, str],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in (
        "STACK",
        "REGISTRY",
        "SOURCE_REGISTRY",
        "IMAGE_DIGEST",
        "TRAIN_IMAGE_DIGEST",
        "MODELS_BUCKET",
        "VERSION",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert steps.main([step]) == 2
    assert f"{missing} is not set" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        steps.main(["--help"])
    (told,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(f"  {step} "))
    assert re.search(rf"\b{missing}\b", told)
