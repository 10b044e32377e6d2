"""The forest's score is scikit-learn's, the guard says what it claims to say, and evidence adds up."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from ml.config import Config
from ml.evidence import Kind
from ml.guard import Guard, evidence_curve, exponential_tail, fit_guard
from ml.guarded_forest import GuardedForest, average_path_length, fit, forest_scores, root_score

WIDTH = 5
CONSTANT = 4
KINDS = [Kind("both", 0.05)] * CONSTANT + [Kind("both", 0.1)]


def usual(rows: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)
    values[:, CONSTANT] = 1
    return values


def ordinary(count: int = 1) -> NDArray[np.float32]:
    rows = np.zeros((count, WIDTH), np.float32)
    rows[:, CONSTANT] = 1
    return rows


@pytest.fixture(scope="module")
def model(config: Config) -> GuardedForest:
    return fit(usual(4_000, 1), KINDS, config.forest, config.guard)


def evidence(guard: Guard, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.cbrt(guard.parts(rows))


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
    rows = np.array([[0, 0, 0, 0, 1], [0.2, -0.2, 0.2, -0.2, 1], [np.nan] * WIDTH], np.float32)
    assert model.guard.parts(rows).sum(axis=1).tolist() == [0, 0, 0]


def test_evidence_is_minus_ln_of_a_share_as_far_as_it_can_be_counted(model: GuardedForest) -> None:
    rows = usual(20_000, 6)
    found = evidence(model.guard, rows)[:, :CONSTANT]
    for level in (2.0, 3.0, 4.0):
        assert np.mean(found >= level, axis=0) == pytest.approx(2 * math.exp(-level), rel=0.4)  # of either side


def test_the_further_out_one_feature_is_the_higher_the_score(model: GuardedForest) -> None:
    rows = ordinary(7)
    for sign in (1, -1):
        rows[:, 2] = [0, 2, 3, 4, 5, 8, np.inf]
        rows[:, 2] *= sign
        scores = model.scores(rows)
        assert np.all(np.diff(scores.guard) > 0)
        assert scores.guard[-1] <= 1 and scores.guard[0] == 0


def test_one_feature_alone_can_carry_an_alarm(model: GuardedForest) -> None:
    normal, row = model.scores(usual(2_000, 7)).score, ordinary()
    row[0, 0] = 9
    assert model.scores(row).score[0] > normal.max()


def test_several_features_add_up_that_alone_would_carry_none(model: GuardedForest) -> None:
    threshold = float(np.quantile(model.scores(usual(5_000, 8)).score, 0.995))
    one, four = ordinary(), ordinary()
    one[0, 0] = four[0, :CONSTANT] = 2.9
    assert model.scores(one).score[0] < threshold < model.scores(four).score[0]


def test_one_fact_told_twice_counts_little_more_than_once(config: Config) -> None:
    rows = usual(4_000, 9)
    twice = np.column_stack([rows, rows[:, 0]])
    out = ordinary()
    out[0, 0] = 4
    once = evidence(fit_guard(rows, KINDS, config.guard), out)
    both = evidence(fit_guard(twice, [*KINDS, KINDS[0]], config.guard), np.column_stack([out, out[:, 0]]))
    norms = [np.cbrt((found**3).sum()) for found in (once, both)]
    assert norms[1] == pytest.approx(norms[0] * 2 ** (1 / 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-50, 50, width=32), min_size=WIDTH, max_size=WIDTH), st.integers(0, WIDTH - 1))
def test_the_further_out_the_more_evidence(model: GuardedForest, values: list[float], place: int) -> None:
    row = np.array([values], np.float32)
    further = row.copy()
    further[0, place] = (further[0, place] - ORDINARY[place]) * 2 + ORDINARY[place]
    assert np.all(model.guard.parts(further) >= model.guard.parts(row))


ORDINARY = np.array([0, 0, 0, 0, 1], np.float32)


def test_what_never_varied_speaks_when_it_varies(model: GuardedForest) -> None:
    rows = ordinary(4)
    rows[1:, CONSTANT] = [1.001, 3, -np.inf]
    found = evidence(model.guard, rows)[:, CONSTANT]
    assert found[0] == 0
    assert found[1] < 1  # a hundredth of the feature's floor is nothing yet
    assert found[2] > 10 and found[3] > 10


def test_a_price_that_was_always_the_same_is_found_when_it_is_ten_times_that(config: Config) -> None:
    prices = np.zeros((2_000, 1), np.float32)
    guard = fit_guard(prices, [Kind("high", 0.1)], config.guard)
    assert evidence(guard, np.log(np.array([[10.0]], np.float32)))[0, 0] > 15


@pytest.mark.parametrize(("side", "high", "low"), [("high", 1, 0), ("low", 0, 1), ("both", 1, 1), ("none", 0, 0)])
def test_only_a_features_own_side_is_evidence(config: Config, side: str, high: int, low: int) -> None:
    rows = usual(2_000, 10)[:, :1]
    guard = fit_guard(rows, [Kind(side, 0.05)], config.guard)  # type: ignore[arg-type]
    found = guard.parts(np.array([[9], [-9]], np.float32))[:, 0] > 0
    assert found.tolist() == [bool(high), bool(low)]


def test_a_ceiling_is_never_passed_though_the_evidence_rises_to_it(config: Config) -> None:
    rows = usual(2_000, 11)[:, :1]
    free, held = (fit_guard(rows, [Kind("both", 0.05, ceiling)], config.guard) for ceiling in (math.inf, 3.0))
    far = np.array([[0], [1], [2], [9], [-9], [np.inf]], np.float32)
    assert evidence(held, far) == pytest.approx(np.minimum(evidence(free, far), held.levels[held.levels <= 3].max()))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.9])
def test_among_orders_where_it_isnt_0_that_it_isnt_is_no_evidence(config: Config, share: float) -> None:
    random = np.random.default_rng(12)
    rows = np.where(random.random(2_000) < share, random.normal(3, 1, 2_000), 0.0).astype(np.float32)[:, None]
    guard = fit_guard(rows, [Kind("both", 1.0, nonzero=True)], config.guard)
    found = evidence(guard, np.array([[0], [-0.5], [0.5], [1], [40], [400]], np.float32))[:, 0]
    assert found[0] == 0 and np.all(found[1:4] < 3)
    assert found[4] > 4 and found[5] > 30


@pytest.mark.parametrize("share", [0.0, 0.002, 0.015])
def test_what_seldom_varies_is_as_rare_as_varying_is_however_far_it_went(config: Config, share: float) -> None:
    """So attacks that nobody noticed don't hide the next one."""
    varied = round(4_000 * share)
    kind, asked = Kind("high", 0.15, seldom=True), np.array([[0.0], [0.15], [0.6], [1.5]], np.float32)
    found = [
        evidence(fit_guard(np.r_[np.zeros(4_000 - varied), np.full(varied, far)][:, None], [kind], config.guard), asked)
        for far in (0.1, 0.5, 2.0)
    ]
    rarity = -math.log((varied + 0.5) / 4_001)
    assert found[0] == pytest.approx(np.array([[0], [rarity + 1], [rarity + 4], [rarity + 10]]), rel=0.06)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[1], found[2])


