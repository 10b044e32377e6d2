"""The model that is trained: an Isolation Forest and the guard beside it, whose evidence adds up to one score."""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest

from ml.config import ForestConfig, GuardConfig
from ml.evidence import Kind
from ml.guard import POWER, Guard, exponential_tail, fit_guard, tail_share
from ml.tails import Tails

LEAST_RISE = 0.02
"""How far above the score at the trees' roots, in ln, a forest score must be to be evidence: its reasons are shares of
that rise.
"""
_SMALLEST_SCALE = 1e-4


class ModelScores(NamedTuple):
    """Scores of n rows, float64 (n,) each, in 0..1; higher is more anomalous. `score` is never below `guard`, which is
    what it would be without the forest; `forest` is the Isolation Forest's own.
    """

    score: NDArray[np.float64]
    forest: NDArray[np.float64]
    guard: NDArray[np.float64]


class GuardedForest(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """The forest speaks as one more feature: its score is evidence of `slope` times what it is above `start`. With T,
    the sum of all evidence to the power of `POWER`, score = T / (T + half^`POWER`).
    """

    def __init__(self, forest: IsolationForest, guard: Guard, start: float, slope: float, half: float) -> None:
        self.forest = forest
        self.guard = guard
        self.start = start
        self.slope = slope
        self.half = half

    def scores(self, features: NDArray[np.float32]) -> ModelScores:
        """Score rows (n, d). This is the reference that the ONNX file is compared with."""
        forest, guard = forest_scores(self.forest, features), self.guard.parts(features).sum(axis=1)
        total = guard + self.forest_part(forest)
        even = self.half**POWER
        return ModelScores(total / (total + even), forest, guard / (guard + even))

    def forest_part(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The evidence, to the power of `POWER`, of the forest's scores (n,)."""
        evidence: NDArray[np.float64] = np.maximum((scores - self.start) * self.slope, 0.0)
        return evidence**POWER

    def evidence(self, scores: ModelScores) -> NDArray[np.float64]:
        """The evidence (n,) in one feature that would give these scores; infinite at 1."""
        with np.errstate(divide="ignore"):
            total = scores.score / (1 - scores.score)
        evidence: NDArray[np.float64] = self.half * np.cbrt(total)
        return evidence

    def score_of(self, evidence: float) -> float:
        """The score of so much evidence in one feature."""
        return evidence**POWER / (evidence**POWER + self.half**POWER)


def fit(
    train: NDArray[np.float32],
    kinds: Sequence[Kind],
    forest: ForestConfig,
    guard: GuardConfig,
    jobs: int = 1,
    tails: Tails | None = None,
) -> GuardedForest:
    """Fit forest and guard on the training rows (n, d), whose features are of these kinds (d). Where they are a
    sample, `tails` are those of all rows. `jobs` doesn't change the result.
    """
    trees = IsolationForest(
        n_estimators=forest.trees,
        max_samples=min(forest.sample_size, len(train)),
        max_features=forest.features_share,
        random_state=forest.seed,
        n_jobs=jobs,
    ).fit(np.where([kind.seldom for kind in kinds], np.float32(0), train))
    share = tail_share(len(train), guard)
    tail, scale = exponential_tail(forest_scores(trees, train), share, _SMALLEST_SCALE)
    start = max(tail + scale * math.log(share), root_score(trees) * math.exp(LEAST_RISE))
    return GuardedForest(trees, fit_guard(train, kinds, guard, tails), start, forest.weight / scale, guard.half)


def forest_scores(forest: IsolationForest, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The anomaly score of Liu, Ting and Zhou ("Isolation Forest", 2008), 2^(−E[path length] / c(sample size)), (n,).

    As `-forest.score_samples`, which refuses infinite values: rows are routed through the trees directly, as
    scikit-learn itself does.
    """
    depths = np.zeros(len(features))
    for tree, columns, lengths in zip(
        forest.estimators_, forest.estimators_features_, leaf_path_lengths(forest), strict=True
    ):
        depths += lengths[tree.tree_.apply(np.take(features, columns, axis=1))]
    scores: NDArray[np.float64] = np.exp(exponent_scale(forest) * depths)
    return scores


def root_score(forest: IsolationForest) -> float:
    """The forest's score of an order about which nothing is known yet: that of the path lengths that are expected at
    the trees' roots.
    """
    expected = 0.0
    for estimator, lengths in zip(forest.estimators_, leaf_path_lengths(forest), strict=True):
        leaf = estimator.tree_.children_left < 0
        expected += float(np.average(lengths[leaf], weights=estimator.tree_.n_node_samples[leaf]))
    return math.exp(exponent_scale(forest) * expected)


def exponent_scale(forest: IsolationForest) -> float:
    """A forest's score is exp(scale × Σ path lengths), which is 2^(−mean path length / c(sample size))."""
    return -math.log(2) / (len(forest.estimators_) * average_path_length(forest.max_samples_))


def leaf_path_lengths(forest: IsolationForest) -> list[NDArray[np.float64]]:
    """For each tree and node: its depth plus the average path length that the training rows in it would still have."""
    lengths = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        depth = tree.compute_node_depths() - 1.0
        lengths.append(depth + np.array([average_path_length(rows) for rows in tree.n_node_samples.tolist()]))
    return lengths


@cache
def average_path_length(rows: int) -> float:
    """c(n): the average path length of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou,
    equation 1).
    """
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return float(2 * (np.log(rows - 1.0) + np.euler_gamma) - 2 * (rows - 1.0) / rows)
