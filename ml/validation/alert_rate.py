"""Gate: on later orders about as many are flagged as was asked for."""

import math

import numpy as np
from numpy.typing import NDArray

from ml.config import AlertRateGate
from ml.validation.gates import ONE_IN_A_HUNDRED, Bound, Figure, Gate, gate


def alert_rate_gate(scores: NDArray[np.float64], threshold: float, rate: float, config: AlertRateGate) -> Gate:
    """The flagged share of later scores (n,), as a multiple of the alert rate.

    Flagged orders are counted as rare events, so their number varies by its square root (Poisson).
    """
    flagged, expected = int(np.sum(scores >= threshold)), rate * len(scores)
    said = f"{flagged:,} of {len(scores):,} later orders are flagged, where about {expected:,.0f} were asked for."
    advices = {
        "at least": f"{said} So later orders are more alike than earlier ones, or a busy stretch among the "
        "reference orders set the threshold: look at the orders there that the report's first plot shows far right.",
        "at most": f"{said} So later orders are unlike the earlier ones: the drift gate's table names what moved. A "
        "mistake of the feed? Fix it there. A change that stays? Train on the orders since then (`make train "
        "DATA=folder-of-the-newer-files`).",
    }
    figures = [
        _figure(flagged, expected, len(scores), bound, limit, f"{advices[bound]} Or set `gates.alert_rate.{setting}`.")
        for bound, limit, setting in _limits(config)
    ]
    return gate("alert_rate", f"About {rate:.2%} of later orders are flagged.", figures)


def _limits(config: AlertRateGate) -> tuple[tuple[Bound, float, str], ...]:
    return (
        ("at least", config.minimum_ratio, "minimum_ratio"),
        ("at most", config.maximum_ratio, "maximum_ratio"),
    )


def _figure(flagged: int, expected: float, orders: int, bound: Bound, limit: float, advice: str) -> Figure:
    return Figure(
        name="alerts against the alert rate",
        value=flagged / expected,
        bound=bound,
        limit=limit,
        margin=ONE_IN_A_HUNDRED * math.sqrt(limit / expected),
        orders=orders,
        advice=advice,
    )
