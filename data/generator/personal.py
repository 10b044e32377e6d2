"""All personal values of order files: what a search for leaks has to look for."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

# Fields of the schema whose values tell who somebody is. Countries, regions, cities and postcodes are left out: on
# their own they fit many people, and a search for them would find the same words in innocent places.
STRUCTURED: dict[str, tuple[str, ...]] = {
    "customer": ("id", "name", "email", "phone", "birth_date", "national_id"),
    "billing_address": ("name", "company", "street", "phone"),
    "shipping_address": ("name", "company", "street", "phone"),
    "payment": ("fingerprint", "card_number", "card_holder", "iban"),
    "device": ("ip", "id"),
}
SHORTEST = 6
NAMES = re.compile(r"name|holder|other$")


class PersonalValue(NamedTuple):
    """A personal value and where it comes from: a field's path, or `note.KIND` for one planted in free text."""

    kind: str
    value: str


def values_of(order: Any) -> Iterator[PersonalValue]:
    """The personal values in the fields of one decoded order, of whatever shape."""
    for part, fields in STRUCTURED.items():
        found = order.get(part) if isinstance(order, dict) else None
        if isinstance(found, dict):
            for field in fields:
                value = found.get(field)
                if isinstance(value, str) and distinctive(field, value):
                    yield PersonalValue(f"{part}.{field}", value)


def distinctive(kind: str, value: str) -> bool:
    """Whether finding the value somewhere means a leak: short words turn up by chance, but not a short full name."""
    return len(value) >= SHORTEST or bool(NAMES.search(kind) and " " in value)


def personal_values(paths: Iterable[Path]) -> set[PersonalValue]:
    """Every personal value of order files, by the fields of the schema, and of the generator's
    `personal_values.ndjson`.

    The latter lists what was planted in free text. Lines that can't be read are passed over.
    """
    found: set[PersonalValue] = set()
    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    record = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                if isinstance(record, dict) and record.keys() == {"kind", "value"}:
                    if distinctive(record["kind"], record["value"]):
                        found.add(PersonalValue(record["kind"], record["value"]))
                else:
                    found.update(values_of(record))
    return found
