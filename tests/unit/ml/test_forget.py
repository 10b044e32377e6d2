"""A customer who asks to be forgotten."""

import gzip
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ml.forget import main, remove_cases
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import MANIFEST, read_manifest, sha256, verify
from orderguard.outcomes import Outcome, encoded, write_outcomes
from orderguard.retrieval import KNOWLEDGE_FOLDER, Case, KnowledgeIndex, PastCases
from tests.serving import MASKING_KEY, histories_of
from tests.unit.ml.former import name_files


@pytest.fixture
def trained(models_dir: Path, tmp_path: Path) -> Path:
    """A copy of raw orders, of a model version that was trained with them, and of its past cases, to be changed."""
    shutil.copytree(models_dir, tmp_path / "models")
    shutil.copytree(histories_of(models_dir), tmp_path / "histories")
    shutil.copytree(models_dir.parent / "raw", tmp_path / "raw")
    return tmp_path


def order(customer: str, number: int) -> bytes:
    return json.dumps({"order_id": f"O-{number}", "customer": {"id": customer}}).encode() + b"\n"


def forget(customer: str, data: Path, models: Path, key: str = MASKING_KEY) -> int:
    places = ["--data", str(data), "--models", str(models), "--histories", str(histories_of(models))]
    return main(places, {"CUSTOMER": customer, "MASKING_KEY": key})


def cases_of(trained: Path) -> list[Case]:
    known = PastCases.read(trained / "histories", "first", Keyring.from_text(MASKING_KEY))
    assert known
    return known.cases


def with_cases_inside(trained: Path) -> Path:
    """The version as it was when its index still held its past cases."""
    folder = trained / "models" / "first"
    index = msgspec.structs.replace(KnowledgeIndex.read(folder / KNOWLEDGE_FOLDER), cases=cases_of(trained))
    path = index.write(folder / KNOWLEDGE_FOLDER)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][path.relative_to(folder).as_posix()] = sha256(path)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


def test_a_customers_lines_go_from_every_file_and_all_others_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "one.ndjson").write_bytes(order("C-1", 1) + order("C-2", 2) + b'{"broken": "C-1\n' + b'{"broken": "C-2\n')
    (raw / "two.ndjson.gz").write_bytes(gzip.compress(order("C-3", 3) + order(" C-1 ", 4)))
    (raw / "three.ndjson").write_bytes(order("C-1", 5))
    (raw / "four.ndjson").write_bytes(order("C-10", 6))
    assert forget("C-1", raw, tmp_path / "models") == 0
    assert (raw / "one.ndjson").read_bytes() == order("C-2", 2) + b'{"broken": "C-2\n'
    assert gzip.decompress((raw / "two.ndjson.gz").read_bytes()) == order("C-3", 3)
    assert (raw / "four.ndjson").read_bytes() == order("C-10", 6)
    assert sorted(path.name for path in raw.iterdir()) == ["four.ndjson", "one.ndjson", "two.ndjson.gz"]
    printed = capsys.readouterr().out
    token = Keyring.from_text(MASKING_KEY).token
    named = [("one.ndjson", 2), ("three.ndjson", 3), ("two.ndjson.gz", 4)]
    files = ", ".join(f"order file {place} ({token('file', name)})" for name, place in named)
    assert f"Removed 4 orders from {files}" in printed, "what is printed to no terminal may be kept by others"
    assert "C-1" not in printed


