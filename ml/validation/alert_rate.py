"""Gate: on later orders about as many are flagged as was asked for."""

import numpy as np
from numpy.typing import NDArray

from ml.config import AlertRateGate
from ml.validation.gates import Figure, Gate, gate


def alert_rate_gate(scores: NDArray[np.float64], threshold: float, rate: float, config: AlertRateGate) -> Gate:
    """The flagged share of later scores (n,), as a multiple of the alert rate."""
    ratio = float(np.mean(scores >= threshold)) / rate
    figures = [
        Figure(name="alerts against the alert rate", value=ratio, bound="at least", limit=config.minimum_ratio),
        Figure(name="alerts against the alert rate", value=ratio, bound="at most", limit=config.maximum_ratio),
    ]
    return gate("alert_rate", f"About {rate:.2%} of later orders are flagged.", figures)
