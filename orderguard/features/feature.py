"""What a feature is."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["amount", "basket", "discount", "price", "time", "customer", "mismatch", "rarity", "shared"]
Scale = Literal["as is", "ln", "ln(1+x)"]
Side = Literal["both", "high", "low", "none"]
Formula = Callable[[Any, Any], Any]

SMALLEST = 0.01
"""The smallest amount in reference units that is told from nothing."""

NEW_GOODS = 2.0
"""The most evidence that goods which no catalogue knows are by themselves."""


@dataclass(frozen=True)
class Feature:
    """One feature. `label` names it where a person reads it; `unit` is that of the formula's value before `scale`. A
    feature that depends on where in the calendar an order stands comes back after `period` days; for all others it is
    0.

    By itself a feature is evidence against an order on its `side` alone, `none` of them where it tells something only
    together with others. `floor` is a difference, after `scale`, that begins to mean something: what never varied is
    measured in it. `ceiling` is the most evidence (−ln of a probability) that it ever is: what comes with every new
    collection adds to an alarm, and is none, be it never so rare until then. Where 0 means that there is nothing to
    tell, a feature is measured among the orders that have more of it (`nonzero`): how few these are is no evidence.
    What is the same in nearly all orders (`seldom`) speaks for itself alone: a forest finds a few odd ones in every
    column that it sees, and misses more of the others for it.
    """

    name: str
    label: str
    group: Group
    unit: str
    scale: Scale
    side: Side
    floor: float
    meaning: str
    formula: Formula
    period: float = 0.0
    ceiling: float = math.inf
    nonzero: bool = False
    seldom: bool = False
