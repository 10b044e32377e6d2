"""Which side of a feature is evidence against an order, from which spread on, and how much at most."""

import math
from typing import NamedTuple

from orderguard.features import FEATURES
from orderguard.features.feature import Side


class Kind(NamedTuple):
    """The `side` of a feature that is evidence, and the `floor` of the scale of its tail, in the feature's own unit
    (after `scale`); it is never more than `ceiling`, and measured among all orders or among those where it isn't 0. A
    feature of which no side is evidence still speaks in the forest, together with others; one that seldom varies does
    not.
    """

    side: Side
    floor: float
    ceiling: float = math.inf
    nonzero: bool = False
    seldom: bool = False


KINDS: dict[str, Kind] = {
    feature.name: Kind(feature.side, feature.floor, feature.ceiling, feature.nonzero, feature.seldom)
    for feature in FEATURES
}
"""By the feature's name."""
