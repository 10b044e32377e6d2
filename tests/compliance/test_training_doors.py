"""Promise: what comes in by order files leaves nothing personal in features, models, cards, quarantine or output."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from data.generator.sample import lines, make_world
from tests.compliance.canaries import CANARIES, canary_order, leaks, leaks_in_folder
from tests.serving import END, MASKING_KEY, REPOSITORY, START

ORDERS = 1_500
CANARY_ORDERS = 40


class Run(NamedTuple):
    """A run of the pipeline on a feed that holds canaries: what it printed and the folder it wrote to."""

    printed: bytes
    folder: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """`python -m ml prepare` and `train` on usual orders, orders full of canaries, and broken lines full of them."""
    folder = tmp_path_factory.mktemp("training")
    raw, written = folder / "raw", folder / "written"
    raw.mkdir()
    written.mkdir()
    feed = [line.data for line in lines(make_world(3, ORDERS, START, END), ORDERS, START, END)]
    step = len(feed) // CANARY_ORDERS
    for number in range(CANARY_ORDERS):
        feed.insert(number * (step + 1), json.dumps(canary_order(number + 1)).encode())
    (raw / "orders-1.ndjson").write_bytes(b"\n".join(feed) + b"\n")
    (raw / "orders-2.ndjson").write_bytes(b"\n".join(broken_lines()) + b"\n")
    environment = {**os.environ, "MASKING_KEY": MASKING_KEY}
    printed = b""
    for words in (
        ["prepare", "--data", str(raw), "--quarantine", str(written / "quarantine.ndjson")],
        [
            "train",
            "--data",
            str(raw),
            "--models",
            str(written / "models"),
            "--quarantine",
            str(written / "quarantine.ndjson"),
        ],
    ):
        words += ["--out", str(written / "features.npz")] if words[0] == "prepare" else []
        done = subprocess.run(
            [sys.executable, "-m", "ml", *words], cwd=REPOSITORY, env=environment, capture_output=True
        )
        assert done.returncode in (0, 3), done.stderr.decode()
        printed += done.stdout + done.stderr
    yield Run(printed, written)


def broken_lines() -> Iterator[bytes]:
    """Lines that can't be used, each full of canaries in another place."""
    whole = json.dumps(canary_order(900))
    yield whole[:-1].encode()
    yield whole.replace('"quantity": 1', f'"quantity": "{CANARIES["customer.email"]}"').encode()
    yield whole.replace('"currency": "EUR"', f'"currency": "{CANARIES["customer.name"]}"').encode()
    yield json.dumps({CANARIES["customer.email"]: CANARIES["customer.name"]}).encode()
    yield CANARIES["customer.name"].encode("utf-16")


def test_every_kind_of_output_was_written(run: Run) -> None:
    names = {path.name for path in run.folder.rglob("*") if path.is_file()}
    assert {
        "features.npz",
        "model.onnx",
        "manifest.json",
        "card.md",
        "catalogue.json",
        "reference.json",
        "quarantine.ndjson",
    } <= names


def test_features_models_cards_reports_index_and_quarantine_hold_nothing_personal(run: Run) -> None:
    assert leaks_in_folder(run.folder) == []


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
