"""The figures of drift: the population stability index, the effect, and what noise and the calendar alone can do."""

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from statistics import NormalDist
from typing import Any

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

    Both samples are redrawn `draws` times from the reference, each bin by itself: PSI compares shares, so it is the
    same whether a sample's size is drawn, too. So few draws can't show a quantile of 1 in 3,000, so a scaled χ² is
    fitted to their mean and variance (PSI of a true null is one, asymptotically) and its quantile taken by Wilson and
    Hilferty's cube root.
    """
    return _noise_limit(tuple(reference_counts), rows, significance, draws, seed)


@lru_cache(maxsize=128)
def _noise_limit(reference_counts: tuple[int, ...], rows: int, significance: float, draws: int, seed: int) -> float:
    """As many are kept as two references have variables: windows of as many rows ask for the same limits."""
    counts = np.asarray(reference_counts)
    expected = counts * (rows / counts.sum())
    chance = Random(seed)  # nosec B311  # draws, not secrets
    noise = psi(_poisson(counts, draws, chance), _poisson(expected, draws, chance))
    mean, variance = float(noise.mean()), float(noise.var(ddof=1))
    if variance == 0:
        return max(mean, _LEAST_NOISE)
    freedom = 2 * mean**2 / variance
    spread = 2 / (9 * freedom)
    normal = NormalDist().inv_cdf(1 - significance)
    return max(mean * max(0.0, 1 - spread + normal * math.sqrt(spread)) ** 3, _LEAST_NOISE)


def _poisson(means: NDArray[Any], draws: int, chance: Random) -> NDArray[np.int64]:
    """Draw (n, k) from Poisson distributions with these means (k,), by the inverse of the distribution function.

    `numpy.random` would be imported for this alone, and take three megabytes of a service's memory.
    """
    bins = np.arange(len(means))[:, None]
    reach = math.ceil(7 * math.sqrt(means.max())) + 7
    values = np.floor(means)[:, None] + np.arange(-reach, reach + 1)
    # each value's probability is that of the one before it, times mean / value
    steps = np.log(np.maximum(means, _LEAST_NOISE)[:, None] / np.maximum(values, 1.0)) * (values >= 1.0)
    logarithms = np.cumsum(steps, axis=1)
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True)) * (values >= 0.0)
    below = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    uniform = np.frombuffer(chance.randbytes(4 * draws * len(means)), "<u4").reshape(-1, draws) / 2**32
    places = np.searchsorted((below + bins).ravel(), uniform + bins) - bins * values.shape[1]
    return np.take_along_axis(values, np.minimum(places, 2 * reach), axis=1).T.astype(np.int64)


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
