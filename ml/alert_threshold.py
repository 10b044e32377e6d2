"""The threshold: the score that the wanted share of orders will reach.

It is counted in the rows that the model was fitted on, in steps of time. Each step has a threshold of its own, and the
mean counts without the highest and the lowest of them, so that one bad week sets none.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.config import Config
from ml.evidence import Kind
from ml.guarded_forest import GuardedForest

STEPS = 8
STEP_ROWS = 80
"""Rows that a step has at least; fewer rows make fewer steps."""
TRIMMED = 1
"""Steps at either end, by their thresholds, that don't count."""
TAIL_ROWS = 5
"""Rows that must lie beyond a threshold to be counted; with fewer it is extrapolated."""
EXPECTED_ALERTS = 1.0
"""How many alerts among the rows what is expected beforehand weighs as much as."""
ADDED_UP = 0.5
"""Evidence that other features add to the largest."""


def alert_threshold(model: GuardedForest, rows: NDArray[np.float32], kinds: Sequence[Kind], config: Config) -> float:
    """The score that `config.alert.rate` of later orders reach, judged by the rows (n, d), in time order, that the
    model was fitted on.

    In the middle of a gap between two of their scores, so that rounding flips no decision.
    """
    rate, scores = config.alert.rate, model.scores(rows)
    steps = np.array_split(model.evidence(scores), min(max(len(rows) // STEP_ROWS, 1), STEPS))
    found = sorted(reached_by(step, rate) for step in steps)
    kept = found[TRIMMED:-TRIMMED] or found
    alerts = rate * len(rows)
    evidence = (alerts * np.mean(kept) + EXPECTED_ALERTS * expected(kinds, rate)) / (alerts + EXPECTED_ALERTS)
    return amid(scores.score, model.score_of(float(evidence)))


def expected(kinds: Sequence[Kind], rate: float) -> float:
    """The evidence that this share of orders would reach if each side of each feature, and the forest, had evidence e
    with a probability of exp(−e), as it should have, and apart from the others. What seldom varies never has any.

    A hundred orders tell nothing of their rarest one in a hundred: with few of them this is most of what is known.
    """
    sides = 1 + sum({"both": 2, "high": 1, "low": 1, "none": 0}[kind.side] for kind in kinds if not kind.seldom)
    return math.log(sides / rate) + ADDED_UP


def reached_by(evidence: NDArray[np.float64], rate: float) -> float:
    """What this share of the evidence (n,) reaches: counted, or beyond the highest few as an exponential tail with
    their median excess has it.
    """
    share = min(0.5, max(rate, TAIL_ROWS / len(evidence)))
    start = float(np.quantile(evidence, 1 - share, method="lower"))
    excess = evidence[evidence > start] - start
    scale = float(np.median(excess)) / math.log(2) if len(excess) else 0.0
    return start + scale * max(math.log(share / rate), 0.0)


def amid(scores: NDArray[np.float64], wanted: float) -> float:
    """The middle of the gap between the scores (n,) that `wanted` is in; above the lower one where it is a score."""
    around = np.unique(np.concatenate([[0.0], scores, [1.0]]))
    place = min(int(np.searchsorted(around, wanted, side="right")), len(around) - 1)
    return float((around[place - 1] + around[place]) / 2)
