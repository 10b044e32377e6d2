"""Training: orders split by time, the guarded forest and its threshold fitted on the first parts, the drift reference
taken from the second.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.alert_threshold import alert_threshold
from ml.config import Config
from ml.evidence import KINDS, Kind
from ml.guarded_forest import GuardedForest, fit
from ml.slices import Slices, slices
from ml.tails import Tails
from orderguard.drift import SCORE, DriftReference, DriftSettings, days_spanned, presence_bins, reference_bins
from orderguard.features import PERIODS
from orderguard.features.causes import CAUSES, GROWTH, UNKNOWN_SKUS
from orderguard.presence import Bits

_UNKNOWN = Kind("both", 0.1)


@dataclass(frozen=True)
class Trained:
    """A model with its threshold, and the reference set that drift is measured against."""

    model: GuardedForest
    threshold: float
    slices: Slices
    reference: DriftReference


def train(
    features: NDArray[np.float32],
    created_at: NDArray[np.float64],
    feature_names: list[str],
    config: Config,
    jobs: int = 1,
    told: Bits | None = None,
    ages: NDArray[np.float64] | None = None,
    *,
    first: int = 0,
    tails: Tails | None = None,
) -> Trained:
    """Train on rows (n, d) in time order, whose moments are (n,) in epoch seconds, and whose orders tell these optional
    fields (n,), where that is watched. `ages` (n,) are how old each row's catalogue was, in days. Rows before `first`
    are left out. Where the rows are a sample, `tails` are those of the rows that it stands for.

    Neither `jobs` nor anything else but the arguments changes the result.
    """
    parts = slices(len(features), config, first)
    seen, held_out = features[parts.first : parts.reference], features[parts.train : parts.reference]
    kinds = [KINDS.get(name, _UNKNOWN) for name in feature_names]
    model = fit(seen, kinds, config.forest, config.guard, jobs, tails)
    days = days_spanned(created_at[parts.train : parts.reference])
    fields = told[parts.train : parts.reference] if told is not None else None
    reference = drift_reference(held_out, model.scores(held_out).score, feature_names, days, config.drift, fields)
    if ages is not None:
        unknown = features[first:, feature_names.index(UNKNOWN_SKUS)] > 0
        lasts = catalogue_days(unknown, ages[first:], config.drift.minimum_effect)
        reference = msgspec.structs.replace(reference, catalogue_days=lasts)
    return Trained(model, alert_threshold(model, seen, kinds, config), parts, reference)


def catalogue_days(unknown: NDArray[np.bool_], ages: NDArray[np.float64], least: float) -> float:
    """After how many days the share of orders with a sku that came since has grown by `least`, going by orders (n,)
    whose catalogues are some days old: the slope of a straight line through them. 0 where it doesn't grow.
    """
    spread = ages - ages.mean()
    variance = float(spread @ spread)
    slope = float(spread @ unknown) / variance if variance else 0.0
    return least / slope if slope > 0 else 0.0


def drift_reference(
    features: NDArray[np.float32],
    scores: NDArray[np.float64],
    feature_names: list[str],
    days: float,
    settings: DriftSettings,
    told: Bits | None = None,
) -> DriftReference:
    """The distribution of each feature, of the score, and of the optional fields that are told, on the reference slice,
    which spans `days`.
    """
    bins = [
        reference_bins(name, column, period=PERIODS.get(name, 0.0), cause=CAUSES.get(name))
        for name, column in zip(feature_names, features.T, strict=True)
    ]
    presence = presence_bins(told) if told is not None else []
    bins.append(reference_bins(SCORE, scores))
    known = float((features[:, feature_names.index(GROWTH)] > 0).mean()) if GROWTH in feature_names else None
    return DriftReference(bins=bins, settings=settings, presence=presence, days=days, known=known)
