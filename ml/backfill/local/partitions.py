"""What was known of customers and entities before each order, a partition of their tokens at a time.

A partition is gone through in time order. It is one slice as a rule; where one token has more orders than a slice
takes, what is known after a slice is carried on to the next, as a store would.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ml.backfill.local.catalogues import Blocks
from ml.backfill.local.in_time import Routed, shuffles
from ml.backfill.local.limits import Limits
from ml.backfill.local.parallel import each
from ml.backfill.local.records import coded_tokens
from ml.backfill.local.seeds import SeedParts, customer_entries, entity_entries
from ml.backfill.local.shuffle import Indices, Records, Shuffle
from ml.backfill.settings import Settings
from orderguard.features.columns import Coded, Columns, Floats
from orderguard.features.facts import CODES, NUMBERS
from orderguard.features.looked_up import LookedUp
from orderguard.features.logarithms import LEAST_NET
from orderguard.features.past import NOVELTIES, WINDOWS, customer_facts
from orderguard.features.pasts import customers_after, entities_after
from orderguard.features.shared import OWN, Purchases, Sightings, company_of, own_facts
from orderguard.history import ENTITIES, CustomerHistory, EntityHistory
from orderguard.history.records import CUSTOMER, ENTITY

PAST = (
    *("remembered", "seconds_since_last", "past_log", "past_log_squared", "nearest_minutes", "earlier"),
    *WINDOWS,
    *NOVELTIES,
)
"""What `customer_facts` finds."""
OWN_SHARED = tuple(f"own_{name}" for name in OWN)
FACTS = np.dtype([("place", "<u8"), *((name, "<f8") for name in (*PAST, *OWN_SHARED))])
"""What was known of an order's customer."""
COMPANY = np.dtype([("place", "<u8"), ("kind", "u1"), ("company", "<f8")])
"""How many others are behind an entity of a kind, by its place in `ENTITIES`; of orders where there are any."""
PAIR = np.dtype([("place", "<u8"), ("before", "<u8"), ("at", "<f8"), ("net", "<f8"), ("currency", "<u4")])
"""An order that is not its customer's first, and the one before it: its place, moment, value and currency."""


class Known(NamedTuple):
    """What partitions share: where records come from and go to, and how they are cut."""

    routed: Routed
    settings: Settings
    limits: Limits
    source: Path
    folder: Path

    def bucket_of(self, places: Indices) -> Indices:
        """The time bucket of each place."""
        return np.searchsorted(self.routed.offsets(), places.astype(np.int64), side="right") - 1

    @property
    def parts(self) -> int:
        """How many partitions there are."""
        return self.limits.parts(self.routed.orders)

    def slice_orders(self) -> int:
        """How many orders a slice has at most."""
        return 2 * self.limits.orders


def pairs_of_customers(known: Known) -> int:
    """Send each order that is not its customer's first to its time bucket, with what catalogues learn of the one
    before.

    Returns how many there are.
    """
    customers = shuffles(known.routed, known.settings, known.limits, known.source).customers
    out = Shuffle(known.folder / "pairs", PAIR, known.routed.buckets)

    def pairs(part: int) -> int:
        found = []
        last: dict[bytes, Records] = {}
        for orders in customers.slices(part, known.slice_orders()):
            carried = [last[token] for token in np.unique(orders["customer"]).tolist() if token in last]
            orders = np.concatenate([np.array(carried, orders.dtype), orders])
            _, number = np.unique(orders["customer"], return_inverse=True)
            by_customer = np.argsort(number, kind="stable")
            again = np.flatnonzero(np.diff(number[by_customer]) == 0) + 1
            now, then = orders[by_customer[again]], orders[by_customer[again - 1]]
            pair = np.empty(len(now), PAIR)
            pair["place"], pair["before"] = now["place"], then["place"]
            for name in ("at", "net", "currency"):
                pair[name] = then[name]
            found.append(pair)
            ends = np.append(np.flatnonzero(np.diff(number[by_customer])), len(orders) - 1)
            last.update((bytes(order["customer"]), order) for order in orders[by_customer[ends]])
        every = np.concatenate([np.empty(0, PAIR), *found])
        every = every[np.argsort(every["place"], kind="stable")]
        out.write(part, every, known.bucket_of(every["place"]))
        return len(every)

    with tqdm(total=known.parts, desc="customers who came back", disable=not known.settings.progress) as bar:
        return sum(each(pairs, known.parts, known.settings.jobs, bar))


