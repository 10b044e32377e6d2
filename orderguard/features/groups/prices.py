"""Unit prices against those that a sku, or its category, has been sold at before."""

from orderguard.features.feature import Feature

PRICES = (
    Feature(
        "price_above_range",
        "a price above those of before",
        "price",
        "ratio",
        "ln",
        "high",
        0.1,
        "The highest ratio of a unit price to the highest that the sku has been sold at, at least 1; an unknown sku "
        "counts as usual.",
        lambda f, xp: xp.maximum(f.price_above_range, 1.0),
    ),
    Feature(
        "price_below_range",
        "a price below those of before",
        "price",
        "ratio",
        "ln",
        "low",
        0.1,
        "The lowest ratio of a unit price to the lowest that the sku has been sold at, at most 1; an unknown sku "
        "counts as usual.",
        lambda f, xp: xp.minimum(f.price_below_range, 1.0),
    ),
    Feature(
        "new_price_above",
        "a new article's high price",
        "price",
        "ratio",
        "ln",
        "high",
        0.6,
        "The highest ratio of an unknown sku's unit price to the highest in its category, at least 1; 1 where all skus "
        "are known.",
        lambda f, xp: xp.maximum(f.new_price_above, 1.0),
        nonzero=True,
    ),
    Feature(
        "new_price_below",
        "a new article's low price",
        "price",
        "ratio",
        "ln",
        "low",
        0.6,
        "The lowest ratio of an unknown sku's unit price to the lowest in its category, at most 1; 1 where all skus "
        "are known.",
        lambda f, xp: xp.minimum(f.new_price_below, 1.0),
        nonzero=True,
    ),
)
