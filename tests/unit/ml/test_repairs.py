"""What is repaired, set apart and quarantined is counted by file, field and reason, and told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ml.config import ConfigError, DEFAULT, read_config
from ml.feature_engineering import FeatureConfig, FeatureTable, Found, build_features
from ml.order_files import ReadingError
from ml.reading import order_files
from ml.repairs import repaired_in_words, warning
from ml.reporting.card import markdown_table
from ml.reporting.repairs import section
from orderguard.masking import Keyring, new_key_text
from orderguard.repair import Feed

KEYRING = Keyring.from_text(new_key_text())


def line(number: int, **changes: Any) -> bytes:
    order = {
        "order_id": f"O{number}",
        "created_at": f"2026-03-{1 + number % 28:02}T10:00:00Z",
        "customer": {"id": f"C{number % 5}"},
        "currency": "EUR",
        "items": [{"sku": "a", "quantity": 1, "unit_price": 5 + number % 3}],
    }
    return json.dumps(order | changes).encode()


ODD = [
    line(101, created_at="2026-03-04T10:00:00"),
    line(102, channel="pigeon", customer=None),
    line(103, status="cancelled"),
    line(104, items=[{"sku": "a", "quantity": -1, "unit_price": 5}]),
    line(105, currency="$"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    (folder / "a.ndjson").write_bytes(b"\n".join(map(line, range(50))) + b"\n")
    (folder / "b.ndjson").write_bytes(b"\n".join([*ODD, *map(line, range(50, 100)), ODD[0].replace(b"O101", b"O201")]))
    return folder


def table_of(folder: Path, **settings: Any) -> FeatureTable:
    return build_features(order_files(folder), KEYRING, FeatureConfig(workers=1, **settings))


@pytest.fixture(scope="module")
def table(folder: Path) -> FeatureTable:
    return table_of(folder)


def test_each_is_counted_by_file_field_and_reason(table: FeatureTable) -> None:
    report = table.report
    assert (report.lines, report.orders, report.repaired) == (106, 103, 3)
    assert report.repairs == [
        Found(2, "created_at", "without a time zone, read as UTC", 2),
        Found(2, "channel", "left out: not a channel that is known", 1),
    ]
    assert report.apart == [Found(2, "", "cancellation", 1), Found(2, "", "refund", 1)]
    assert report.refused == [Found(2, "currency", "not a currency of ISO 4217", 1)]


def test_how_many_processes_read_changes_nothing(folder: Path, table: FeatureTable) -> None:
    again = build_features(order_files(folder), KEYRING, FeatureConfig(workers=2))
    assert again.report == table.report
    assert again.X.tobytes() == table.X.tobytes()


def test_a_zone_that_is_set_is_no_repair_and_moves_the_moment(folder: Path, table: FeatureTable) -> None:
    berlin = table_of(folder, feed=Feed(zone="Europe/Berlin"))
    assert [one.field for one in berlin.report.repairs] == ["channel"]
    moments = [found.created_at[found.order_tokens.index(KEYRING.token("order", "O101"))] for found in (table, berlin)]
    assert moments[0] - moments[1] == 3600.0


def test_a_line_that_is_set_apart_shifts_no_line_number_of_a_wrong_date(tmp_path: Path) -> None:
    lines = [line(1, test=True), line(2), line(3, created_at="1975-01-01T00:00:00Z"), *map(line, range(4, 40))]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(lines))
    quarantine = tmp_path / "quarantine.ndjson"
    table_of(tmp_path, quarantine=quarantine)
    assert [json.loads(bad)["line"] for bad in quarantine.read_bytes().splitlines()] == [3]


def test_terminal_card_and_report_tell_it(table: FeatureTable) -> None:
    words = "\n".join(repaired_in_words(table.report))
    assert "3 orders (2.9%) were repaired, and go on" in words
    assert "2  created_at: without a time zone, read as UTC" in words
    assert "2 lines were set apart" in words and "1  refund" in words
    told = section(table.report, msgspec.to_builtins(read_config()))
    assert "Times without a time zone are read as UTC." in told.paragraphs[0]
    tables = {one.title: markdown_table(one.columns, one.rows) for one in told.tables}
    assert list(tables) == ["Repaired", "Set apart", "Quarantined"]
    assert "| created_at | without a time zone, read as UTC | 2 | 2 (2) |" in tables["Repaired"]
    assert "| cancellation | 1 | 2 (1) |" in tables["Set apart"]


def test_more_repairs_than_the_ceiling_warn(table: FeatureTable) -> None:
    assert warning(table.report, 0.05) == []
    (told,) = warning(table.report, 0.01)
    assert told.startswith("warning: 2.9% of the orders were repaired, more than 1.0%.") and "input.zone" in told
    parameters = msgspec.to_builtins(read_config())
    parameters["input"]["maximum_repaired_share"] = 0.01
    assert told in section(table.report, parameters).paragraphs


def test_a_zone_that_there_is_not_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(DEFAULT.read_text("utf-8").replace('zone = ""', 'zone = "Berlin"'), "utf-8")
    with pytest.raises(ConfigError, match="own.toml: input.zone 'Berlin' is none of the IANA time zones"):
        read_config(own)


def test_the_feed_is_read_the_same_way_wherever_orders_are_read(table: FeatureTable) -> None:
    settings = msgspec.structs.replace(read_config().input, zone="Asia/Tokyo", decimal_comma=True)
    assert settings.feed == Feed(zone="Asia/Tokyo", decimal_comma=True)
    assert replace(table, feed=settings.feed).feed.zone == "Asia/Tokyo"


def test_the_sample_beside_orders_of_ones_own_is_refused(tmp_path: Path) -> None:
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "sample-2026-03.ndjson").write_bytes(line(1))
    assert len(order_files(raw)) == 1
    (raw / "mine.ndjson").write_bytes(line(2))
    with pytest.raises(ReadingError, match="1 of 2 order files are the sample's .* `make orders` moves the sample"):
        order_files(raw)
