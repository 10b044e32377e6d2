"""How far scored orders are from those that the version was trained on: counts, exact and in any number of parts, and
the verdict on their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderguard.drift import SECONDS_A_DAY, DriftReference, bin_counts, compare
from orderguard.presence import Bits, counts_of

DRIFT = "drift.json"


@dataclass(frozen=True)
class DriftCounts:
    """Of some orders, how many are in each bin of each variable, and how many tell each optional field."""

    variables: list[NDArray[np.int64]]
    told: list[NDArray[np.int64]]

    @classmethod
    def of(
        cls, reference: DriftReference, features: NDArray[np.float32], scores: NDArray[np.float64], told: Bits
    ) -> "DriftCounts":
        """Those of orders with these features (n, d), scores (n,) and told fields (n,)."""
        columns = [*features.T, scores]
        counts = [bin_counts(bins, column) for bins, column in zip(reference.bins, columns, strict=True)]
        return cls(counts, counts_of(told))

    def __add__(self, other: "DriftCounts") -> "DriftCounts":
        return DriftCounts(
            [one + more for one, more in zip(self.variables, other.variables, strict=True)],
            [one + more for one, more in zip(self.told, other.told, strict=True)],
        )


def drift_report(reference: DriftReference, parts: Sequence[DriftCounts], seconds: float) -> bytes:
    """The verdict on all parts together, whose orders span so many seconds, as it is written."""
    total = reduce(DriftCounts.__add__, parts)
    report = compare(reference, total.variables, total.told, seconds / SECONDS_A_DAY)
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
