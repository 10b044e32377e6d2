"""Lines masked on their way into columns come to what `decode_order`, `mask_order` and `columns_of` make of them."""

import json
import pickle
import random
from typing import Any

import msgspec
import numpy as np
import pytest

from ml import column_masking
from ml.column_masking import ColumnMasker
from ml.reading import usable_order
from ml.remembered_parts import PartlyDecoded
from orderguard.features.columns import Columns, columns_of
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.presence import FIELDS
from orderguard.schema import NO_SKU, MaskedOrder, Order, OrderError

KEYRING = Keyring.from_text(new_key_text())

CUSTOMER = {"id": "C1", "name": "Anna Unverkennbar", "email": "anna@mail.example", "phone": "+49 151 23456789"}
ADDRESS = {"name": "Anna Unverkennbar", "street": "Lindenstraße 7", "postcode": "10115", "country": "DE"}
ORDER: dict[str, Any] = {
    "order_id": "O1",
    "created_at": "2026-03-02T10:07:08+01:00",
    "customer": CUSTOMER,
    "currency": "EUR",
    "items": [{"sku": "clothing-0001", "quantity": 2, "unit_price": 3.5, "category": "clothing", "name": "Coat"}],
    "discount": 1.5,
    "coupon": "SPRING",
    "shipping": {"method": "standard", "cost": 4.9},
    "payment": {"method": "card", "card_country": "DE", "card_holder": "ANNA UNVERKENNBAR"},
    "channel": "web",
    "billing_address": ADDRESS,
    "shipping_address": ADDRESS,
    "device": {"ip": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11)", "id": "dev-1"},
    "note": "Ring twice: thanks",
    "gift_message": "Grüße",
}


def written(order: object, **options: Any) -> bytes:
    usual: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}
    return json.dumps(order, **(usual | options)).encode()


def the_whole_way(line: bytes) -> MaskedOrder | tuple[str, str]:
    try:
        return mask_order(usable_order(line), KEYRING, free_text=False)
    except OrderError as error:
        return error.field, error.reason


def both_ways(lines: list[bytes]) -> tuple[Columns, Columns, int]:
    """The columns of the usable lines, both ways, and how many lines went the short way."""
    masker, orders, short = ColumnMasker(KEYRING), [], 0
    for line in lines:
        taken, whole = masker.add(line), the_whole_way(line)
        short += taken
        if isinstance(whole, MaskedOrder):
            orders.append(whole)
            if not taken:
                masker.add_masked(usable_order(line).order_id, whole)
        else:
            assert not taken, whole
    columns, digests = masker.columns()
    assert KEYRING.written("order", digests) == [order.order_token for order in orders]
    return columns, columns_of(orders), short


def assert_equal(one: Columns, other: Columns) -> None:
    for name in Columns.__dataclass_fields__:
        for mine, its in zip(_arrays(getattr(one, name)), _arrays(getattr(other, name)), strict=True):
            assert np.asarray(mine).tolist() == np.asarray(its).tolist(), name


