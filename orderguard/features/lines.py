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
    ("price_above_range", "largest"),
    ("price_below_range", "smallest"),
    ("new_price_above", "largest"),
    ("new_price_below", "smallest"),
    ("category_rarity", "largest"),
    ("sku_prefix_rarity", "largest"),
)

LINE_USUAL = (
    "unknown",
    "usual_price",
    "lowest_price",
    "highest_price",
    "usual_quantity",
    "category_rarity",
    "sku_prefix_rarity",
)
"""What a catalogue says about a line. `unknown` is 1 for a sku that was never sold; the usual is then that of its
category, else the shop's.
"""

LEAST_PRICE_SHARE = 1e-3
"""The share of the shop's usual price below which prices are not told from nothing."""


def line_facts(quantity: Any, price: Any, discount: Any, level: Any, least_price: Any, usual: Any, xp: Any) -> Any:
    """The values named in `LINE_FACTS`, for floats or for arrays.

    `price` and `discount` are in the order's currency, whose level is `level`; `least_price` and the prices in `usual`
    (`LINE_USUAL`) are in reference units.
    """
    worth = quantity * price
    told = xp.maximum(price / level, least_price)
    above, below = told / usual.highest_price, told / usual.lowest_price
    new = usual.unknown > 0.0
    return (
        worth,
        discount,
        usual.unknown,
        worth,
        quantity / usual.usual_quantity,
        xp.where(new, 1.0, above),
        xp.where(new, 1.0, below),
        xp.where(new, above, 1.0),
        xp.where(new, below, 1.0),
        usual.category_rarity,
        usual.sku_prefix_rarity,
    )
