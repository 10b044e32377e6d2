"""An order's document, field by field, into the order that it means."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from orderguard import apart
from orderguard.repair.codes import country, currency
from orderguard.repair.feed import Feed, Repaired
from orderguard.repair.moments import moment, plain_moment
from orderguard.repair.usual import usual
from orderguard.repair.values import (
    Notes,
    Reader,
    Unusable,
    amount,
    channel,
    free_text,
    identifier,
    number,
    reduction,
    short_text,
)
from orderguard.schema import (
    LEAST_QUANTITY,
    MAX_AMOUNT,
    MAX_ITEMS,
    MAX_QUANTITY,
    MAX_SHORT,
    NO_SKU,
    UNDECODABLE,
    Address,
    Customer,
    Device,
    LineItem,
    Order,
    OrderError,
    Payment,
    Shipping,
    explained,
)

_AS_FEED = Feed()
_decode = msgspec.json.Decoder(apart.MarkedOrder, dec_hook=apart.of_marks).decode
_NOT_JSON = re.compile(r"[:,\[\s]-?(?:NaN|Infinity)\b")


class _Part(NamedTuple):
    """What an order is made of: its structure, and how each field is read where the structure does not take it."""

    structure: type[msgspec.Struct]
    readers: tuple[tuple[str, str, Reader], ...]


def _part_of(name: str, structure: type[msgspec.Struct], readers: Mapping[str, Reader]) -> _Part:
    return _Part(structure, tuple((field, f"{name}.{field}", read) for field, read in readers.items()))


_ADDRESS: Mapping[str, Reader] = {
    **{name: short_text for name in ("name", "company", "street", "postcode", "city", "region", "phone")},
    "country": country,
}
_CUSTOMER: Mapping[str, Reader] = {
    "id": identifier,
    **{name: short_text for name in ("name", "email", "phone", "birth_date", "national_id")},
    "registered_at": plain_moment,
}
_PAYMENT: Mapping[str, Reader] = {
    **{name: short_text for name in ("method", "fingerprint", "card_number", "card_holder", "iban")},
    "card_country": country,
}
_PARTS = {
    "customer": _part_of("customer", Customer, _CUSTOMER),
    "shipping": _part_of("shipping", Shipping, {"method": short_text, "cost": amount}),
    "payment": _part_of("payment", Payment, _PAYMENT),
    "billing_address": _part_of("billing_address", Address, _ADDRESS),
    "shipping_address": _part_of("shipping_address", Address, _ADDRESS),
    "device": _part_of("device", Device, {name: short_text for name in ("ip", "user_agent", "id")}),
}
_OWN: tuple[tuple[str, str, Reader], ...] = (
    ("discount", "discount", reduction),
    ("coupon", "coupon", short_text),
    ("channel", "channel", channel),
    ("note", "note", free_text),
    ("gift_message", "gift_message", free_text),
)
_OF_LINE = _part_of("items[]", LineItem, {"category": short_text, "name": short_text, "discount": reduction}).readers


def read_order(line: bytes | str | msgspec.Raw, feed: Feed = _AS_FEED) -> Repaired:
    """The order in a line of JSON: as the schema wants it, else repaired.

    Raises `OrderError` for a line that can't be read safely; the error never repeats a value.
    """
    try:
        return Repaired(_decode(line))
    except (apart.Marked, *UNDECODABLE) as error:
        return repair_order(_document(line, error), feed)


def repair_order(document: Mapping[str, Any], feed: Feed = _AS_FEED) -> Repaired:
    """The order in a document that has the names of the schema and values as a shop writes them.

    Raises `OrderError` where a required field can't be read safely.
    """
    kind = apart.stated(document)
    if kind:
        return Repaired(None, (), kind)
    return usual(document, feed) or by_field(document, feed)


def by_field(document: Mapping[str, Any], feed: Feed) -> Repaired:
    """The order, each field read by itself. Raises `OrderError`."""
    notes = Notes()
    lines = _lines(document.get("items"), feed, notes)
    if lines.apart:
        return Repaired(None, (), lines.apart)
    placed = _required(document, "created_at", moment, feed, notes)
    order = _optional(document, _OWN, feed, notes)
    if lines.taken_off:
        order["discount"] = order.get("discount", 0.0) + lines.taken_off
    for name, part in _PARTS.items():
        value = document.get(name)
        if value is not None:
            order[name] = _part(value, name, part, feed, notes)
    return Repaired(
        Order(
            order_id=_required(document, "order_id", identifier, feed, notes),
            created_at=placed.at,
            hour_known=placed.hour_known and document.get("hour_known") is not False,
            currency=_required(document, "currency", currency, feed, notes),
            items=lines.items,
            **order,
        ),
        notes.repairs,
    )


def _document(line: bytes | str | msgspec.Raw, refused: Exception) -> dict[str, Any]:
    """A line's JSON. NaN and Infinity, which JSON does not have and some programs write, are taken as absent. What is
    no JSON, or no object, is told as the strict decoder `refused` it.
    """
    try:
        found = msgspec.json.decode(line)
    except UNDECODABLE:
        text = line if isinstance(line, str) else bytes(line)
        if not _NOT_JSON.search(text if isinstance(text, str) else text.decode("utf-8", "replace")):
            raise explained(refused) from None
        try:
            found = json.loads(text, parse_constant=lambda name: None)
            json.dumps(found, ensure_ascii=False).encode()  # a half of a surrogate pair is no character
        except (ValueError, RecursionError):
            raise explained(refused) from None
    if not isinstance(found, dict):
        raise explained(refused)
    return found


def _required(document: Mapping[str, Any], name: str, read: Reader, feed: Feed, notes: Notes) -> Any:
    value = document.get(name)
    if value is None:
        raise OrderError(name, "required field is missing")
    notes.field = name
    try:
        return read(value, feed, notes)
    except Unusable as error:
        raise OrderError(name, str(error)) from None


def _optional(
    document: Mapping[str, Any], readers: tuple[tuple[str, str, Reader], ...], feed: Feed, notes: Notes
) -> dict[str, Any]:
    """The fields that can be used. The others are left out and noted."""
    found: dict[str, Any] = {}
    for name, path, read in readers:
        value = document.get(name)
        if value is None:
            continue
        if read is short_text and type(value) is str and len(value) <= MAX_SHORT:
            found[name] = value
            continue
        notes.field = path
        try:
            found[name] = read(value, feed, notes)
        except Unusable as error:
            notes.add(f"left out: {error}")
    return found


def _part(value: Any, name: str, part: _Part, feed: Feed, notes: Notes) -> msgspec.Struct | None:
    """A part of an order, like its customer: as it stands where it keeps to the schema. A customer's mere id is one."""
    try:
        return msgspec.convert(value, part.structure)
    except UNDECODABLE:
        pass
    if value == "":
        return None
    if name == "customer":
        if isinstance(value, str | int) and not isinstance(value, bool):
            value = {"id": value}
        if isinstance(value, dict) and _is_nobody(value.get("id")):
            if value.get("id") is not None:
                notes.field = "customer.id"
                notes.add("the id of nobody, taken as a guest")
            value = {**value, "id": None}
    if not isinstance(value, dict):
        notes.field = name
        notes.add("left out: not an object")
        return None
    return part.structure(**_optional(value, part.readers, feed, notes))


