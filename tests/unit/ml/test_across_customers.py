"""Attacks of many accounts raise alarms by what they share, and people who share without harm raise none."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.job import Job
from ml.pipeline import Outcome
from ml.reading import masked_orders, order_files
from orderguard.features import FEATURE_NAMES
from orderguard.features.pasts import Pasts
from orderguard.features.scalar import features_of
from orderguard.history import after, as_of
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder
from orderguard.scorer import Scorer

HOME = MaskedAddress(token="shared address", name_token="nobody", country="DE", region="DE-10")
Change = Callable[[int], dict[str, Any]]


class Shop:
    """The session's version, and an ordinary cheap order of its shop."""

    def __init__(self, job: Job, trained: Outcome) -> None:
        self.scorer = Scorer.load(job.models / trained.manifest.version)
        orders = [one for chunk in masked_orders(order_files(job.data), job.keyring, free_text=False) for one in chunk]
        usual = self.scorer.catalogue.skus
        cheap = min((sku for sku in usual if usual[sku].quantity < 2.5), key=lambda sku: abs(usual[sku].price - 2.99))
        self.category = next(item.category for one in orders for item in one.items if item.sku == cheap)
        self.sku = cheap
        self.start = max(one.created_at for one in orders).replace(hour=15, minute=0) + timedelta(days=1)

    def guest(self, number: int, at: datetime, **shared: Any) -> MaskedOrder:
        """An order that shares nothing with any other but what is given."""
        own = f"{number} {at.timestamp()}"
        address = MaskedAddress(token=f"address {own}", name_token=f"name {own}", country="DE", region="DE-10")
        price = self.scorer.catalogue.skus[self.sku].price
        plain = MaskedOrder(
            order_token=f"order {own}",
            customer_token=f"customer {own}",
            created_at=at,
            currency="EUR",
            items=[MaskedItem(sku=self.sku, quantity=1, unit_price=price, category=self.category)],
            payment_method="card",
            card_country="DE",
            channel="web",
            billing=address,
            shipping=address,
            device_token=f"device {own}",
            network_token=f"network {own}",
            email_token=f"email {own}",
            card_token=f"card {own}",
        )
        return msgspec.structs.replace(plain, **shared)

    def guests(self, count: int, minutes: float, change: Change, days_before: float = 0.0) -> list[MaskedOrder]:
        """So many, spread over so many minutes from the start, or so many days before it."""
        begin = self.start - timedelta(days=days_before)
        return [
            self.guest(number, begin + timedelta(minutes=minutes * number / count), **change(number))
            for number in range(count)
        ]

    def flagged(self, orders: Sequence[MaskedOrder]) -> NDArray[np.bool_]:
        """Whether each is an alert, taken one after another."""
        pasts, seen = Pasts.empty(), []
        for one in orders:
            past = pasts.of(one)
            seen.append((one, as_of(past, one.created_at.timestamp())))
            pasts.keep(one, after(past, one))
        found: NDArray[np.bool_] = (
            self.scorer.score(features_of(seen, self.scorer.catalogue)).score >= self.scorer.threshold
        )
        return found


@pytest.fixture(scope="module")
def shop(job: Job, trained: Outcome) -> Shop:
    return Shop(job, trained)


SHARED: dict[str, dict[str, Any]] = {
    "a device and an address": {"device_token": "shared", "shipping": HOME},
    "a device": {"device_token": "shared"},
    "an address": {"shipping": HOME},
    "a mail address": {"email_token": "shared"},
    "a card": {"card_token": "shared"},
    "a device, no cards told": {"device_token": "shared", "card_token": None, "email_token": None},
}


@pytest.mark.parametrize("what", SHARED)
def test_sixty_guests_who_share_are_flagged_from_the_tenth_order_on(what: str, shop: Shop) -> None:
    orders = shop.guests(60, 15, lambda number: SHARED[what])
    assert shop.flagged(orders)[9:].mean() >= 0.9


def test_sixty_guests_in_one_network_are_flagged_from_the_twentieth_order_on(shop: Shop) -> None:
    assert shop.flagged(shop.guests(60, 15, lambda number: {"network_token": "shared"}))[19:].mean() >= 0.9


def test_slow_card_testing_is_flagged_before_its_end(shop: Shop) -> None:
    for days in (1, 6):
        orders = shop.guests(60, days * 1440, lambda number: {"device_token": "shared", "shipping": HOME})
        assert shop.flagged(orders)[30:].mean() >= 0.9, days


def test_one_customer_with_many_cards_is_flagged(shop: Shop) -> None:
    orders = shop.guests(12, 90, lambda number: {"customer_token": "anna", "billing": HOME, "shipping": HOME})
    assert shop.flagged(orders)[6:].all()


def test_sixty_unrelated_guests_are_not(shop: Shop) -> None:
    assert shop.flagged(shop.guests(60, 15, lambda number: {})).mean() <= 0.02


def _family(number: int) -> dict[str, Any]:
    return {
        "customer_token": f"one of four {number % 4}",
        "email_token": f"mail {number % 4}",
        **{"device_token": "tablet", "network_token": "line", "card_token": "joint", "shipping": HOME, "billing": HOME},
    }


def test_a_family_that_shares_everything_is_not(shop: Shop) -> None:
    assert not shop.flagged(shop.guests(24, 4 * 10080, _family)).any()


@pytest.mark.parametrize(
    ("shared", "a_day", "peak", "minutes"),
    [
        ({"network_token": "office"}, 20, 40, 1440),
        ({"network_token": "carrier"}, 100, 40, 240),
        ({"shipping": HOME}, 8, 25, 1440),
        ({"shipping": HOME, "network_token": "hall"}, 2, 8, 240),
        ({"device_token": "library"}, 5, 12, 1440),
    ],
    ids=["office", "carrier", "parcel shop", "hall of residence", "library"],
)
def test_what_is_always_shared_says_nothing_by_its_own_pace(
    shared: dict[str, Any], a_day: int, peak: int, minutes: float, shop: Shop
) -> None:
    days = 50
    before = shop.guests(a_day * days, days * 1440 - 60, lambda number: shared, days_before=days)
    assert shop.flagged(before + shop.guests(peak, minutes, lambda number: shared))[-peak:].mean() <= 0.05


def test_an_attack_on_what_is_always_shared_is_flagged(shop: Shop) -> None:
    before = shop.guests(400, 50 * 1440 - 60, lambda number: {"shipping": HOME}, days_before=50)
    assert shop.flagged(before + shop.guests(60, 15, lambda number: {"shipping": HOME}))[-50:].mean() >= 0.9


@pytest.mark.parametrize("channel", ["store", "phone"])
def test_the_shop_s_own_device_says_nothing_from_its_first_day_on(channel: str, shop: Shop) -> None:
    shared = {"device_token": "till", "network_token": "shop", "channel": channel}
    assert shop.flagged(shop.guests(100, 600, lambda number: shared)).mean() <= 0.02


def test_an_alarm_names_what_is_shared(shop: Shop) -> None:
    pasts = Pasts.empty()
    for one in (orders := shop.guests(30, 15, lambda number: {"device_token": "shared"}))[:-1]:
        pasts.keep(one, after(pasts.of(one), one))
    _, parts = shop.scorer.explain(features_of([(orders[-1], pasts.of(orders[-1]))], shop.scorer.catalogue))
    assert FEATURE_NAMES[int(np.argmax(parts[0]))] == "device_others"
