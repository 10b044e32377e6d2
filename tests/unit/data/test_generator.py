"""The sample: the same for the same seed, as broken and odd as promised, truth apart, personal values known."""

import json
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from random import Random

import msgspec
import pytest

from data.generator import personal_values
from data.generator.__main__ import main
from data.generator.anomalies import KINDS
from data.generator.notes import GIFTS, HARMLESS, TELLING
from data.generator.numbers import bsn, card_number, cpf, dni, iban, luhn_digit, nir, personnummer, pesel
from data.generator.places import BY_CODE, COUNTRIES, offset_hours
from ml.reading import order_files
from orderguard.schema import Order, OrderError, decode_order, encode_order

ORDERS = 4_000


def generate(folder: Path, *more: str) -> None:
    folders = [f"--{name}={folder / name}" for name in ("out", "truth", "score")]
    assert main([*folders, f"--orders={ORDERS}", "--quiet", *more]) == 0


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    generate(folder)
    return folder


@pytest.fixture(scope="module")
def lines(sample: Path) -> list[bytes]:
    return [line for path in order_files(sample / "out") for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def orders(lines: list[bytes]) -> list[Order]:
    found = []
    for line in lines:
        try:
            found.append(decode_order(line))
        except OrderError:
            continue
    return found


def truth(sample: Path, name: str) -> dict[str, str]:
    records = [json.loads(line) for line in (sample / "truth" / name).read_text().splitlines()]
    return {record["order_id"]: record["kind"] for record in records}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again")
    generate(tmp_path / "other", "--seed=8")

    def contents(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.ndjson"))}

    assert contents(tmp_path / "again") == contents(sample)
    assert contents(tmp_path / "other") != contents(sample)


def test_there_are_as_many_orders_as_asked_for_over_eight_months(sample: Path, orders: list[Order]) -> None:
    assert abs(len({order.order_id for order in orders}) - ORDERS) < 0.01 * ORDERS
    names = [path.name for path in order_files(sample / "out")]
    assert names == [f"sample-2026-{month:02d}.ndjson" for month in range(3, 11)]


def test_a_small_share_of_lines_is_broken_or_repeated(lines: list[bytes], orders: list[Order]) -> None:
    broken = len(lines) - len(orders)
    repeated = len(orders) - len({order.order_id for order in orders})
    assert 0.002 < broken / len(lines) < 0.012
    assert 0 < repeated / len(lines) < 0.006


def test_one_order_in_a_hundred_is_an_anomaly_of_every_kind(sample: Path, orders: list[Order]) -> None:
    kinds = truth(sample, "anomalies.ndjson")
    assert 0.007 < len(kinds) / ORDERS < 0.013
    assert set(kinds.values()) == set(KINDS)
    assert kinds.keys() <= {order.order_id for order in orders}


def test_nothing_in_an_order_tells_that_it_is_an_anomaly(lines: list[bytes]) -> None:
    assert not [kind for kind in KINDS if kind.encode() in b"".join(lines)]


def test_orders_to_score_come_later_and_have_several_kinds_of_anomaly(sample: Path, orders: list[Order]) -> None:
    later = [decode_order(line) for line in (sample / "score" / "sample.ndjson").read_bytes().splitlines()]
    kinds = truth(sample, "score_anomalies.ndjson")
    assert 24 <= len(later) <= 100
    assert len(set(kinds.values())) >= 3
    assert kinds.keys() <= {order.order_id for order in later}
    assert not {order.order_id for order in later} & {order.order_id for order in orders}
    customers = [{order.customer.id for order in some if order.customer} for some in (later, orders)]
    assert set.intersection(*customers)


def test_orders_are_as_varied_as_a_real_shops(orders: list[Order]) -> None:
    assert len({order.currency for order in orders}) >= 6
    assert len({order.billing_address.country for order in orders if order.billing_address}) >= 10
    assert len({order.created_at.utcoffset() for order in orders}) >= 5
    assert {order.channel for order in orders} == {None, "web", "app", "store", "phone", "marketplace"}
    hours = Counter(order.created_at.hour for order in orders)
    assert hours[20] > 5 * hours[4] > 0
    for name in ("note", "gift_message", "coupon", "discount", "device", "payment", "shipping", "billing_address"):
        share = sum(getattr(order, name) is not None for order in orders) / len(orders)
        assert 0.01 < share < 1, name


def test_some_orders_have_only_what_is_required(orders: list[Order]) -> None:
    required = {field.name for field in msgspec.structs.fields(Order) if field.required} | {"customer"}
    assert any(json.loads(encode_order(order)).keys() == required for order in orders)


def test_notes_are_written_in_at_least_six_languages() -> None:
    assert HARMLESS.keys() == TELLING.keys() == GIFTS.keys() and len(TELLING) >= 6
    assert {country.language for country in COUNTRIES} == TELLING.keys()


def test_the_personal_values_of_every_order_are_known(sample: Path, orders: list[Order]) -> None:
    known = {
        found.value for found in personal_values([*order_files(sample / "out"), *(sample / "truth").glob("*.ndjson")])
    }
    for order in orders:
        if order.customer is None:
            continue
        assert order.customer.id in known
        assert order.customer.email is None or order.customer.email in known
        if order.billing_address and order.billing_address.street:
            assert order.billing_address.street in known
    kinds = Counter(found.kind for found in personal_values([sample / "truth" / "personal_values.ndjson"]))
    assert {"note.phone", "note.email", "note.name", "note.other", "note.iban", "note.card", "note.national_id"} <= set(
        kinds
    )


def test_an_older_sample_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("sample-1999-01.ndjson", "mine.ndjson"):
        (tmp_path / "out" / name).touch()
    generate(tmp_path, "--orders=200", "--months=1", "--start=2026-02-01")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["mine.ndjson", "sample-2026-02.ndjson"]


def test_a_sample_too_small_to_be_one_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--out={tmp_path / 'out'}", "--orders=5"]) == 2
    assert "--orders must be at least 100" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seed", range(20))
def test_numbers_have_right_checksums(seed: int) -> None:
    random = Random(seed)
    card = card_number(random).replace(" ", "")
    assert luhn_digit(card[:-1]) == card[-1]
    for country in COUNTRIES:
        if country.account:
            account = iban(country.account, random).replace(" ", "")
            assert int("".join(str(int(mark, 36)) for mark in account[4:] + account[:4])) % 97 == 1


@pytest.mark.parametrize(
    ("make", "shape"),
    [(bsn, 9), (cpf, 14), (dni, 9), (nir, 15), (personnummer, 11), (pesel, 11)],
    ids=["bsn", "cpf", "dni", "nir", "personnummer", "pesel"],
)
def test_national_numbers_have_the_length_of_their_country(make: object, shape: int) -> None:
    assert len(make(Random(1))) == shape  # type: ignore[operator]


@pytest.mark.parametrize(
    ("code", "month", "hours"), [("DE", 1, 1), ("DE", 7, 2), ("US", 1, -5), ("US", 7, -4), ("JP", 7, 9), ("BR", 1, -3)]
)
def test_clocks_follow_the_country_and_its_summer(code: str, month: int, hours: int) -> None:
    assert offset_hours(BY_CODE[code], datetime(2026, month, 15, tzinfo=timezone.utc).date()) == hours
