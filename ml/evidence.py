"""Which side of a feature is evidence against an order, and from which spread on."""

from typing import Literal, NamedTuple

Side = Literal["both", "high", "low", "none"]


class Kind(NamedTuple):
    """The `side` of a feature that is evidence, and the `floor` of the scale of its tail, in the feature's own unit
    (after `scale`). A feature of which no side is evidence still speaks in the forest, together with others.
    """

    side: Side
    floor: float


_RATIO, _COUNT, _SHARE, _FLAG, _RARITY, _OTHER = 0.1, 0.15, 0.05, 0.15, 0.5, 0.3

EVIDENCE: dict[str, Kind] = {
    "order_value": Kind("both", _COUNT),
    "largest_line_share": Kind("both", _SHARE),
    "shipping_share": Kind("both", _SHARE),
    "lines": Kind("high", _COUNT),
    "largest_quantity": Kind("high", _COUNT),
    "quantity_deviation": Kind("high", _OTHER),
    "unknown_sku_share": Kind("high", _SHARE),
    "discount_share": Kind("high", _SHARE),
    "has_coupon": Kind("high", _FLAG),
    "price_above_usual": Kind("high", _RATIO),
    "price_below_usual": Kind("low", _RATIO),
    "category_price_above": Kind("none", _RATIO),
    "category_price_below": Kind("none", _RATIO),
    "highest_price_deviation": Kind("high", _OTHER),
    "lowest_price_deviation": Kind("low", _OTHER),
    "hour_sine": Kind("none", _OTHER),
    "hour_cosine": Kind("none", _OTHER),
    "weekday_sine": Kind("none", _OTHER),
    "weekday_cosine": Kind("none", _OTHER),
    "hour_rarity": Kind("high", _RARITY),
    "orders_before": Kind("none", _COUNT),
    "hours_since_last": Kind("low", _OTHER),
    "orders_1h": Kind("high", _COUNT),
    "orders_24h": Kind("high", _COUNT),
    "orders_7d": Kind("high", _COUNT),
    "orders_30d": Kind("none", _COUNT),
    "spend_24h": Kind("high", _COUNT),
    "spend_30d": Kind("none", _COUNT),
    "own_value_deviation": Kind("both", _OTHER),
    "own_hour_distance": Kind("high", _OTHER),
    "account_age": Kind("low", _OTHER),
    "new_address": Kind("high", _FLAG),
    "new_device": Kind("high", _FLAG),
    "new_payment": Kind("high", _FLAG),
    "country_mismatch": Kind("high", _FLAG),
    "card_country_mismatch": Kind("high", _FLAG),
    "addressee_mismatch": Kind("high", _FLAG),
    "address_mismatch": Kind("high", _FLAG),
    "category_rarity": Kind("high", _RARITY),
    "sku_prefix_rarity": Kind("high", _RARITY),
    "channel_rarity": Kind("high", _RARITY),
    "payment_rarity": Kind("high", _RARITY),
    "currency_rarity": Kind("high", _RARITY),
    "destination_rarity": Kind("high", _RARITY),
}
