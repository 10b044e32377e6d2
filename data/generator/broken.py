"""Lines as they break on the way: cut off, garbled, or not to the schema."""

from collections.abc import Callable
from random import Random

import msgspec

from data.generator.orders import RawOrder


def without(name: str) -> Callable[[RawOrder, Random], bytes]:
    """A line that lacks a required field."""
    return lambda order, random: msgspec.json.encode({key: value for key, value in order.items() if key != name})


def with_value(name: str, value: object) -> Callable[[RawOrder, Random], bytes]:
    """A line with another value in a field."""
    return lambda order, random: msgspec.json.encode({**order, name: value})


def with_item_value(name: str, value: object) -> Callable[[RawOrder, Random], bytes]:
    """A line with another value in a field of its first line item."""
    return lambda order, random: msgspec.json.encode(
        {**order, "items": [{**order["items"][0], name: value}, *order["items"][1:]]}
    )


def truncated(order: RawOrder, random: Random) -> bytes:
    """A line whose end is missing."""
    line = msgspec.json.encode(order)
    return line[: random.randrange(10, len(line) - 1)]


def not_utf8(order: RawOrder, random: Random) -> bytes:
    """A line in Latin-1."""
    return msgspec.json.encode({**order, "note": "xx"}).replace(b'"xx"', b'"Gr\xfc\xdfe aus K\xf6ln"')


def not_a_number(order: RawOrder, random: Random) -> bytes:
    """A line with NaN, which JSON does not have."""
    return with_item_value("unit_price", "xx")(order, random).replace(b'"xx"', b"NaN")


BREAKS: tuple[Callable[[RawOrder, Random], bytes], ...] = (
    truncated,
    truncated,
    not_utf8,
    not_a_number,
    without("created_at"),
    without("customer"),
    without("items"),
    without("currency"),
    with_value("items", []),
    with_value("currency", "EURO"),
    with_value("created_at", "03/11/2026 14:05"),
    with_value("created_at", "2026-05-03T14:05:00"),
    with_value("channel", "carrier pigeon"),
    with_item_value("quantity", "two"),
    with_item_value("quantity", 0),
    with_item_value("unit_price", -4.99),
    with_item_value("unit_price", "12,99"),
)


def broken_line(order: RawOrder, random: Random) -> bytes:
    """The order's line, broken in one of the ways above."""
    return random.choice(BREAKS)(order, random)
