"""What a history keeps of an order: its value, and 32-bit digests of its pseudonyms that none can be read from."""

from functools import lru_cache
from zlib import crc32

from orderguard.schema import MaskedOrder

OF_THE_SHOP = ("store", "phone")
"""Channels in which the shop's own device orders."""
NO_MINUTE = 1440
"""Stands for the minute of the day where only the day is known: the first minute of a 25th hour."""


def net_value(order: MaskedOrder) -> float:
    """The sum of the lines minus all discounts, at least 0, in the order's currency."""
    gross = taken_off = 0.0
    for item in order.items:
        gross += item.quantity * item.unit_price
        taken_off += item.discount or 0.0
    return max(0.0, gross - (taken_off + (order.discount or 0.0)))


def minute_of(order: MaskedOrder) -> int:
    """The minute of the day by the order's own offset, or `NO_MINUTE`."""
    return order.created_at.hour * 60 + order.created_at.minute if order.hour_known else NO_MINUTE


def digest(token: str | None) -> int:
    """A token as 32 bits, enough to tell one customer's few addresses and devices apart; 0 for none."""
    return crc32(token.encode()) or 1 if token else 0


def device_of(order: MaskedOrder) -> str | None:
    """The pseudonym of the customer's device: a till and a call centre's desk are the shop's own."""
    return None if order.channel in OF_THE_SHOP else order.device_token


def network_of(order: MaskedOrder) -> str | None:
    """The pseudonym of the network that the customer's device is in."""
    return None if order.channel in OF_THE_SHOP else order.network_token


def address_token(order: MaskedOrder) -> str | None:
    """The pseudonym of where the order goes: of the shipping address, else of the billing address."""
    address = order.shipping or order.billing
    return address.token if address else None


def address_digest(order: MaskedOrder) -> int:
    """The digest of where the order goes."""
    return digest(address_token(order))


@lru_cache(4096)
def payment_digest(method: str | None, country: str | None) -> int:
    """The digest of how it is paid: the method and the card's country; 0 where the method is not told."""
    return digest(f"{method} {country}") if method else 0
