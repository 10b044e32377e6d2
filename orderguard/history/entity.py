"""The short history of what orders of several customers may share: a device, a network, an address. Pseudonymous."""

from collections.abc import Iterable

import msgspec

from orderguard.history.digests import address_token, device_of, digest, network_of
from orderguard.schema import MaskedOrder

ENTITIES = ("device", "network", "email", "address", "payment")
REMEMBERED_OF_ENTITY = 64
SILENT_DAYS = 90
"""An entity that no order named for longer than this starts over with the next one, as if never seen: an address may
have other tenants, a network another owner. Stores forget it by then, too."""


class EntityHistory(msgspec.Struct, frozen=True, array_like=True):
    """When an entity was first seen, how many orders it had since, and the last `REMEMBERED_OF_ENTITY` of them, oldest
    first: counts in windows end there.

    Moments are in epoch seconds; the lists are equally long. A digest of 0 means that the order did not tell.
    """

    first_at: float
    count: int
    at: tuple[float, ...]
    customers: tuple[int, ...]
    cards: tuple[int, ...]


def entity_tokens(order: MaskedOrder) -> tuple[str | None, ...]:
    """The pseudonyms of the entities that the order names, in the order of `ENTITIES`."""
    return device_of(order), network_of(order), order.email_token, address_token(order), order.card_token


def entity_after(history: EntityHistory | None, order: MaskedOrder) -> EntityHistory:
    """An entity's history once this order, which names it, has been counted. `first_at` is of the order that was
    counted first, whatever comes late.
    """
    at = order.created_at.timestamp()
    known = EntityHistory(at, 0, (), (), ()) if history is None or is_silent(history.at, at) else history
    keep = 1 - REMEMBERED_OF_ENTITY
    return EntityHistory(
        known.first_at,
        known.count + 1,
        (*known.at[keep:], at),
        (*known.customers[keep:], digest(order.customer_token)),
        (*known.cards[keep:], digest(order.card_token)),
    )


def is_silent(at: Iterable[float], placed: float, days: float = SILENT_DAYS) -> bool:
    """Whether the last of these orders was placed so long before that the entity starts over."""
    return placed - max(at, default=placed) > days * 86_400
