"""Reading other people's JSON: nothing here raises, whatever the document holds where something else was expected."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

Loose = dict[str, Any]
"""An order with the field names of `orderguard.schema` and the vendor's values, for `orderguard.repair` to read."""

_AMOUNT = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
KIND = "_kind"
"""Where a loose order says that it is none: "refund", "cancellation", "exchange" or "test order"."""


def decoded(text: str | bytes) -> Any:
    """The document in a JSON text; NaN and Infinity, which some programs write, hold nothing. Raises `ValueError`."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        found = json.loads(text, parse_constant=lambda name: None)
        return msgspec.json.decode(msgspec.json.encode(found))
    except (ValueError, RecursionError):  # also letters that are half of one
        raise ValueError("not valid JSON") from None


def at(document: object, *path: str) -> Any:
    """What stands at a path of names; None where there is no such place."""
    for name in path:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def first(document: object, *names: str) -> Any:
    """The first of these fields that holds something."""
    for name in names:
        value = at(document, name)
        if value not in (None, "", [], {}):
            return value
    return None


def entries(value: object) -> list[Any]:
    """A list; also one that GraphQL wraps as `nodes` or as `edges` with a `node` each."""
    if isinstance(value, dict):
        if isinstance(value.get("nodes"), list):
            value = value["nodes"]
        else:
            edges = value.get("edges")
            value = [at(edge, "node") for edge in edges] if isinstance(edges, list) else []
    return value if isinstance(value, list) else []


def several(document: object, *envelopes: str) -> Iterator[object]:
    """The documents in a list, or in an envelope of one of these names; else the document itself."""
    if isinstance(document, list):
        yield from document
        return
    for name in envelopes:
        inside = at(document, name)
        if isinstance(inside, list) or entries(inside):
            yield from entries(inside)
            return
        if isinstance(inside, dict):
            yield from [] if "edges" in inside or "nodes" in inside else [inside]
            return
    yield document


def number(value: object) -> float | None:
    """A number, also one in text with a decimal point, as interfaces write it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def amount(value: object) -> Any:
    """An amount as interfaces write it, also in text (`"12.99"`); anything else stays for repair to tell."""
    return float(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else value


def key(value: object) -> Any:
    """An id, which interfaces write as a number, as the text that an order has."""
    return str(value) if type(value) is int and abs(value) < 10**20 else value


def identifier(value: object) -> str | None:
    """The text of an id, None where it is neither a text nor a number of ordinary length."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    return None


def total(values: list[object]) -> float | None:
    """The sum of what are numbers, to a ten-thousandth; None if there are none."""
    numbers = [read for value in values if (read := number(value)) is not None]
    return round(sum(numbers), 4) if numbers else None


def per_piece(amount: object, quantity: object) -> float | None:
    """The price of one piece of a line, None where it can't be worked out."""
    whole, pieces = number(amount), number(quantity)
    if whole is None or not pieces or pieces < 0:
        return None
    price = whole / pieces
    return round(price, 6) if math.isfinite(price) else None


def beyond(whole: object, part: object) -> float | None:
    """What of an amount is left when a part of it is told elsewhere; None for nothing."""
    left = (number(whole) or 0.0) - (number(part) or 0.0)
    return round(left, 4) if left > 0.005 else None


def joined(*texts: object, by: str = " ") -> str | None:
    """The texts that are there, in one."""
    return by.join(text.strip() for text in texts if isinstance(text, str) and text.strip()) or None


def told(**fields: Any) -> Loose:
    """The fields that hold something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
