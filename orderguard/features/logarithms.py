"""Logarithms, taken by numpy for one order and for many: other libraries' may differ in the last bit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from orderguard.features.feature import SMALLEST, Scale

LN_SMALLEST = float(np.log(SMALLEST))
LEAST_NET = 1e-300
"""What a net value counts as at least before its logarithm is taken."""

SCALES: dict[Scale, Callable[..., Any]] = {
    "as is": np.positive,
    "ln": np.log,
    "ln(1+x)": np.log1p,
}
