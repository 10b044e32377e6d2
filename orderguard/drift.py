"""Drift: how far recent orders have moved from the reference set, with a noise limit that knows how many rows were
compared.

The population stability index (PSI) of two binned samples is Σ (p − q) · ln(p / q). The customary limits of 0.1 and
0.25 ignore that its sampling noise grows as 1/n: at ten bins the 99th percentile of pure noise is 0.235 for 100 rows
and 0.007 for 3,000. Here a feature has drifted only when its PSI is above the noise that the same comparison shows
*without* drift, corrected for the number of features, **and** the effect, the share of rows that changed bin, is large
enough to matter.

A feature that follows the calendar moves by itself where the rows do not cover whole periods: a morning's orders have
none of the evening, five days' none of the weekend. What an incomplete period alone can move counts for nothing.

Three causes are no fault: customers come back, so that more of them have a history; a catalogue gets old, so that it
knows fewer of the goods; and a store of histories that was set up lately has not seen what training has. Drift that has
such a cause and goes its way is **expected**: it is reported with the cause and advice. All other drift is
**unexpected**.

The score has moved when it did where decisions are made: among its upper values. That among ordinary orders one is a
little more ordinary than another decides nothing. Its drift is expected where all that moved under it is.

What orders no longer bring moves no feature that is absent for most: so the share of orders that tell each optional
field is watched, too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from orderguard.drift_figures import calendar_effect, counts_between, effect, hours_moved, noise_limit, psi
from orderguard.features.causes import GROWTH, Cause
from orderguard.presence import FIELDS, HOUR, Bits, counts_of

SCORE = "score"
DECISIVE = 0.3
"""The share of the orders, those with the highest scores, among which decisions are made: scores below are one bin."""
_SHIFTED_HOURS = 0.5
_LONGEST_DAYS = 365
SECONDS_A_DAY = 86_400.0


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
    missing values. `period` is that of a feature that follows the calendar, in days, else 0. `cause` is why it may move
    though nothing is wrong.
    """

    name: str
    edges: list[float]
    counts: list[int]
    period: float = 0.0
    cause: Cause | None = None


class DriftReference(msgspec.Struct, frozen=True, kw_only=True):
    """What recent orders are compared with: one `Bins` a feature, and the score's as the last one; and one for each of
    `orderguard.presence.FIELDS`. The reference rows span `days`; 0 where that is not known. After `catalogue_days` so
    many orders hold goods that came since that it matters; 0 where there are hardly any. Of the orders a share of
    `known` had a customer with earlier ones; None where that is not told.
    """

    bins: list[Bins]
    settings: DriftSettings
    presence: list[Bins] = []
    days: float = 0.0
    catalogue_days: float = 0.0
    known: float | None = None

    def share_from(self, score: float) -> float:
        """The share of the reference orders whose score lies in this one's bin or above."""
        (bins,) = (bins for bins in self.bins if bins.name == SCORE)
        counts = bins.counts[:-1]
        return sum(counts[int(np.searchsorted(bins.edges, score)) :]) / max(sum(counts), 1)

    @classmethod
    def read(cls, version_dir: Path) -> "DriftReference":
        return msgspec.json.decode((version_dir / "reference.json").read_bytes(), type=cls)

    def write(self, version_dir: Path) -> None:
        (version_dir / "reference.json").write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


Kind = Literal["none", "expected", "unexpected"]
StoreState = Literal["warm", "young", "lost", "off"]


class Histories(msgspec.Struct, frozen=True, kw_only=True):
    """What the histories of recent orders were like. `young`: the store has seen less than training has, and was not
    seeded; `lost`: it had records, and has lost them. Of the recent orders a share of `known` had a customer with
    earlier ones, of the reference's `usual`; None where that is not told.
    """

    state: StoreState
    known: float
    usual: float | None

    @property
    def fewer(self) -> bool:
        """Whether fewer orders than usual have a known customer."""
        return self.usual is not None and self.known < self.usual


UNWATCHED = Histories(state="warm", known=0.0, usual=None)
"""Where nobody says what the store is like."""


class VariableDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one variable: a feature, the score, or whether a field is told. `limit` is the PSI that noise
    alone stays under. `effect` is in 0..1; it matters from `effect_limit` on, which above 1 means that the rows cover
    too little of the calendar for a verdict.

    `kind` tells drift that has a `cause` other than a fault from drift that has none; `advice` says what to do; `label`
    is what the variable is called in words.
    """

    name: str
    psi: float
    limit: float
    effect: float
    effect_limit: float
    drifted: bool
    kind: Kind = "none"
    cause: Cause | None = None
    advice: str = ""
    label: str = ""


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a set of rows. `enough` is false below the minimum number of rows; nothing is called drifted
    then. `drifted` is for what has no expected cause, `expected` for what has one. `presence` is of the optional
    fields, by name.
    """

    rows: int
    enough: bool
    drifted: bool
    expected: bool
    variables: list[VariableDrift]
    presence: list[VariableDrift]
    histories: Histories = UNWATCHED

    def moved(self, kind: Kind) -> list[VariableDrift]:
        """What has drifted in this way, the largest effect first."""
        found = [variable for variable in (*self.variables, *self.presence) if variable.kind == kind]
        return sorted(found, key=lambda variable: -variable.effect)


