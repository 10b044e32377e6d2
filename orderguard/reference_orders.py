"""What the reference orders of a model version are like: their scores, so that an order gets its exact place among
them, and what value of each feature is usual.

`reference_orders.json` is part of a version's folder. A version of before it has none, and reasons are then told
without what is usual.
"""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

FILE_NAME = "reference_orders.json"
MOST_SCORES = 10_001
"""So a place is exact to a hundredth of a percent, and exact at all for up to so many orders."""
_DIGITS = 6


class UsualValues(NamedTuple):
    """Of a feature's values, after its scale: the one in the middle, the one that 95 % don't exceed, and the mean."""

    middle: float
    high: float
    mean: float


class ReferenceOrders(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Of so many reference orders the scores, lowest first, at most `MOST_SCORES` of them evenly spaced by rank; and by
    the feature's name what is usual.
    """

    orders: int
    scores: list[float]
    usual: dict[str, UsualValues]

    @cached_property
    def _sorted(self) -> NDArray[np.float64]:
        return np.array(self.scores)

    def share_from(self, score: float) -> float:
        """The share of reference orders that score at least as high."""
        if not self.scores:
            return 0.0
        return 1.0 - float(np.searchsorted(self._sorted, score - 0.5 * 10.0**-_DIGITS)) / len(self.scores)

    @classmethod
    def of(
        cls, features: NDArray[np.float32], scores: NDArray[np.float64], names: tuple[str, ...]
    ) -> "ReferenceOrders":
        """From rows (n, d) of features and their scores (n,)."""
        count = len(scores)
        ranks = np.linspace(0, count - 1, min(count, MOST_SCORES)).round().astype(np.int64)
        kept = np.sort(scores)[ranks] if count else scores
        usual = {}
        for name, column in zip(names, features.T.astype(np.float64), strict=True):
            if count:
                ordered = np.sort(column)
                values = (ordered[(count - 1) // 2], ordered[int(0.95 * (count - 1))], column.mean())
                usual[name] = UsualValues(*(round(float(value), _DIGITS) for value in values))
        return cls(orders=count, scores=kept.round(_DIGITS).tolist(), usual=usual)

    @classmethod
    def read(cls, version_dir: Path) -> "ReferenceOrders | None":
        """Those of a version; None where it keeps none."""
        path = version_dir / FILE_NAME
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.is_file() else None

    def write(self, version_dir: Path) -> None:
        """Write them into a version's folder; the same orders give the same bytes."""
        (version_dir / FILE_NAME).write_bytes(msgspec.json.encode(self, order="deterministic") + b"\n")
