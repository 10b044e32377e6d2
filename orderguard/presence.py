"""Which optional fields an order brings, and at which local hour it comes: what a feed can change without any feature
looking odd.

An order's fields are one number, a bit each, and the hour above them, so that counting an order costs less than a
microsecond.
"""

from collections.abc import Sequence
from datetime import UTC

import numpy as np
from numpy.typing import NDArray

from orderguard.history import minute_of
from orderguard.schema import MaskedOrder

FIELDS = (
    "channel",
    "coupon",
    "discount",
    "customer.registered_at",
    "shipping.cost",
    "payment.method",
    "payment.card_country",
    "billing_address",
    "shipping_address",
    "device",
    "items[].category",
    "created_at in UTC",
    "device.ip",
    "customer.email",
    "payment.fingerprint",
)
"""In the order of the bits. An amount is told where it is not 0, an address where it has a country or more, a device
by its id, a category of the first item, a card by whatever names it. That of `created_at` is not a field, but whether
the moment comes without local time: of an order from a country where that would show."""

UTC_COUNTRIES = frozenset(
    ("GB", "IE", "PT", "ES", "IS", "FO", "GG", "IM", "JE", "GL", "SH", "MA", "EH")
    + ("BF", "CI", "GH", "GM", "GN", "GW", "LR", "ML", "MR", "SL", "SN", "ST", "TG")
)
"""Where local time is UTC, all year or in winter, be it in a part of it, such as the Canary Islands (IANA's time zone
database). An order from there tells nothing of whether local time is sent: more of them are in UTC once clocks go back.
"""

HOUR = "local hour"
_HOUR_PLACE = 16
_HOURS = 24
"""The bin behind them is that of orders whose hour is not known."""

Bits = NDArray[np.int64]


def fields_told(order: MaskedOrder) -> int:
    """The bits of one order."""
    billing, shipping, created = order.billing, order.shipping, order.created_at
    told = minute_of(order) // 60 << _HOUR_PLACE
    if order.channel:
        told |= 1
    if order.has_coupon:
        told |= 2
    if order.discount:
        told |= 4
    if order.customer_since:
        told |= 8
    if order.shipping_cost:
        told |= 16
    if order.payment_method:
        told |= 32
    if order.card_country:
        told |= 64
    if billing and (billing.token or billing.country):
        told |= 128
    if shipping and (shipping.token or shipping.country):
        told |= 256
    if order.device_token:
        told |= 512
    if order.items[0].category:
        told |= 1024
    if created.tzinfo is UTC and order.hour_known:  # what a decoder makes of "Z" and "+00:00"
        home = billing or shipping
        if home and home.country and home.country not in UTC_COUNTRIES:
            told |= 2048
    if order.network_token:
        told |= 4096
    if order.email_token:
        told |= 8192
    if order.card_token:
        told |= 16384
    return told


def bits(told: Sequence[NDArray[np.bool_]], hours: NDArray[np.int64]) -> Bits:
    """The bits of n orders from columns (n,), one a field in the order of `FIELDS`, and their local hours (n,)."""
    found = hours << _HOUR_PLACE
    for place, column in enumerate(told):
        found |= column.astype(np.int64) << place
    return found


def counts_of(told: Bits) -> list[NDArray[np.int64]]:
    """For each field, of how many of n orders it is absent and in how many told; last how many came in each hour. As
    bins, so with none missing at the end.
    """
    shares = [int(((told >> place) & 1).sum()) for place in range(len(FIELDS))]
    hours = np.bincount(told >> _HOUR_PLACE, minlength=_HOURS + 1)
    return [*(np.array([len(told) - share, share, 0]) for share in shares), hours]