def test_a_feature_that_was_never_told_says_nothing(config: Config) -> None:
    rows = np.full((200, 1), np.nan, np.float32)
    guard = fit_guard(rows, [Kind("both", 0.1)], config.guard)
    assert guard.parts(np.array([[5], [-5], [np.nan]], np.float32)).sum() == 0


@pytest.mark.parametrize("rows", [1, 2, 5, 20, 100])
def test_few_rows_make_no_strong_claims(config: Config, rows: int) -> None:
    sample = np.sort(np.random.default_rng(rows).normal(size=rows))
    values, found = evidence_curve(sample, 0.05, config.guard)
    assert np.all(np.diff(values) > 0) and np.all(np.diff(found) >= 0)
    within = float(np.interp(sample[-1], values, found))
    assert within <= math.log(2 * (rows + 1))


def test_anomalies_among_the_rows_hardly_move_the_tail() -> None:
    clean = np.random.default_rng(8).exponential(size=10_000)
    dirty = np.concatenate([clean, np.full(50, 1e6)])
    (start, scale), (dirty_start, dirty_scale) = exponential_tail(clean, 0.02, 0), exponential_tail(dirty, 0.02, 0)
    assert dirty_start == pytest.approx(start, rel=0.1)
    assert dirty_scale == pytest.approx(scale, rel=0.6)


def test_evidence_beyond_the_sample_grows_with_half_of_an_exponentials(config: Config) -> None:
    sample = np.sort(np.random.default_rng(9).exponential(size=200_000))
    values, found = evidence_curve(sample, 0.01, config.guard)
    assert np.interp([1.0, 2.0, 6.0], values, found) == pytest.approx([1, 2, 6], rel=0.1)
    assert np.diff(np.interp([30.0, 40.0], values, found)) == pytest.approx(5, rel=0.1)


def test_the_forest_is_evidence_from_above_its_roots_on(model: GuardedForest) -> None:
    assert model.start > root_score(model.forest)
    rows = np.full((1, WIDTH), 2.5, np.float32)
    scores = model.scores(rows)
    assert scores.forest[0] > model.start
    assert scores.score[0] > scores.guard[0]


def test_half_the_evidence_scores_one_half(model: GuardedForest) -> None:
    assert model.score_of(model.half) == 0.5
    assert model.scores(ordinary()).score[0] < 0.5
