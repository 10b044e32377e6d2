"""What an order itself says, as plain numbers and codes: read off once, the same way for serving and for training."""

from typing import Any

from orderguard.history import address_digest, device_of, digest, minute_of, payment_digest
from orderguard.schema import MaskedOrder

NUMBERS = (
    "at",
    "minute",
    "weekday",
    "discount",
    "coupon",
    "shipping_cost",
    "account_days",
    "country_mismatch",
    "card_mismatch",
    "name_mismatch",
    "address_mismatch",
    "address",
    "device",
    "payment",
    "card",
)

CODES = ("currency", "channel", "payment_method", "country")


class Facts:
    """The facts that formulas see, as attributes: floats for one order, arrays for many."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.__dict__ = facts


def numbers_of(order: MaskedOrder) -> tuple[float, ...]:
    """The values named in `NUMBERS`. Amounts are in the order's currency; `account_days` is −1 if not told, and
    `minute` is `NO_MINUTE` where only the day is known.
    """
    created = order.created_at
    at = created.timestamp()
    since = order.customer_since
    billing, shipping = order.billing, order.shipping
    country = name = address = 0.0
    # Masking makes equal addresses one object, so most orders have nothing to compare.
    if billing is not shipping and billing and shipping:
        country = differ(billing.country, shipping.country)
        name = differ(billing.name_token, shipping.name_token)
        address = differ(billing.token, shipping.token)
    home = billing or shipping
    return (
        at,
        minute_of(order),
        created.weekday(),
        order.discount or 0.0,
        1.0 if order.has_coupon else 0.0,
        order.shipping_cost or 0.0,
        max(0.0, (at - since.timestamp()) / 86400.0) if since else -1.0,
        country,
        differ(home.country, order.card_country) if home else 0.0,
        name,
        address,
        address_digest(order),
        digest(device_of(order)),
        payment_digest(order.payment_method, order.card_country),
        digest(order.card_token),
    )


def codes_of(order: MaskedOrder) -> tuple[str, str, str, str]:
    """The values named in `CODES`; "" for what is absent. The country is where the order goes."""
    goes_to = order.shipping or order.billing
    return (
        order.currency,
        order.channel or "",
        order.payment_method or "",
        (goes_to.country or "") if goes_to else "",
    )


def differ(one: str | None, other: str | None) -> float:
    """1 if both are told and they differ."""
    return 1.0 if one and other and one != other else 0.0


def add_amounts(facts: dict[str, Any], xp: Any) -> None:
    """What is taken off the lines, and what is left, at least 0, in the order's currency."""
    taken_off = facts["line_discounts"] + facts["discount"]
    facts["taken_off"] = taken_off
    facts["net"] = xp.maximum(facts["gross"] - taken_off, 0.0)
