"""The threshold is what the wanted share of later orders reaches."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.alert_threshold import alert_threshold, amid, reached_by
from ml.config import Config
from ml.evidence import Kind
from ml.guarded_forest import fit

KINDS = [Kind("both", 0.1)] * 3


def rows(count: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, len(KINDS))).astype(np.float32)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_of_many_orders_the_threshold_counts(rate: float) -> None:
    evidence = np.random.default_rng(2).exponential(size=5_000)
    assert np.mean(evidence >= reached_by(evidence, rate)) == pytest.approx(rate, rel=0.05)


def test_of_few_orders_it_is_extrapolated() -> None:
    evidence = np.arange(1, 41) / 10
    assert reached_by(evidence, 0.01) > evidence[-1]
    assert reached_by(evidence, 0.5) == pytest.approx(np.median(evidence), abs=0.1)


def test_where_all_are_equal_the_threshold_is_theirs() -> None:
    assert reached_by(np.full(100, 3.0), 0.01) == 3.0


@pytest.mark.parametrize(("wanted", "threshold"), [(0.25, 0.25), (0.3, 0.6), (0.95, 0.95), (0.0, 0.05), (1.0, 0.95)])
def test_the_threshold_stands_between_scores(wanted: float, threshold: float) -> None:
    assert amid(np.array([0.1, 0.2, 0.3, 0.9]), wanted) == pytest.approx(threshold)


@pytest.mark.parametrize(("count", "times"), [(250, 2), (3_000, 1.3)])
def test_about_as_many_later_orders_are_flagged_as_was_asked_for(config: Config, count: int, times: float) -> None:
    """In the mean of some shops: in one, chance decides of a rate of one in a hundred of 250 orders."""
    later, forest = rows(10_000, 4), msgspec.structs.replace(config.forest, trees=20)
    flagged = []
    for seed in range(10):
        seen = rows(count, 50 + seed)
        model = fit(seen, KINDS, forest, config.guard)
        flagged.append(np.mean(model.scores(later).score >= alert_threshold(model, seen, KINDS, config)))
    assert config.alert.rate / times < np.mean(flagged) < config.alert.rate * times


def test_few_orders_give_no_storm_of_alerts(config: Config) -> None:
    seen, forest = rows(75, 7), msgspec.structs.replace(config.forest, trees=20)
    model = fit(seen, KINDS, forest, config.guard)
    flagged = np.mean(model.scores(rows(5_000, 8)).score >= alert_threshold(model, seen, KINDS, config))
    assert flagged < 3 * config.alert.rate


@pytest.mark.parametrize("start", [2_000, 3_000, 3_700])
def test_one_bad_week_sets_no_threshold(config: Config, start: int) -> None:
    seen, forest = rows(4_000, 5), msgspec.structs.replace(config.forest, trees=20)
    model = fit(seen, KINDS, forest, config.guard)
    spoilt = seen.copy()
    spoilt[start : start + 200] *= 8
    usual, after_all = (alert_threshold(model, part, KINDS, config) for part in (seen, spoilt))
    assert after_all <= usual + 0.1  # lower it may be: guards that know the bad week take less for odd
