"""Order files to features: nothing lost, nothing twice, the same on any machine, nothing learnt from later orders."""

import gzip
import hashlib
import json
import os
import pickle
import random
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

import ml.feature_engineering
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features, workers_for
from ml.quarantine import TooManyBadLines
from ml.order_files import ReadingError
from ml.reading import order_files
from orderguard.features import FEATURE_NAMES
from orderguard.model_version import DataFile
from orderguard.masking import Keyring, new_key_text, pseudonym

KEYRING = Keyring.from_text(new_key_text())
START = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)
NAME = "Anna Unverkennbar"


def line(number: int, **fields: object) -> str:
    order = {
        "order_id": f"o{number}",
        "created_at": (START + timedelta(hours=number)).isoformat(),
        "customer": {"id": f"c{number % 5}", "name": NAME, "email": "anna@example.com"},
        "currency": "EUR",
        "items": [{"sku": f"s{number % 3}", "quantity": 1 + number % 2, "unit_price": 10.0 + number % 3}],
        "note": f"Ring {NAME} on +49 151 2345678",
    }
    return json.dumps(order | fields)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def build(*paths: Path, **config: object) -> FeatureTable:
    return build_features(list(paths), KEYRING, FeatureConfig(**config))  # type: ignore[arg-type]


def tokens(*numbers: int) -> list[str]:
    return [pseudonym("order", f"o{number}", KEYRING) for number in numbers]


def test_orders_come_out_in_time_order_whatever_the_order_of_lines_and_files(tmp_path: Path) -> None:
    numbers = list(range(60))
    straight = build(write(tmp_path / "all.ndjson", [line(number) for number in numbers]))
    random.Random(3).shuffle(numbers)
    first = write(tmp_path / "b.ndjson", [line(number) for number in numbers[:30]])
    then = write(tmp_path / "a.ndjson", [line(number) for number in numbers[30:]])
    mixed = build(first, then)
    assert mixed.order_tokens == straight.order_tokens == tokens(*range(60))
    assert mixed.X.tobytes() == straight.X.tobytes()
    assert mixed.catalogue == straight.catalogue
    assert (np.diff(mixed.created_at) > 0).all()


def test_of_orders_with_one_id_the_first_counts(tmp_path: Path) -> None:
    lines = [line(1), line(2), line(1, discount=5), line(1)]
    table = build(write(tmp_path / "a.ndjson", lines), write(tmp_path / "b.ndjson", [line(2, currency="USD")]))
    assert table.order_tokens == tokens(1, 2)
    assert table.report.duplicates == 3
    assert table.report.orders == 2
    assert not table.X[:, FEATURE_NAMES.index("discount_share")].any()


def test_the_number_of_workers_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml.feature_engineering, "BLOCK_BYTES", 4_000)
    paths = [
        write(tmp_path / "a.ndjson", [line(number) for number in range(40)] + ["{broken"]),
        tmp_path / "b.ndjson.gz",
        write(tmp_path / "c.ndjson", [line(number) for number in range(80, 120)]),
    ]
    paths[1].write_bytes(gzip.compress("\n".join(line(number) for number in range(35, 80)).encode()))
    alone, together = (build(*paths, workers=workers, quarantine=tmp_path / f"bad{workers}") for workers in (1, 3))
    assert together.X.tobytes() == alone.X.tobytes()
    assert together.order_tokens == alone.order_tokens
    assert together.report == alone.report
    assert together.data_files == alone.data_files
    assert (tmp_path / "bad3").read_bytes() == (tmp_path / "bad1").read_bytes()


def test_line_numbers_in_the_quarantine_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ml.feature_engineering, "BLOCK_BYTES", 700)
    lines = ["{" if number in (0, 17, 39) else line(number) for number in range(40)]
    build(write(tmp_path / "a.ndjson", lines), quarantine=tmp_path / "bad.ndjson", bad_line_ceiling=0.2)
    bad = [json.loads(text) for text in (tmp_path / "bad.ndjson").read_text().splitlines()]
    token = KEYRING.token("file", "a.ndjson")
    assert [(one["position"], one["file"], one["line"], one["reason"]) for one in bad] == [
        (1, token, number, "not valid JSON") for number in (1, 18, 40)
    ]


