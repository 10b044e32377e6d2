"""Orders whose date can't be right: before a day that the configuration names, or far from all the others.

What is far is told by the orders alone, not by today's date, so that a training can be repeated later.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.order_files import OrderFile
from ml.quarantine import Quarantined, masked_excerpt
from ml.reading import BYTE_ORDER_MARK, SetApart, blocks_of, lines_of

FEW = 0.01
"""The share of all orders that a mistaken date can have; a greater one is a shop that paused."""

_SECONDS_AN_HOUR = 3_600.0
_SECONDS_A_DAY = 86_400.0


class Allowed(NamedTuple):
    """From when until when orders count, in epoch seconds, both included, and why others don't."""

    first: float
    last: float
    start: float
    early: str
    apart: str

    def out(self, at: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each of these moments (n,) is out of range."""
        return (at < self.first) | (at > self.last)

    def reason(self, at: float) -> str:
        """Why a moment is out of range."""
        return self.early if at < self.start else self.apart


class Hours:
    """How many orders there are by the hour, and the first and the last moment of each hour: all that the range depends
    on. Two of these add up to that of all their orders.
    """

    def __init__(self) -> None:
        self.hours: dict[int, tuple[int, float, float]] = {}

    def add(self, at: NDArray[np.float64]) -> None:
        """Take in orders placed at these moments (n,), in any sequence."""
        at = np.sort(at)
        hours, first, counts = np.unique(at // _SECONDS_AN_HOUR, return_index=True, return_counts=True)
        firsts, lasts = at[first], at[first + counts - 1]
        for hour, *found in zip(hours.tolist(), counts.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
            self._add(int(hour), *found)

    def merge(self, other: "Hours") -> None:
        """Take in the orders of another."""
        for hour, found in other.hours.items():
            self._add(hour, *found)

    def _add(self, hour: int, count: int, first: float, last: float) -> None:
        known, earliest, latest = self.hours.get(hour, (0, first, last))
        self.hours[hour] = known + count, min(first, earliest), max(last, latest)

    def allowed(self, earliest: date, maximum_gap_days: float) -> Allowed:
        """The range of dates that can be right, see `out_of_range`."""
        start = datetime.combine(earliest, time(), UTC).timestamp()
        told = [self.hours[hour] for hour in sorted(self.hours) if self.hours[hour][1] >= start]
        first, last = start, np.inf
        if told:
            counts, firsts, lasts = (np.array(column) for column in zip(*told, strict=True))
            before = np.cumsum(counts)[:-1]
            count = int(counts.sum())
            few = max(1, int(count * FEW))
            gaps = np.flatnonzero(firsts[1:] - lasts[:-1] > maximum_gap_days * _SECONDS_A_DAY)
            early, late = gaps[before[gaps] <= few], gaps[before[gaps] >= count - few]
            apart = before[early].max(initial=0) + count - before[late].min(initial=count)
            if apart < count:
                first = float(firsts[early[-1] + 1]) if len(early) else first
                last = float(lasts[late[0]]) if len(late) else last
        return Allowed(
            first,
            last,
            start,
            f"before {earliest}, see input.earliest",
            f"more than {maximum_gap_days:g} days away from the other orders, see input.maximum_gap_days",
        )


def out_of_range(at: NDArray[np.float64], earliest: date, maximum_gap_days: float) -> dict[int, str]:
    """Of orders placed at (n,) epoch seconds the rows with a date that can't be right, and why.

    A few orders (at most `FEW` of all, but one at least may be) with more than `maximum_gap_days`, which is a day at
    least, between them and the rest stand apart; so does what is before or behind them on that side.
    """
    hours = Hours()
    hours.add(at)
    allowed = hours.allowed(earliest, maximum_gap_days)
    rows = np.flatnonzero(allowed.out(at))
    return {row: allowed.reason(moment) for row, moment in zip(rows.tolist(), at[rows].tolist(), strict=True)}


def quarantined(
    files: Sequence[OrderFile],
    counts: Mapping[Path, int],
    found: Mapping[int, str],
    without: Sequence[Quarantined | SetApart],
) -> list[Quarantined]:
    """Where the orders of these rows stand. Rows count the usable orders of all files, of which each has its number in
    `counts`; the lines in `without` hold none.
    """
    lines = []
    start = 0
    for file in files:
        here = {row - start: reason for row, reason in found.items() if start <= row < start + counts[file.path]}
        start += counts[file.path]
        if here:
            unusable = {line.line for line in without if line.position == file.position}
            lines += lines_of_rows(file, here, unusable)
    return lines


def lines_of_rows(file: OrderFile, rows: Mapping[int, str], unusable: Set[int]) -> list[Quarantined]:
    """Where in a file its usable orders of these numbers, from 0, stand; the `unusable` lines hold none."""
    found, row = [], 0
    numbered = enumerate(
        (line for block in blocks_of(file.path, position=file.position) for line in lines_of(block)), 1
    )
    for number, line in numbered:
        text = (line or b"").removeprefix(BYTE_ORDER_MARK if number == 1 else b"")
        if number in unusable or not text.strip():
            continue
        if row in rows:
            excerpt = masked_excerpt(text)
            found.append(Quarantined(file.position, file.token, number, "created_at", rows[row], excerpt))
        row += 1
    return found
