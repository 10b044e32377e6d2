"""Training splits by time and takes its threshold from rows that it did not learn from."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config import Config
from ml.onnx_export import to_onnx
from ml.slices import TrainingError, slices
from ml.training import catalogue_days, train

NAMES = ["a", "b", "c"]


def rows(count: int = 3_000) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(count, len(NAMES))).astype(np.float32)


def moments(count: int = 3_000) -> NDArray[np.float64]:
    """An order every hour."""
    return np.arange(count, dtype=np.float64) * 3_600.0


def test_slices_follow_each_other_in_time(config: Config) -> None:
    parts = slices(1_000, config)
    assert (parts.train, parts.reference, parts.rows) == (700, 850, 1_000)


def test_too_few_orders_are_refused(config: Config) -> None:
    with pytest.raises(TrainingError, match="99 good orders are too few.* so 1 are missing.*quarantine"):
        slices(99, config)


@pytest.mark.parametrize("count", [100, 101, 137, 499, 500])
def test_from_a_hundred_orders_on_there_is_a_model(config: Config, count: int) -> None:
    trained = train(rows(count), moments(count), NAMES, config)
    assert trained.slices.rows == count
    assert 0 < trained.threshold <= 1


@pytest.mark.parametrize(
    ("train_share", "reference_share", "named"),
    [(0.005, 0.5, "training rows"), (0.7, 0.001, "the reference slice"), (0.7, 0.2999, "later orders")],
)
def test_a_slice_without_orders_is_named(
    config: Config, train_share: float, reference_share: float, named: str
) -> None:
    split = msgspec.structs.replace(config.split, train=train_share, reference=reference_share)
    with pytest.raises(TrainingError, match=f"`split` in the configuration leaves .* as {named}"):
        slices(1_000, msgspec.structs.replace(config, split=split))


@pytest.mark.no_cover
def test_later_orders_change_nothing(config: Config) -> None:
    other = rows()
    other[2_550:] = 99
    one, two = train(rows(), moments(), NAMES, config), train(other, moments(), NAMES, config)
    assert one.threshold == two.threshold
    assert one.reference == two.reference
    assert to_onnx(one.model, NAMES, {}) == to_onnx(two.model, NAMES, {})


@pytest.mark.no_cover
def test_the_number_of_threads_changes_nothing(config: Config) -> None:
    one, two = train(rows(), moments(), NAMES, config, jobs=1), train(rows(), moments(), NAMES, config, jobs=2)
    assert to_onnx(one.model, NAMES, {}) == to_onnx(two.model, NAMES, {})


def test_about_the_alert_rate_of_later_orders_reach_the_threshold(config: Config) -> None:
    trained = train(rows(), moments(), NAMES, config)
    later = trained.model.scores(rows()[trained.slices.train :]).score
    assert np.mean(later >= trained.threshold) == pytest.approx(config.alert.rate, rel=0.5)


def test_the_reference_knows_its_days_and_which_features_follow_the_calendar(config: Config) -> None:
    reference = train(rows(), moments(), ["lines", "hour_sine", "weekday_sine"], config).reference
    assert reference.days == pytest.approx(449 / 24)
    assert [bins.period for bins in reference.bins] == [0, 1, 7, 0]


def test_how_long_a_catalogue_lasts_follows_from_how_fast_unknown_skus_come() -> None:
    ages = np.linspace(0, 7, 20_000)
    unknown = np.random.default_rng(7).random(20_000) < 0.05 + 0.02 * ages
    assert catalogue_days(unknown, ages, 0.15) == pytest.approx(7.5, rel=0.15)
    assert catalogue_days(np.zeros(20_000, bool), ages, 0.15) == 0
    assert catalogue_days(unknown, np.zeros(20_000), 0.15) == 0
