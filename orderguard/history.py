"""A customer's short history: what the features know about earlier orders. Small, bounded, pseudonymous.

Of each of the last `REMEMBERED` orders it keeps the moment, the value, the currency, the minute of the day, and
32-bit digests of the pseudonyms of address, device and payment, so that no token of the order can be read back.
Windows and habits are computed from these, so a count in a trailing window can't exceed `REMEMBERED`. An absent
history means: no earlier order is known.
"""

from functools import lru_cache
from zlib import crc32

import msgspec

from orderguard.schema import MaskedOrder

REMEMBERED = 32


class HistoryError(ValueError):
    """Bytes that are no history."""


class CustomerHistory(msgspec.Struct, frozen=True, array_like=True):
    """`count` is the number of all orders seen; the lists hold the last ones, oldest first, and are equally long.

    `at` is in epoch seconds, `values` in the order's currency after discounts, `minutes` in minutes of the local day.
    A digest of 0 means that the order did not tell.
    """

    count: int
    at: tuple[float, ...]
    values: tuple[float, ...]
    currencies: tuple[str, ...]
    minutes: tuple[int, ...]
    addresses: tuple[int, ...]
    devices: tuple[int, ...]
    payments: tuple[int, ...]


EMPTY = CustomerHistory(0, (), (), (), (), (), (), ())

_decoder = msgspec.msgpack.Decoder(CustomerHistory)


def after(history: CustomerHistory | None, order: MaskedOrder) -> CustomerHistory:
    """The history once this order has been placed."""
    known = history or EMPTY
    keep = 1 - REMEMBERED
    created = order.created_at
    return CustomerHistory(
        known.count + 1,
        (*known.at[keep:], created.timestamp()),
        (*known.values[keep:], net_value(order)),
        (*known.currencies[keep:], order.currency),
        (*known.minutes[keep:], created.hour * 60 + created.minute),
        (*known.addresses[keep:], address_digest(order)),
        (*known.devices[keep:], digest(order.device_token)),
        (*known.payments[keep:], payment_digest(order.payment_method, order.card_country)),
    )


def net_value(order: MaskedOrder) -> float:
    """The sum of the lines minus all discounts, at least 0, in the order's currency."""
    gross = taken_off = 0.0
    for item in order.items:
        gross += item.quantity * item.unit_price
        taken_off += item.discount or 0.0
    return max(0.0, gross - (taken_off + (order.discount or 0.0)))


def digest(token: str | None) -> int:
    """A token as 32 bits, enough to tell one customer's few addresses and devices apart; 0 for none."""
    return crc32(token.encode()) or 1 if token else 0


def address_digest(order: MaskedOrder) -> int:
    """The digest of where the order goes: the shipping address, else the billing address."""
    address = order.shipping or order.billing
    return crc32(address.token.encode()) or 1 if address and address.token else 0


@lru_cache(4096)
def payment_digest(method: str | None, country: str | None) -> int:
    """The digest of how it is paid: the method and the card's country; 0 where the method is not told."""
    return digest(f"{method} {country}") if method else 0


def encode(history: CustomerHistory) -> bytes:
    """A history as bytes (MessagePack), some 20 for an order."""
    return msgspec.msgpack.encode(history)


def decode(data: bytes) -> CustomerHistory:
    """The history in these bytes. Raises `HistoryError` for anything that `encode` did not write."""
    try:
        history = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise HistoryError(f"not a customer's history: {error}") from None
    lists = (
        history.at,
        history.values,
        history.currencies,
        history.minutes,
        history.addresses,
        history.devices,
        history.payments,
    )
    if len({len(values) for values in lists}) != 1 or len(history.at) > REMEMBERED or history.count < len(history.at):
        raise HistoryError("not a customer's history: its lists don't fit together")
    return history
