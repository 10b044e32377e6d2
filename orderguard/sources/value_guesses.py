"""What a column of a table is by its values alone, where its name says nothing: for the fields that every order needs.

Never the article: a code is kept, and a column of unknown texts may hold names of people.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from orderguard.currencies import KNOWN
from orderguard.sources.values import amount_in

ENOUGH = 0.9
"""The share of a column's values that have to look alike."""
LARGEST_COUNT = 1_000

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}/\d\d?/\d\d?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_WHOLE = re.compile(r"\d{1,4}")
_OF_A_PERSON = re.compile(r"birth|geburt|naiss|nacim|nascit|\bdob\b|\bage\b|\balter\b", re.I)
_NUMBERED = re.compile(r"\S*\d\S*")


def _most(values: Sequence[str], holds: Callable[[str], object]) -> bool:
    return bool(values) and sum(bool(holds(text)) for text in values) >= ENOUGH * len(values)


def _is_id(values: Sequence[str]) -> bool:
    """Each order's rows stand together: hardly a value comes back later."""
    runs = 1 + sum(before != after for before, after in zip(values, values[1:], strict=False))
    return _most(values, _NUMBERED.fullmatch) and len(set(values)) >= ENOUGH * runs


def _is_price(values: Sequence[str]) -> bool:
    with_cents = any(re.search(r"[.,]\d{1,2}\D*$", text) for text in values)
    return with_cents and _most(values, lambda text: amount_in(text) is not None or amount_in(text, True) is not None)


_LOOKS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "customer.email": lambda values: _most(values, _MAIL.fullmatch),
    "created_at": lambda values: _most(values, _MOMENT.match),
    "currency": lambda values: _most(values, lambda text: text in KNOWN),
    "shipping_address.country": lambda values: _most(values, _COUNTRY.fullmatch),
    "order_id": _is_id,
    "items[].unit_price": _is_price,
    "items[].quantity": lambda values: _most(
        values, lambda text: _WHOLE.fullmatch(text) and 0 < int(text) <= LARGEST_COUNT
    ),
}
"""The more telling looks first: a column is taken once."""


def guessed(cells: Mapping[str, Sequence[str]], known: Mapping[str, str]) -> dict[str, str]:
    """Fields that no name told, with the first column whose values look like theirs; `cells` are the values that each
    column holds, `known` the fields that have a column.
    """
    left = [column for column in cells if column not in known.values() and not _OF_A_PERSON.search(column)]
    found: dict[str, str] = {}
    for path, looks in _LOOKS.items():
        column = next((one for one in left if looks(cells[one])), None) if path not in known else None
        if column is not None:
            found[path] = column
            left.remove(column)
    return found
