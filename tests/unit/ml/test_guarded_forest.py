"""The forest's score is scikit-learn's, and the guard says what it claims to say."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from ml.config import Config
from ml.guard import exponential_tail, fit_guard, log_exceedance
from ml.guarded_forest import GuardedForest, average_path_length, fit, forest_scores

WIDTH = 5


def usual(rows: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    values[:, 4] = 1
    return values


@pytest.fixture(scope="module")
def model(config: Config) -> GuardedForest:
    return fit(usual(4_000, 1), usual(2_000, 2), config.forest, config.guard)


def test_the_forests_score_is_scikit_learns(model: GuardedForest) -> None:
    rows = usual(500, 3)
    rows[::7, 1] = np.nan
    assert np.abs(forest_scores(model.forest, rows) + model.forest.score_samples(rows)).max() < 1e-15


def test_a_forest_on_missing_values_and_a_share_of_the_features_scores_as_scikit_learn_does() -> None:
    rows = usual(1_000, 4)
    rows[::5, 0] = np.nan
    forest = IsolationForest(n_estimators=20, max_features=0.6, random_state=3).fit(rows)
    assert np.abs(forest_scores(forest, rows) + forest.score_samples(rows)).max() < 1e-15


@pytest.mark.parametrize(("rows", "length"), [(0, 0.0), (1, 0.0), (2, 1.0), (256, 10.2447709)])
def test_average_path_length_is_the_papers(rows: int, length: float) -> None:
    assert average_path_length(rows) == pytest.approx(length, abs=1e-6)


def test_an_ordinary_row_leaves_the_guard_silent(model: GuardedForest) -> None:
    rows = np.array([[0, 0, 0, 0, 1], [1, -1, 1, -1, 1], [np.nan] * WIDTH], np.float32)
    assert model.guard.score(rows).tolist() == [0, 0, 0]


def test_the_further_out_one_feature_is_the_higher_the_guard(model: GuardedForest) -> None:
    rows = np.zeros((6, WIDTH), np.float32)
    rows[:, 4] = 1
    rows[:, 2] = [0, 3, 5, 8, 30, np.inf]
    scores = model.guard.score(rows)
    assert np.all(np.diff(scores) > 0)
    assert scores[-1] <= 1
    rows[:, 2] *= -1
    assert np.allclose(model.guard.score(rows), scores, atol=0.05)


def test_of_a_feature_that_never_varied_the_guard_says_nothing(model: GuardedForest) -> None:
    row = np.array([[0, 0, 0, 0, 1e6], [0, 0, 0, 0, -np.inf]], np.float32)
    assert model.guard.score(row).tolist() == [0, 0]


def test_guard_and_forest_are_equally_rare_but_for_the_forests_share(config: Config) -> None:
    reference = usual(20_000, 6)
    forest = np.random.default_rng(7).beta(20, 30, 20_000)
    guard = fit_guard(usual(20_000, 5), reference, forest, config.guard).score(reference)
    for limit in np.quantile(forest, [0.98, 0.99, 0.995]):
        guarded, forested = np.mean(guard >= limit), np.mean(forest >= limit)
        assert guarded == pytest.approx(forested / config.guard.forest_share, rel=0.35)


def test_anomalies_among_the_reference_hardly_move_the_tail() -> None:
    clean = np.random.default_rng(8).exponential(size=10_000)
    dirty = np.concatenate([clean, np.full(50, 1e6)])
    (start, scale), (dirty_start, dirty_scale) = exponential_tail(clean, 0.02), exponential_tail(dirty, 0.02)
    assert dirty_start == pytest.approx(start, rel=0.1)
    assert dirty_scale == pytest.approx(scale, rel=0.6)


def test_rarity_beyond_the_sample_is_that_of_an_exponential() -> None:
    sample = np.random.default_rng(9).exponential(size=200_000)
    assert log_exceedance(sample, np.array([1.0, 2.0, 10.0]), 0.02) == pytest.approx([-1, -2, -10], rel=0.1)


def test_what_the_forest_misses_the_guard_finds(model: GuardedForest) -> None:
    row = usual(1, 10)
    row[0, 0] = 9
    scores = model.scores(row)
    assert scores.guard[0] > scores.forest[0]
    assert scores.score[0] == scores.guard[0]
