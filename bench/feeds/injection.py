"""Anomalies in place of real orders, one small function a kind.

A copy beside its original would be given away by the time since the customer's last order. So each anomaly stands
where a real order stood, with what was known of its customer then, and the real one is no part of the comparison.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from ml.validation.held_out import Case
from orderguard.history import after
from orderguard.schema import MAX_AMOUNT, MaskedItem, MaskedOrder

ORDERS_A_KIND = 300
FEWEST = 20
"""Orders that a kind can be made of; with fewer it is left out."""
LINES = 180
BURST = 8
NEVER_SEEN = {"country": ("MN", "BT", "FJ"), "currency": ("ISK", "LAK", "MGA")}

Generator = np.random.Generator


class Before(NamedTuple):
    """What the shop's orders before the later ones tell: the last line of each sku, orders by hour of the day (24,),
    and every country and currency of the feed.
    """

    skus: dict[str, MaskedItem]
    hours: Sequence[int]
    countries: frozenset[str]
    currencies: frozenset[str]


class Kind(NamedTuple):
    """`fits` says whether an order can be changed; `impossible` why a feed can't have the kind at all."""

    change: Callable[[Case, Before, Generator], Case]
    fits: Callable[[Case, Before], bool] = lambda case, before: True
    impossible: Callable[[Before], str | None] = lambda before: None


class Injected(NamedTuple):
    """Cases in place of the later orders at `rows`, which are of no use as normal ones."""

    cases: list[Case]
    rows: list[int]
    changed: list[bool]
    """False for the first order of a burst, which nothing can tell from a normal one."""


def before_of(earlier: Sequence[MaskedOrder], all_orders: Sequence[MaskedOrder]) -> Before:
    """What the earlier orders tell; codes are taken from all, so that none of them is one that comes later."""
    hours = [0] * 24
    for order in earlier:
        hours[order.created_at.hour] += 1
    return Before(
        skus={item.sku: item for order in earlier for item in order.items},
        hours=hours,
        countries=frozenset(filter(None, map(country_of, all_orders))),
        currencies=frozenset(order.currency for order in all_orders),
    )


def country_of(order: MaskedOrder) -> str | None:
    """Where the order goes, if it says so."""
    address = order.shipping or order.billing
    return address.country if address else None


