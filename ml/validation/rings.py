"""Attacks of many accounts, each made before a held-out order that is one more of it: what only entities tell.

Each is as strong as chance has it, from what is found in part to what nobody could miss. Were they alike, all or none
would be found, by whatever moves the threshold a little. They are reported apart from the anomalies of single orders.
Like those they share nothing with the sample's generator.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from ml.validation.held_out import Case
from orderguard.history import ENTITIES, Past, entity_after, entity_tokens
from orderguard.schema import MaskedAddress, MaskedOrder

Generator = np.random.Generator


class Ring(NamedTuple):
    """`make` gives the last order of a ring; `needs` is which entities an order must name, one of them, and whether it
    must tell what it is paid with.
    """

    make: Callable[[Case, Generator], Case]
    needs: tuple[str, ...]
    card: bool = False


def guest_cards(case: Case, generator: Generator) -> Case:
    """Card testing over many guests: the last of 10 to 40 within twelve minutes to a day from one device or to one
    address.
    """
    guests, hours = round(_between(10, 40, generator)), _between(0.2, 24, generator)
    return _after(case, _fresh(case.order, generator, ("device", "address")), guests, hours, guests, generator)


def many_cards(case: Case, generator: Generator) -> Case:
    """One address with many cards: the last of 10 to 40 orders of two to five customers within one hour to a day, each
    with a card.
    """
    orders, hours, customers = round(_between(10, 40, generator)), _between(1, 24, generator), generator.integers(2, 6)
    return _after(case, _fresh(case.order, generator, ("address",)), orders, hours, int(customers), generator)


def account_farm(case: Case, generator: Generator) -> Case:
    """An account farm: the last of 20 to 60 fresh accounts within half an hour to six hours in one network."""
    accounts, hours = round(_between(20, 60, generator)), _between(0.5, 6, generator)
    return _after(case, _fresh(case.order, generator, ("network",)), accounts, hours, accounts, generator)


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
    """Of each ring that at least one in a hundred orders tells of, up to `most` orders that end one, each made from an
    order of its own.
    """
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


def _between(least: float, most: float, generator: Generator) -> float:
    """Any strength between these, twice as much as often as half as much."""
    return least * float((most / least) ** generator.random())


def _after(case: Case, order: MaskedOrder, orders: int, hours: float, customers: int, generator: Generator) -> Case:
    """The last of so many orders like it within so many hours, of so many customers, each with a card and all else its
    own: what is new in it has their history.
    """
    history, span = None, timedelta(hours=hours)
    for number, place in enumerate(sorted(generator.random(orders - 1).tolist())):
        other = msgspec.structs.replace(
            order,
            customer_token=f"{order.customer_token}-{number % customers}",
            card_token=order.card_token and f"injected-{generator.integers(2**63)}",
            created_at=order.created_at - span * (1.0 - place),
        )
        history = entity_after(history, other)
    changed, tokens = case.changed(order), zip(entity_tokens(order), entity_tokens(case.order), strict=True)
    entities = zip(tokens, changed.past.entities, strict=True)
    return changed._replace(
        past=Past(None, tuple(known if token == before else history for (token, before), known in entities))
    )
