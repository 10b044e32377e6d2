"""A labelled text."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_SLOT = re.compile(r"\{(\w+)\}")


class Label(NamedTuple):
    """Characters `start` to `end` of a text are personal data of `kind`."""

    start: int
    end: int
    kind: str


class Sample(NamedTuple):
    """A text, what is personal in it, and which generator and language it comes from."""

    text: str
    labels: tuple[Label, ...]
    language: str
    generator: str


def filled(template: str, values: Mapping[str, tuple[str, str | None]], language: str, generator: str) -> Sample:
    """`template` with each `{slot}` replaced by a value; a value with a kind is labelled, one with None is filler."""
    pieces: list[str] = []
    labels: list[Label] = []
    length = position = 0
    for match in _SLOT.finditer(template):
        value, kind = values[match[1]]
        plain = template[position : match.start()]
        pieces += [plain, value]
        length += len(plain)
        if kind:
            labels.append(Label(length, length + len(value), kind))
        length += len(value)
        position = match.end()
    return Sample("".join(pieces) + template[position:], tuple(labels), language, generator)
