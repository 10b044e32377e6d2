"""The figures of drift: the population stability index, the effect, and what noise and the calendar alone can do."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_SMOOTHING = 0.5
_LEAST_NOISE = 1e-9
"""A variable with one value has no noise at all; whatever is divided by its limit is not divided by 0."""


def counts_between(edges: NDArray[np.float64], values: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many of `values` (n,) fall between these edges; the last count is the missing ones. Infinities fall in the
    outer bins.
    """
    missing = np.isnan(values)
    index = np.searchsorted(edges, values, side="left")
    index[missing] = len(edges) + 1
    return np.bincount(index, minlength=len(edges) + 2)


def _shares(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    smoothed = counts + _SMOOTHING
    shares: NDArray[np.float64] = smoothed / smoothed.sum(axis=-1, keepdims=True)
    return shares


def psi(
    reference_counts: Sequence[int] | NDArray[np.integer], counts: Sequence[int] | NDArray[np.integer]
) -> NDArray[np.float64]:
    """Population stability index of binned samples (…, bins); 0.5 is added to each count so that an empty bin stays
    finite.
    """
    p, q = _shares(np.asarray(reference_counts)), _shares(np.asarray(counts))
    index: NDArray[np.float64] = ((p - q) * np.log(p / q)).sum(axis=-1)
    return index


def effect(reference_counts: Sequence[int] | NDArray[np.integer], counts: Sequence[int] | NDArray[np.integer]) -> float:
    """The total variation distance: the share of rows, 0..1, that would have to change bin to turn one sample into the
    other.
    """
    p, q = np.asarray(reference_counts, float), np.asarray(counts, float)
    return float(np.abs(p / max(p.sum(), 1) - q / max(q.sum(), 1)).sum() / 2)


def hours_moved(before: Sequence[int] | NDArray[np.integer], now: Sequence[int] | NDArray[np.integer]) -> int:
    """By how many hours, −12 to 11, the whole pattern of the day has moved, from how many orders came in each hour.

    0 unless moving it explains half of the difference: what a season changes is not the same pattern elsewhere.
    """
    hours, recent = np.asarray(before)[:24], np.asarray(now)[:24]
    differences = {later: float(psi(np.roll(hours, later), recent)) for later in range(-12, 12)}
    best = min(differences, key=differences.__getitem__)
    return best if differences[best] < differences[0] / 2 else 0


def noise_limit(
    reference_counts: Sequence[int], rows: int, *, significance: float, draws: int = 200, seed: int = 0
) -> float:
    """The PSI that two samples of one distribution exceed with probability `significance`, at these sample sizes; above
    0.

    Both samples are redrawn `draws` times from the reference. So few draws can't show a quantile of 1 in 3,000, so a
    scaled χ² is fitted to their mean and variance (PSI of a true null is one, asymptotically) and its quantile taken by
    Wilson and Hilferty's cube root.
    """
    counts = np.asarray(reference_counts)
    shares = counts / counts.sum()
    generator = np.random.default_rng(seed)
    noise = psi(generator.multinomial(counts.sum(), shares, draws), generator.multinomial(rows, shares, draws))
    mean, variance = float(noise.mean()), float(noise.var(ddof=1))
    if variance == 0:
        return max(mean, _LEAST_NOISE)
    freedom = 2 * mean**2 / variance
    spread = 2 / (9 * freedom)
    normal = NormalDist().inv_cdf(1 - significance)
    return max(mean * max(0.0, 1 - spread + normal * math.sqrt(spread)) ** 3, _LEAST_NOISE)


def calendar_effect(period: float, days: float) -> float:
    """The largest effect that a sample over `days` shows because its last period is incomplete, all else unchanged.

    Beside k whole periods stands a part of one more, with a share q of a whole period's rows. So q / (k + q) of the
    rows come from that part alone, and 1 − q of these are in the wrong place. What part of the time has passed does not
    tell q, since nights are quiet: the largest effect over all q is (√(k + 1) − √k)², which is 1 before the first
    period is whole.
    """
    if period == 0.0:
        return 0.0
    whole = math.floor(days / period)
    return (math.sqrt(whole + 1) - math.sqrt(whole)) ** 2
