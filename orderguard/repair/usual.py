"""The quick way for what nearly all orders to repair have: numbers in text, numbers for ids, a moment without its zone,
a country's name. These alone are read one by one, and the whole is converted at once.

What else shops write is read field by field (`orderguard.repair.order`). Both ways give the same order and repairs.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from orderguard.repair.codes import country, currency
from orderguard.repair.feed import Feed, Repaired
from orderguard.repair.moments import moment
from orderguard.repair.values import (
    AS_TEXT,
    IN_TEXT,
    LARGEST,
    Notes,
    Reader,
    Unusable,
    amount,
    identifier,
    number_in,
    reduction,
)
from orderguard.schema import MAX_ITEMS, UNDECODABLE, Order

_OFTEN: tuple[tuple[str, str, str, Reader], ...] = (
    ("shipping", "cost", "shipping.cost", amount),
    ("payment", "card_country", "payment.card_country", country),
    ("billing_address", "country", "billing_address.country", country),
    ("shipping_address", "country", "shipping_address.country", country),
)
"""What of an order's parts is often written otherwise: the part, the field, its path and how it is read."""
_NUMBERS = (float, int)


class _Otherwise(Exception):
    """The order has something that is read field by field."""


def usual(document: Mapping[str, Any], feed: Feed) -> Repaired | None:
    """The order in a document that says of itself that it is one. None: it has to be read field by field."""
    notes = Notes()
    try:
        mended = {**document, "items": _items(document.get("items"), feed, notes)}
        notes.field = "created_at"
        placed = moment(document.get("created_at"), feed, notes)
        mended["created_at"] = placed.at
        if not placed.hour_known:
            mended["hour_known"] = False
        if document.get("discount") is not None:
            notes.field = "discount"
            mended["discount"] = reduction(document["discount"], feed, notes)
        customer = document.get("customer")
        if customer is not None:
            notes.field = "customer.id"
            mended["customer"] = _customer(customer, feed, notes)
        for name, field, path, read in _OFTEN:
            part = document.get(name)
            if part is not None:
                notes.field = path
                mended[name] = _part(part, field, read, feed, notes)
        notes.field = "order_id"
        mended["order_id"] = identifier(document.get("order_id"), feed, notes)
        notes.field = "currency"
        mended["currency"] = currency(document.get("currency"), feed, notes)
        return Repaired(msgspec.convert(mended, Order), notes.repairs)
    except (_Otherwise, Unusable, *UNDECODABLE):
        return None


def _items(items: Any, feed: Feed, notes: Notes) -> list[dict[str, Any]]:
    """The lines, none of which goes back or is of no quantity, with their numbers and codes read."""
    if type(items) is not list or len(items) > MAX_ITEMS:
        raise _Otherwise
    found: list[dict[str, Any]] = []
    many_in_text = price_in_text = sku_as_text = False
    for item in items:
        if type(item) is not dict:
            raise _Otherwise
        many: Any = item.get("quantity")
        price: Any = item.get("unit_price")
        sku = item.get("sku")
        if type(many) is str:
            many, many_in_text = number_in(many, feed), True
        if type(price) is str:
            price, price_in_text = number_in(price, feed), True
        if type(sku) is int and abs(sku) < LARGEST:
            sku, sku_as_text = str(sku), True
        if type(many) not in _NUMBERS or type(price) not in _NUMBERS or not (many > 0 and price >= 0):
            raise _Otherwise
        found.append({**item, "quantity": many, "unit_price": price, "sku": sku})
    for done, notes.field, reason in (
        (many_in_text, "items[].quantity", IN_TEXT),
        (price_in_text, "items[].unit_price", IN_TEXT),
        (sku_as_text, "items[].sku", AS_TEXT),
    ):
        if done:
            notes.add(reason)
    return found


def _customer(customer: Any, feed: Feed, notes: Notes) -> dict[str, Any]:
    """A customer whose id is a text, or a number that shops do not write for nobody."""
    if type(customer) is not dict:
        raise _Otherwise
    named = customer.get("id")
    if named is None or type(named) is str:
        return customer
    if type(named) is not int or named <= 0:
        raise _Otherwise
    return {**customer, "id": identifier(named, feed, notes)}


def _part(part: Any, field: str, read: Reader, feed: Feed, notes: Notes) -> dict[str, Any]:
    """A part of an order with one field read, or left out where it can't be used."""
    if type(part) is not dict:
        raise _Otherwise
    value = part.get(field)
    if value is None:
        return part
    try:
        found = read(value, feed, notes)
    except Unusable as error:
        notes.add(f"left out: {error}")
        found = None
    return part if found is value else {**part, field: found}
