"""A customer's short history: what the features know about earlier orders. Small, bounded, pseudonymous.

Of each of the last `REMEMBERED` orders it keeps the moment, the value, the currency, the minute of the day, and
32-bit digests of the pseudonyms of address, device, payment and card. Windows and habits are computed from these, so a
count in a trailing window can't exceed `REMEMBERED`. An absent history means: no earlier order is known.
"""

import msgspec

from orderguard.history.digests import address_digest, device_of, digest, minute_of, net_value, payment_digest
from orderguard.history.entity import is_silent
from orderguard.schema import MaskedOrder

REMEMBERED = 32
CUSTOMER_SILENT_DAYS = 180
"""A customer who comes back after more days starts over, whatever a store still holds: training forgets as a store does
whose HISTORY_TTL_DAYS are these.
"""


class CustomerHistory(msgspec.Struct, frozen=True, array_like=True):
    """`count` is the number of all orders seen; the lists hold the last ones, oldest first, and are equally long.

    `at` is in epoch seconds, `values` in the order's currency after discounts, `minutes` in minutes of the local day
    (`NO_MINUTE` where only the day is known). A digest of 0 means that the order did not tell.
    """

    count: int
    at: tuple[float, ...]
    values: tuple[float, ...]
    currencies: tuple[str, ...]
    minutes: tuple[int, ...]
    addresses: tuple[int, ...]
    devices: tuple[int, ...]
    payments: tuple[int, ...]
    cards: tuple[int, ...]


EMPTY = CustomerHistory(0, (), (), (), (), (), (), (), ())


def customer_after(history: CustomerHistory | None, order: MaskedOrder) -> CustomerHistory:
    """A customer's history once this order has been placed."""
    created = order.created_at
    silent = history is not None and is_silent(history.at, created.timestamp(), CUSTOMER_SILENT_DAYS)
    known = EMPTY if history is None or silent else history
    keep = 1 - REMEMBERED
    return CustomerHistory(
        known.count + 1,
        (*known.at[keep:], created.timestamp()),
        (*known.values[keep:], net_value(order)),
        (*known.currencies[keep:], order.currency),
        (*known.minutes[keep:], minute_of(order)),
        (*known.addresses[keep:], address_digest(order)),
        (*known.devices[keep:], digest(device_of(order))),
        (*known.payments[keep:], payment_digest(order.payment_method, order.card_country)),
        (*known.cards[keep:], digest(order.card_token)),
    )
