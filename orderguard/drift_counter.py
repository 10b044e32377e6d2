"""The rows that a service has scored lately, counted for the comparison with the reference set."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.drift import (
    SECONDS_A_DAY,
    DriftReference,
    DriftReport,
    Histories,
    StoreState,
    bin_counts,
    compare,
)
from orderguard.features.causes import GROWTH
from orderguard.presence import counts_of

_BLOCK = 1_024


class _Counted(NamedTuple):
    """A block of rows: when the first of them was added, and the counts of each variable and each optional field."""

    began: float
    counts: list[NDArray[np.int64]]
    told: list[NDArray[np.int64]]
    known: int
    """How many of the rows have a customer with earlier orders."""


class DriftCounter:
    """Counts of the last `window` rows that were scored, kept up to date while serving. Safe to share between threads.

    A row is copied into a block; a full block is binned at once, so that adding a row costs about a microsecond. What
    the rows span is taken from `clock`, in seconds: orders of last year that are scored in a minute span a minute.
    """

    def __init__(
        self, reference: DriftReference, window: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reference = reference
        self._clock = clock
        self._block = np.empty((_BLOCK, len(reference.bins)), np.float64)
        self._told = np.zeros(_BLOCK, np.int64)
        self._growth = next((place for place, bins in enumerate(reference.bins) if bins.name == GROWTH), None)
        self._used = 0
        self._began = self._ended = clock()
        self._blocks: deque[_Counted] = deque(maxlen=max(1, window // _BLOCK))
        self._lock = Lock()

    def add_rows(self, features: NDArray[np.floating], scores: NDArray[np.floating], told: Sequence[int]) -> None:
        """Count many scored rows: features (n, d), scores (n,), and the bits of the fields that they tell (n,)."""
        with self._lock:
            self._ended = self._clock()
            start = 0
            while start < len(scores):
                if self._used == 0:
                    self._began = self._ended
                end = min(len(scores), start + _BLOCK - self._used)
                block = self._block[self._used : self._used + end - start]
                block[:, :-1] = features[start:end]
                block[:, -1] = scores[start:end]
                self._told[self._used : self._used + end - start] = told[start:end]
                self._used += end - start
                start = end
                if self._used == _BLOCK:
                    self._blocks.append(self._binned())
                    self._used = 0

    def report(self, state: StoreState = "warm") -> DriftReport:
        """The verdict on the rows counted so far, where the store of histories is in this state (some tens of
        milliseconds: ask at intervals, not for each request).
        """
        with self._lock:
            blocks = [*self._blocks, self._binned()]
            days = (self._ended - blocks[0].began) / SECONDS_A_DAY
        counts = [np.sum(each, axis=0) for each in zip(*(block.counts for block in blocks), strict=True)]
        told = [np.sum(each, axis=0) for each in zip(*(block.told for block in blocks), strict=True)]
        rows = int(counts[0].sum())
        known = sum(block.known for block in blocks) / max(rows, 1)
        histories = Histories(state=state, known=known, usual=self._reference.known)
        return compare(self._reference, counts, told, days, histories)

    def _binned(self) -> _Counted:
        columns = self._block[: self._used].T
        counts = [bin_counts(bins, column) for bins, column in zip(self._reference.bins, columns, strict=True)]
        known = 0 if self._growth is None else int(np.count_nonzero(columns[self._growth] > 0))
        return _Counted(self._began, counts, counts_of(self._told[: self._used]), known)
