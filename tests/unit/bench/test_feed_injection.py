"""Anomalies take the place of real orders: as many as there were, each with its customer's own past."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bench.feeds.injection import BURST, KINDS, Before, Injected, before_of, inject, quiet_hour
from ml.catalogue_learning import learn_catalogue
from ml.validation.held_out import Case, replay
from orderguard.features.columns import columns_of
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder

START = datetime(2024, 5, 6, 9, tzinfo=UTC)


def shop(count: int = 240, *, timed: bool = True, country: bool = True, skus: int = 60) -> list[MaskedOrder]:
    """Orders of a shop that is open from 9 to 20 o'clock; every tenth has one line."""
    orders = []
    for number in range(count):
        day, place = divmod(number, 11)
        moment = START + timedelta(days=day, hours=place) if timed else (START + timedelta(days=day)).replace(hour=0)
        items = [
            MaskedItem(
                sku=f"sku-{(number * 7 + line) % skus}", quantity=1 + line, unit_price=5.0 + (number + line) % skus
            )
            for line in range(1 if number % 10 == 0 else 3)
        ]
        orders.append(
            MaskedOrder(
                order_token=f"order-{number}",
                customer_token=f"customer-{number % 50}",
                created_at=moment,
                currency="EUR",
                items=items,
                shipping=MaskedAddress(token=f"home-{number % 50}", country="DE") if country else None,
            )
        )
    return orders


def later_and_before(orders: list[MaskedOrder]) -> tuple[list[Case], Before]:
    cut = int(len(orders) * 0.6)
    catalogue = learn_catalogue(columns_of(orders))
    cases = replay([orders], {order.order_token: catalogue for order in orders})
    return cases[cut:], before_of(orders[:cut], orders)


Feed = tuple[list[Case], Before, dict[str, Injected]]


@pytest.fixture(scope="module")
def feed() -> Feed:
    """The later cases, what is known from before, and anomalies of all kinds."""
    later, before = later_and_before(shop())
    found, left_out = inject(later, before, seed=1)
    assert set(found) == {*KINDS, "burst"} and not left_out
    return later, before, found


def test_each_anomaly_stands_in_an_orders_place_with_its_own_past(feed: Feed) -> None:
    later, _, found = feed
    for kind, injected in found.items():
        assert len(injected.cases) == len(injected.rows) == len(set(injected.rows)) == len(injected.changed)
        originals = [later[row] for row in injected.rows]
        assert [case.order.order_token for case in injected.cases] == [case.order.order_token for case in originals]
        if kind != "burst":
            assert [case.past.customer for case in injected.cases] == [case.past.customer for case in originals]
            assert all(case.order != original.order for case, original in zip(injected.cases, originals, strict=True))


def test_the_same_seed_gives_the_same_anomalies_and_another_others(feed: Feed) -> None:
    later, before, found = feed
    again, other = (inject(later, before, seed=seed)[0] for seed in (1, 2))
    assert {kind: injected.cases for kind, injected in again.items()} == {
        kind: injected.cases for kind, injected in found.items()
    }
    assert all(other[kind].rows != injected.rows for kind, injected in found.items())


CHANGES: dict[str, Callable[[list[MaskedItem], list[MaskedItem]], bool]] = {
    "all prices × 10": lambda was, now: price_ratios(was, now) == [10.0] * len(was),
    "one price × 10": lambda was, now: price_ratios(was, now) == [1.0] * (len(was) - 1) + [10.0],
    "all prices ÷ 100": lambda was, now: price_ratios(was, now) == [0.01] * len(was),
    "one price ÷ 100": lambda was, now: price_ratios(was, now) == [0.01] + [1.0] * (len(was) - 1),
    "one quantity × 20": lambda was, now: sum(b.quantity == a.quantity for a, b in zip(was, now, strict=True))
    == len(was) - 1,
    "many small lines": lambda was, now: len({item.sku for item in now}) == 60
    and {item.quantity for item in now} == {1},
    "currency never seen, prices × 100,000": lambda was, now: price_ratios(was, now) == [100_000.0] * len(was),
}


def price_ratios(was: list[MaskedItem], now: list[MaskedItem]) -> list[float]:
    return sorted(round(b.unit_price / a.unit_price, 6) for a, b in zip(was, now, strict=True))


@pytest.mark.parametrize("kind", CHANGES)
def test_a_kind_changes_what_it_says(feed: Feed, kind: str) -> None:
    later, _, found = feed
    injected = found[kind]
    for row, case in zip(injected.rows, injected.cases, strict=True):
        assert CHANGES[kind](later[row].order.items, case.order.items)


def test_what_was_never_seen_is_nowhere_in_the_feed(feed: Feed) -> None:
    found = feed[2]
    assert {case.order.currency for case in found["currency never seen"].cases} == {"ISK"}
    sent = [case.order.shipping for case in found["country never seen"].cases]
    assert {address.country for address in sent if address} == {"MN"}


def test_at_night_means_at_the_shops_quiet_hours_of_the_same_day_and_after_the_last_order(
    feed: Feed,
) -> None:
    later, injected = feed[0], feed[2]["night"]
    for row, case in zip(injected.rows, injected.cases, strict=True):
        assert case.order.created_at.hour < 3
        assert case.order.created_at.date() == later[row].order.created_at.date()
        assert not case.past.customer or case.order.created_at.timestamp() > case.past.customer.at[-1]


def test_a_burst_is_one_customers_orders_in_a_row(feed: Feed) -> None:
    later, injected = feed[0], feed[2]["burst"]
    run = injected.cases[:BURST]
    assert len({case.order.customer_token for case in run}) == 1
    counts = [case.past.customer.count if case.past.customer else 0 for case in run]
    assert counts == list(range(counts[0], counts[0] + BURST))
    assert all(0 < (b.order.created_at - a.order.created_at).total_seconds() < 500 for a, b in zip(run, run[1:]))
    assert injected.changed[:BURST] == [False] + [True] * (BURST - 1)
    assert [case.order.items for case in run] == [later[row].order.items for row in injected.rows[:BURST]]


@pytest.mark.parametrize(
    ("orders", "kind", "reason"),
    [
        (shop(timed=False), "night", "no time of day"),
        (shop(country=False), "country never seen", "no countries"),
        (shop(skus=8), "many small lines", "8 skus"),
        (
            [msgspec.structs.replace(order, items=order.items[:1]) for order in shop()],
            "one price × 10",
            "0 of 96 orders can be changed so",
        ),
        (
            [
                msgspec.structs.replace(order, created_at=order.created_at.replace(hour=number % 24))
                for number, order in enumerate(shop())
            ],
            "night",
            "12.5% of the orders come in the three quietest hours",
        ),
    ],
)
def test_a_kind_that_a_feed_cannot_have_is_left_out_with_the_reason(
    orders: list[MaskedOrder], kind: str, reason: str
) -> None:
    found, left_out = inject(*later_and_before(orders), seed=7)
    assert left_out[kind] == reason and kind not in found


def test_leaving_a_kind_out_changes_no_other() -> None:
    with_countries, without = (
        inject(*later_and_before(shop(country=country)), seed=8)[0]["all prices × 10"].rows for country in (True, False)
    )
    assert with_countries == without


@pytest.mark.parametrize(("busy", "first"), [(range(8, 20), 0), ([*range(0, 2), *range(9, 24)], 2), (range(24), 0)])
def test_the_quiet_hours_are_the_three_in_a_row_with_the_fewest_orders(busy: list[int], first: int) -> None:
    assert quiet_hour([10 if hour in busy else 0 for hour in range(24)]) == first
