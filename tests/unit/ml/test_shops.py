"""Shops unlike the sample: fixed prices, one currency, no time of day."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config import Config
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features
from ml.reading import usable_order
from ml.training import Trained, train
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.masking import Keyring, mask_order

START = datetime(2026, 1, 1, tzinfo=UTC)
SKUS = 120
Order = dict[str, Any]
Change = Callable[[Order], Order]


def orders(count: int, days: int, price: Callable[[int], float], seed: int) -> Iterator[Order]:
    """Orders of a shop without time of day, evenly over `days`; `price` is of a sku."""
    random = np.random.default_rng(seed)
    for number in range(count):
        skus = (random.zipf(1.3, random.integers(1, 6)) % SKUS).tolist()
        yield {
            "order_id": f"{seed}-{number}",
            "created_at": (START + timedelta(days=number * days // count)).isoformat(),
            "customer": {"id": f"c{random.integers(count // 5)}"},
            "currency": "EUR",
            "items": [
                {"sku": f"s{sku}", "quantity": int(random.integers(1, 4)), "unit_price": price(sku)} for sku in skus
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
        rows = np.array([order_features(order, None, self.table.catalogue) for order in masked], np.float32)
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