def test_an_order_is_held_against_a_catalogue_that_knows_no_later_order(tmp_path: Path) -> None:
    normal = [line(number) for number in range(100)]
    dear = [{"sku": "s0", "quantity": 900, "unit_price": 9999.0}]
    later_odd = normal[:70] + [line(number, items=dear, currency="USD") for number in range(70, 100)]
    more = [line(number) for number in range(130)]
    one, other, longer = (
        build(write(tmp_path / f"{n}.ndjson", lines), refresh_days=0.5)
        for n, lines in enumerate((normal, later_odd, more))
    )
    assert one.first == other.first == 16
    assert one.X[:70].tobytes() == other.X[:70].tobytes()
    assert one.X[70:].tobytes() != other.X[70:].tobytes()
    assert one.X[longer.first :].tobytes() == longer.X[longer.first : 100].tobytes()
    assert one.catalogue_of(69) == other.catalogue_of(69)
    assert one.catalogue_of(99).orders < 100 == one.catalogue.orders
    assert one.catalogue != other.catalogue


def test_with_a_catalogue_given_nothing_is_learnt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [line(number) for number in range(50)])
    given = build(path).catalogue
    later = write(tmp_path / "b.ndjson", [line(number, currency="USD") for number in range(50, 60)])
    assert build_features([later], KEYRING, catalogue=given).catalogue is given


def test_any_key_gives_the_same_features(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [line(number) for number in range(60)])
    tables = [build_features([path], Keyring.from_text(new_key_text())) for _ in range(2)]
    assert tables[0].X.tobytes() == tables[1].X.tobytes()
    assert tables[0].catalogue == tables[1].catalogue
    assert tables[0].order_tokens != tables[1].order_tokens


def test_nothing_personal_is_left_in_the_table(tmp_path: Path) -> None:
    lines = [line(number) for number in range(30)] + [line(30)[:-40], line(31, currency=NAME)]
    table = build(write(tmp_path / "a.ndjson", lines), quarantine=tmp_path / "bad.ndjson", bad_line_ceiling=0.1)
    for kept in (pickle.dumps(table), (tmp_path / "bad.ndjson").read_bytes()):
        for personal in (NAME, "Unverkennbar", "anna@example.com", "2345678", '"c1"', '"o1"'):
            assert personal.encode() not in kept


def test_the_report_says_what_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [line(1, loyalty=7), line(2), "", "{", line(3, currency="$"), line(2)])
    table = build(path, bad_line_ceiling=0.5)
    report = table.report
    assert (report.lines, report.blank_lines, report.orders, report.duplicates) == (6, 1, 2, 1)
    assert report.quarantined == {"currency: not a currency of ISO 4217": 1, "not valid JSON": 1}
    assert report.unknown_fields == {"*": 1}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert table.data_files == [DataFile(position=1, token=KEYRING.token("file", "a.ndjson"), sha256=digest, orders=2)]


def test_an_order_is_counted_with_the_file_that_it_was_taken_from(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ndjson", [line(3), line(1), line(1)])
    table = build(first, write(tmp_path / "b.ndjson", [line(1), line(2), line(3)]))
    assert [(file.position, file.orders) for file in table.data_files] == [(1, 2), (2, 1)]


def test_an_empty_file_beside_a_good_one_is_no_mistake(tmp_path: Path) -> None:
    table = build(write(tmp_path / "a.ndjson", []), write(tmp_path / "b.ndjson", [line(1), line(2)]))
    assert [(file.position, file.orders) for file in table.data_files] == [(1, 0), (2, 2)]


def test_without_a_usable_order_there_is_an_error_that_names_the_files_to_their_owner(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="^no usable order in 1 order files$") as error:
        build(write(tmp_path / "a.ndjson", []))
    assert error.value.names == ("a.ndjson",)


def test_above_the_ceiling_of_bad_lines_it_stops_and_still_writes_them_down(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", [line(1)] * 9 + ["{"])
    with pytest.raises(TooManyBadLines, match=r"1 of 10 lines \(10.0%\)"):
        build(path, quarantine=tmp_path / "bad.ndjson")
    assert (tmp_path / "bad.ndjson").exists()
    assert build(path, bad_line_ceiling=0.1).report.quarantined == {"not valid JSON": 1}


def test_a_feed_of_required_fields_alone_has_finite_features(tmp_path: Path) -> None:
    names = ("order_id", "created_at", "customer", "currency", "items")
    full = [json.loads(line(number, customer={"id": "c"})) for number in range(30)]
    table = build(write(tmp_path / "a.ndjson", [json.dumps({name: order[name] for name in names}) for order in full]))
    assert np.isfinite(table.X).all()


def test_small_inputs_are_not_worth_another_process() -> None:
    assert workers_for(1_000, 0) == 1
    assert workers_for(1_000, 5) == 5
    assert workers_for(10**12, 0) >= 1


def test_the_order_files_of_a_folder_can_be_built(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", [line(1), line(2)])
    assert len(build(*order_files(tmp_path)).X) == 2


def test_a_reading_process_that_is_ended_from_outside_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ml.feature_engineering, "masked_block", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(ReadingError, match="ended from outside.*fewer workers"):
        build(write(tmp_path / "a.ndjson", [line(1)]), workers=2)
