"""What is counted over all orders, on many workers and in any order: exact, and the same however it is put together."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np

from ml.backfill.beam.pieces import Bools, Records, position_of
from ml.date_range import Allowed, Hours
from ml.backfill.beam.job import Job
from orderguard.features.columns import Floats


@dataclass
class Counts:
    """Of the orders that count: how many there are, by the position of their file, and the first and the last moment.
    And how many repeat an earlier one, and the places and moments of those that are out of the range of dates.
    """

    kept: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    misdated: dict[int, float] = field(default_factory=dict)
    first: float = float("inf")
    last: float = float("-inf")

    @classmethod
    def of(cls, ids: Records, misdated: Bools, out: Bools) -> "Counts":
        """Of orders (n,) by their ids, whether each is `misdated`, and whether it is left `out`."""
        kept = ids[~out]
        positions, counts = np.unique(position_of(kept["place"]), return_counts=True)
        return cls(
            Counter(dict(zip(positions.tolist(), counts.tolist(), strict=True))),
            int(np.count_nonzero(out & ~misdated)),
            dict(zip(ids["place"][misdated].tolist(), ids["at"][misdated].tolist(), strict=True)),
            float(kept["at"].min(initial=np.inf)),
            float(kept["at"].max(initial=-np.inf)),
        )

    def merge(self, other: "Counts") -> None:
        """Take in what another has counted."""
        self.kept.update(other.kept)
        self.duplicates += other.duplicates
        self.misdated |= other.misdated
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)


class AddCounts(beam.CombineFn):
    """`Counts` to that of all."""

    def create_accumulator(self) -> Counts:
        return Counts()

    def add_input(self, accumulator: Counts, element: Counts) -> Counts:
        accumulator.merge(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Counts]) -> Counts:
        total = Counts()
        for one in accumulators:
            total.merge(one)
        return total

    def extract_output(self, accumulator: Counts) -> Counts:
        return accumulator


class FindRange(beam.CombineFn):
    """Moments, an array for each piece, to the range of dates that can be right: see `ml.date_range.Hours`."""

    def __init__(self, job: Job) -> None:
        self._input = job.request.input

    def create_accumulator(self) -> Hours:
        return Hours()

    def add_input(self, accumulator: Hours, element: Floats) -> Hours:
        accumulator.add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Hours]) -> Hours:
        total = Hours()
        for one in accumulators:
            total.merge(one)
        return total

    def extract_output(self, accumulator: Hours) -> Allowed:
        return accumulator.allowed(self._input.earliest, self._input.maximum_gap_days)
