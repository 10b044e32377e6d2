"""What was found in a text, and how it is replaced."""

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orderguard.masking.keyring import TOKEN_PATTERN
from orderguard.schema import NO_SKU

KINDS = (
    "ENCODED",
    "URL",
    "EMAIL",
    "IBAN",
    "CARD",
    "ID",
    "IP",
    "PHONE",
    "ADDRESS",
    "BIRTH DATE",
    "NAME",
)
"""The placeholders there are; where findings overlap, the kind that stands first names the whole."""

_MASKED = re.compile(rf"\[(?:{'|'.join(KINDS)})\]|(?<![A-Za-z0-9_-]){TOKEN_PATTERN}(?![A-Za-z0-9_-])")


def is_placeholder(text: str) -> bool:
    """Whether a text is nothing but a placeholder."""
    return text[:1] == "[" and text[-1] == "]" and (text[1:-1] in KINDS or text == NO_SKU)


class Span(NamedTuple):
    """Characters `start` to `end` are of `kind`; `token`, if given, stands in their place instead of the
    placeholder.
    """

    start: int
    end: int
    kind: str
    token: str | None = None

    @property
    def replacement(self) -> str:
        """What is written instead."""
        return self.token or f"[{self.kind}]"


def masked_already(text: str) -> list[tuple[int, int]]:
    """Where placeholders and pseudonyms stand."""
    if "[" not in text and "_" not in text:
        return []
    return [match.span() for match in _MASKED.finditer(text)]


def merged(spans: Iterable[Span], settled: list[tuple[int, int]]) -> Iterator[Span]:
    """The spans in order with overlaps made one; none inside `settled` (in order, without overlaps), and one that cuts
    into a settled piece takes all of it.
    """
    pieces = [_widened(span, settled) for span in spans if not _inside(span, settled)] if settled else list(spans)
    current: Span | None = None
    for span in sorted(pieces):
        if current is None or span.start >= current.end:
            if current is not None:
                yield current
            current = span
            continue
        first = min(current, span, key=lambda piece: KINDS.index(piece.kind))
        whole = current.start <= span.start and current.end >= span.end and first is current
        current = Span(current.start, max(current.end, span.end), first.kind, current.token if whole else None)
    if current is not None:
        yield current


def replaced(text: str, spans: Iterable[Span]) -> str:
    """`text` with each of `spans` (in order, without overlaps) replaced."""
    pieces, position = [], 0
    for span in spans:
        pieces += [text[position : span.start], span.replacement]
        position = span.end
    return "".join(pieces) + text[position:]


def _inside(span: Span, settled: list[tuple[int, int]]) -> bool:
    place = bisect_right(settled, (span.start, sys.maxsize)) - 1
    return place >= 0 and span.end <= settled[place][1]


def _widened(span: Span, settled: list[tuple[int, int]]) -> Span:
    last = bisect_left(settled, (span.end, 0)) - 1
    first = bisect_left(settled, span.start + 1, key=_end)
    if first > last:
        return span
    return span._replace(start=min(settled[first][0], span.start), end=max(settled[last][1], span.end))


def _end(piece: tuple[int, int]) -> int:
    return piece[1]
