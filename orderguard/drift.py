"""Drift: how far recent orders have moved from the reference set, with a noise limit that knows how many rows were
compared.

The population stability index (PSI) of two binned samples is Σ (p − q) · ln(p / q). The customary limits of 0.1 and
0.25 ignore that its sampling noise grows as 1/n: at ten bins the 99th percentile of pure noise is 0.235 for 100 rows
and 0.007 for 3,000. Here a feature has drifted only when its PSI is above the noise that the same comparison shows
*without* drift, corrected for the number of features, **and** the effect, the share of rows that changed bin, is large
enough to matter.

A feature that follows the calendar moves by itself where the rows do not cover whole periods: a morning's orders have
none of the evening, five days' none of the weekend. What an incomplete period alone can move counts for nothing.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import NormalDist
from threading import Lock
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

SCORE = "score"
_SMOOTHING = 0.5
_BLOCK = 1_024
_LEAST_NOISE = 1e-9
"""A variable with one value has no noise at all; whatever is divided by its limit is not divided by 0."""
_SECONDS_A_DAY = 86_400.0


class DriftSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a shift counts. `significance` is the chance that any feature at all is called drifted where nothing has
    moved.
    """

    significance: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    minimum_effect: Annotated[float, Meta(gt=0, lt=1)] = 0.15
    minimum_rows: Annotated[int, Meta(ge=1)] = 200
    draws: Annotated[int, Meta(ge=10)] = 200


class Bins(msgspec.Struct, frozen=True, kw_only=True):
    """A variable's reference distribution: `edges` split the line into len(edges) + 1 bins; the last of `counts` is the
    missing values. `period` is that of a feature that follows the calendar, in days, else 0.
    """

    name: str
    edges: list[float]
    counts: list[int]
    period: float = 0.0


class DriftReference(msgspec.Struct, frozen=True, kw_only=True):
    """What recent orders are compared with: one `Bins` a feature, and the score's as the last one. The reference rows
    span `days`; 0 where that is not known.
    """

    bins: list[Bins]
    settings: DriftSettings
    days: float = 0.0

    @classmethod
    def read(cls, version_dir: Path) -> "DriftReference":
        return msgspec.json.decode((version_dir / "reference.json").read_bytes(), type=cls)

    def write(self, version_dir: Path) -> None:
        (version_dir / "reference.json").write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


class VariableDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one variable. `limit` is the PSI that noise alone stays under. `effect` is in 0..1; it matters
    from `effect_limit` on, which above 1 means that the rows cover too little of the calendar for a verdict.
    """

    name: str
    psi: float
    limit: float
    effect: float
    effect_limit: float
    drifted: bool


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a set of rows. `enough` is false below the minimum number of rows; nothing is called drifted
    then.
    """

    rows: int
    enough: bool
    drifted: bool
    variables: list[VariableDrift]


def reference_bins(name: str, values: NDArray[np.floating], bins: int = 10, *, period: float = 0.0) -> Bins:
    """Bins of equal frequency of `values` (n,); a variable with few distinct values gets one bin for each.

    A value that all rows have, or all but the highest, has a bin of its own: whatever lies below it has moved.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    distinct = np.unique(finite)
    if 1 < len(distinct) <= bins:
        edges = (distinct[:-1] + distinct[1:]) / 2
    else:
        edges = np.quantile(finite, np.arange(1, bins) / bins) if len(distinct) else finite
    edges = edges.astype(np.float32)
    if np.any(edges[1:] == edges[:1]):
        edges = np.append(edges, np.nextafter(edges[0], np.float32(-np.inf)))
    edges = np.unique(edges).astype(np.float64)
    return Bins(name=name, edges=edges.tolist(), counts=_counts(edges, values).tolist(), period=period)


def bin_counts(bins: Bins, values: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many of `values` (n,) fall in each bin; the last count is the missing ones. Infinities fall in the outer
    bins.
    """
    return _counts(np.asarray(bins.edges), values)


