"""The tails of features over more rows than a training holds: the highest and the lowest values, counted one by one.

A sample of a million rows tells how a feature is distributed, but for its rarest values: of one in ten million it has
none. They are few, so they are all kept. Tails of parts of the rows merge to those of the whole, in whatever order.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KEPT = 2**14
"""Values of each side of each feature."""


class Counts(NamedTuple):
    """How often values are reached: `at_or_above` (k,) of `rows` rows are at each of the ascending `values` (k,) or
    higher.
    """

    values: NDArray[np.float64]
    at_or_above: NDArray[np.float64] | NDArray[np.int64]
    rows: int

    @classmethod
    def of(cls, ordered: NDArray[np.float64]) -> "Counts":
        """Those of the ascending rows (n,)."""
        values, first = np.unique(ordered, return_index=True)
        return cls(values, len(ordered) - first, len(ordered))

    def above(self, value: float) -> float:
        """How many rows are higher than a value."""
        place = np.searchsorted(self.values, value, side="right")
        return float(self.at_or_above[place]) if place < len(self.values) else 0


class Tail(NamedTuple):
    """One side of one feature: its highest values, ascending, of `rows` rows. The lowest are those of −x."""

    highest: NDArray[np.float64]
    rows: int

    def joined(self, sample: Counts) -> Counts:
        """The counts of all rows: of the highest values as they were counted, of the others as the sample has them."""
        highest = self.highest
        if 0 < len(highest) < self.rows:  # of the lowest of them there may be more
            highest = highest[np.searchsorted(highest, highest[0], side="right") :]
        if not len(highest):
            scaled = sample.at_or_above.astype(np.float64) * (self.rows / sample.rows)
            return Counts(sample.values, scaled, self.rows)
        exact = Counts.of(highest)
        body = sample.values < highest[0]
        beyond = sample.at_or_above[np.count_nonzero(body)] if not body.all() else 0
        inside = (sample.at_or_above[body] - beyond) / max(sample.rows - beyond, 1)
        scaled = len(highest) + (self.rows - len(highest)) * inside
        return Counts(
            np.concatenate([sample.values[body], exact.values]),
            np.concatenate([scaled, exact.at_or_above]),
            self.rows,
        )


class Tails:
    """Those of d features, added to a batch at a time. `known`, `above` and `below` (d,) are how many values were
    there, above 0 and below 0.
    """

    def __init__(self, features: int, kept: int = KEPT) -> None:
        self._kept = kept
        self._highest = [np.empty(0, np.float32) for _ in range(features)]
        self._lowest = [np.empty(0, np.float32) for _ in range(features)]
        self.known, self.above, self.below = (np.zeros(features, np.int64) for _ in range(3))

    def add(self, features: NDArray[np.float32]) -> None:
        """Count rows (n, d)."""
        for place, column in enumerate(features.T):
            values = column[np.isfinite(column)]
            self.known[place] += len(values)
            self.above[place] += np.count_nonzero(values > 0)
            self.below[place] += np.count_nonzero(values < 0)
            self._keep(place, values, values)

    def merge(self, other: "Tails") -> None:
        """Count what another has counted."""
        self.known, self.above, self.below = (
            mine + theirs
            for mine, theirs in zip(
                (self.known, self.above, self.below), (other.known, other.above, other.below), strict=True
            )
        )
        for place, (highest, lowest) in enumerate(zip(other._highest, other._lowest, strict=True)):
            self._keep(place, highest, lowest)

    def side(self, place: int, sign: int, *, nonzero: bool) -> Tail:
        """The high side of a feature (`sign` 1), or its low one (−1); with `nonzero` of the values on that side of 0,
        and of one row more that is 0.
        """
        found = np.sort(self._highest[place] if sign > 0 else -self._lowest[place])[-self._kept :].astype(np.float64)
        if not nonzero:
            return Tail(found, int(self.known[place]))
        found, rows = found[found > 0.0], 1 + int((self.above if sign > 0 else self.below)[place])
        return Tail(np.append(0.0, found) if len(found) == rows - 1 else found, rows)

    def _keep(self, place: int, high: NDArray[np.float32], low: NDArray[np.float32]) -> None:
        highest = np.concatenate([self._highest[place], high])
        lowest = np.concatenate([self._lowest[place], low])
        kept = self._kept
        # Not each time: a day's rows may be few, and putting them in order costs as much as of many.
        self._highest[place] = np.partition(highest, -kept)[-kept:] if len(highest) > 2 * kept else highest
        self._lowest[place] = np.partition(lowest, kept - 1)[:kept] if len(lowest) > 2 * kept else lowest


def tails_of(batches: Iterable[NDArray[np.float32]], features: int, kept: int = KEPT) -> Tails:
    """The tails of all rows."""
    found = Tails(features, kept)
    for batch in batches:
        found.add(batch)
    return found
