"""Facts of an order's lines: one formula for one line or for a column of lines, and how the lines' values become one
for the order.
"""

from typing import Any, Literal

Reduction = Literal["sum", "largest", "smallest"]

LINE_FACTS: tuple[tuple[str, Reduction], ...] = (
    ("gross", "sum"),
    ("line_discounts", "sum"),
    ("unknown_skus", "sum"),
    ("largest_line", "largest"),
    ("quantity_ratio", "largest"),
    ("quantity_deviation", "largest"),
    ("highest_price_ratio", "largest"),
    ("lowest_price_ratio", "smallest"),
    ("highest_price_deviation", "largest"),
    ("lowest_price_deviation", "smallest"),
    ("highest_new_deviation", "largest"),
    ("lowest_new_deviation", "smallest"),
    ("category_rarity", "largest"),
    ("sku_prefix_rarity", "largest"),
)

LINE_USUAL = (
    "unknown",
    "usual_price",
    "price_spread",
    "usual_quantity",
    "quantity_spread",
    "category_rarity",
    "sku_prefix_rarity",
)
"""What a catalogue says about a line. `unknown` is 1 for a sku that was never sold; the usual is then that of its
category, else the shop's.
"""

LEAST_PRICE_SHARE = 1e-3
"""The share of the shop's usual price below which prices are not told from nothing."""


LEAST_SPREAD_OF_NEW = 0.5
"""How far the prices of new skus may stray at least, however alike those before them are."""


def deviation(ratio: Any, xp: Any) -> Any:
    """How far a ratio is from 1: (r − 1) / √r, which is 2 sinh(ln r / 2). Like ln r it is the same to either side and
    near 1 about r − 1, and it is exactly rounded, as a logarithm is not.
    """
    return (ratio - 1.0) / xp.sqrt(ratio)


def line_facts(quantity: Any, price: Any, discount: Any, level: Any, least_price: Any, usual: Any, xp: Any) -> Any:
    """The values named in `LINE_FACTS`, for floats or for arrays.

    `price` and `discount` are in the order's currency, whose level is `level`; `least_price` and the prices in `usual`
    (`LINE_USUAL`) are in reference units.
    """
    worth = quantity * price
    told = xp.maximum(price / level, least_price)
    ratio = told / usual.usual_price
    known_ratio = xp.where(usual.unknown > 0.0, 1.0, ratio)
    apart = deviation(ratio, xp)
    known_deviation = xp.where(usual.unknown > 0.0, 0.0, apart / usual.price_spread)
    new_deviation = xp.where(usual.unknown > 0.0, apart / xp.maximum(usual.price_spread, LEAST_SPREAD_OF_NEW), 0.0)
    quantity_ratio = quantity / usual.usual_quantity
    return (
        worth,
        discount,
        usual.unknown,
        worth,
        quantity_ratio,
        deviation(quantity_ratio, xp) / usual.quantity_spread,
        known_ratio,
        known_ratio,
        known_deviation,
        known_deviation,
        new_deviation,
        new_deviation,
        usual.category_rarity,
        usual.sku_prefix_rarity,
    )
