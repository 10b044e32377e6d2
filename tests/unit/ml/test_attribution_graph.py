"""The attribution graph scores as the model does, and its reasons add up and are honest."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.attribution_graph import attribution_graph, expected_lengths
from ml.config import Config
from ml.evidence import Kind
from ml.guarded_forest import GuardedForest, exponent_scale, fit, leaf_path_lengths
from orderguard.scorer import explain_rows, session

pytestmark = pytest.mark.no_cover

WIDTH = 6
KINDS = [Kind("both", 0.1)] * WIDTH


def usual(count: int, seed: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def model(config: Config) -> GuardedForest:
    return fit(usual(2_000), KINDS, config.forest, config.guard)


@pytest.fixture(scope="module")
def graph(model: GuardedForest) -> bytes:
    return attribution_graph(model)


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    """Ordinary ones, odd ones, and ones that don't tell all."""
    mixed = np.concatenate([usual(200, 6), usual(200, 7) * 6])
    mixed[::9, 2] = np.nan
    return mixed


def walked(model: GuardedForest, row: NDArray[np.float32]) -> NDArray[np.float64]:
    """The contributions by a plain walk through the trees."""
    moves, scale = np.zeros(len(row)), exponent_scale(model.forest)
    for estimator, chosen, lengths in zip(
        model.forest.estimators_, model.forest.estimators_features_, leaf_path_lengths(model.forest), strict=True
    ):
        tree, values, node = estimator.tree_, scale * expected_lengths(estimator.tree_, lengths), 0
        while tree.children_left[node] >= 0:
            feature = chosen[tree.feature[node]]
            missing = np.isnan(row[feature])
            left = tree.missing_go_to_left[node] if missing else row[feature] <= tree.threshold[node]
            child = tree.children_left[node] if left else tree.children_right[node]
            moves[feature] += values[child] - values[node]
            node = child
    forest = model.forest_part(model.scores(row[None]).forest)[0]
    parts = model.guard.parts(row[None])[0] + (moves * forest / moves.sum() if forest else 0.0)
    result: NDArray[np.float64] = parts / (parts.sum() + model.half**3)
    return result


def test_contributions_are_those_of_a_walk_through_the_trees(
    model: GuardedForest, graph: bytes, rows: NDArray[np.float32]
) -> None:
    _, found = explain_rows(session(graph), rows)
    some = rows[1::40]
    assert (model.forest_part(model.scores(some).forest) > 0).sum() > 2
    for row, shares in zip(some, found[1::40], strict=True):
        assert shares == pytest.approx(walked(model, row), abs=1e-6)


def test_contributions_sum_to_the_score(graph: bytes, rows: NDArray[np.float32]) -> None:
    scores, found = explain_rows(session(graph), rows)
    assert np.abs(found.sum(axis=1) - scores.score).max() < 1e-13


def test_scores_are_the_models(model: GuardedForest, graph: bytes, rows: NDArray[np.float32]) -> None:
    explainer = session(graph)
    scores, contributions = explain_rows(explainer, rows)
    for found, expected in zip(scores, model.scores(rows), strict=True):
        assert np.abs(found - expected).max() < 1e-14
    alone = np.concatenate([explain_rows(explainer, rows[place : place + 1])[1] for place in range(0, len(rows), 7)])
    assert np.abs(contributions[::7] - alone).max() < 1e-6  # float32 sums of moves, in another order


def test_the_one_feature_that_is_far_out_is_named_first(graph: bytes) -> None:
    rows = np.zeros((2 * WIDTH, WIDTH), np.float32)
    for place in range(WIDTH):
        rows[place, place], rows[WIDTH + place, place] = 7, -7
    _, found = explain_rows(session(graph), rows)
    assert found.argmax(axis=1).tolist() == [*range(WIDTH), *range(WIDTH)]
    assert np.all(found.max(axis=1) > 0.5 * found.sum(axis=1))


def test_trees_of_one_feature_each_are_explained_too(config: Config) -> None:
    model = fit(usual(1_000), KINDS, msgspec.structs.replace(config.forest, features_share=0.01), config.guard)
    scores, found = explain_rows(session(attribution_graph(model)), usual(20) * 3)
    assert np.abs(found.sum(axis=1) - scores.score).max() < 1e-12


def test_the_graph_is_the_same_bytes_each_time(model: GuardedForest, graph: bytes) -> None:
    assert attribution_graph(model) == graph
