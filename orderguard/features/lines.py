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
    ("highest_sku_ratio", "largest"),
    ("lowest_sku_ratio", "smallest"),
    ("highest_category_ratio", "largest"),
    ("lowest_category_ratio", "smallest"),
    ("category_rarity", "largest"),
)


def line_facts(
    quantity: Any,
    price: Any,
    discount: Any,
    level: Any,
    sku_price: Any,
    category_price: Any,
    category_quantity: Any,
    category_rarity: Any,
    xp: Any,
) -> tuple[Any, ...]:
    """The values named in `LINE_FACTS`, for floats or for arrays.

    `price` and `discount` are in the order's currency, whose level is `level` (0 if unseen); usual prices are in
    reference units (0 if unknown).
    """
    worth = quantity * price
    sku_ratio = price_ratio(price, sku_price * level, xp)
    category_ratio = price_ratio(price, category_price * level, xp)
    return (
        worth,
        discount,
        xp.where(sku_price > 0.0, 0.0, 1.0),
        worth,
        quantity / category_quantity,
        sku_ratio,
        sku_ratio,
        category_ratio,
        category_ratio,
        category_rarity,
    )


def price_ratio(price: Any, usual: Any, xp: Any) -> Any:
    """A price against the usual one; 1 where that is unknown."""
    return xp.where(usual > 0.0, price / xp.maximum(usual, 1e-12), 1.0)
