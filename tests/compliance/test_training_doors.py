"""Promise: what comes in by order files leaves nothing personal in features, models, cards, quarantine or output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compliance.canaries import canary_order, leaks, leaks_in_folder
from tests.compliance.conftest import Run
from tests.modes import shared
from tests.serving import MASKING_KEY, REPOSITORY


def test_every_kind_of_output_was_written(run: Run) -> None:
    names = {path.name for path in run.folder.rglob("*") if path.is_file()}
    assert {
        "features.npz",
        "model.onnx",
        "manifest.json",
        "card.md",
        "catalogue.json",
        "reference.json",
        "bad-lines.ndjson",
    } <= names


def test_features_models_cards_reports_index_and_quarantine_hold_nothing_personal(run: Run) -> None:
    assert leaks_in_folder(run.folder) == []


def test_all_that_training_leaves_is_the_owners_alone(run: Run) -> None:
    """Features, quarantine and model versions, under the umask that keeps nothing private."""
    assert shared(run.folder) == []


def test_what_the_pipeline_prints_holds_nothing_personal(run: Run) -> None:
    assert run.printed
    assert leaks("printed", run.printed) == []


def test_the_masking_key_is_written_nowhere(run: Run) -> None:
    secret = MASKING_KEY.partition(":")[2].encode()
    assert not [path for path in run.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert secret not in run.printed


@pytest.mark.parametrize("key", ["", "k1:hunter2-canary"])
def test_without_a_usable_key_nothing_is_read_and_nothing_written(tmp_path: Path, key: str) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "orders.ndjson").write_text(json.dumps(canary_order()) + "\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MASKING_")}
    done = subprocess.run(
        [sys.executable, "-m", "ml", "train", "--data", str(tmp_path / "raw"), "--models", str(tmp_path / "models")],
        cwd=REPOSITORY,
        env={**environment, "MASKING_KEY": key},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "masking key" in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "models").exists()
    assert leaks("printed", (done.stdout + done.stderr).encode()) == []
