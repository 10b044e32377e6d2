"""The trace of a score leads to the training run too."""

import json
from pathlib import Path

import msgspec
import pytest

from delivery import models, trace
from delivery.deployment import Deployment
from delivery.errors import DeliveryError
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import DataFile, sha256
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
        f"1 fil_k1_{'10' * 11} sha256:1010",
        "prod as v1.2.3: deployed",
        "r@sha256:d",
    ):
        assert part in told


def test_an_order_file_leads_to_its_versions_by_its_bytes_or_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, key = "orders-of-john.smith@example.com.ndjson", new_key_text()
    (tmp_path / name).write_text("orders")
    held = DataFile(position=1, sha256=sha256(tmp_path / name), orders=1)
    named = DataFile(position=1, token=Keyring.from_text(key).token("file", name), sha256="f" * 64, orders=1)
    for version, file in (("by-bytes", held), ("by-name", named), ("other", DataFile(sha256="e" * 64, orders=1))):
        whole = msgspec.structs.replace(manifest(version), data=[file])
        (tmp_path / version).mkdir()
        (tmp_path / version / "manifest.json").write_bytes(msgspec.json.encode(whole))
    former = tmp_path / "former"
    former.mkdir()
    told = msgspec.to_builtins(manifest("former"))
    told["data"] = [{"name": name, "sha256": "d" * 64, "orders": 1}]
    (former / "manifest.json").write_text(json.dumps(told))
    monkeypatch.delenv("MASKING_KEY_FILE", raising=False)
    monkeypatch.setenv("MASKING_KEY", key)
    assert trace.versions({"FILE": str(tmp_path / name)}, tmp_path, []) == ["by-bytes", "by-name", "former"]
    assert trace.versions({"FILE": name}, tmp_path, []) == ["by-name", "former"]
    monkeypatch.delenv("MASKING_KEY")
    assert trace.versions({"FILE": name}, tmp_path, []) == ["former"]
    assert name not in "\n".join(trace.lines("former", tmp_path, []))
    with pytest.raises(DeliveryError, match="with this file") as error:
        trace.versions({"FILE": "another-john.ndjson"}, tmp_path, [])
    assert "john" not in str(error.value)


def test_a_version_of_the_stacks_own_job_leads_to_its_deployments_and_stays_in_the_stack(tmp_path: Path) -> None:
    made = Deployment("prod", "c" * 40, "v1.2.0", "r@sha256:d", "v2", "9" * 64, "https://u", "deployed", "", "job")
    told = "\n".join(trace.lines("v2", tmp_path, [made]))
    assert "made by the stack's own training job" in told and "9" * 64 in told and "prod as v1.2.0: deployed" in told


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