def reference_bins(
    name: str, values: NDArray[np.floating], bins: int = 10, *, period: float = 0.0, cause: Cause | None = None
) -> Bins:
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
    return Bins(
        name=name, edges=edges.tolist(), counts=counts_between(edges, values).tolist(), period=period, cause=cause
    )


def presence_bins(told: Bits) -> list[Bins]:
    """Bins of absent and told for each optional field, and of the local hours, of the reference orders' bits (n,)."""
    *fields, hours = counts_of(told)
    told_or_not = [
        Bins(name=name, edges=[0.5], counts=counts.tolist()) for name, counts in zip(FIELDS, fields, strict=True)
    ]
    return [*told_or_not, Bins(name=HOUR, edges=[hour + 0.5 for hour in range(23)], counts=hours.tolist(), period=1.0)]


def bin_counts(bins: Bins, values: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many of `values` (n,) fall in each bin; the last count is the missing ones. Infinities fall in the outer
    bins.
    """
    return counts_between(np.asarray(bins.edges), values)


def compare(
    reference: DriftReference,
    counts: Sequence[NDArray[np.integer]],
    told: Sequence[NDArray[np.integer]],
    days: float,
    histories: Histories = UNWATCHED,
) -> DriftReport:
    """Hold the counts of recent rows, one array a variable and one an optional field in the reference's order, against
    the reference. The recent rows span `days`; `histories` says what their histories were like.
    """
    settings = reference.settings
    rows = int(counts[0].sum())
    each = settings.significance / (len(reference.bins) + len(reference.presence))
    grows = any(
        bins.name == GROWTH and _mean_bin(recent) > _mean_bin(bins.counts)
        for bins, recent in zip(reference.bins, counts, strict=True)
    )
    young = histories.state == "young" and histories.fewer

    def verdict(bins: Bins, recent: NDArray[np.integer], least: float, advice: str) -> VariableDrift:
        if bins.name == SCORE:
            bins, recent = _decisive(bins, recent)
        limit = noise_limit(bins.counts, max(rows, 1), significance=each, draws=settings.draws)
        index = float(psi(bins.counts, recent))
        moved = abs(hours_moved(bins.counts, recent)) / 12 if bins.name == HOUR else effect(bins.counts, recent)
        drifted = rows >= settings.minimum_rows and index > limit and moved >= least
        rises = _mean_bin(recent) > _mean_bin(bins.counts)
        cause = bins.cause
        expected = grows if cause == "history" else rises if cause == "catalogue age" else False
        if cause == "history" and not grows and young:
            cause, expected = "young histories", True
        elif cause == "history" and not grows and histories.fewer:
            advice = _fewer_histories(histories)
        return VariableDrift(
            name=bins.name,
            psi=index,
            limit=limit,
            effect=moved,
            effect_limit=least,
            drifted=drifted,
            kind="none" if not drifted else "expected" if expected else "unexpected",
            cause=cause if drifted and expected else None,
            advice=advice if drifted and not expected else _advice(cause, reference, histories) if drifted else "",
        )

    variables = [
        verdict(bins, recent, _least_effect(bins, reference, days), _look_at(bins))
        for bins, recent in zip(reference.bins, counts, strict=True)
    ]
    presence = [
        verdict(bins, recent, _least_change(bins, reference, days), _told_otherwise(bins, recent))
        for bins, recent in zip(reference.presence, told, strict=False)  # a reference may know of no field
    ]
    variables = [_under(one, [*variables, *presence]) if one.name == SCORE else one for one in variables]
    kinds = {variable.kind for variable in (*variables, *presence)}
    return DriftReport(
        rows=rows,
        enough=rows >= settings.minimum_rows,
        drifted="unexpected" in kinds,
        expected="expected" in kinds,
        variables=variables,
        presence=presence,
        histories=histories,
    )


def _decisive(bins: Bins, recent: NDArray[np.integer]) -> tuple[Bins, NDArray[np.integer]]:
    """Bins and counts with all but the highest scores, at least `DECISIVE` of the reference's, in one bin."""
    below = np.cumsum(bins.counts[:-1]) <= (1 - DECISIVE) * sum(bins.counts)
    ordinary = int(below.sum())
    if ordinary < 2:
        return bins, recent
    counts = [sum(bins.counts[:ordinary]), *bins.counts[ordinary:]]
    merged = msgspec.structs.replace(bins, edges=bins.edges[ordinary - 1 :], counts=counts)
    return merged, np.concatenate([[recent[:ordinary].sum()], recent[ordinary:]])


def _under(score: VariableDrift, variables: list[VariableDrift]) -> VariableDrift:
    """The score's drift, expected where it has moved and so has something under it, all of it as expected."""
    moved = [one for one in variables if one.drifted and one.name != SCORE]
    if not score.drifted or not moved or any(one.kind != "expected" for one in moved):
        return score
    most = max(moved, key=lambda one: one.effect)
    return msgspec.structs.replace(score, kind="expected", cause=most.cause, advice=most.advice)


def _mean_bin(counts: Sequence[int] | NDArray[np.integer]) -> float:
    """The mean of the bins' places, missing values left out: where it goes, the variable goes."""
    known = np.asarray(counts, float)[:-1]
    return float((known * np.arange(len(known))).sum() / max(known.sum(), 1.0))


def _least_effect(bins: Bins, reference: DriftReference, days: float) -> float:
    """Of orders that become odd some were among the highest scores before: so the score's least effect is smaller."""
    if bins.name == SCORE:
        return reference.settings.minimum_effect * (1 - DECISIVE)
    incomplete = calendar_effect(bins.period, reference.days) + calendar_effect(bins.period, days)
    return reference.settings.minimum_effect + incomplete


def _least_change(bins: Bins, reference: DriftReference, days: float) -> float:
    """A field that few orders tell is lost where half of them no longer do. The hours have moved from one on, as a
    share of half a day, once both samples have seen a whole day.
    """
    if bins.name == HOUR:
        return _SHIFTED_HOURS / 12 + float(min(days, reference.days) < 1)
    absent, told, _ = bins.counts
    least = reference.settings.minimum_effect
    return min(least, told / max(absent + told, 1) / 2 or least)


def _fewer_histories(histories: Histories) -> str:
    """What to do where fewer customers are known than usual."""
    shares = f"{histories.known:.0%} of the orders have a customer with known earlier ones, of {histories.usual:.0%}"
    if histories.state == "young":
        return (
            f"The store of histories is young: {shares} in training. Nothing is wrong with the orders: seed-histories."
        )
    if histories.state == "lost":
        return f"The store of histories has lost its records: {shares} before. Seed it again: seed-histories."
    if histories.state == "off":
        return f"No store of histories is asked: {shares} in training. Set HISTORY_URL."
    return f"Fewer customers are known: {shares} in training. Is the store of histories complete?"


def _advice(cause: Cause | None, reference: DriftReference, histories: Histories) -> str:
    if cause == "young histories":
        return _fewer_histories(histories)
    if cause == "history":
        return "More customers have earlier orders. Nothing is wrong; a new training takes it in."
    if 0 < reference.catalogue_days <= _LONGEST_DAYS:
        return f"New skus: retrain every {max(1, round(reference.catalogue_days))} days."
    return "New skus: retrain."


def _look_at(bins: Bins) -> str:
    if bins.name == SCORE:
        return "The scores themselves moved: look at the features that did, then train on recent orders."
    if bins.cause == "history":
        return "Fewer customers have known earlier orders: is the store of histories on, and complete?"
    if bins.period:
        return "Orders come at other times: is local time sent, with its offset?"
    return "Has the feed changed (a unit, a field)? If the shop has, train on recent orders."


def _told_otherwise(bins: Bins, recent: NDArray[np.integer]) -> str:
    if bins.name == HOUR:
        later = hours_moved(bins.counts, recent)
        way = f"{abs(later)} {'hour' if abs(later) == 1 else 'hours'} {'later' if later > 0 else 'earlier'}"
        return f"The day's pattern is as before, but {way}: is local time sent, with its offset?"
    before, now = bins.counts[1] / max(sum(bins.counts), 1), int(recent[1]) / max(int(recent.sum()), 1)
    return f"`{bins.name}` is told of {now:.0%} of the orders, of {before:.0%} before: has the feed changed?"


def compare_rows(
    reference: DriftReference,
    features: NDArray[np.floating],
    scores: NDArray[np.floating],
    told: Bits,
    days: float,
) -> DriftReport:
    """`compare` for feature rows (n, d), their scores (n,) and the fields that they tell (n,), which span `days`."""
    columns = [*features.T, scores]
    counts = [bin_counts(bins, column) for bins, column in zip(reference.bins, columns, strict=True)]
    return compare(reference, counts, counts_of(told), days)


def days_spanned(moments: NDArray[np.float64]) -> float:
    """The days from the first to the last of `moments` (n,), in epoch seconds."""
    return float(np.ptp(moments)) / SECONDS_A_DAY if len(moments) else 0.0
