"""The guard beside the forest: what each single feature says against an order, as evidence that adds up.

An Isolation Forest loses to a plain largest |z| where one feature alone is far out, because few of its trees split on
that feature. So each feature speaks for itself as well. Its evidence is −ln of the probability of a value so far out,
in the manner of ECOD (Li and others, "ECOD: Unsupervised outlier detection using empirical cumulative distribution
functions", 2022): as it was counted on the training rows, and beyond its last percents the mean of what was counted
and of what an exponential tail says. The count alone can't tell a hundredfold price from a tenfold one; the tail alone
takes what some skus do every week, such as postage at any price, for impossible.

What never varied has evidence, too, when it varies for the first time: a scale below the feature's `floor` is not
believed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


import numpy as np
from numpy.typing import NDArray

from ml.config import GuardConfig
from ml.evidence import Kind
from ml.tails import Counts, Tail, Tails

POWER = 3
"""Evidence adds up as the sum of its cubes: one feature that is far out carries an alarm, several that are less far out
add up, and features that tell one fact twice count little more than once.
"""

_NATURAL_MEDIAN = math.log(2)
_FAR = 1e3
"""How much evidence beyond the last knot a curve goes on."""


@dataclass(frozen=True)
class Guard:
    """A feature value above `upper` or below `lower` (d, levels) at level l is evidence of at least `levels[l]`; no
    value is where they are infinite.
    """

    upper: NDArray[np.float32]
    lower: NDArray[np.float32]
    levels: NDArray[np.float64]

    @property
    def cubes(self) -> NDArray[np.float64]:
        """The levels as they add up."""
        cubes: NDArray[np.float64] = self.levels**POWER
        return cubes

    def parts(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Each feature's evidence, to the power of `POWER`, (n, d): 0 where it is ordinary or missing."""
        values: NDArray[np.float64] = np.concatenate([[0.0], self.cubes])
        return values[reached_levels(self.upper, self.lower, features)]


def reached_levels(
    upper: NDArray[np.float32], lower: NDArray[np.float32], features: NDArray[np.float32]
) -> NDArray[np.int64]:
    """How many levels each value (n, d) has passed."""
    reached = np.empty(features.shape, np.int64)
    for place, (column, highest, lowest) in enumerate(zip(features.T, upper, lower, strict=True)):
        missing = np.isnan(column)
        known = np.where(missing, np.float32(0), column)
        passed = np.maximum(np.searchsorted(highest, known), np.searchsorted(-lowest, -known))
        reached[:, place] = np.where(missing, 0, passed)
    return reached


def levels_of(config: GuardConfig) -> NDArray[np.float64]:
    """The evidence that the guard tells apart, each `level_step` times the one before."""
    count = math.ceil(math.log(config.last_level / config.first_level, config.level_step))
    levels: NDArray[np.float64] = config.first_level * config.level_step ** np.arange(count + 1.0)
    return levels


def fit_guard(
    train: NDArray[np.float32], kinds: Sequence[Kind], config: GuardConfig, tails: Tails | None = None
) -> Guard:
    """Fit limits on the training rows (n, d), whose features are of these kinds (d). Where the rows are a sample,
    `tails` are those of all rows that it was drawn from.
    """
    levels = levels_of(config)
    silent = np.full(len(levels), np.inf)
    upper, lower = [], []
    for place, (column, kind) in enumerate(zip(train.T.astype(np.float64), kinds, strict=True)):
        known = np.sort(column[np.isfinite(column)])
        speaks = len(known) > 0
        high, low = speaks and kind.side in ("both", "high"), speaks and kind.side in ("both", "low")
        above, below = (tails.side(place, sign, nonzero=kind.nonzero) if tails else None for sign in (1, -1))
        upper.append(_limits(known, kind, levels, config, above) if high else silent)
        lower.append(_limits(-known[::-1], kind, levels, config, below) if low else silent)
    return Guard(np.array(upper, np.float32), -np.array(lower, np.float32), levels)


def _limits(
    ordered: NDArray[np.float64],
    kind: Kind,
    levels: NDArray[np.float64],
    config: GuardConfig,
    tail: Tail | None = None,
) -> NDArray[np.float64]:
    """The values at which the evidence reaches each level, ascending; none where it is above the ceiling.

    Among the orders where a feature isn't 0 stands one more where it is: that is where its evidence begins.
    """
    if kind.nonzero:
        ordered = np.concatenate([[0.0], ordered[ordered > 0.0]])
    counts = tail.joined(Counts.of(ordered)) if tail else Counts.of(ordered)
    alike = (counts.rows - counts.above(ordered[0])) / counts.rows
    if kind.seldom and 1 - alike <= tail_share(counts.rows, config):
        values, evidence = seldom_curve(counts, kind.floor)
    else:
        values, evidence = evidence_curve(ordered, kind.floor, config, counts)
    limits: NDArray[np.float64] = np.where(levels <= kind.ceiling, np.interp(levels, evidence, values), np.inf)
    return limits


def evidence_curve(
    ordered: NDArray[np.float64], floor: float, config: GuardConfig, counts: Counts | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values, ascending, and the evidence of a value so high or higher (k,), between which it is linear; measured on
    the ascending sample (n,), whose `counts` may be those of more rows.

    Half an observation stands for what was never seen, so a small sample makes no strong claims.
    """
    start, scale = exponential_tail(ordered, tail_share(len(ordered), config), floor)
    values, at_or_above, rows = found = counts or Counts.of(ordered)
    values = np.append(values, values[-1] + scale)
    counted = -np.log((np.append(at_or_above, 0) + 0.5) / (rows + 1))
    beyond = found.above(start)
    extrapolated = (values - start) / scale - math.log((beyond + 0.5) / (rows + 1))
    evidence = np.where(values <= start, counted, (counted + extrapolated) / 2)
    evidence = np.maximum.accumulate(np.append(evidence, evidence[-1] + _FAR))
    return np.append(values, values[-1] + 2 * _FAR * scale), evidence


def seldom_curve(counts: Counts, floor: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`evidence_curve` where nearly all rows are at their lowest: how rare it is to be above that, and one more for
    each `floor`.

    The few that are above are as likely what is looked for as what is usual, so how far above they are tells nothing.
    """
    lowest = float(counts.values[0])
    begins = 1 - math.log((counts.above(lowest) + 0.5) / (counts.rows + 1))
    values = lowest + floor * np.array([0.0, 1.0, 1.0 + _FAR])
    return values, np.array([0.0, begins, begins + _FAR])


def tail_share(rows: int, config: GuardConfig) -> float:
    """The share of so many rows that a tail is fitted on: `config.tail`, of few rows more."""
    return min(0.5, max(config.tail, config.tail_rows / rows))


def exponential_tail(sample: NDArray[np.float64], share: float, floor: float) -> tuple[float, float]:
    """Where the highest `share` of `sample` starts, and the scale of an exponential distribution with its median
    excess, at least `floor`.

    A median, so that anomalies in the sample hardly move it.
    """
    start = float(np.quantile(sample, 1 - share, method="lower"))
    excess = sample[sample > start] - start
    return start, max(float(np.median(excess)) / _NATURAL_MEDIAN if len(excess) else 0.0, floor)
