"""The features: name, meaning and formula of each, in the order of the vector.

A formula takes the facts of an order and a namespace with `where`, `maximum` and `minimum`. Facts are floats for one
order and arrays for many, so a formula uses operators and that namespace only, and both give the same bits: + − × ÷,
comparisons and square roots are exactly rounded. Logarithms differ between libraries, so they are no part of a
formula: `scale` says which is applied at the end, by numpy in both cases.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["amount", "basket", "discount", "price", "time", "customer", "mismatch", "rarity"]
Scale = Literal["as is", "ln", "ln(1+x)", "asinh"]
Side = Literal["both", "high", "low", "none"]
Formula = Callable[[Any, Any], Any]

FEATURE_SET_VERSION = "3"
"""Changes whenever a vector may change. A test holds it against recorded vectors."""

SMALLEST = 0.01
"""The smallest amount in reference units that is told from nothing."""

NEW_GOODS = 2.0
"""The most evidence that goods which no catalogue knows are by themselves."""

SINE_OF_MINUTE = tuple(math.sin(2 * math.pi * minute / 1440) for minute in range(1440))
COSINE_OF_MINUTE = tuple(math.cos(2 * math.pi * minute / 1440) for minute in range(1440))
SINE_OF_WEEKDAY = tuple(math.sin(2 * math.pi * day / 7) for day in range(7))
COSINE_OF_WEEKDAY = tuple(math.cos(2 * math.pi * day / 7) for day in range(7))


@dataclass(frozen=True)
class Feature:
    """One feature. `unit` is that of the formula's value before `scale`. A feature that depends on where in the
    calendar an order stands comes back after `period` days; for all others it is 0.

    By itself a feature is evidence against an order on its `side` alone, `none` of them where it tells something only
    together with others. `floor` is a difference, after `scale`, that begins to mean something: what never varied is
    measured in it. `ceiling` is the most evidence (−ln of a probability) that it ever is: what comes with every new
    collection adds to an alarm, and is none, be it never so rare until then. Where 0 means that there is nothing to
    tell, a feature is measured among the orders that have more of it (`nonzero`): how few these are is no evidence.
    """

    name: str
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


def _own_deviation(f: Any, xp: Any) -> Any:
    """Standard deviations from the customer's own mean of ln order value; the spread is shrunk towards the shop's by
    four orders' weight.
    """
    past = xp.maximum(f.remembered, 1.0)
    mean = f.past_log / past
    variance = xp.maximum(f.past_log_squared / past - mean * mean, 0.0)
    spread = xp.sqrt((f.remembered * variance + 4.0 * f.usual_spread * f.usual_spread) / (f.remembered + 4.0))
    return xp.where(f.remembered > 0.0, (f.log_value - mean) / spread, 0.0)


FEATURES: tuple[Feature, ...] = (
    Feature(
        "order_value",
        "amount",
        "ln of reference units",
        "as is",
        "both",
        0.15,
        "Value after discounts. Amounts in an unseen currency count as they stand.",
        lambda f, xp: f.log_value,
    ),
    Feature(
        "largest_line_share",
        "amount",
        "share",
        "as is",
        "both",
        0.05,
        "The dearest line's share of the basket; 1 for an empty value.",
        lambda f, xp: xp.where(f.gross > 0.0, f.largest_line / xp.maximum(f.gross, 1e-9), 1.0),
    ),
    Feature(
        "shipping_share",
        "amount",
        "share",
        "as is",
        "both",
        0.05,
        "Shipping cost as a share of value and shipping; 0 if not told.",
        lambda f, xp: f.shipping_cost / xp.maximum(f.net + f.shipping_cost, 1e-9),
    ),
    Feature("lines", "basket", "lines", "ln", "high", 0.15, "Number of lines.", lambda f, xp: f.lines),
    Feature(
        "largest_quantity",
        "basket",
        "ratio",
        "ln",
        "high",
        0.15,
        "The largest ratio of a line's quantity to the sku's usual one.",
        lambda f, xp: f.quantity_ratio,
    ),
    Feature(
        "quantity_deviation",
        "basket",
        "spreads",
        "asinh",
        "high",
        0.3,
        "The largest quantity against the sku's usual one, in units of how far this sku's quantities stray.",
        lambda f, xp: f.quantity_deviation,
    ),
    Feature(
        "unknown_sku_share",
        "basket",
        "share",
        "as is",
        "high",
        0.05,
        "Share of lines whose sku the catalogue does not know.",
        lambda f, xp: f.unknown_skus / f.lines,
        ceiling=NEW_GOODS,
    ),
    Feature(
        "discount_share",
        "discount",
        "share",
        "as is",
        "high",
        0.05,
        "All discounts as a share of the basket, at most 1.",
        lambda f, xp: xp.minimum(f.taken_off / xp.maximum(f.gross, 1e-9), 1.0),
    ),
    Feature("has_coupon", "discount", "0 or 1", "as is", "high", 0.15, "A coupon was used.", lambda f, xp: f.coupon),
    Feature(
        "price_above_usual",
        "price",
        "ratio",
        "ln",
        "high",
        0.1,
        "The highest ratio of a unit price to the sku's usual price; an unknown sku counts as usual.",
        lambda f, xp: f.highest_price_ratio,
    ),
    Feature(
        "price_below_usual",
        "price",
        "ratio",
        "ln",
        "low",
        0.1,
        "The lowest ratio of a unit price to the sku's usual price; an unknown sku counts as usual.",
        lambda f, xp: f.lowest_price_ratio,
    ),
    Feature(
        "highest_price_deviation",
        "price",
        "spreads",
        "asinh",
        "high",
        0.3,
        "The highest unit price against the sku's usual one, in units of how far this sku's prices stray; an unknown "
        "sku counts as usual.",
        lambda f, xp: f.highest_price_deviation,
    ),
    Feature(
        "lowest_price_deviation",
        "price",
        "spreads",
        "asinh",
        "low",
        0.3,
        "The lowest unit price against the sku's usual one, in units of how far this sku's prices stray; an unknown "
        "sku counts as usual.",
        lambda f, xp: f.lowest_price_deviation,
    ),
    Feature(
        "new_price_above",
        "price",
        "spreads",
        "as is",
        "high",
        1.0,
        "The highest unit price of an unknown sku against its category's usual one, in units of how far prices stray "
        "there; 0 where all skus are known.",
        lambda f, xp: f.highest_new_deviation,
        nonzero=True,
    ),
    Feature(
        "new_price_below",
        "price",
        "spreads",
        "as is",
        "low",
        1.0,
        "The lowest unit price of an unknown sku against its category's usual one, in units of how far prices stray "
        "there; 0 where all skus are known.",
        lambda f, xp: f.lowest_new_deviation,
        nonzero=True,
    ),
    Feature(
        "hour_sine",
        "time",
        "−1 to 1",
        "as is",
        "none",
        0.3,
        "Sine of the time of day, by the order's own offset.",
        lambda f, xp: f.minute_sine,
        period=1.0,
    ),
    Feature(
        "hour_cosine",
        "time",
        "−1 to 1",
        "as is",
        "none",
        0.3,
        "Cosine of the time of day, by the order's own offset.",
        lambda f, xp: f.minute_cosine,
        period=1.0,
    ),
    Feature(
        "weekday_sine",
        "time",
        "−1 to 1",
        "as is",
        "none",
        0.3,
        "Sine of the day of the week.",
        lambda f, xp: f.weekday_sine,
        period=7.0,
    ),
    Feature(
        "weekday_cosine",
        "time",
        "−1 to 1",
        "as is",
        "none",
        0.3,
        "Cosine of the day of the week.",
        lambda f, xp: f.weekday_cosine,
        period=7.0,
    ),
    Feature(
        "hour_rarity",
        "time",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rarely orders come in this hour.",
        lambda f, xp: f.hour_rarity,
        period=1.0,
    ),
    Feature(
        "orders_before",
        "customer",
        "orders",
        "ln(1+x)",
        "none",
        0.15,
        "Earlier orders of this customer that are known; 0 means no history.",
        lambda f, xp: f.earlier,
    ),
    Feature(
        "hours_since_last",
        "customer",
        "ratio",
        "ln",
        "low",
        0.3,
        "Hours since the customer's last order against the usual gap, one hour added to both; usual if there is none.",
        lambda f, xp: xp.where(
            f.remembered > 0.0,
            (xp.maximum(f.seconds_since_last, 0.0) / 3600.0 + 1.0) / (f.usual_gap_hours + 1.0),
            1.0,
        ),
    ),
    Feature(
        "orders_1h",
        "customer",
        "orders",
        "ln(1+x)",
        "high",
        0.15,
        "The customer's orders in the hour before.",
        lambda f, xp: f.orders_1h,
    ),
    Feature(
        "orders_24h",
        "customer",
        "orders",
        "ln(1+x)",
        "high",
        0.15,
        "The customer's orders in the day before.",
        lambda f, xp: f.orders_24h,
    ),
    Feature(
        "orders_7d",
        "customer",
        "orders",
        "ln(1+x)",
        "high",
        0.15,
        "The customer's orders in the week before.",
        lambda f, xp: f.orders_7d,
    ),
    Feature(
        "orders_30d",
        "customer",
        "orders",
        "ln(1+x)",
        "none",
        0.15,
        "The customer's orders in the 30 days before.",
        lambda f, xp: f.orders_30d,
    ),
    Feature(
        "spend_24h",
        "customer",
        "usual baskets",
        "ln(1+x)",
        "high",
        0.15,
        "The customer's spend in the day before.",
        lambda f, xp: f.spend_24h / f.usual_basket,
    ),
    Feature(
        "spend_30d",
        "customer",
        "usual baskets",
        "ln(1+x)",
        "none",
        0.15,
        "The customer's spend in the 30 days before.",
        lambda f, xp: f.spend_30d / f.usual_basket,
    ),
    Feature(
        "own_value_deviation",
        "customer",
        "standard deviations",
        "as is",
        "both",
        0.3,
        "Order value against the customer's own habit (mean and spread of ln value); 0 without history.",
        _own_deviation,
    ),
    Feature(
        "own_hour_distance",
        "customer",
        "hours",
        "as is",
        "high",
        0.3,
        "Hours between this time of day and the nearest one at which the customer ordered before; 0 without history.",
        lambda f, xp: xp.where(f.remembered > 0.0, f.nearest_minutes / 60.0, 0.0),
        period=1.0,
    ),
    Feature(
        "account_age",
        "customer",
        "ratio",
        "ln",
        "low",
        0.3,
        "Days since registration against the usual age, one day added to both; usual if not told.",
        lambda f, xp: xp.where(f.account_days >= 0.0, (f.account_days + 1.0) / (f.usual_account_days + 1.0), 1.0),
    ),
    Feature(
        "new_address",
        "customer",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Goes to an address that none of the customer's remembered orders went to.",
        lambda f, xp: f.new_address,
    ),
    Feature(
        "new_device",
        "customer",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Comes from a device not seen with this customer.",
        lambda f, xp: f.new_device,
    ),
    Feature(
        "new_payment",
        "customer",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Paid by a method and card country not seen with this customer.",
        lambda f, xp: f.new_payment,
    ),
    Feature(
        "country_mismatch",
        "mismatch",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Billing and shipping countries differ.",
        lambda f, xp: f.country_mismatch,
    ),
    Feature(
        "card_country_mismatch",
        "mismatch",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "The card's country is not that of the billing address (else of the shipping address).",
        lambda f, xp: f.card_mismatch,
    ),
    Feature(
        "addressee_mismatch",
        "mismatch",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Billed to one name, sent to another.",
        lambda f, xp: f.name_mismatch,
    ),
    Feature(
        "address_mismatch",
        "mismatch",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Billed to one address, sent to another.",
        lambda f, xp: f.address_mismatch,
    ),
    Feature(
        "category_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rarely the rarest category of the basket is ordered.",
        lambda f, xp: f.category_rarity,
        ceiling=NEW_GOODS,
    ),
    Feature(
        "sku_prefix_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rarely lines come whose sku begins with these letters; the rarest of the basket.",
        lambda f, xp: f.sku_prefix_rarity,
        ceiling=NEW_GOODS,
    ),
    Feature(
        "channel_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rare orders through this channel are; an absent value is a value of its own.",
        lambda f, xp: f.channel_rarity,
    ),
    Feature(
        "payment_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rare this way to pay is; an absent value is a value of its own.",
        lambda f, xp: f.payment_rarity,
    ),
    Feature(
        "currency_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rare orders in this currency are; an absent value is a value of its own.",
        lambda f, xp: f.currency_rarity,
    ),
    Feature(
        "destination_rarity",
        "rarity",
        "powers of e",
        "as is",
        "high",
        0.5,
        "How rare orders to this country are; an absent value is a value of its own.",
        lambda f, xp: f.country_rarity,
    ),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

PERIODS: dict[str, float] = {feature.name: feature.period for feature in FEATURES if feature.period}
"""The features that follow the calendar, with their periods in days."""