def facts_of_customers(known: Known, blocks: Blocks, end: float) -> int:
    """Send what was known of its customer before each order to the order's time bucket; and write what a store would
    hold of the customers at the `end`. Returns how many records that is.
    """
    customers = shuffles(known.routed, known.settings, known.limits, known.source).customers
    out, seeds = Shuffle(known.folder / "past", FACTS, known.routed.buckets), SeedParts(known.folder / "seeds", end)

    def facts(part: int) -> int:
        histories: dict[str, CustomerHistory] = {}
        held, found, rest = seeds.begin(CUSTOMER), [], customers.slices(part, known.slice_orders())
        orders = next(rest, None)
        while orders is not None:
            following = next(rest, None)
            coded = coded_tokens(orders["customer"])
            usual = blocks.usual(orders["place"].astype(np.int64), orders["currency"].astype(np.int64))
            found.append(facts_of(orders, coded, usual, histories))
            held.add(coded, orders["at"], customer_entries(orders, blocks.currencies))
            if following is not None:
                histories.update(customers_after(_columns(orders, coded, blocks.currencies), histories))
            orders = following
        every = np.concatenate([np.empty(0, FACTS), *found])
        out.write(part, every, known.bucket_of(every["place"]))
        return held.write(part)

    with tqdm(total=known.parts, desc="what was known of customers", disable=not known.settings.progress) as bar:
        return sum(each(facts, known.parts, known.settings.jobs, bar))


def facts_of(orders: Records, coded: Coded, usual: LookedUp, histories: Mapping[str, CustomerHistory]) -> Records:
    """What was known of its customer before each order. `usual` says what one reference unit costs."""
    facts: dict[str, Floats] = {
        name: orders[name].astype(np.float64) for name in ("at", "minute", "net", *NOVELTIES.values())
    }
    facts["log_net"] = np.log(np.maximum(facts["net"], LEAST_NET))
    card, address = (orders[name].astype(np.float64) for name in ("card", "address"))
    past = customer_facts(coded, facts, usual, histories)
    own = own_facts(Purchases(coded, facts["at"], facts["minute"], card, address), histories)
    found = np.empty(len(orders), FACTS)
    found["place"] = orders["place"]
    for name, values in (past | own).items():
        found[name] = values
    return found


def _columns(orders: Records, coded: Coded, currencies: list[str]) -> Columns:
    """What histories are made of: orders whose value stands in one line."""
    count = len(orders)
    nothing = np.zeros(count)
    numbers = dict.fromkeys(NUMBERS, nothing) | {
        name: orders[name].astype(np.float64) for name in ("at", "minute", "address", "device", "payment", "card")
    }
    none = Coded(np.zeros(count, dtype=np.int64), [""])
    return Columns(
        customers=coded,
        entities=dict.fromkeys(ENTITIES, none),
        numbers=numbers,
        codes=dict.fromkeys(CODES, none) | {"currency": Coded(orders["currency"].astype(np.int64), currencies)},
        told=np.zeros(count, dtype=np.int64),
        line_order=np.arange(count),
        quantity=np.ones(count),
        unit_price=orders["net"].astype(np.float64),
        line_discount=nothing,
        skus=none,
        categories=none,
    )


def company_of_entities(known: Known, end: float) -> int:
    """Send to each order's time bucket who else is behind what it names, where anybody is; and write what a store would
    hold of the entities at the `end`. Returns how many records that is.
    """
    entities = shuffles(known.routed, known.settings, known.limits, known.source).entities
    out, seeds = Shuffle(known.folder / "company", COMPANY, known.routed.buckets), SeedParts(
        known.folder / "seeds", end
    )
    parts = known.parts

    def company(number: int) -> int:
        kind, part = divmod(number, parts)
        histories: dict[str, EntityHistory] = {}
        held, found, rest = seeds.begin(ENTITY), [], entities[ENTITIES[kind]].slices(part, known.slice_orders())
        orders = next(rest, None)
        while orders is not None:
            following = next(rest, None)
            coded = coded_tokens(orders["entity"])
            at, card, minute = (orders[name].astype(np.float64) for name in ("at", "card", "minute"))
            seen = Sightings(coded, at, orders["customer"].astype(np.int64), card, minute)
            others = company_of(seen, histories)
            rows = np.flatnonzero(others)
            some = np.empty(len(rows), COMPANY)
            some["place"], some["kind"], some["company"] = orders["place"][rows], kind, others[rows]
            found.append(some)
            held.add(coded, at, entity_entries(orders))
            if following is not None:
                histories.update(entities_after(seen, histories))
            orders = following
        every = np.concatenate([np.empty(0, COMPANY), *found])
        out.write(number, every, known.bucket_of(every["place"]))
        return held.write(number)

    count = parts * len(ENTITIES)
    with tqdm(total=count, desc="who else was behind it", disable=not known.settings.progress) as bar:
        return sum(each(company, count, known.settings.jobs, bar))