def _arrays(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [list(value), *(array for part in value.values() for array in _arrays(part))]
    return [value.index, value.values] if hasattr(value, "values") else [value]


def test_a_partly_decoded_order_has_the_fields_of_an_order() -> None:
    assert PartlyDecoded.__struct_fields__ == Order.__struct_fields__
    partly, whole = (
        {field.name: field.required for field in msgspec.structs.fields(kind)} for kind in (PartlyDecoded, Order)
    )
    assert partly == whole


def test_usual_lines_go_the_short_way_and_come_to_the_same() -> None:
    lines = [
        written(ORDER | {"order_id": f"O{number}", "customer": CUSTOMER | {"id": f"C{number % 3}"}})
        for number in range(20)
    ]
    short, whole, count = both_ways(lines + [written({name: ORDER[name] for name in list(ORDER)[:5]})] * 2)
    assert_equal(short, whole)
    assert count == 22


@pytest.mark.parametrize(
    "change",
    [
        {"shipping_address": ADDRESS | {"country": "AT"}},
        {"shipping_address": ADDRESS | {"name": "ANNA  unverkennbar"}},
        {"shipping_address": ADDRESS | {"name": None, "street": None}},
        {"shipping_address": None},
        {"billing_address": None},
        {"billing_address": None, "shipping_address": None},
        {"billing_address": {}, "shipping_address": ADDRESS},
        {"payment": None},
        {"payment": {}},
        {"payment": {"card_country": "FR"}},
        {"payment": {"method": "", "card_country": "FR"}},
        {"device": None},
        {"device": {"id": ""}},
        {"shipping": None},
        {"shipping": {"method": "pickup"}},
        {"discount": None},
        {"discount": 0},
        {"coupon": ""},
        {"channel": None},
        {"note": 'a "quoted" \\ note, as long as you like: it is not looked at'},
        {"unknown": {"customer": 1}},
        {"customer": CUSTOMER | {"registered_at": "2026-03-02T09:07:08.25Z"}},
        {"customer": CUSTOMER | {"registered_at": "2027-03-02T09:07:08Z"}},
        {"items": [{"sku": "x", "quantity": 1, "unit_price": 1}] * 3},
        {"items": [{"sku": "x", "quantity": 1, "unit_price": 1, "category": "", "discount": 0.5}]},
        *(
            {"created_at": moment}
            for moment in (
                "2026-03-02T09:07:08Z",
                "2026-03-02t09:07:08z",
                "2026-03-02 09:07:08.123456-11:30",
                "2026-03-02T09:07:08.1234Z",
                "2026-03-02T09:07:08.25+05:45",
                "2026-03-02T09:07:08.000001Z",
                "2026-03-02T09:07:08.1234567Z",
                "2026-03-02T09:59:59.9999999Z",
                "2026-03-02T09:59:59.Z",
                "2026-03-02T09:07:08.123",
                "2026-03-02T09:07:08.１2Z",
                "2026-03-02T09:07:08-00:00",
                "2300-03-02T09:07:08.123Z",
                "1969-12-31T23:59:59.9Z",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
            )
        ),
    ],
    ids=lambda change: written(change).decode()[:50],
)
def test_each_kind_of_order_comes_to_the_same(change: dict[str, Any]) -> None:
    lines = [written(ORDER), written(ORDER | change | {"order_id": "O2"}), written(ORDER | change | {"order_id": "O3"})]
    short, whole, _ = both_ways(lines)
    assert_equal(short, whole)


@pytest.mark.parametrize(
    "change",
    [
        {"items": [{"sku": "anna unverkennbar", "quantity": 1, "unit_price": 1}]},
        {"items": [{"sku": "gift-151-2345-6789", "quantity": 1, "unit_price": 1}]},
        {"items": [{"sku": "a@mail.example", "quantity": 1, "unit_price": 1}]},
        {"items": [{"sku": "1", "quantity": 1, "unit_price": 1, "category": "for Lindenstraße 7"}]},
        {"payment": {"method": "card of anna unverkennbar", "card_holder": "Anna Unverkennbar"}},
        {"shipping": {"method": "to anna unverkennbar"}},
        {"customer": CUSTOMER | {"name": "Clothing 0001"}},
        {"billing_address": ADDRESS | {"name": "0001 Clothing", "street": "clothing-0001"}},
        {"payment": {"card_holder": "clothing0001"}},
    ],
    ids=lambda change: written(change).decode()[:50],
)
def test_an_orders_own_values_in_codes_are_masked_all_the_same(change: dict[str, Any]) -> None:
    odd = written(ORDER | change | {"order_id": "O2"})
    for lines in ([written(ORDER), odd, odd, written(ORDER)], [odd, written(ORDER), odd]):
        short, whole, _ = both_ways(lines)
        assert_equal(short, whole)
        for personal in ("unverkennbar", "Unverkennbar", "2345-6789", "Lindenstra", "mail.example"):
            assert personal not in repr(short)


@pytest.mark.parametrize("name", [name for name in ORDER if name not in ("coupon", "channel", "note", "gift_message")])
@pytest.mark.parametrize("value", ["7", '"x"', "null", "[]", "{}", '" "', '"2026-03-02T10:07:08"'])
@pytest.mark.parametrize("spelling", ['"{}"', '"\\u00{:x}{}"'], ids=["plain", "escaped"])
def test_a_field_that_stands_twice_has_to_be_right_twice(name: str, value: str, spelling: str) -> None:
    key = spelling.format(name) if spelling == '"{}"' else spelling.format(ord(name[0]), name[1:])
    for order in (ORDER, {part: ORDER[part] for part in list(ORDER)[:5]} | {name: ORDER[name]}):
        text = written(order).decode()
        for twice in ("{" + f"{key}:{value}," + text[1:], text[:-1] + f",{key}:{value}" + "}"):
            assert_equal(*both_ways([written(ORDER), twice.encode()])[:2])


@pytest.mark.parametrize("blank", [" ", "\\t", "\\u0020", "\u2003", " \u2003"])
def test_a_line_with_a_blank_sku_goes_on_without_wherever_it_stands(blank: str) -> None:
    text = written(ORDER).decode()
    for item in ('{"sku":"%s",', '{"sku":"%s","sku":"a",', '{"sk\\u0075":"%s","sku":"a",', '{"sku" : "%s","sku":"a",'):
        line = text.replace('{"sku":"clothing-0001",', item % blank).encode()
        masked = the_whole_way(line)
        assert isinstance(masked, MaskedOrder) and masked.items[0].sku in (NO_SKU, "a")
        assert_equal(*both_ways([written(ORDER), line])[:2])


def test_however_an_order_is_written_it_comes_to_the_same() -> None:
    shuffled = dict(reversed(ORDER.items()))
    lines = [
        written(ORDER, separators=(", ", ": ")),
        written(ORDER, ensure_ascii=True),
        written(ORDER, indent=1).replace(b"\n", b" "),
        written(shuffled) + b"\r\n",
        b" " + written(ORDER) + b" \n",
    ]
    short, whole, count = both_ways(lines)
    assert_equal(short, whole)
    assert count == len(lines)


def is_an_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def mutated(line: bytes, chance: random.Random) -> bytes:
    """A line with a value, a byte or a stretch changed."""
    kind = chance.randrange(4)
    if kind == 0 and is_an_object(line):
        order = json.loads(line)
        inner = chance.choice([order, *(value for value in order.values() if isinstance(value, dict))])
        inner[chance.choice(list(inner))] = chance.choice([None, "", " ", "x", 7, -1, 1e12, [], {}, "De", "DE", True])
        return written(order, ensure_ascii=chance.random() < 0.5)
    at = chance.randrange(len(line))
    if kind == 1:
        return line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
    if kind == 2:
        return line[:at] + line[at + chance.randrange(1, 30) :]
    start = chance.randrange(len(line))
    return line[:at] + line[start : start + chance.randrange(1, 60)] + line[at:]


@pytest.mark.parametrize("seed", range(6))
def test_mutated_and_broken_lines_come_to_the_same(seed: int) -> None:
    chance = random.Random(seed)
    lines = [written(ORDER)]
    for number in range(700):
        whole_line = written(ORDER | {"order_id": str(number)})
        twice = mutated(mutated(whole_line, chance), chance) if number % 2 else mutated(whole_line, chance)
        lines += (whole_line, twice)
    short, whole, count = both_ways(lines)
    assert_equal(short, whole)
    assert count > 200


def test_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_masking, "MOST_REMEMBERED", 3)
    masker, orders = ColumnMasker(KEYRING), []
    for number in range(10):
        line = written(ORDER | {"order_id": f"O{number}", "customer": {"id": f"C{number % 4}"}})
        assert masker.add(line)
        orders.append(mask_order(usable_order(line), KEYRING, free_text=False))
        if number % 5 == 4:
            assert_equal(masker.columns()[0], columns_of(orders))
            orders.clear()


