"""The sample as a whole: a time-ordered stream of lines with their truth."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from data.generator.anomalies import KINDS, anomalous_orders
from data.generator.broken import broken_line
from data.generator.customers import Crowd, Person
from data.generator.notes import Planted
from data.generator.orders import RawOrder, normal_orders
from data.generator.products import Product, products
from data.generator.sharing import share

ANOMALY_SHARE = 0.01
BROKEN_SHARE = 0.006
DUPLICATE_SHARE = 0.002
LATE_SHARE = 0.001
LATEST = timedelta(days=20)
SLACK = timedelta(days=6)
"""What happens next is written down with what caused it: a ring goes on for four days and more."""
ORDERS_PER_CUSTOMER = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sample. `delivered` is when the feed hands it over: rarely in a later month."""

    delivered: datetime
    data: bytes
    order_id: str | None
    kind: str | None
    planted: tuple[Planted, ...]


@dataclass(frozen=True)
class World:
    """Customers and shelves, so that the orders to be scored come from the same shop as those to be learnt from."""

    crowd: Crowd
    random: Random
    shelves: dict[str, list[Product]]


Event = tuple[datetime, RawOrder, str | None, tuple[Planted, ...]]


def make_world(seed: int, orders: int, start: datetime, end: datetime) -> World:
    """The shop that a seed stands for."""
    random = Random(seed)
    shelves = products(random)
    crowd = Crowd(max(20, orders // ORDERS_PER_CUSTOMER), start, end, shelves, random)
    share(crowd.people, random)
    return World(crowd, random, shelves)


def events(world: World, count: int, start: datetime, end: datetime, anomaly_share: float) -> Iterator[Event]:
    """Normal and anomalous orders in time order, still without ids."""
    random = world.random
    made = dict.fromkeys(KINDS, 0)
    due = 0.0
    for moment, person, order, planted in normal_orders(count, start, end, world.crowd, world.shelves, random):
        yield moment, order, None, tuple(planted)
        due += anomaly_share * random.expovariate(1)
        if due >= 1 and is_regular(person, moment):
            kind = min(made, key=lambda name: made[name])
            begin = moment + timedelta(minutes=random.randrange(30, 600))
            for at, spoilt in anomalous_orders(kind, person, begin, world.shelves, random):
                due -= 1
                made[kind] += 1
                yield at, spoilt, kind, ()


def is_regular(person: Person, moment: datetime) -> bool:
    """A customer of some standing: accounts that are stolen or misused have a past."""
    return moment - person.registered > timedelta(days=30)


def in_order(stream: Iterable[Any], key: Callable[[Any], datetime], slack: timedelta) -> Iterator[Any]:
    """Sort a stream by `key`; no element comes more than `slack` after a greater one, so memory is bounded."""
    waiting: list[tuple[datetime, int, Any]] = []
    for number, element in enumerate(stream):
        heapq.heappush(waiting, (key(element), number, element))
        while waiting[0][0] < key(element) - slack:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def lines(
    world: World,
    count: int,
    start: datetime,
    end: datetime,
    *,
    anomaly_share: float = ANOMALY_SHARE,
    prefix: str = "S",
    faulty: bool = True,
) -> Iterator[Line]:
    """About `count` orders as the feed delivers them, with broken and repeated lines between them if `faulty`."""
    happened = events(world, round(count * (1 - anomaly_share)), start, end, anomaly_share)
    in_time = in_order(happened, lambda event: event[0], SLACK)
    delivered = numbered(in_time, world.random, start, end, prefix, faulty)
    return in_order(delivered, lambda line: line.delivered, LATEST)


def numbered(
    happened: Iterable[Event], random: Random, start: datetime, end: datetime, prefix: str, faulty: bool
) -> Iterator[Line]:
    """Give each order its id and its delivery; add faults."""
    for number, (moment, order, kind, planted) in enumerate(happened, 1):
        order["order_id"] = f"{prefix}{moment.year}-{number:07d}"
        delay = timedelta(minutes=random.expovariate(1 / 20))
        if faulty and random.random() < LATE_SHARE:
            delay = random.random() * LATEST
        delivered = min(max(start, moment + delay), end - timedelta(seconds=1))
        yield Line(delivered, msgspec.json.encode(order), order["order_id"], kind, planted)
        if faulty and random.random() < DUPLICATE_SHARE:
            yield Line(delivered, msgspec.json.encode(order), None, None, ())
        if faulty and random.random() < BROKEN_SHARE:
            broken = {**order, "order_id": f"{order['order_id']}x"}
            yield Line(delivered, broken_line(broken, random), None, None, planted)
