"""An order's document, field by field, into the order that it means."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from orderguard.currencies import KNOWN
from orderguard.repair import apart
from orderguard.repair.codes import country, currency
from orderguard.repair.feed import Feed, Repaired
from orderguard.repair.moments import moment, plain_moment
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
    MAX_ITEMS,
    MAX_QUANTITY,
    NO_SKU,
    UNDECODABLE,
    Order,
    OrderError,
    explained,
)

_AS_FEED = Feed()
_decode = msgspec.json.Decoder(apart.MarkedOrder).decode
_NOT_JSON = re.compile(r"[:,\[\s]-?(?:NaN|Infinity)\b")
_ADDRESS: Mapping[str, Reader] = {
    **{name: short_text for name in ("name", "company", "street", "postcode", "city", "region", "phone")},
    "country": country,
}
_PARTS: Mapping[str, Mapping[str, Reader]] = {
    "customer": {
        "id": identifier,
        **{name: short_text for name in ("name", "email", "phone", "birth_date", "national_id")},
        "registered_at": plain_moment,
    },
    "shipping": {"method": short_text, "cost": amount},
    "payment": {
        **{name: short_text for name in ("method", "fingerprint", "card_number", "card_holder", "iban")},
        "card_country": country,
    },
    "billing_address": _ADDRESS,
    "shipping_address": _ADDRESS,
    "device": {name: short_text for name in ("ip", "user_agent", "id")},
}
_OWN: Mapping[str, Reader] = {
    "discount": reduction,
    "coupon": short_text,
    "channel": channel,
    "note": free_text,
    "gift_message": free_text,
}
_OF_LINE: Mapping[str, Reader] = {"category": short_text, "name": short_text, "discount": reduction}


def read_order(line: bytes | str | msgspec.Raw, feed: Feed = _AS_FEED) -> Repaired:
    """The order in a line of JSON: as the schema wants it, else repaired.

    Raises `OrderError` for a line that can't be read safely; the error never repeats a value.
    """
    try:
        order = _decode(line)
    except UNDECODABLE as error:
        return repair_order(_document(line, error), feed)
    if order.currency not in KNOWN:
        raise OrderError("currency", "not a currency of ISO 4217")
    kind = apart.of_marks(order)
    return Repaired(None, (), kind) if kind else Repaired(order)


def repair_order(document: Mapping[str, Any], feed: Feed = _AS_FEED) -> Repaired:
    """The order in a document that has the names of the schema and values as a shop writes them.

    Raises `OrderError` where a required field can't be read safely.
    """
    kind = apart.stated(document)
    if kind:
        return Repaired(None, (), kind)
    notes = Notes()
    lines = _lines(document.get("items"), feed, notes)
    if lines.apart:
        return Repaired(None, (), lines.apart)
    placed = _required(document, "created_at", moment, feed, notes)
    order: dict[str, Any] = {
        "order_id": _required(document, "order_id", identifier, feed, notes),
        "created_at": placed.at,
        "hour_known": placed.hour_known and document.get("hour_known") is not False,
        "currency": _required(document, "currency", currency, feed, notes),
        "items": lines.items,
        **_optional(document, _OWN, "", feed, notes),
    }
    for name, readers in _PARTS.items():
        part = _part(document.get(name), name, readers, feed, notes)
        if part is not None:
            order[name] = part
    if lines.taken_off:
        order["discount"] = order.get("discount", 0.0) + lines.taken_off
    try:
        return Repaired(msgspec.convert(order, Order), notes.repairs)
    except UNDECODABLE as error:
        raise explained(error) from None


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
    document: Mapping[str, Any], readers: Mapping[str, Reader], path: str, feed: Feed, notes: Notes
) -> dict[str, Any]:
    """The fields that can be used. The others are left out and noted."""
    found: dict[str, Any] = {}
    for name, read in readers.items():
        value = document.get(name)
        if value is None or (value == "" and read is short_text):
            continue
        notes.field = path + name
        try:
            found[name] = read(value, feed, notes)
        except Unusable as error:
            notes.add(f"left out: {error}")
    return found


def _part(value: Any, name: str, readers: Mapping[str, Reader], feed: Feed, notes: Notes) -> dict[str, Any] | None:
    """A part of an order, like its customer. One that is a mere id is one as well."""
    if value is None or value == "":
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
    return _optional(value, readers, f"{name}.", feed, notes)


def _is_nobody(identifier: Any) -> bool:
    """Whether an id is what shops write for guests: WooCommerce's 0, −1, nothing."""
    if isinstance(identifier, str):
        return not identifier.strip()
    return isinstance(identifier, int | float) and not isinstance(identifier, bool) and identifier <= 0


class _Lines(NamedTuple):
    """An order's lines; what lines with a negative price take off; or what the order is, if it is none."""

    items: list[dict[str, Any]]
    taken_off: float
    apart: str | None


def _lines(items: Any, feed: Feed, notes: Notes) -> _Lines:
    if not isinstance(items, list):
        raise OrderError("items", "required field is missing" if items is None else "not a list")
    if len(items) > MAX_ITEMS:
        raise OrderError("items", f"more than {MAX_ITEMS:,} lines")
    if not items:
        raise OrderError("items", "no line")
    quantities = [_line_number(item, place, "quantity", feed, notes) for place, item in enumerate(items)]
    prices = [_line_number(item, place, "unit_price", feed, notes) for place, item in enumerate(items)]
    kind = apart.of_lines(quantities, [one * price for one, price in zip(quantities, prices, strict=True)])
    if kind:
        return _Lines([], 0.0, kind)
    found: list[dict[str, Any]] = []
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


def _line_number(item: Any, place: int, name: str, feed: Feed, notes: Notes) -> float:
    """A line's quantity or price, of any sign."""
    if not isinstance(item, dict):
        raise OrderError(f"items[{place}]", "not an object")
    value = item.get(name)
    if value is None:
        raise OrderError(f"items[{place}].{name}", "required field is missing")
    notes.field = f"items[].{name}"
    try:
        return number(value, feed, notes)
    except Unusable as error:
        raise OrderError(f"items[{place}].{name}", str(error)) from None


def _line(item: dict[str, Any], place: int, many: float, price: float, feed: Feed, notes: Notes) -> dict[str, Any]:
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
    return {"sku": sku, "quantity": many, "unit_price": price, **_optional(item, _OF_LINE, "items[].", feed, notes)}
