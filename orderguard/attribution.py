"""Why a score is what it is: contributions of the features that sum exactly to score − baseline.

The score is max(forest, guard) (docs/technical/model.md), and its deviation from the baseline is shared out in two
exact steps:

- **forest − baseline** by path attribution (Saabas, "Interpreting random forests", 2014): on a row's way down a tree
  each split moves the expected path length from the parent's to the child's, and the split's feature gets that
  difference. The forest's score is exp(Σ leaf values), so differences are turned into scores by the slope of the secant
  from the baseline, which is the score at the roots, to the row.
- **guard − forest**, where the guard is higher, by the Shapley values of a maximum (Littlechild and Owen, "A simple
  expression for the Shapley value in a special case", 1973): each slice of the excess is shared equally among the
  features whose own guard reaches it.
"""

import math
from bisect import bisect_left
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "attribution.npz"
GRAPH = "attribution.onnx"

_NEAR = 1e-4
"""How near to the baseline's exponent the moves' rounding would show in their quotient."""


@dataclass(frozen=True)
class Attribution:
    """The trees as flat arrays over all nodes (a leaf is its own child), and the guard's limits.

    `value` is a node's expected share of the exponent of the forest's score. A feature value beyond `upper` or below
    `lower` (d, levels) at level l has a guard of `levels[l]`; `levels` ascends.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    upper: NDArray[np.float32]
    lower: NDArray[np.float32]
    levels: NDArray[np.float64]

    @classmethod
    def read(cls, version_dir: Path) -> "Attribution":
        with np.load(version_dir / FILE, allow_pickle=False) as arrays:
            return cls(**arrays)

    def write(self, version_dir: Path) -> None:
        np.savez_compressed(version_dir / FILE, **asdict(self))

    def baseline(self) -> float:
        """The score at the roots: of an order about which nothing is known yet."""
        return self._baseline

    @cached_property
    def _baseline(self) -> float:
        return math.exp(float(self.value[self.roots].sum()))

    def contributions(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature of `row` (d,) adds to the score, (d,); the sum is score − baseline."""
        moves = np.zeros(len(row))
        missing = np.isnan(row)
        node = self.roots
        while True:
            feature = self.feature[node]
            goes_left = np.where(missing[feature], self.missing_left[node], row[feature] <= self.threshold[node])
            child = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(child, node):
                break
            moves += np.bincount(feature, weights=self.value[child] - self.value[node], minlength=len(row))
            node = child
        start, end = float(self.value[self.roots].sum()), float(self.value[node].sum())
        slope = math.exp(start) * (math.expm1(end - start) / (end - start) if end != start else 1.0)
        return moves * slope + shared_maximum(np.maximum(self.guard(row) - math.exp(end), 0.0))

    def shared_out(
        self,
        moves: NDArray[np.floating],
        rows: NDArray[np.float32],
        forest: NDArray[np.float64],
        guard: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """`contributions` of many rows (n, d), from the moves (n, d) and the scores (n,) that the graph `GRAPH`
        computes.
        """
        wide = moves.astype(np.float64)
        gained = forest - self.baseline()
        total = wide.sum(axis=1)
        near = np.abs(total) < _NEAR
        if near.any():
            # Too close to the roots to divide by: the secant is the tangent, and what float32 is off by, some 1e-7,
            # goes where it shows least.
            shares = wide * np.where(near, self.baseline(), gained / np.where(near, 1.0, total))[:, None]
            largest = np.abs(shares).argmax(axis=1)
            shares[np.arange(len(shares)), largest] += gained - shares.sum(axis=1)
        else:
            shares = wide * (gained / total)[:, None]
        guarded = np.flatnonzero(guard > forest)
        if len(guarded):
            beyond = (rows[guarded] > self._first[0]) | (rows[guarded] < self._first[1])
            excesses: dict[int, list[tuple[float, int]]] = {}
            for place, feature in zip(*(axis.tolist() for axis in np.nonzero(beyond)), strict=True):
                row = int(guarded[place])
                excess = self._own_guard(float(rows[row, feature]), feature) - float(forest[row])
                if excess > 0:
                    excesses.setdefault(row, []).append((excess, feature))
            for row, reached in excesses.items():
                _share_maximum(shares[row], sorted(reached))
        return shares

    def _own_guard(self, value: float, feature: int) -> float:
        """A feature's own guard score."""
        upper, lower, levels = self._limits
        return levels[max(bisect_left(upper[feature], value), bisect_left(lower[feature], -value))]

    @cached_property
    def _first(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The limits of the first level, upper and lower."""
        return np.ascontiguousarray(self.upper[:, 0]), np.ascontiguousarray(self.lower[:, 0])

    @cached_property
    def _limits(self) -> tuple[list[list[float]], list[list[float]], list[float]]:
        """The limits as lists that ascend (the lower ones negated), and the score of each number of levels reached."""
        return self.upper.tolist(), (-self.lower).tolist(), [0.0, *self.levels.tolist()]

    def guard(self, row: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each feature's own guard score (d,); 0 where the feature is ordinary or missing."""
        beyond = (row[:, None] > self.upper).sum(axis=1)
        below = (row[:, None] < self.lower).sum(axis=1)
        scores: NDArray[np.float64] = np.concatenate([[0.0], self.levels])[np.maximum(beyond, below)]
        return scores


def shared_maximum(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Shapley values of the game "the maximum of `excess`" (d,), which is not negative; they sum to that
    maximum.
    """
    order = np.argsort(excess, kind="stable")
    slices = np.diff(excess[order], prepend=0.0) / np.arange(len(excess), 0, -1)
    shares = np.empty_like(excess)
    shares[order] = np.cumsum(slices)
    return shares


def _share_maximum(shares: NDArray[np.float64], excesses: list[tuple[float, int]]) -> None:
    """Add `shared_maximum` to `shares` (d,) for the few features, in ascending order, whose excess is not 0."""
    share = reached = 0.0
    for rank, (excess, feature) in enumerate(excesses):
        share += (excess - reached) / (len(excesses) - rank)
        shares[feature] += share
        reached = excess