def inject(later: Sequence[Case], before: Before, seed: int) -> tuple[dict[str, Injected], dict[str, str]]:
    """Anomalies of each kind that the feed can have, and why others are left out. Each kind has its own draw: leaving
    one out changes no other.
    """
    found: dict[str, Injected] = {}
    left_out: dict[str, str] = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        generator = np.random.default_rng([seed, number])
        if reason := kind.impossible(before):
            left_out[name] = reason
            continue
        fitting = [row for row, case in enumerate(later) if kind.fits(case, before)]
        if len(fitting) < max(FEWEST, len(later) // 50):
            left_out[name] = f"{len(fitting)} of {len(later):,} orders can be changed so"
            continue
        count = min(ORDERS_A_KIND, len(later) // 4, len(fitting))
        rows = sorted(generator.choice(fitting, count, replace=False).tolist())
        found[name] = Injected([kind.change(later[row], before, generator) for row in rows], rows, [True] * len(rows))
    found["burst"] = bursts(later, np.random.default_rng([seed, len(KINDS)]), any(before.hours[1:]))
    return found, left_out


def bursts(later: Sequence[Case], generator: Generator, timed: bool) -> Injected:
    """Runs of consecutive orders become one customer's, some seconds apart where the shop tells the time."""
    places = len(later) // BURST
    count = min(max(1, ORDERS_A_KIND // BURST), max(1, places // 4))
    cases, rows = [], []
    for place in sorted(generator.choice(places, count, replace=False).tolist()):
        run = later[place * BURST : (place + 1) * BURST]
        first, past, seconds = run[0].order, run[0].past, 0.0
        for number, case in enumerate(run):
            order = msgspec.structs.replace(
                first,
                order_token=case.order.order_token,
                created_at=first.created_at + timedelta(seconds=seconds),
                items=case.order.items,
                discount=case.order.discount,
            )
            cases.append(run[0]._replace(order=order, past=past))
            rows.append(place * BURST + number)
            past = after(past, order)
            seconds += float(generator.uniform(20, 60)) if timed else 0.0
    return Injected(cases, rows, [row % BURST > 0 for row in rows])


def _items(case: Case, items: list[MaskedItem]) -> Case:
    return case._replace(order=msgspec.structs.replace(case.order, items=items))


def _prices(factor: float) -> Kind:
    """All prices times a factor."""

    def change(case: Case, before: Before, generator: Generator) -> Case:
        items = case.order.items
        return _items(case, [msgspec.structs.replace(item, unit_price=item.unit_price * factor) for item in items])

    return Kind(change, lambda case, before: _priced(case) and _in_bounds(case, factor))


def _priced(case: Case) -> bool:
    return any(item.unit_price for item in case.order.items)


def _in_bounds(case: Case, factor: float) -> bool:
    return all(item.unit_price * factor <= MAX_AMOUNT for item in case.order.items)


def _one(change: Callable[[MaskedItem], MaskedItem], fits: Callable[[Case], bool]) -> Kind:
    """One line, any."""

    def changed(case: Case, before: Before, generator: Generator) -> Case:
        items = list(case.order.items)
        places = [place for place, item in enumerate(items) if item.unit_price]
        place = places[int(generator.integers(len(places)))]
        items[place] = change(items[place])
        return _items(case, items)

    return Kind(changed, lambda case, before: _priced(case) and fits(case))


def _one_price(factor: float) -> Kind:
    """One price of several times a factor: with one line it would be all of them."""
    return _one(
        lambda item: msgspec.structs.replace(item, unit_price=item.unit_price * factor),
        lambda case: len(case.order.items) > 1 and _in_bounds(case, factor),
    )


def _quantity(factor: int) -> Kind:
    """One quantity times a factor."""
    return _one(
        lambda item: msgspec.structs.replace(item, quantity=item.quantity * factor),
        lambda case: all(item.quantity * factor <= 1_000_000 for item in case.order.items),
    )


def quiet_hour(hours: Sequence[int]) -> int:
    """The first of the three hours in a row with the fewest orders, of 24."""
    return min(range(24), key=lambda hour: sum(hours[(hour + more) % 24] for more in range(3)))


def _night_of(case: Case, before: Before) -> Case:
    """The order at the start of the same day's quiet hours."""
    moment = case.order.created_at.replace(hour=quiet_hour(before.hours), minute=0, second=0, microsecond=0)
    return case._replace(order=msgspec.structs.replace(case.order, created_at=moment))


def _night(case: Case, before: Before, generator: Generator) -> Case:
    """At a quiet hour of the same day."""
    moment = _night_of(case, before).order.created_at + timedelta(minutes=int(generator.integers(180)))
    return case._replace(order=msgspec.structs.replace(case.order, created_at=moment))


def _after_the_last(case: Case, before: Before) -> bool:
    """At night the order still comes after its customer's last one."""
    last = case.past.customer.at[-1] if case.past.customer and case.past.customer.at else 0.0
    return _night_of(case, before).order.created_at.timestamp() > last


def _no_night(before: Before) -> str | None:
    if not any(before.hours[1:]):
        return "no time of day"
    quiet = quiet_hour(before.hours)
    share = sum(before.hours[(quiet + more) % 24] for more in range(3)) / sum(before.hours)
    return f"{share:.1%} of the orders come in the three quietest hours" if share > 0.01 else None


def _many_lines(case: Case, before: Before, generator: Generator) -> Case:
    """A piece each of many cheap skus at their last price, as somebody does who copies a catalogue into a basket."""
    cheap = sorted(before.skus.values(), key=lambda item: (item.unit_price, item.sku))
    cheap = cheap[: max(LINES, len(cheap) // 2)]
    chosen = generator.choice(len(cheap), min(LINES, len(cheap)), replace=False).tolist()
    return _items(case, [msgspec.structs.replace(cheap[place], quantity=1, discount=None) for place in chosen])


def _few_skus(before: Before) -> str | None:
    return f"{len(before.skus)} skus" if len(before.skus) < FEWEST else None


def _unseen(kind: str, seen: frozenset[str]) -> str:
    return next(code for code in NEVER_SEEN[kind] if code not in seen)


def _country(case: Case, before: Before, generator: Generator) -> Case:
    """Sent to a country that the shop has never sent to."""
    address = case.order.shipping or case.order.billing
    assert address
    elsewhere = msgspec.structs.replace(
        address,
        country=_unseen("country", before.countries),
        region=None,
        token=f"injected-address-{generator.integers(2**31)}",
    )
    return case.changed(msgspec.structs.replace(case.order, shipping=elsewhere))


def _currency(factor: float) -> Kind:
    """In a currency that the shop has never sold in, with all prices times a factor."""

    def change(case: Case, before: Before, generator: Generator) -> Case:
        case = _prices(factor).change(case, before, generator)
        currency = _unseen("currency", before.currencies)
        return case._replace(order=msgspec.structs.replace(case.order, currency=currency))

    return Kind(change, lambda case, before: _in_bounds(case, factor))


KINDS: dict[str, Kind] = {
    "all prices × 10": _prices(10.0),
    "one price × 10": _one_price(10.0),
    "all prices ÷ 100": _prices(0.01),
    "one price ÷ 100": _one_price(0.01),
    "one quantity × 20": _quantity(20),
    "night": Kind(_night, _after_the_last, _no_night),
    "many small lines": Kind(_many_lines, impossible=_few_skus),
    "country never seen": Kind(
        _country,
        lambda case, before: country_of(case.order) is not None,
        lambda before: None if before.countries else "no countries",
    ),
    "currency never seen": _currency(1.0),
    "currency never seen, prices × 100,000": _currency(100_000.0),
}
"""And "burst", which is made of several orders each."""
