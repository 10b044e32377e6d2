"""What is remembered of observations in time order, however many there are: exact, and two that follow each other add
up to one.
"""

import numpy as np

from ml.grouped import MOST_OBSERVATIONS
from orderguard.features.columns import Floats, Indices


class Remembered:
    """Observations of coded things: how many there were of each code, and the values of its last `most`.

    What `ml.grouped.Grouped` answers of all observations by the time of its last catalogue, this answers of those taken
    in so far, for lookups of at most so many.
    """

    def __init__(self, codes: int, most: int = 0, fields: tuple[str, ...] = ()) -> None:
        self.most, self.count = most, 0
        self.totals = np.zeros(codes, dtype=np.int64)
        self._newest = np.full(codes, -1, dtype=np.int64)
        self._code = np.empty(0, dtype=np.int64)
        self.values: dict[str, Floats] = {name: np.empty(0) for name in fields}

    def add(self, code: Indices, **values: Floats) -> None:
        """Take in observations (n,) in time order, that came after those before: their codes and their values."""
        np.maximum.at(self._newest, code, np.arange(self.count, self.count + len(code)))
        self.count += len(code)
        self.totals += np.bincount(code, minlength=len(self.totals))
        if self.most:
            self._keep(code, values)

    def merge(self, later: "Remembered") -> None:
        """Take in what was remembered of later observations."""
        self._newest = np.where(later._newest >= 0, later._newest + self.count, self._newest)
        self.count += later.count
        self.totals += later.totals
        self._keep(later._code, later.values)

    def _keep(self, code: Indices, values: dict[str, Floats]) -> None:
        code = np.concatenate([self._code, code])
        order = np.argsort(code.astype(np.min_scalar_type(len(self.totals))), kind="stable")
        code = code[order]
        behind = np.searchsorted(code, code, side="right") - np.arange(len(code))
        kept = order[behind <= self.most]
        self._code = code[behind <= self.most]
        self.values = {name: np.concatenate([self.values[name], values[name]])[kept] for name in self.values}

    def known(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether each code is not forgotten, (codes,)."""
        return (self._newest >= 0) & (self._newest >= self.count - MOST_OBSERVATIONS)

    def counts(self) -> Indices:
        """How many observations there are of each code that is not forgotten, (codes,)."""
        return np.where(self.known(), self.totals, 0)

    def ranges(self) -> tuple[Indices, Indices]:
        """Where in `values` those of each code begin and end, (codes,); at the same place for one that is not known."""
        codes = np.arange(len(self.totals))
        first, end = np.searchsorted(self._code, codes), np.searchsorted(self._code, codes, side="right")
        return first, np.where(self.known(), end, first)

    def seen(self, codes: Indices, catalogues: Indices) -> tuple[Indices, Indices]:
        """See `ml.grouped.Grouped.seen`; there is one catalogue."""
        first, end = self.ranges()
        return first[codes], end[codes]


class Window:
    """The last `most` of a sequence of values in time order."""

    def __init__(self, most: int) -> None:
        self._most, self.values = most, np.empty(0)

    def add(self, values: Floats) -> None:
        """Take in later values (n,)."""
        self.values = np.concatenate([self.values, values[-self._most :]])[-self._most :]

    def merge(self, later: "Window") -> None:
        """Take in what was remembered of later values."""
        self.add(later.values)

    def range(self) -> tuple[Indices, Indices]:
        """Where they begin and end, (1,) each."""
        return np.array([0]), np.array([len(self.values)])
