"""Orders whose date can't be right: before a day that the configuration names, or far from all the others.

What is far is told by the orders alone, not by today's date, so that a training can be repeated later.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.order_files import OrderFile
from ml.quarantine import Quarantined, masked_excerpt
from ml.reading import BYTE_ORDER_MARK, SetApart, blocks_of, lines_of

FEW = 0.01
"""The share of all orders that a mistaken date can have; a greater one is a shop that paused."""

_SECONDS_A_DAY = 86_400.0


def out_of_range(at: NDArray[np.float64], earliest: date, maximum_gap_days: float) -> dict[int, str]:
    """Of orders placed at (n,) epoch seconds the rows with a date that can't be right, and why.

    A few orders (at most `FEW` of all, but one at least may be) with more than `maximum_gap_days` between them and the
    rest stand apart; so does what is before or behind them on that side.
    """
    start = datetime.combine(earliest, time(), UTC).timestamp()
    found = {int(row): f"before {earliest}, see input.earliest" for row in np.flatnonzero(at < start)}
    rows = np.flatnonzero(at >= start)
    rows = rows[np.argsort(at[rows], kind="stable")]
    few = max(1, int(len(rows) * FEW))
    gaps = np.flatnonzero(np.diff(at[rows]) > maximum_gap_days * _SECONDS_A_DAY) + 1
    reason = f"more than {maximum_gap_days:g} days away from the other orders, see input.maximum_gap_days"
    before, behind = gaps[gaps <= few], gaps[gaps >= len(rows) - few]
    apart = [*rows[: before.max(initial=0)], *rows[behind.min(initial=len(rows)) :]]
    return found | ({int(row): reason for row in apart} if len(apart) < len(rows) else {})


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
            lines += _lines_of_rows(file, here, unusable)
    return lines


def _lines_of_rows(file: OrderFile, rows: Mapping[int, str], unusable: set[int]) -> list[Quarantined]:
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
