"""The customer's own past."""

from typing import Any

from orderguard.features.feature import Feature


def _own_deviation(f: Any, xp: Any) -> Any:
    """Standard deviations from the customer's own mean of ln order value; the spread is shrunk towards the shop's by
    four orders' weight.
    """
    past = xp.maximum(f.remembered, 1.0)
    mean = f.past_log / past
    variance = xp.maximum(f.past_log_squared / past - mean * mean, 0.0)
    spread = xp.sqrt((f.remembered * variance + 4.0 * f.usual_spread * f.usual_spread) / (f.remembered + 4.0))
    return xp.where(f.remembered > 0.0, (f.log_value - mean) / spread, 0.0)


CUSTOMER = (
    Feature(
        "orders_before",
        "the customer's earlier orders",
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
        "the time since the last order",
        "customer",
        "hours",
        "ln",
        "low",
        0.3,
        "Hours since the customer's last order, and one more; the usual gap if there is none.",
        lambda f, xp: xp.where(f.remembered > 0.0, xp.maximum(f.seconds_since_last, 0.0) / 3600.0, f.usual_gap_hours)
        + 1.0,
    ),
    Feature(
        "orders_1h",
        "orders in one hour",
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
        "orders in 24 hours",
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
        "orders in 7 days",
        "customer",
        "orders",
        "ln(1+x)",
        "none",
        0.15,
        "The customer's orders in the week before.",
        lambda f, xp: f.orders_7d,
    ),
    Feature(
        "own_value_deviation",
        "the value beside the customer's own",
        "customer",
        "standard deviations",
        "as is",
        "high",
        0.3,
        "Order value against the customer's own habit (mean and spread of ln value); 0 without history.",
        _own_deviation,
    ),
    Feature(
        "own_hour_distance",
        "the hour beside the customer's own",
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
        "the account's age",
        "customer",
        "ratio",
        "ln",
        "low",
        0.3,
        "Days since registration against the usual age, one day added to both; usual if absent.",
        lambda f, xp: xp.where(f.account_days >= 0.0, (f.account_days + 1.0) / (f.usual_account_days + 1.0), 1.0),
    ),
    Feature(
        "new_address",
        "a new address",
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
        "a new device",
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
        "a new way to pay",
        "customer",
        "0 or 1",
        "as is",
        "high",
        0.15,
        "Paid by a method and card country not seen with this customer.",
        lambda f, xp: f.new_payment,
    ),
)
