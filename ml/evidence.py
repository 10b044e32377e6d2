"""Which side of a feature is evidence against an order, and from which spread on."""

from typing import NamedTuple

from orderguard.features.table import FEATURES, Side


class Kind(NamedTuple):
    """The `side` of a feature that is evidence, and the `floor` of the scale of its tail, in the feature's own unit
    (after `scale`). A feature of which no side is evidence still speaks in the forest, together with others.
    """

    side: Side
    floor: float


KINDS: dict[str, Kind] = {feature.name: Kind(feature.side, feature.floor) for feature in FEATURES}
"""By the feature's name."""
