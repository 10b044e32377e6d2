"""Shops unlike the sample: fixed prices and one currency; a day on which a new collection comes."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config import Config
from ml.evidence import KINDS
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features
from ml.guard import fit_guard
from ml.reading import usable_order
from ml.training import Trained, train
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.history import NO_PAST
from orderguard.masking import Keyring, mask_order

pytestmark = pytest.mark.no_cover

START = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = 120
NEW = ("unknown_sku_share", "sku_prefix_rarity", "category_rarity")
Order = dict[str, Any]
Change = Callable[[Order], Order]


def orders(
    count: int, days: int, price: Callable[[int], float], seed: int, *, weekly: int = 0, categories: bool = False
) -> Iterator[Order]:
    """Orders of a shop without time of day, evenly over `days`; `price` is of a sku. Each week `weekly` new skus come,
    which one line in ten is of.
    """
    random = np.random.default_rng(seed)
    for number in range(count):
        skus = (random.zipf(1.3, random.integers(1, 6)) % SKUS).tolist()
        if weekly:
            newest = SKUS + number * days // count // 7 * weekly
            skus = [newest + int(random.integers(weekly)) if random.random() < 0.1 else sku for sku in skus]
        yield {
            "order_id": f"{seed}-{number}",
            "created_at": (START + timedelta(days=number * days // count)).isoformat(),
            "customer": {"id": f"c{random.integers(count // 5)}"},
            "currency": "EUR",
            "items": [
                {"sku": f"s{sku}", "quantity": int(random.integers(1, 4)), "unit_price": price(sku)}
                | ({"category": f"c{sku % 6}"} if categories else {})
                for sku in skus
            ],
        }


class Shop:
    """A model trained on a feed, and its scores of other orders."""

    def __init__(self, folder: Path, feed: list[Order], keyring: Keyring, config: Config) -> None:
        path = folder / "orders.ndjson"
        path.write_text("\n".join(map(json.dumps, feed)))
        self.keyring = keyring
        self.table: FeatureTable = build_features([path], keyring, FeatureConfig())
        self.trained: Trained = train(
            self.table.X, self.table.created_at, list(FEATURE_NAMES), config, first=self.table.first
        )

    def flagged(self, found: list[Order]) -> NDArray[np.bool_]:
        """Whether each order is an alert, seen with the catalogue that serves and no history."""
        masked = [mask_order(usable_order(json.dumps(order).encode()), self.keyring) for order in found]
        rows = np.array([order_features(order, NO_PAST, self.table.catalogue) for order in masked], np.float32)
        alert: NDArray[np.bool_] = self.trained.model.scores(rows).score >= self.trained.threshold
        return alert


def with_items(order: Order, change: Callable[[int, Order], Order]) -> Order:
    return order | {"items": [change(place, item) for place, item in enumerate(order["items"])]}


def dearer(factor: float, *, first_only: bool = False) -> Change:
    def change(place: int, item: Order) -> Order:
        return item | {"unit_price": item["unit_price"] * (1 if first_only and place else factor)}

    return lambda order: with_items(order, change)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory, key_text: str, config: Config) -> Shop:
    feed = list(orders(2_000, 200, lambda sku: 5.0 + sku % 40, 1))
    return Shop(tmp_path_factory.mktemp("fixed"), feed, Keyring.from_text(key_text), config)


@pytest.mark.parametrize(
    "change",
    [dearer(10, first_only=True), dearer(10), lambda order: dearer(100_000)(order) | {"currency": "JPY"}],
    ids=["one price × 10", "all prices × 10", "unseen currency × 100,000"],
)
def test_in_a_shop_with_fixed_prices_a_wrong_price_is_an_alert(fixed: Shop, change: Change) -> None:
    later = list(orders(200, 10, lambda sku: 5.0 + sku % 40, 2))
    assert fixed.flagged(later).mean() <= 0.03
    assert fixed.flagged([change(order) for order in later]).mean() >= 0.9


PRICES = np.random.default_rng(3).lognormal(3, 0.7, 1_000)


def varied(sku: int) -> float:
    """A price that moves a little from order to order."""
    return float(round(PRICES[sku] * next(_STEPS), 2))


_STEPS = cycle([0.9, 0.95, 1.0, 1.05, 1.1])


class Renewed(NamedTuple):
    """A day on which this share of the lines are of skus that no catalogue knows, with these first letters, prices so
    many times those of the skus whose place they take, and maybe of categories as new.
    """

    share: float
    prefixes: Sequence[str] = ("new",)
    level: float = 1.0
    categories: bool = False

    def of(self, day: list[Order]) -> list[Order]:
        random = np.random.default_rng(9)

        def line(place: int, item: Order) -> Order:
            if random.random() >= self.share:
                return item
            number = int(random.integers(60))
            sku = f"{self.prefixes[number % len(self.prefixes)]}{9_000 + number}"
            new = item | {"sku": sku, "unit_price": round(item["unit_price"] * self.level, 2)}
            return new | ({"category": f"n{number % 3}"} if self.categories else {})

        return [with_items(order, line) for order in day]


DAYS = [
    Renewed(0.05),
    Renewed(0.3),
    Renewed(0.3, ("s",)),
    Renewed(0.3, tuple("qwertzuiop")),
    Renewed(0.3, level=2.0),
    Renewed(0.3, level=0.5),
    Renewed(0.5, tuple("qwertzuiop"), categories=True),
]


@pytest.mark.parametrize("weekly", [0, 5], ids=["never a new sku before", "new skus each week"])
@pytest.mark.parametrize(
    ("price", "categories"),
    [(varied, False), (lambda sku: 5.0 + sku % 40, True)],
    ids=["varied prices, no categories", "fixed prices, categories"],
)
def test_a_new_collection_is_no_storm_of_alerts_and_hides_no_tenfold_price(
    weekly: int, price: Callable[[int], float], categories: bool, tmp_path: Path, key_text: str, config: Config
) -> None:
    feed = list(orders(2_000, 200, price, 4, weekly=weekly, categories=categories))
    shop = Shop(tmp_path, feed, Keyring.from_text(key_text), config)
    day = list(orders(400, 1, price, 5, categories=categories))
    for renewed in DAYS:
        new = renewed.of(day)
        assert shop.flagged(new).mean() <= 2 * config.alert.rate, renewed
        known = [order for order, before in zip(new, day, strict=True) if order["items"][0] == before["items"][0]]
        assert shop.flagged([dearer(10, first_only=True)(order) for order in known[:100]]).mean() >= 0.9, renewed


def test_what_new_goods_bring_is_no_alarm_by_itself(config: Config) -> None:
    """Each of these features adds to an alarm; where training never saw them, all of them together are none."""
    usual = np.zeros((2_000, len(NEW)), np.float32)
    guard = fit_guard(usual, [KINDS[name] for name in NEW], config.guard)
    together = np.cbrt(guard.parts(np.full((1, len(NEW)), 9, np.float32)).sum())
    assert max(KINDS[name].ceiling for name in NEW) < together < math.log(1 / config.alert.rate) / 1.5
