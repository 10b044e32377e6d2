"""A guard beside the forest: how far out a row is in its most extreme single feature.

An Isolation Forest loses to a plain largest |z| where one feature alone is far out, because few trees split on that
feature. The guard is that largest z, made robust: a feature's distance from its median, in units of the wider of its
standard deviation and, for each side, the deviation that a normal distribution with the same 99th percentile would
have. So neither skewed nor mostly constant features raise it for nothing.

Its levels are then written in the forest's own terms, so that the two combine by their maximum: a guard score of 0.62
is exceeded on the reference slice as often as 0.62 would be by a forest that raises only `forest_share` as many alerts
as it otherwise would.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config import GuardConfig

_QUANTILE = 0.99
_NORMAL_QUANTILE = 2.3263478740408408
_LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class Guard:
    """A feature value above `upper` or below `lower` (d, levels) at level l scores at least `scores[l]`; no value does
    where they are infinite.
    """

    upper: NDArray[np.float32]
    lower: NDArray[np.float32]
    scores: NDArray[np.float64]

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The guard score of each row, (n,): 0 where all features are ordinary; a missing value is ordinary."""
        scores: NDArray[np.float64] = np.concatenate([[0.0], self.scores])
        return scores[reached_level(self.upper, self.lower, features)]


def reached_level(
    upper: NDArray[np.float32], lower: NDArray[np.float32], features: NDArray[np.float32]
) -> NDArray[np.int64]:
    """How many levels the most extreme feature of each row has passed, (n,)."""
    reached = np.zeros(len(features), np.int64)
    for column, highest, lowest in zip(features.T, upper, lower, strict=True):
        missing = np.isnan(column)
        known = np.where(missing, np.float32(0), column)
        passed = np.maximum(np.searchsorted(highest, known), np.searchsorted(-lowest, -known))
        np.maximum(reached, np.where(missing, 0, passed), out=reached)
    return reached


def levels_of(config: GuardConfig) -> NDArray[np.float64]:
    """The z values that the guard tells apart, each `level_step` times the one before."""
    count = math.ceil(math.log(config.last_level / config.first_level, config.level_step))
    levels: NDArray[np.float64] = config.first_level * config.level_step ** np.arange(count + 1.0)
    return levels


def fit_guard(
    train: NDArray[np.float32],
    reference: NDArray[np.float32],
    reference_forest: NDArray[np.float64],
    config: GuardConfig,
) -> Guard:
    """Fit limits on the training rows (n, d), and match their rarity to the forest's scores (m,) on the reference
    rows (m, d).
    """
    levels = levels_of(config)
    columns = train.T.astype(np.float64)
    upper = np.array([_limits(column, levels) for column in columns], np.float32)
    lower = -np.array([_limits(-column, levels) for column in columns], np.float32)
    passed = np.concatenate([[0.0], levels])[reached_level(upper, lower, reference)]
    log_share = log_exceedance(passed, levels, config.calibration_tail) + math.log(config.forest_share)
    return Guard(upper, lower, _exceeded_as_often(log_share, reference_forest, config.calibration_tail))


def _limits(values: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values at which z reaches each level, ascending; infinite for a feature that never varied, of which
    nothing can be said.
    """
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return np.full(len(levels), np.inf)
    median, high = np.quantile(values, [0.5, _QUANTILE])
    unit = max(float(np.std(values)), (high - median) / _NORMAL_QUANTILE)
    limits: NDArray[np.float64] = median + levels * unit if unit > 0 else np.full(len(levels), np.inf)
    return limits


def log_exceedance(sample: NDArray[np.float64], values: NDArray[np.float64], tail: float) -> NDArray[np.float64]:
    """ln P(X ≥ value) for each of `values` (k,): measured on `sample` (n,) down to `tail`, exponential with the
    median excess beyond.

    A median, so that anomalies in the sample hardly move it.
    """
    ordered = np.sort(sample)
    start, scale = exponential_tail(sample, tail)
    measured = np.log((len(ordered) - np.searchsorted(ordered, values, side="left") + 0.5) / (len(ordered) + 1))
    return np.where(values <= start, measured, math.log(tail) - (values - start) / scale)


def exponential_tail(sample: NDArray[np.float64], tail: float) -> tuple[float, float]:
    """Where the tail of `sample` starts, and the scale of an exponential distribution with the tail's median excess."""
    start = float(np.quantile(sample, 1 - tail))
    excess = sample[sample > start] - start
    return start, max(float(np.median(excess)) if len(excess) else 0.0, _LEAST_SCALE) / math.log(2)


def _exceeded_as_often(log_share: NDArray[np.float64], forest: NDArray[np.float64], tail: float) -> NDArray[np.float64]:
    """The forest scores that are exceeded with these probabilities (k,); beyond the tail's start bent so that they
    stay below 1.
    """
    start, scale = exponential_tail(forest, tail)
    beyond = np.maximum(math.log(tail) - log_share, 0) * scale
    extrapolated = start + (1 - start) * -np.expm1(-beyond / (1 - start))
    measured = np.quantile(forest, 1 - np.exp(np.minimum(log_share, 0)))
    return np.maximum.accumulate(np.where(log_share > math.log(tail), measured, extrapolated))