def test_a_broken_line_goes_however_the_id_is_written_in_it(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    lines = [f'{{"broken": {json.dumps("Żaneta-1", ensure_ascii=escaped)}\n'.encode() for escaped in (True, False)]
    (raw / "one.ndjson").write_bytes(b"".join(lines) + order("C-2", 2))
    assert forget("Żaneta-1", raw, tmp_path / "models") == 0
    assert (raw / "one.ndjson").read_bytes() == order("C-2", 2)


def test_a_customers_outcomes_go_by_order_and_by_customer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, histories = tmp_path / "raw", tmp_path / "histories"
    raw.mkdir()
    (raw / "one.ndjson").write_bytes(order("C-1", 1) + order("C-2", 2))
    order_id = json.loads(order("C-1", 1))["order_id"]
    keyring, at = Keyring.from_text(MASKING_KEY), datetime(2026, 11, 29, tzinfo=UTC)
    told = [
        Outcome(keyring.token("order", order_id), "fraud", at, "bank"),
        Outcome(keyring.token("order", "long ago"), "fraud", at, "bank", keyring.token("customer", "C-1")),
        Outcome(keyring.token("order", "another"), "genuine", at, "bank", keyring.token("customer", "C-2")),
    ]
    path, _ = write_outcomes(histories, told)
    path.write_bytes(path.read_bytes() + b"{}\n")
    assert forget("C-1", raw, tmp_path / "models") == 0
    assert path.read_bytes() == encoded(told[2:])
    assert "Removed 2 outcomes from outcomes.ndjson." in capsys.readouterr().out


def test_the_models_that_were_trained_with_the_customer_are_named(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keyring = Keyring.from_text(MASKING_KEY)
    folder = with_cases_inside(trained)
    before = cases_of(trained)
    lines = [
        json.loads(line)
        for path in (trained / "raw").iterdir()
        for line in path.read_bytes().splitlines()
        if valid(line)
    ]
    by_token = {keyring.token("order", line["order_id"]): line["customer"]["id"] for line in lines}
    customer = by_token[before[0].order_token]
    theirs = {token for token, owner in by_token.items() if owner == customer}

    assert forget(customer, trained / "raw", trained / "models") == 0

    after = cases_of(trained)
    assert [case for case in before if case.order_token not in theirs] == after
    assert KnowledgeIndex.read(folder / KNOWLEDGE_FOLDER).cases == after, "in the index of a former version, too"
    assert len(after) < len(before)
    assert verify(folder) == read_manifest(folder)
    assert not [path for path in (trained / "models").iterdir() if path.name.startswith(".first")]
    assert customer not in "".join(path.read_text() for path in (trained / "raw").iterdir())
    printed = capsys.readouterr().out
    assert "past cases of version first" in printed
    assert "were trained with these orders: first" in printed

    assert forget(customer, trained / "raw", trained / "models") == 0
    assert "nothing to remove" in capsys.readouterr().out


@pytest.mark.parametrize("former", [False, True], ids=["by its pseudonym", "by its name in a former manifest"])
def test_a_version_trained_with_the_file_as_it_was_may_hold_the_customer(
    trained: Path, capsys: pytest.CaptureFixture[str], former: bool
) -> None:
    """Also once the key has been rotated: the pseudonym under each version of it is looked for."""
    (path,) = (trained / "raw").iterdir()
    if former:
        name_files(trained / "models" / "first", [path.name])
    path.write_bytes(order("C-new", 1) + order("C-2", 2))
    rotated = f"{new_key_text('k2')},{MASKING_KEY}"
    settings = {"CUSTOMER": "C-new", "MASKING_KEY": rotated}
    assert main(["--data", str(trained / "raw"), "--models", str(trained / "models")], settings) == 0
    printed = capsys.readouterr().out
    assert "may have been trained with these orders: first" in printed and path.name not in printed


def test_a_former_manifest_loses_the_names_of_files_where_it_is_written_anew(trained: Path) -> None:
    (path,) = (trained / "raw").iterdir()
    folder = with_cases_inside(trained)
    token = read_manifest(folder).data[0].token
    name_files(folder, [path.name])
    keyring = Keyring.from_text(MASKING_KEY)
    assert remove_cases(folder, {cases_of(trained)[0].order_token}, keyring) == 1
    assert read_manifest(folder).data[0].token == token
    assert path.name not in (folder / MANIFEST).read_text("utf-8")


def test_past_cases_under_another_key_are_named_and_left(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = cases_of(trained)
    (path,) = (trained / "raw").iterdir()
    customer = next(json.loads(line)["customer"]["id"] for line in path.read_bytes().splitlines() if valid(line))
    assert forget(customer, trained / "raw", trained / "models", new_key_text()) == 0
    assert "made under another key" in capsys.readouterr().out
    assert cases_of(trained) == before


def valid(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line)["customer"]["id"], str)
    except (ValueError, KeyError, TypeError):
        return False


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({"MASKING_KEY": MASKING_KEY}, "CUSTOMER="),
        ({"CUSTOMER": "C-1"}, "masking key"),
        ({"CUSTOMER": "C-1", "MASKING_KEY": MASKING_KEY}, "no order files"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], environment: dict[str, str], hint: str
) -> None:
    assert main(["--data", str(tmp_path), "--models", str(tmp_path / "models")], environment) == 2
    assert hint in capsys.readouterr().err
