"""Attacks of many accounts, each made before a held-out order that is one more of it: what only entities tell.

They are reported apart from the anomalies of single orders. Like those they share nothing with the sample's generator.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from ml.validation.held_out import Case
from orderguard.history import ENTITIES, NO_PAST, Past, after, entity_tokens
from orderguard.schema import MaskedAddress, MaskedOrder

Generator = np.random.Generator

GUESTS, GUESTS_MINUTES = 14, 20
CARDS, CARDS_HOURS = 14, 20
ACCOUNTS, ACCOUNTS_HOURS = 30, 3


class Ring(NamedTuple):
    """`make` gives the last order of a ring; `needs` is which entities an order must name, one of them, and whether it
    must tell what it is paid with.
    """

    make: Callable[[Case, Generator], Case]
    needs: tuple[str, ...]
    card: bool = False


def guest_cards(case: Case, generator: Generator) -> Case:
    """Card testing over many guests: the last of 15 within 20 minutes from one device or to one address."""
    shared = _fresh(case.order, generator, ("device", "address"))
    return _after(case, shared, GUESTS, timedelta(minutes=GUESTS_MINUTES), GUESTS, generator)


def many_cards(case: Case, generator: Generator) -> Case:
    """One address with many cards: the last of 15 orders of three customers within 20 hours, each with a card."""
    shared = _fresh(case.order, generator, ("address",))
    return _after(case, shared, CARDS, timedelta(hours=CARDS_HOURS), 3, generator)


def account_farm(case: Case, generator: Generator) -> Case:
    """An account farm: the last of 31 fresh accounts within three hours in one network."""
    shared = _fresh(case.order, generator, ("network",))
    return _after(case, shared, ACCOUNTS, timedelta(hours=ACCOUNTS_HOURS), ACCOUNTS, generator)


RINGS: dict[str, Ring] = {
    "guest_cards": Ring(guest_cards, ("device", "address")),
    "many_cards": Ring(many_cards, ("address",), card=True),
    "account_farm": Ring(account_farm, ("network",)),
}


def fits(ring: Ring, order: MaskedOrder) -> bool:
    """Whether the order tells what the ring is about."""
    names = dict(zip(ENTITIES, entity_tokens(order), strict=True))
    return any(names[name] for name in ring.needs) and bool(order.card_token or not ring.card)


def inject_rings(cases: Sequence[Case], most: int, seed: int) -> dict[str, list[Case]]:
    """Of each ring that at least one in a hundred orders tells of, up to `most` orders that end one."""
    found = {}
    for number, (name, ring) in enumerate(RINGS.items()):
        generator = np.random.default_rng([seed, number])
        fitting = [case for case in cases if fits(ring, case.order)]
        if fitting and len(fitting) * 100 >= len(cases):
            chosen = generator.permutation(len(fitting))[:most]
            found[name] = [ring.make(fitting[place], generator) for place in chosen]
    return found


def _fresh(order: MaskedOrder, generator: Generator, kinds: Sequence[str]) -> MaskedOrder:
    """The order by a customer whom nobody knows, with entities of these kinds, where it names any, that nobody used."""
    token = f"injected-{generator.integers(2**63)}"
    names = dict(zip(ENTITIES, entity_tokens(order), strict=True))
    order = msgspec.structs.replace(order, customer_token=token, customer_since=None)
    if "device" in kinds and names["device"]:
        order = msgspec.structs.replace(order, device_token=token)
    if "network" in kinds and names["network"]:
        order = msgspec.structs.replace(order, network_token=token)
    if "address" in kinds and names["address"]:
        known = order.shipping or order.billing or MaskedAddress()
        order = msgspec.structs.replace(order, shipping=msgspec.structs.replace(known, token=token))
    return order


def _after(case: Case, order: MaskedOrder, orders: int, span: timedelta, customers: int, generator: Generator) -> Case:
    """The order after others like it, of so many customers, each with a card and all else its own."""
    past = NO_PAST
    shared = entity_tokens(order)
    for number, place in enumerate(sorted(generator.random(orders).tolist())):
        other = msgspec.structs.replace(
            order,
            customer_token=f"{order.customer_token}-{number % customers}",
            card_token=order.card_token and f"injected-{generator.integers(2**63)}",
            created_at=order.created_at - span * (1.0 - place),
        )
        past = after(past, other)
    changed = case.changed(order)
    ours = (token != before for token, before in zip(shared, entity_tokens(case.order), strict=True))
    entities = tuple(
        new if mine else known for mine, new, known in zip(ours, past.entities, changed.past.entities, strict=True)
    )
    return changed._replace(past=Past(None, entities))
