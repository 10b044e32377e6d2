"""What travels between the steps: some orders at a time, as columns or as records, never one by one.

Each order knows its place among all: the number of its order file, the offset in it where the block of its line starts,
and its row in that block, in one number. Places are in the files' order, which decides between equal moments and
between lines with one order id.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml.backfill.drift import DriftCounts
from orderguard.features.columns import Columns, Floats, Indices, merged, taken
from orderguard.scorer import Scores

BITS_OF_OFFSET = 40
"""A terabyte a file, and eight million files."""
SECONDS_A_DAY = 86_400.0
FIRST_DAY = date(1970, 1, 1).toordinal()

Digests = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Records = NDArray[np.void]


@dataclass(frozen=True)
class Piece:
    """n orders of one block: columns, the digests of their ids (n, 2) and their places (n,)."""

    columns: Columns
    digests: Digests
    place: Indices

    def taken(self, rows: Indices) -> "Piece":
        """The orders at these rows, in this order."""
        return Piece(taken(self.columns, rows), self.digests[rows], self.place[rows])


@dataclass(frozen=True)
class Company:
    """What orders (n,), by their places, find the entities of a kind known for: `company`, where it is not 0."""

    kind: str
    place: Indices
    value: Floats


@dataclass(frozen=True)
class Rows:
    """The n orders of a day in the order of their moments: when each was placed, the digests of its id (n, 2), the bits
    of the fields that it tells, its catalogue's number, and its features (n, d); with a model its scores as well, and
    what drift is told by.
    """

    at: Floats
    digests: Digests
    told: Indices
    catalogue: Indices
    features: NDArray[np.float32]
    scores: Scores | None = None
    drift: DriftCounts | None = None


def place_of(position: int, start: int) -> int:
    """The place of the first order of the block that starts at this offset of a file; the others' follow."""
    return (position << BITS_OF_OFFSET) + start


def position_of(place: Indices) -> Indices:
    """The number of each order's file."""
    return place >> BITS_OF_OFFSET


def days_of(at: Floats) -> Indices:
    """The day of each moment in UTC, counted from the first of the year 1."""
    return (at // SECONDS_A_DAY).astype(np.int64) + FIRST_DAY


def joined(pieces: Iterable[Piece]) -> Piece:
    """All orders, in the files' order, whatever the order of the pieces."""
    parts = sorted(pieces, key=lambda piece: int(piece.place[0]))
    if len(parts) == 1:
        return parts[0]
    return Piece(
        merged([part.columns for part in parts]),
        np.concatenate([part.digests for part in parts]),
        np.concatenate([part.place for part in parts]),
    )


def counting(at: Floats, place: Indices, out: Iterable[Indices]) -> Indices:
    """The rows of the orders that count, in the order of their moments, equal ones in the files' order. Those at the
    places `out` do not count.
    """
    left_out = list(out)
    kept = ~np.isin(place, np.concatenate(left_out)) if left_out else np.ones(len(at), dtype=bool)
    rows = np.flatnonzero(kept)
    in_turn: Indices = rows[np.lexsort((place[rows], at[rows]))]
    return in_turn


def by_part(part: Indices) -> Iterator[tuple[int, Indices]]:
    """Each part that is there, and its rows, in their order; −1 is none."""
    order = np.argsort(part, kind="stable")
    numbers, starts = np.unique(part[order], return_index=True)
    for number, start, end in zip(numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), len(part)]):
        if number >= 0:
            yield number, order[start:end]
