"""Training: orders split by time, the guarded forest fitted on the first part, threshold and drift reference taken from
the next.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config import Config
from ml.guarded_forest import GuardedForest, fit
from ml.reading import ReadingError
from orderguard.drift import SCORE, DriftReference, DriftSettings, days_spanned, reference_bins
from orderguard.features import PERIODS

MINIMUM_ROWS = 500
MINIMUM_SLICE = 50


class TrainingError(ReadingError):
    """Orders that no model can be trained on; the message says what is missing."""


@dataclass(frozen=True)
class Slices:
    """Rows of the feature table by time: [0, train) fits, [train, reference) is the reference slice, [reference, rows)
    are later orders.
    """

    train: int
    reference: int
    rows: int


@dataclass(frozen=True)
class Trained:
    """A model with its threshold, and the reference set that drift is measured against."""

    model: GuardedForest
    threshold: float
    slices: Slices
    reference: DriftReference


def slices(rows: int, config: Config) -> Slices:
    """Where the slices end. Raises `TrainingError` for too few rows in all or in a slice."""
    if rows < MINIMUM_ROWS:
        raise TrainingError(f"{rows} good orders are too few to train and validate on; {MINIMUM_ROWS} are the least")
    train = int(rows * config.split.train)
    parts = Slices(train=train, reference=train + int(rows * config.split.reference), rows=rows)
    for name, size in (
        ("training rows", parts.train),
        ("the reference slice", parts.reference - parts.train),
        ("later orders", rows - parts.reference),
    ):
        if size < MINIMUM_SLICE:
            raise TrainingError(
                f"of {rows} good orders, `split` in the configuration leaves {size} as {name}; "
                f"{MINIMUM_SLICE} are the least"
            )
    return parts


def train(
    features: NDArray[np.float32],
    created_at: NDArray[np.float64],
    feature_names: list[str],
    config: Config,
    jobs: int = 1,
) -> Trained:
    """Train on rows (n, d) in time order, whose moments are (n,) in epoch seconds.

    Neither `jobs` nor anything else but the arguments changes the result.
    """
    parts = slices(len(features), config)
    held_out = features[parts.train : parts.reference]
    model = fit(features[: parts.train], held_out, config.forest, config.guard, jobs)
    scores = model.scores(held_out).score
    days = days_spanned(created_at[parts.train : parts.reference])
    reference = drift_reference(held_out, scores, feature_names, days, config.drift)
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
) -> DriftReference:
    """The distribution of each feature, and of the score, on the reference slice, which spans `days`."""
    bins = [
        reference_bins(name, column, period=PERIODS.get(name, 0.0))
        for name, column in zip(feature_names, features.T, strict=True)
    ]
    return DriftReference(bins=[*bins, reference_bins(SCORE, scores)], settings=settings, days=days)
