"""Why a feature's distribution may move though nothing is wrong with the orders: what drift is expected of."""

from typing import Literal

from orderguard.features.table import FEATURES

Cause = Literal["history", "catalogue age", "young histories"]
"""`young histories` is the cause of no feature by itself: what a history tells moves for it while the store that is
asked for histories has not seen as much as training has.
"""

UNKNOWN_SKUS = "unknown_sku_share"
AGEING = (UNKNOWN_SKUS, "new_price_above", "sku_prefix_rarity", "category_rarity")
"""Features that rise while a catalogue gets older: it does not know the goods that came since."""

GROWTH = "orders_before"
"""The feature that rises while a shop's customers come back: with it moves all that their history tells."""

CAUSES: dict[str, Cause] = {
    **{feature.name: "history" for feature in FEATURES if feature.group in ("customer", "shared")},
    **dict.fromkeys(AGEING, "catalogue age"),
}
"""The features whose drift has an expected cause."""
