"""What real exports met: each is read, repaired, set apart or quarantined as whoever sends it expects."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from orderguard.currencies import CURRENCIES, WITHDRAWN
from orderguard.repair import Feed, FeedError, Repair, Repaired, read_order, repair_order
from orderguard.schema import NO_SKU, OrderError, decode_order, encode_order

ITEM: dict[str, Any] = {"sku": "a", "quantity": 1, "unit_price": 2.5}
ORDER: dict[str, Any] = {
    "order_id": "1",
    "created_at": "2026-03-04T10:00:00+01:00",
    "customer": {"id": "7"},
    "currency": "EUR",
    "items": [ITEM],
}
BERLIN = Feed(zone="Europe/Berlin")


def read(feed: Feed = Feed(), **changes: Any) -> Repaired:
    return read_order(json.dumps(ORDER | changes).encode(), feed)


def found(read: Repaired, path: str) -> Any:
    """The value at a path of the order, as JSON has it."""
    assert read.order is not None
    value: Any = json.loads(encode_order(read.order))
    for name in path.split("."):
        value = value[int(name)] if name.isdigit() else value.get(name)
    return value


def item(**changes: Any) -> dict[str, Any]:
    return {"items": [ITEM | changes]}


def address(country: Any) -> dict[str, Any]:
    return {"billing_address": {"country": country}}


BILLED = "billing_address.country"
NAMED, CODED = (BILLED, "the name of a country"), (BILLED, "another code of a country")


@pytest.mark.parametrize(
    ("changes", "path", "value", "repairs"),
    [
        # What keeps to the schema is no repair.
        ({}, "order_id", "1", []),
        (item(quantity=2.0), "items.0.quantity", 2.0, []),
        (item(quantity=1.5), "items.0.quantity", 1.5, []),
        ({"currency": "HRK"}, "currency", "HRK", []),
        ({"currency": "LTL"}, "currency", "LTL", []),
        ({"currency": "DEM"}, "currency", "DEM", []),
        (address("AN"), BILLED, "AN", []),
        (address("YU"), BILLED, "YU", []),
        ({"customer": None}, "customer", None, []),
        ({"customer": {}}, "customer", {}, []),
        ({"created_at": "2026-03-04T00:00:00Z", "hour_known": False}, "hour_known", False, []),
        # Countries, by code and by name, in several languages.
        (address("United Kingdom"), BILLED, "GB", [NAMED]),
        (address("Großbritannien"), BILLED, "GB", [NAMED]),
        (address("Vereinigtes Königreich"), BILLED, "GB", [NAMED]),
        (address("Corée du Sud"), BILLED, "KR", [NAMED]),
        (address("ESTADOS UNIDOS"), BILLED, "US", [NAMED]),
        (address("Россия"), BILLED, "RU", [NAMED]),
        (address("日本"), BILLED, "JP", [CODED]),
        (address("Czech Republic"), BILLED, "CZ", [NAMED]),
        (address("Yugoslavia"), BILLED, "YU", [NAMED]),
        (address("Netherlands Antilles"), BILLED, "AN", [NAMED]),
        (address("gb"), BILLED, "GB", [(BILLED, "a code in other letters")]),
        (address("DEU"), BILLED, "DE", [CODED]),
        (address("UK"), BILLED, "GB", [CODED]),
        (address("uk"), BILLED, "GB", [CODED]),
        (address("EL"), BILLED, "GR", [CODED]),
        (address("276"), BILLED, "DE", [CODED]),
        (address(""), BILLED, None, [(BILLED, "left out: blank")]),
        (address("Narnia"), BILLED, None, [(BILLED, "left out: not a country that is known")]),
        (address(7), BILLED, None, [(BILLED, "left out: not a country")]),
        # Currencies.
        ({"currency": "eur"}, "currency", "EUR", [("currency", "a code in other letters")]),
        ({"currency": "US-Dollar"}, "currency", "USD", [("currency", "the name of a currency")]),
        ({"currency": "€"}, "currency", "EUR", [("currency", "the name of a currency")]),
        # Numbers.
        (item(unit_price="12.99"), "items.0.unit_price", 12.99, [("items[].unit_price", "a number in text")]),
        (item(unit_price="12,99"), "items.0.unit_price", 12.99, [("items[].unit_price", "a number in text")]),
        (item(unit_price="1,299.00"), "items.0.unit_price", 1299.0, [("items[].unit_price", "a number in text")]),
        (item(unit_price="€ 12.99"), "items.0.unit_price", 12.99, [("items[].unit_price", "a number in text")]),
        (item(quantity="2"), "items.0.quantity", 2.0, [("items[].quantity", "a number in text")]),
        ({"shipping": {"cost": "4.90"}}, "shipping.cost", 4.9, [("shipping.cost", "a number in text")]),
        ({"shipping": {"cost": -1}}, "shipping.cost", None, [("shipping.cost", "left out: negative")]),
        (
            {"discount": "-5.00"},
            "discount",
            5.0,
            [("discount", "a number in text"), ("discount", "negative, its size was taken")],
        ),
        # Identifiers.
        ({"order_id": 450789469}, "order_id", "450789469", [("order_id", "a number, read as text")]),
        ({"customer": {"id": 207119551}}, "customer.id", "207119551", [("customer.id", "a number, read as text")]),
        ({"customer": {"id": 7.0}}, "customer.id", "7", [("customer.id", "a number, read as text")]),
        ({"customer": 7}, "customer.id", "7", [("customer.id", "a number, read as text")]),
        (
            {"customer": {"id": 0, "email": "a@example.org"}},
            "customer.email",
            "a@example.org",
            [("customer.id", "the id of nobody, taken as a guest")],
        ),
        (
            {"customer": {"id": "", "email": "a@example.org"}},
            "customer.email",
            "a@example.org",
            [("customer.id", "the id of nobody, taken as a guest")],
        ),
        (item(sku=""), "items.0.sku", NO_SKU, [("items[].sku", "blank, the line goes on without")]),
        (item(sku=None), "items.0.sku", NO_SKU, [("items[].sku", "blank, the line goes on without")]),
        (item(sku=632910392), "items.0.sku", "632910392", [("items[].sku", "a number, read as text")]),
        # Optional fields that can't be used.
        ({"channel": "pos"}, "channel", "store", [("channel", "another word for store")]),
        ({"channel": "carrier pigeon"}, "channel", None, [("channel", "left out: not a channel that is known")]),
        ({"note": ["a", "b"]}, "note", None, [("note", "left out: not a text")]),
        ({"note": "x" * 10_001}, "note", None, [("note", "left out: longer than 10,000 characters")]),
        ({"device": "mobile"}, "device", None, [("device", "left out: not an object")]),
        (
            {"billing_address": {"postcode": 10115}},
            "billing_address.postcode",
            "10115",
            [("billing_address.postcode", "a number, read as text")],
        ),
        (
            {"customer": {"id": "7", "registered_at": "long ago"}},
            "customer.registered_at",
            None,
            [("customer.registered_at", "left out: not a moment that can be read in one way")],
        ),
        # A line of nothing, and a discount that is a line.
        (
            {"items": [ITEM, ITEM | {"quantity": 0}]},
            "items.0.sku",
            "a",
            [("items[].quantity", "0, the line is left out")],
        ),
        (
            {"items": [ITEM, ITEM | {"unit_price": -1}]},
            "discount",
            1.0,
            [("items[].unit_price", "negative, taken as a discount of the order")],
        ),
        ({"items": [ITEM] * 1_500}, "items.1499.sku", "a", []),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_what_real_exports_send_is_read_and_what_was_done_is_told(
    changes: dict[str, Any], path: str, value: Any, repairs: list[tuple[str, str]]
) -> None:
    order = read(**changes)
    assert found(order, path) == value
    assert list(order.repairs) == repairs
    assert order.order and decode_order(encode_order(order.order)) == msgspec.convert(
        msgspec.to_builtins(order.order), type(decode_order(json.dumps(ORDER)))
    ), "what was read is written as a canonical order"


WITHOUT_ZONE = "without a time zone, read as UTC"


@pytest.mark.parametrize(
    ("written", "feed", "moment", "hour_known", "reasons"),
    [
        ("2026-03-04T10:00:00.123456Z", Feed(), "2026-03-04T10:00:00.123456+00:00", True, []),
        ("2026-03-04 10:00:00", Feed(), "2026-03-04T10:00:00+00:00", True, [WITHOUT_ZONE]),
        ("2026-03-04T10:00:00", BERLIN, "2026-03-04T10:00:00+01:00", True, []),
        ("2026-07-04T10:00:00", BERLIN, "2026-07-04T10:00:00+02:00", True, []),
        ("2026-10-25T02:30:00", BERLIN, "2026-10-25T02:30:00+02:00", True, []),
        ("2026-03-04", Feed(), "2026-03-04T00:00:00+00:00", False, ["a day without time", WITHOUT_ZONE]),
        ("2026/3/4", BERLIN, "2026-03-04T00:00:00+01:00", False, ["a day without time"]),
        ("2016-12-31T23:59:60Z", Feed(), "2016-12-31T23:59:59+00:00", True, ["a leap second"]),
        ("2024-05-01 10:12:33 -0400", Feed(), "2024-05-01T10:12:33-04:00", True, []),
        ("2024-05-01 10:12:33 UTC", Feed(), "2024-05-01T10:12:33+00:00", True, []),
        ("Wed, 04 Mar 2026 10:00:00 +0100", Feed(), "2026-03-04T10:00:00+01:00", True, ["a date as in e-mail"]),
        (1772618400, Feed(), "2026-03-04T10:00:00+00:00", True, ["seconds since 1970"]),
        (1772618400000, Feed(), "2026-03-04T10:00:00+00:00", True, ["milliseconds since 1970"]),
    ],
)
def test_a_moment_is_read_in_the_one_way_in_which_it_can_be_meant(
    written: Any, feed: Feed, moment: str, hour_known: bool, reasons: list[str]
) -> None:
    order = read(feed, created_at=written)
    assert order.order and order.order.created_at == datetime.fromisoformat(moment)
    assert order.order.created_at.utcoffset() == datetime.fromisoformat(moment).utcoffset()
    assert order.order.hour_known == hour_known
    assert list(order.repairs) == [Repair("created_at", reason) for reason in reasons]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"created_at": "03/04/2026"}, "created_at"),
        ({"created_at": "04.03.2026 10:00"}, "created_at"),
        ({"created_at": "2026-02-30"}, "created_at"),
        ({"created_at": "1969-12-31T10:00:00Z"}, "created_at"),
        ({"created_at": True}, "created_at"),
        ({"created_at": 12}, "created_at"),
        ({"created_at": None}, "created_at"),
        ({"order_id": " "}, "order_id"),
        ({"order_id": "x" * 129}, "order_id"),
        ({"currency": "$"}, "currency"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": None}, "currency"),
        ({"items": []}, "items"),
        ({"items": {"sku": "a"}}, "items"),
        ({"items": [ITEM] * 5_001}, "items"),
        ({"items": [ITEM, "b"]}, "items[1]"),
        (item(quantity="two"), "items[0].quantity"),
        (item(quantity=1e7), "items[0].quantity"),
        (item(quantity=True), "items[0].quantity"),
        (item(unit_price="1,299"), "items[0].unit_price"),
        (item(unit_price="1.2.3"), "items[0].unit_price"),
        (item(unit_price=None), "items[0].unit_price"),
        (item(quantity=0), "items"),
    ],
    ids=str,
)
def test_a_required_field_that_can_be_read_in_two_ways_or_none_is_quarantined(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(OrderError) as error:
        read(**changes)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"_kind": "refund"}, "refund"),
        ({"status": "cancelled"}, "cancellation"),
        ({"status": "Canceled"}, "cancellation"),
        ({"financial_status": "refunded"}, "refund"),
        ({"financial_status": "voided"}, "cancellation"),
        ({"cancelled_at": "2026-03-05T00:00:00Z"}, "cancellation"),
        ({"test": True}, "test order"),
        ({"type": "exchange"}, "exchange"),
        ({"total": "-12.99"}, "refund"),
        (item(quantity=-1), "refund"),
        (item(unit_price=-4.99), "refund"),
        ({"items": [ITEM, ITEM | {"quantity": -1}]}, "exchange"),
        ({"status": "refunded", "created_at": "no date", "items": None}, "refund"),
        ({"status": "completed", "financial_status": "partially_refunded", "test": False, "total": "0.00"}, None),
        ({"cancelled_at": None, "status": None}, None),
    ],
    ids=str,
)
def test_what_is_no_order_to_judge_is_set_apart(changes: dict[str, Any], kind: str | None) -> None:
    found = read(**changes)
    assert found.apart == kind
    assert (found.order is None) == (kind is not None)


@pytest.mark.parametrize(
    ("comma", "written", "value"),
    [
        (True, "1.299,50", 1299.5),
        (True, "1.299", 1299.0),
        (True, "12,999", 12.999),
        (True, "1 299,50", 1299.5),
        (False, "1,299", 1299.0),
        (False, "1,299.50", 1299.5),
        (False, "1299.50", 1299.5),
    ],
)
def test_the_feeds_setting_tells_comma_from_comma(comma: bool, written: str, value: float) -> None:
    assert found(read(Feed(decimal_comma=comma), **item(unit_price=written)), "items.0.unit_price") == value


def test_what_python_writes_for_a_missing_number_is_taken_as_absent() -> None:
    """`json.dumps` of a pandas row writes NaN, which JSON does not have."""
    order = read_order(json.dumps(ORDER | {"discount": float("nan"), "note": "NaN: a bread"}))
    assert found(order, "discount") is None and found(order, "note") == "NaN: a bread"


def test_no_value_of_an_order_is_in_what_is_told_of_it() -> None:
    """Fields and reasons become labels of a metric: their number is bounded by the code."""
    secret = "Unverkennbar"
    changes: dict[str, Any] = {
        **address(secret),
        "channel": secret,
        "device": secret,
        secret: secret,
        "customer": {"id": "7", "registered_at": secret, secret: 1},
        "items": [ITEM | {"quantity": "2", "discount": secret}],
    }
    repairs = read(**changes).repairs
    assert len(repairs) == 6 and secret not in str(repairs)
    with pytest.raises(OrderError) as error:
        read(**changes, created_at=secret)
    assert secret not in str(error.value)


def test_a_repaired_order_needs_no_repair_when_it_is_read_again() -> None:
    changes = {"created_at": "2026-03-04", "customer": {"id": 0}, **item(sku="", quantity="2")}
    order = repair_order(ORDER | changes).order
    assert order is not None
    assert read_order(encode_order(order)).repairs == ()


def test_an_unknown_zone_is_told_where_it_is_set() -> None:
    for zone in ("Berlin", "../etc/passwd", "", "Europe"):
        with pytest.raises(FeedError, match="zone .* is none of the IANA time zones: write one like"):
            Feed(zone=zone)


def test_withdrawn_currencies_are_those_that_the_library_knows() -> None:
    from babel import Locale

    assert CURRENCIES.isdisjoint(WITHDRAWN)
    assert WITHDRAWN <= set(Locale("en").currencies)
    assert {"HRK", "LTL", "DEM", "FRF", "YUM", "EEK"} <= WITHDRAWN


def test_the_tables_of_names_are_loaded_only_where_a_name_is_met() -> None:
    line = json.dumps(ORDER | {"created_at": "2026-03-04", "order_id": 7, "currency": "eur"})
    program = f"import sys; from orderguard.repair import read_order; read_order({line!r}); " + (
        "sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_offsets_are_kept_and_no_zone_is_asked_again() -> None:
    order = read(BERLIN, created_at="2026-03-04T10:00:00").order
    assert order and order.created_at.tzinfo == timezone(timedelta(hours=1))
