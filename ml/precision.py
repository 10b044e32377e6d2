"""How many alerts were right, with the interval that so few of them leave."""

from typing import NamedTuple

from orderguard.outcomes import wilson


class Count(NamedTuple):
    """Alerts, and how many of them are known to be right, false, or neither."""

    alerts: int = 0
    right: int = 0
    false: int = 0

    @property
    def precision(self) -> str:
        """The share of the right ones among those that are known, with Wilson's interval of 95 %."""
        known = self.right + self.false
        if not known:
            return "no outcome"
        share, (low, high) = self.right / known, wilson(self.right, known)
        return f"{share:.0%} ({low:.0%} to {high:.0%} of {known:,})"
