"""The model that is trained: an Isolation Forest and the guard beside it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest

from ml.config import ForestConfig, GuardConfig
from ml.guard import Guard, fit_guard


class ModelScores(NamedTuple):
    """Scores of n rows, float64 (n,) each, in 0..1; higher is more anomalous. `score` is the larger of the two."""

    score: NDArray[np.float64]
    forest: NDArray[np.float64]
    guard: NDArray[np.float64]


class GuardedForest(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """score = max(forest, guard): what is rare in combination, and what is far out in one feature."""

    def __init__(self, forest: IsolationForest, guard: Guard) -> None:
        self.forest = forest
        self.guard = guard

    def scores(self, features: NDArray[np.float32]) -> ModelScores:
        """Score rows (n, d). This is the reference that the ONNX file is held against."""
        forest, guard = forest_scores(self.forest, features), self.guard.score(features)
        return ModelScores(np.maximum(forest, guard), forest, guard)


def fit(
    train: NDArray[np.float32], reference: NDArray[np.float32], forest: ForestConfig, guard: GuardConfig, jobs: int = 1
) -> GuardedForest:
    """Fit the forest on the training rows (n, d) and calibrate the guard on the reference rows (m, d). `jobs` doesn't
    change the result.
    """
    trees = IsolationForest(
        n_estimators=forest.trees,
        max_samples=min(forest.sample_size, len(train)),
        max_features=forest.features_share,
        random_state=forest.seed,
        n_jobs=jobs,
    ).fit(train)
    return GuardedForest(trees, fit_guard(train, reference, forest_scores(trees, reference), guard))


def forest_scores(forest: IsolationForest, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The anomaly score of Liu, Ting and Zhou ("Isolation Forest", 2008), 2^(−E[path length] / c(sample size)), (n,).

    As `-forest.score_samples`, which refuses infinite values: rows are routed through the trees directly, as
    scikit-learn itself does.
    """
    depths = np.zeros(len(features))
    for tree, columns, lengths in zip(
        forest.estimators_, forest.estimators_features_, leaf_path_lengths(forest), strict=True
    ):
        depths += lengths[tree.tree_.apply(np.ascontiguousarray(features[:, columns]))]
    scores: NDArray[np.float64] = 2 ** (-depths / (len(forest.estimators_) * average_path_length(forest.max_samples_)))
    return scores


def leaf_path_lengths(forest: IsolationForest) -> list[NDArray[np.float64]]:
    """For each tree and node: its depth plus the average path length that the training rows in it would still have."""
    lengths = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        depth = np.zeros(tree.node_count)
        for node in range(tree.node_count):  # a parent's number is below its children's
            if tree.children_left[node] >= 0:
                depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
        lengths.append(depth + np.array([average_path_length(rows) for rows in tree.n_node_samples.tolist()]))
    return lengths


def average_path_length(rows: int) -> float:
    """c(n): the average path length of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou,
    equation 1).
    """
    if rows <= 1:
        return 0.0
    if rows == 2:
        return 1.0
    return float(2 * (np.log(rows - 1.0) + np.euler_gamma) - 2 * (rows - 1.0) / rows)
