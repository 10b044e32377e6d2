"""What a feature is called where a person reads it: the page, the drift table, the reasons of a former version."""

LABELS = {
    "order_value": "the order's value",
    "largest_line_share": "the share of the dearest line",
    "shipping_share": "the share of shipping",
    "lines": "the number of lines",
    "largest_quantity": "the pieces of an article",
    "unknown_sku_share": "articles never sold before",
    "discount_share": "the discount",
    "has_coupon": "a coupon",
    "price_above_range": "a price above those of before",
    "price_below_range": "a price below those of before",
    "new_price_above": "a new article's high price",
    "new_price_below": "a new article's low price",
    "hour_sine": "the time of day, morning or evening",
    "hour_cosine": "the time of day, night or noon",
    "weekday_sine": "the day, midweek or weekend",
    "weekday_cosine": "the day, early or late in the week",
    "hour_rarity": "a quiet hour",
    "orders_before": "the customer's earlier orders",
    "hours_since_last": "the time since the last order",
    "orders_1h": "orders in one hour",
    "orders_24h": "orders in 24 hours",
    "orders_7d": "orders in 7 days",
    "own_value_deviation": "the value beside the customer's own",
    "own_hour_distance": "the hour beside the customer's own",
    "account_age": "the account's age",
    "new_address": "a new address",
    "new_device": "a new device",
    "new_payment": "a new way to pay",
    "country_mismatch": "two countries",
    "card_country_mismatch": "a card of another country",
    "addressee_mismatch": "two names",
    "address_mismatch": "two addresses",
    "category_rarity": "a rare category",
    "sku_prefix_rarity": "a rare kind of code",
    "channel_rarity": "a rare channel",
    "payment_rarity": "a rare way to pay",
    "currency_rarity": "a rare currency",
    "destination_rarity": "a rare destination",
}
"""By the feature's name."""

_FIELDS = {
    "score": "the score",
    "channel": "channel told",
    "coupon": "coupon used",
    "discount": "discount on the order",
    "customer.registered_at": "account's date told",
    "shipping.cost": "cost of shipping told",
    "payment.method": "way to pay told",
    "payment.card_country": "card's country told",
    "billing_address": "billing address told",
    "shipping_address": "shipping address told",
    "device": "device told",
    "items[].category": "category told",
    "created_at in UTC": "time without the local hour",
    "local hour": "local hour of the day",
}
"""What drift looks at beside the features."""


def label(name: str) -> str:
    """The words for a feature, the score or a field that drift looks at; else the name without its underscores."""
    return LABELS.get(name) or _FIELDS.get(name) or name.replace("_", " ")