def _counts(edges: NDArray[np.float64], values: NDArray[np.floating]) -> NDArray[np.int64]:
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


def compare(reference: DriftReference, counts: Sequence[NDArray[np.integer]], days: float) -> DriftReport:
    """Hold the counts of recent rows, one array a variable in the reference's order, against the reference. The recent
    rows span `days`.
    """
    settings = reference.settings
    rows = int(counts[0].sum())
    enough = rows >= settings.minimum_rows
    each = settings.significance / len(reference.bins)
    variables = []
    for bins, recent in zip(reference.bins, counts, strict=True):
        limit = noise_limit(bins.counts, max(rows, 1), significance=each, draws=settings.draws)
        index, moved = float(psi(bins.counts, recent)), effect(bins.counts, recent)
        least = settings.minimum_effect
        least += calendar_effect(bins.period, reference.days) + calendar_effect(bins.period, days)
        drifted = enough and index > limit and moved >= least
        variables.append(
            VariableDrift(name=bins.name, psi=index, limit=limit, effect=moved, effect_limit=least, drifted=drifted)
        )
    return DriftReport(rows=rows, enough=enough, drifted=any(v.drifted for v in variables), variables=variables)


def compare_rows(
    reference: DriftReference, features: NDArray[np.floating], scores: NDArray[np.floating], days: float
) -> DriftReport:
    """`compare` for feature rows (n, d) and their scores (n,), which span `days`."""
    columns = [*features.T, scores]
    counts = [bin_counts(bins, column) for bins, column in zip(reference.bins, columns, strict=True)]
    return compare(reference, counts, days)


def days_spanned(moments: NDArray[np.float64]) -> float:
    """The days from the first to the last of `moments` (n,), in epoch seconds."""
    return float(np.ptp(moments)) / _SECONDS_A_DAY if len(moments) else 0.0


class _Counted(NamedTuple):
    """A block of rows: when the first of them was added, and the counts of each variable."""

    began: float
    counts: list[NDArray[np.int64]]


class DriftCounter:
    """Counts of the last `window` rows that were scored, kept up to date while serving. Safe to share between threads.

    A row is copied into a block; a full block is binned at once, so that adding a row costs about a microsecond. What
    the rows span is taken from `clock`, in seconds: orders of last year that are scored in a minute span a minute.
    """

    def __init__(
        self, reference: DriftReference, window: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reference = reference
        self._clock = clock
        self._block = np.empty((_BLOCK, len(reference.bins)), np.float64)
        self._used = 0
        self._began = self._ended = clock()
        self._blocks: deque[_Counted] = deque(maxlen=max(1, window // _BLOCK))
        self._lock = Lock()

    def add_rows(self, features: NDArray[np.floating], scores: NDArray[np.floating]) -> None:
        """Count many scored rows: features (n, d), scores (n,)."""
        with self._lock:
            self._ended = self._clock()
            start = 0
            while start < len(scores):
                if self._used == 0:
                    self._began = self._ended
                end = min(len(scores), start + _BLOCK - self._used)
                block = self._block[self._used : self._used + end - start]
                block[:, :-1] = features[start:end]
                block[:, -1] = scores[start:end]
                self._used += end - start
                start = end
                if self._used == _BLOCK:
                    self._blocks.append(_Counted(self._began, self._binned()))
                    self._used = 0

    def report(self) -> DriftReport:
        """The verdict on the rows counted so far (some tens of milliseconds: ask at intervals, not for each
        request).
        """
        with self._lock:
            blocks = [*self._blocks, _Counted(self._began, self._binned())]
            days = (self._ended - blocks[0].began) / _SECONDS_A_DAY
        counts = [np.sum(each, axis=0) for each in zip(*(block.counts for block in blocks), strict=True)]
        return compare(self._reference, counts, days)

    def _binned(self) -> list[NDArray[np.int64]]:
        columns = self._block[: self._used].T
        return [bin_counts(bins, column) for bins, column in zip(self._reference.bins, columns, strict=True)]