def _is_nobody(identifier: Any) -> bool:
    """Whether an id is what shops write for guests: WooCommerce's 0, −1, nothing."""
    if isinstance(identifier, str):
        return not identifier.strip()
    return isinstance(identifier, int | float) and not isinstance(identifier, bool) and identifier <= 0


class _Lines(NamedTuple):
    """An order's lines; what lines with a negative price take off; or what the order is, if it is none."""

    items: list[LineItem]
    taken_off: float
    apart: str | None


def _lines(items: Any, feed: Feed, notes: Notes) -> _Lines:
    if not isinstance(items, list):
        raise OrderError("items", "required field is missing" if items is None else "not a list")
    if len(items) > MAX_ITEMS:
        raise OrderError("items", f"more than {MAX_ITEMS:,} lines")
    if not items:
        raise OrderError("items", "no line")
    quantities = _numbers(items, "quantity", "items[].quantity", feed, notes)
    prices = _numbers(items, "unit_price", "items[].unit_price", feed, notes)
    kind = apart.of_lines(quantities, [one * price for one, price in zip(quantities, prices, strict=True)])
    if kind:
        return _Lines([], 0.0, kind)
    found: list[LineItem] = []
    taken_off = 0.0
    for place, (item, many, price) in enumerate(zip(items, quantities, prices, strict=True)):
        if many == 0:
            notes.field = "items[].quantity"
            notes.add("0, the line is left out")
        elif price < 0:
            notes.field = "items[].unit_price"
            notes.add("negative, taken as a discount of the order")
            taken_off -= many * price
        else:
            found.append(_line(item, place, many, price, feed, notes))
    if not found:
        raise OrderError("items", "no line that is of any quantity")
    return _Lines(found, taken_off, None)


def _numbers(items: list[Any], name: str, path: str, feed: Feed, notes: Notes) -> list[float]:
    """The lines' quantities or prices, of any sign."""
    found: list[float] = []
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise OrderError(f"items[{place}]", "not an object")
        value = item.get(name)
        if (type(value) is float or type(value) is int) and -MAX_AMOUNT <= value <= MAX_AMOUNT:
            found.append(float(value))
            continue
        if value is None:
            raise OrderError(f"items[{place}].{name}", "required field is missing")
        notes.field = path
        try:
            found.append(number(value, feed, notes))
        except Unusable as error:
            raise OrderError(f"items[{place}].{name}", str(error)) from None
    return found


def _line(item: dict[str, Any], place: int, many: float, price: float, feed: Feed, notes: Notes) -> LineItem:
    sku = item.get("sku")
    notes.field = "items[].sku"
    if sku is None or (isinstance(sku, str) and not sku.strip()):
        notes.add("blank, the line goes on without")
        sku = NO_SKU
    try:
        sku = identifier(sku, feed, notes)
    except Unusable as error:
        raise OrderError(f"items[{place}].sku", str(error)) from None
    if not LEAST_QUANTITY <= many <= MAX_QUANTITY:
        raise OrderError(f"items[{place}].quantity", "too little" if many < LEAST_QUANTITY else "more than 1,000,000")
    return LineItem(sku=sku, quantity=many, unit_price=price, **_optional(item, _OF_LINE, feed, notes))
