"""The trace of a score leads to the training run too."""

import json
from pathlib import Path

import msgspec
import pytest

from delivery import models, trace
from delivery.deploy import Deployment
from tests.unit.delivery.manifests import manifest

PAGE = "https://github.com/o/n/actions/runs/7"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "manifest.json").write_bytes(msgspec.json.encode(manifest("v1")))
    (tmp_path / "v1" / "recorded.json").write_text(json.dumps({"recorded_at": "2026-11-02T05:23:00Z"}))
    return tmp_path


def test_a_version_leads_to_its_training_run_and_its_deployment(folder: Path) -> None:
    deployed = [Deployment("prod", "c" * 40, "v1.2.3", "r@sha256:d", "v1", "0" * 64, "https://u", "deployed", PAGE)]
    told = "\n".join(trace.lines("v1", folder, deployed))
    for part in (
        f"2026-11-02T05:23:00Z, {PAGE}",
        "drop-10.ndjson sha256:1010",
        "prod as v1.2.3: deployed",
        "r@sha256:d",
    ):
        assert part in told


def test_a_version_that_was_trained_on_this_machine_has_a_time_and_no_page(folder: Path) -> None:
    assert any(line.split() == ["training", "run", "2026-11-02T05:23:00Z"] for line in trace.lines("v1", folder, []))


def test_the_record_of_a_version_names_the_run_that_trained_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (folder / "CHAMPION").write_text("v1\n")
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "models_folder", lambda environment: folder)
    monkeypatch.setattr(models, "verify", lambda version: None)
    run = {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/n"}
    assert models.record(run).run == models.read(tmp_path / "model-record.json").run == PAGE
    assert models.record({}).run == ""
