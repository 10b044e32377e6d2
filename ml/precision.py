"""How many alerts were right, with the interval that so few of them leave."""

import math
from typing import NamedTuple

Z = 1.959964
"""Of 95 % of a normal distribution."""


class Count(NamedTuple):
    """Alerts, and how many of them are known to be right, false, or neither."""

    alerts: int = 0
    right: int = 0
    false: int = 0

    @property
    def precision(self) -> str:
        """The share of the right ones among those that are known, with Wilson's interval (1927) of 95 %."""
        known = self.right + self.false
        if not known:
            return "no outcome"
        share, z2 = self.right / known, Z * Z
        middle = share + z2 / (2 * known)
        half = Z * math.sqrt(share * (1 - share) / known + z2 / (4 * known * known))
        low, high = (max(0.0, min(1.0, end / (1 + z2 / known))) for end in (middle - half, middle + half))
        return f"{share:.0%} ({low:.0%} to {high:.0%} of {known:,})"
