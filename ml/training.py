"""Training: orders split by time, the guarded forest fitted on the first part, threshold and drift reference taken from
the next.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config import Config
from ml.guarded_forest import GuardedForest, fit
from ml.slices import Slices, slices
from orderguard.drift import SCORE, DriftReference, DriftSettings, days_spanned, presence_bins, reference_bins
from orderguard.features import PERIODS
from orderguard.features.causes import CAUSES
from orderguard.presence import Bits


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
    *,
    first: int = 0,
) -> Trained:
    """Train on rows (n, d) in time order, whose moments are (n,) in epoch seconds, and whose orders tell these optional
    fields (n,), where that is watched. Rows before `first` are left out.

    Neither `jobs` nor anything else but the arguments changes the result.
    """
    parts = slices(len(features), config, first)
    held_out = features[parts.train : parts.reference]
    model = fit(features[parts.first : parts.train], held_out, config.forest, config.guard, jobs)
    scores = model.scores(held_out).score
    days = days_spanned(created_at[parts.train : parts.reference])
    fields = told[parts.train : parts.reference] if told is not None else None
    reference = drift_reference(held_out, scores, feature_names, days, config.drift, fields)
    return Trained(model, alert_threshold(scores, config.alert.rate), parts, reference)


def alert_threshold(scores: NDArray[np.float64], rate: float) -> float:
    """The lowest threshold that flags at most `rate` of the scores (n,), in the middle of a gap so that rounding flips
    no decision.
    """
    distinct, counts = np.unique(scores, return_counts=True)
    flagged = np.cumsum(counts[::-1])[::-1] / len(scores)
    allowed = np.flatnonzero(flagged <= rate)
    if len(allowed) == 0:
        return float((distinct[-1] + 1) / 2)
    lowest = int(allowed[0])
    below = distinct[lowest - 1] if lowest else 0.0
    return float((below + distinct[lowest]) / 2)


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
    return DriftReference(bins=[*bins, reference_bins(SCORE, scores)], settings=settings, presence=presence, days=days)
