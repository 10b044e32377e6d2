"""A feature's value in its own unit, for people and for rules: `scale` undone."""

import math
from collections.abc import Callable

from orderguard.features.table import FEATURES

OWN_UNIT: tuple[Callable[[float], float], ...] = tuple(
    {"ln": math.exp, "ln(1+x)": math.expm1}.get(feature.scale, float) for feature in FEATURES
)
"""In the order of the vector."""