@pytest.mark.parametrize(
    ("country", "created_at", "lacks"),
    [
        ("DE", "2026-11-02T12:00:00Z", True),
        ("DE", "2026-11-02T12:00:00+01:00", False),
        ("GB", "2026-11-02T12:00:00+00:00", False),
        ("GB", "2026-06-02T12:00:00+01:00", False),
        (None, "2026-11-02T12:00:00Z", False),
    ],
)
def test_an_order_in_utc_lacks_local_time_where_that_is_another(
    country: str | None, created_at: str, lacks: bool
) -> None:
    """So clocks that go back in Britain are no change of what the feed brings."""
    address = {"billing_address": {"country": country}, "shipping_address": None} if country else {}
    line = written(
        {"order_id": "1"}
        | {name: ORDER[name] for name in ("customer", "currency", "items")}
        | address
        | {"created_at": created_at}
    )
    short, whole, _ = both_ways([line])
    assert_equal(short, whole)
    assert bool(whole.told[0] & 1 << FIELDS.index("created_at in UTC")) is lacks


def test_without_orders_the_columns_are_empty() -> None:
    assert_equal(ColumnMasker(KEYRING).columns()[0], columns_of([]))


def test_what_is_remembered_is_never_serialised() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(ColumnMasker(KEYRING))
