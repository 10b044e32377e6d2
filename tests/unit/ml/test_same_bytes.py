"""The same data, code and lock file give the same model, wherever it is trained."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.generator.__main__ import main as generate
from orderguard.masking import Keyring, new_key_text
from orderguard.masking.keyring import TOKEN_PATTERN
from orderguard.model_version import sha256, verify
from orderguard.outcomes import Alerted, Outcome, write_outcomes
from tests.unit.ml.command_line import run_once, train

ROOT = Path(__file__).resolve().parents[3]


def copy_of_the_code(folder: Path) -> Path:
    """What a model depends on, outside of any clone."""
    for name in ("ml", "orderguard", "data/knowledge", "data/probe-orders"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "train.txt", folder / "requirements")
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller sample: bytes can be compared whatever the gates say of it."""
    folder = tmp_path_factory.mktemp("few")
    places = ["--out", str(folder / "raw"), "--truth", str(folder / "truth"), "--score", str(folder / "score")]
    generate([*places, "--orders", "1200", "--months", "2", "--quiet"])
    return folder / "raw"


def told(orders: Path, keyring: Keyring) -> list[Outcome]:
    """Outcomes of thirty orders that had alerts, and of one that had none."""
    lines = [line for path in sorted(orders.iterdir()) for line in path.read_bytes().splitlines()]
    names = re.findall(r'"order_id":"([^"]+)"', b"\n".join(lines[:200]).decode())
    at = datetime(2026, 9, 28, 12, tzinfo=UTC)
    outcomes = [
        Outcome(
            keyring.token("order", name),
            "fraud" if place % 3 else "genuine",
            at + timedelta(hours=place),
            "desk",
            alert=Alerted(at, "price" if place % 3 == 1 else "basket"),
        )
        for place, name in enumerate(names[:30])
    ]
    return [*outcomes, Outcome(keyring.token("order", names[30]), "mistake", at, "chargebacks")]


@pytest.fixture(scope="module")
def trainings(few: Path, key_text: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same code and data trained three times: here, elsewhere, and, in this process, under a masking key of that
    run alone. Their version folders.
    """
    code = copy_of_the_code(tmp_path_factory.mktemp("code") / "here")
    elsewhere = shutil.copytree(code, tmp_path_factory.mktemp("other") / "a longer way" / "elsewhere")
    plain = {**os.environ, "ORDERGUARD_COMMIT": "0123456789", "MASKING_KEY": key_text, "PYTHONHASHSEED": "1"}
    threads = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
    # Under this hash seed skl2onnx's set of operator sets comes out in another order than under the one above.
    odd = {**plain, **threads, "PYTHONHASHSEED": "370", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    made = {}
    outcomes = write_outcomes(tmp_path_factory.mktemp("histories"), told(few, Keyring.from_text(key_text)))[0]
    for name, root, environment, more in (
        ("here", code, plain, ["--jobs", "1", "--outcomes", str(outcomes)]),
        ("elsewhere", elsewhere, odd, ["--jobs", "3", "--outcomes", str(outcomes)]),
    ):
        models = root / f"models of {name}"
        command = train(few, models, root, *more, "--no-promote", "--json")
        environment.pop("MASKING_KEY_FILE", None)
        done = subprocess.run(
            [sys.executable, "-m", "ml", *(str(part) for part in command)],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 3), done.stderr
        made[name] = models / json.loads(done.stdout)["version"]
    models = code / "models of rekeyed"
    command = train(few, models, code, "--jobs", "2", "--run-key", "--no-promote", "--json")
    ended, printed, said = run_once(command, ORDERGUARD_COMMIT="0123456789", MASKING_KEY=new_key_text("k2"))
    assert ended in (0, 3), said
    return {**made, "rekeyed": models / json.loads(printed)["version"]}


def test_the_same_data_code_and_lock_give_the_same_bytes_anywhere(trainings: dict[str, Path]) -> None:
    """Another directory, time zone, locale, number of threads, hash seed and process: all files stay the same."""
    here, elsewhere = trainings["here"], trainings["elsewhere"]
    assert here.name == elsewhere.name
    assert here != elsewhere
    names = ["manifest.json", *verify(here).files]
    assert len(names) > 10
    for name in names:
        assert (here / name).read_bytes() == (elsewhere / name).read_bytes(), name


def test_a_key_of_one_run_gives_the_same_model_and_leaves_nothing_behind(trainings: dict[str, Path]) -> None:
    """No file of a version depends on the key: what does is kept apart. Under a key that is thrown away there are no
    pseudonyms either, of orders or of files, and so no outcomes, which the card tells of.
    """
    here, rekeyed = verify(trainings["here"]), verify(trainings["rekeyed"])
    different = {name for name in here.files if here.files[name] != rekeyed.files[name]}
    assert different == {"card.md", "report.html"} and here.files.keys() == rekeyed.files.keys()
    assert "There were no outcomes" in (trainings["rekeyed"] / "card.md").read_text("utf-8")
    assert here.key and (rekeyed.key, {file.token for file in rekeyed.data}) == ("", {""})
    assert not re.search(TOKEN_PATTERN, (trainings["rekeyed"] / "manifest.json").read_text("utf-8"))


def test_the_manifest_leads_back_to_what_it_was_made_from(trainings: dict[str, Path], few: Path, key_text: str) -> None:
    manifest = verify(trainings["here"])
    assert manifest.commit == "0123456789"
    assert manifest.lock_sha256 == sha256(ROOT / "requirements" / "train.txt")
    keyring = Keyring.from_text(key_text)
    tokens = {keyring.token("file", path.name): sha256(path) for path in few.iterdir()}
    assert {file.token: file.sha256 for file in manifest.data} == tokens
    assert [file.position for file in manifest.data] == list(range(1, len(tokens) + 1))
    name = f"{manifest.last_order[:10].replace('-', '')}-0123456-{manifest.data_sha256[:8]}"
    assert manifest.outcomes and manifest.version == f"{name}-outcomes-{manifest.outcomes.sha256[:6]}"


def test_the_card_tells_what_former_alerts_turned_out_to_be(trainings: dict[str, Path]) -> None:
    card = (trainings["here"] / "card.md").read_text("utf-8")
    assert "| 2026-W40 | 30 | 20 | 10 | 67% (49% to 81% of 30) |" in card
    assert "| price | 10 | 10 | 0 | 100% (72% to 100% of 10) |" in card
    used = verify(trainings["here"]).outcomes
    assert used and (used.lines, used.unusable, used.orders) == (31, 0, 31)
