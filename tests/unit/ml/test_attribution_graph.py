"""The attribution graph says what the walk through the trees says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.attribution_graph import attribution_graph
from ml.config import read_config
from ml.guarded_forest import GuardedForest, fit
from ml.onnx_export import to_attribution
from orderguard.scorer import EXPLAINED, session

WIDTH = 6


@pytest.fixture(scope="module")
def model() -> GuardedForest:
    rows = np.random.default_rng(5).normal(size=(3_000, WIDTH)).astype(np.float32)
    config = read_config()
    return fit(rows[:2_000], rows[2_000:], config.forest, config.guard)


@pytest.fixture(scope="module")
def rows() -> NDArray[np.float32]:
    generator = np.random.default_rng(6)
    usual, odd = generator.normal(size=(200, WIDTH)), generator.normal(scale=6, size=(200, WIDTH))
    return np.concatenate([usual, odd]).astype(np.float32)


def test_shares_from_the_graph_are_those_of_the_walk(model: GuardedForest, rows: NDArray[np.float32]) -> None:
    attribution = to_attribution(model)
    (moves,) = session(attribution_graph(attribution)).run(["moves"], {"features": rows})
    scores = model.scores(rows)
    assert 50 < (scores.guard > scores.forest).sum() < 350
    all_shares = attribution.shared_out(moves, rows, scores.forest, scores.guard)
    for row, shares, forest, guard in zip(rows, all_shares, scores.forest, scores.guard, strict=True):
        assert shares == pytest.approx(attribution.contributions(row), abs=1e-6)
        assert shares.sum() == pytest.approx(max(forest, guard) - attribution.baseline(), abs=1e-12)


def test_scores_from_the_graph_are_the_models(model: GuardedForest, rows: NDArray[np.float32]) -> None:
    graph = session(attribution_graph(to_attribution(model)))
    together = graph.run(EXPLAINED, {"features": rows})
    alone = [graph.run(EXPLAINED, {"features": rows[place : place + 1]}) for place in range(len(rows))]
    for found, one_by_one, expected in zip(together, zip(*alone, strict=True), model.scores(rows), strict=False):
        assert np.abs(found[:, 0] - expected).max() < 1e-14
        assert np.abs(found - np.concatenate(one_by_one)).max() < 1e-15


def test_the_graph_is_the_same_bytes_each_time(model: GuardedForest) -> None:
    assert attribution_graph(to_attribution(model)) == attribution_graph(to_attribution(model))
