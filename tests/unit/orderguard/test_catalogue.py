"""The catalogue: what is usual, learnt robustly, written whole, the same bytes for the same orders."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ml.catalogue_learning import FEWEST_LINES, learn_catalogue
from orderguard.catalogue import FILE_NAME, Catalogue, CatalogueError
from orderguard.features.columns import columns_of
from orderguard.schema import MaskedItem, MaskedOrder

START = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)


def order(number: int, currency: str, *lines: tuple[str, int, float]) -> MaskedOrder:
    return MaskedOrder(
        order_token=str(number),
        customer_token=f"customer {number % 7}",
        created_at=START + timedelta(hours=number),
        currency=currency,
        items=[
            MaskedItem(sku=sku, quantity=quantity, unit_price=price, category="toys") for sku, quantity, price in lines
        ],
    )


def learnt(orders: list[MaskedOrder]) -> Catalogue:
    return learn_catalogue(columns_of(orders))


def test_a_currency_level_is_what_the_same_skus_cost_in_it() -> None:
    euros = [order(n, "EUR", ("a", 1, 10.0), ("b", 1, 30.0)) for n in range(20)]
    yen = [order(100 + n, "JPY", ("a", 1, 1650.0)) for n in range(9)]
    catalogue = learnt(euros + yen)
    assert catalogue.reference_currency == "EUR"
    assert catalogue.currency_levels == {"EUR": 1.0, "JPY": 165.0}


def test_without_common_skus_a_currency_level_comes_from_the_baskets() -> None:
    catalogue = learnt([order(n, "EUR", ("a", 1, 10.0)) for n in range(9)] + [order(50, "SEK", ("z", 1, 110.0))])
    assert catalogue.currency_levels["SEK"] == pytest.approx(11.0)


def test_a_usual_price_does_not_mind_a_few_slipped_decimal_points() -> None:
    prices = [10.0] * 20 + [0.1, 1000.0, 1000.0]
    assert learnt([order(n, "EUR", ("a", 1, price)) for n, price in enumerate(prices)]).sku_prices == {"a": 10.0}


def test_a_sku_sold_once_or_always_for_nothing_has_no_usual_price() -> None:
    orders = [order(n, "EUR", ("a", 1, 10.0), ("free", 1, 0.0)) for n in range(FEWEST_LINES)] + [
        order(9, "EUR", ("once", 1, 5.0))
    ]
    assert learnt(orders).sku_prices == {"a": 10.0}


def test_rare_codes_are_rarer_than_common_ones_and_unseen_ones_the_rarest() -> None:
    rarity = learnt([order(n, "EUR" if n else "CHF", ("a", 1, 10.0)) for n in range(50)]).rarity["currency"]
    assert rarity.of["EUR"] < rarity.of["CHF"] < rarity.unseen


def test_a_catalogue_is_read_as_it_was_written_and_written_to_the_same_bytes(tmp_path: Path) -> None:
    catalogue = learnt([order(n, "EUR", ("a", 1, 10.0)) for n in range(9)])
    first = catalogue.write(tmp_path).read_bytes()
    assert Catalogue.read(tmp_path) == catalogue
    assert Catalogue.read(tmp_path).write(tmp_path).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_missing_or_broken_catalogue_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="can't be read"):
        Catalogue.read(tmp_path)
    (tmp_path / FILE_NAME).write_text('{"orders": "many"}')
    with pytest.raises(CatalogueError, match=FILE_NAME):
        Catalogue.read(tmp_path)


def test_a_catalogue_needs_orders() -> None:
    with pytest.raises(ValueError, match="no orders"):
        learnt([])
