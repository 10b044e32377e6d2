"""Gate: on later orders about as many are flagged as was asked for."""

import math

import numpy as np
from numpy.typing import NDArray

from ml.config import AlertRateGate
from ml.validation.gates import Figure, Gate, gate

_ONE_IN_A_HUNDRED = 2.326
"""The normal distribution's 99th percentile: limits are widened by what chance exceeds once in a hundred times."""


def alert_rate_gate(scores: NDArray[np.float64], threshold: float, rate: float, config: AlertRateGate) -> Gate:
    """The flagged share of later scores (n,), as a multiple of the alert rate.

    Flagged orders are counted as rare events, so their number varies by its square root (Poisson): with few orders the
    limits are wider.
    """
    expected = rate * len(scores)
    ratio = float(np.sum(scores >= threshold)) / expected

    def by_chance(limit: float) -> float:
        return _ONE_IN_A_HUNDRED * math.sqrt(limit / expected)

    least = max(0.0, config.minimum_ratio - by_chance(config.minimum_ratio))
    most = config.maximum_ratio + by_chance(config.maximum_ratio)
    figures = [
        Figure(name="alerts against the alert rate", value=ratio, bound="at least", limit=least),
        Figure(name="alerts against the alert rate", value=ratio, bound="at most", limit=most),
    ]
    return gate("alert_rate", f"About {rate:.2%} of later orders are flagged.", figures)
