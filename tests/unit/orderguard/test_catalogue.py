"""The catalogue: what is usual, learnt robustly, written whole, the same bytes for the same orders."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ml.blocks import block_starts
from ml.catalogue_learning import Catalogues, learn_catalogue
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
    prices = [10.0] * 30 + [0.1, 1000.0]
    usual = learnt([order(n, "EUR", ("a", 1, price)) for n, price in enumerate(prices)]).skus["a"]
    assert 9.9 < usual.lowest_price <= 10.0 <= usual.highest_price < 10.1


def test_a_price_that_came_twice_is_one_that_the_sku_is_sold_at() -> None:
    prices = [1.0] * 25 + [6.0, 1.0, 6.0, 1.0]
    usual = learnt([order(n, "EUR", ("a", 1, price)) for n, price in enumerate(prices)]).skus["a"]
    assert 0.7 < usual.lowest_price <= 1.0
    assert 4.0 < usual.highest_price <= 6.0


def test_a_sku_sold_once_is_known_by_its_price_and_strays_as_skus_here_do() -> None:
    some = [order(n, "EUR", ("steady", 1, 10.0), ("any", 1, 4.0 + 3.0 * (n % 5))) for n in range(40)]
    skus = learnt([*some, order(40, "EUR", ("once", 1, 5.0))]).skus
    assert skus["once"].lowest_price < 5.0 < skus["once"].highest_price
    wide = {name: usual.highest_price / usual.lowest_price for name, usual in skus.items()}
    assert wide["steady"] < wide["once"] < wide["any"]


def test_what_was_always_free_stands_out_when_it_costs_something() -> None:
    orders = [order(n, "EUR", ("a", 1, 10.0), ("b", 1, 10.0), ("free", 1, 0.0)) for n in range(9)]
    assert 0 < learnt(orders).skus["free"].highest_price < 0.1


def test_a_quantity_is_held_against_the_skus_own_past_and_with_little_of_it_against_the_shops() -> None:
    bulk = [order(n, "EUR", ("nails", 500, 0.1), ("lamp", 1, 30.0), ("oven", 1, 300.0)) for n in range(40)]
    skus = learnt([*bulk, order(40, "EUR", ("new nails", 500, 0.1))]).skus
    assert skus["nails"].quantity > 300
    assert skus["lamp"].quantity < 2
    assert 2 < skus["new nails"].quantity < 300


def test_each_catalogue_knows_what_came_before_its_block_alone() -> None:
    orders = [order(n, "EUR" if n < 30 else "JPY", (f"sku {n // 10}", 1, 10.0 + n)) for n in range(50)]
    starts = np.array([20, 40])
    catalogues = Catalogues(columns_of(orders), starts)
    assert [catalogues.of_row(row).orders for row in (0, 19, 20, 39, 40, 49)] == [20, 20, 20, 20, 40, 40]
    assert catalogues.of_row(20) == learnt(orders[:20])
    assert catalogues.of_row(40) == Catalogues(columns_of(orders[:40]), starts[:1]).latest
    assert catalogues.latest.orders == 50
    assert set(catalogues.latest.skus) == {f"sku {number}" for number in range(5)}


@pytest.mark.parametrize(("refresh_days", "gap_hours", "count"), [(7, 1.0, 20_000), (1, 100.0, 3_000), (7, 0.0, 500)])
def test_blocks_are_few_start_on_earlier_orders_alone_and_grow_old_as_asked(
    refresh_days: float, gap_hours: float, count: int
) -> None:
    at = np.arange(count, dtype=np.float64) * gap_hours * 3600.0
    starts = block_starts(at, refresh_days, 0.25)
    assert count / 8 <= starts[0] <= count / 4
    assert len(starts) <= 130
    shorter = block_starts(at[: count * 2 // 3], refresh_days, 0.25)
    assert set(starts[starts < len(at) * 2 // 3]) <= set(shorter)
    ends = np.append(starts[1:], count)
    few = ends - starts <= starts // 64 + 1
    assert (few | (at[ends - 1] - at[starts] < refresh_days * 86_400)).all()


def test_rare_codes_are_rarer_than_common_ones_and_unseen_ones_the_rarest() -> None:
    currencies = ["CHF", "CHF", "GBP", *["EUR"] * 97]
    rarity = learnt([order(n, code, ("a", 1, 10.0)) for n, code in enumerate(currencies)]).rarity["currency"]
    assert rarity.of["EUR"] == 0.0 < rarity.of["CHF"] < rarity.of["GBP"] <= rarity.unseen


def test_a_new_code_is_less_rare_where_new_ones_keep_coming() -> None:
    always = [order(n, "EUR", ("a", 1, 10.0)) for n in range(200)]
    often_new = [order(n, "EUR" if n % 10 else f"X{n}", ("a", 1, 10.0)) for n in range(200)]
    assert learnt(often_new).rarity["currency"].unseen == 0.0 < learnt(always).rarity["currency"].unseen


def test_a_code_that_an_order_does_not_tell_counts_as_usual_in_whatever_shop() -> None:
    some, all_told = [order(n, "EUR", ("a", 1, 1.0)) for n in range(50)], {
        "category",
        "channel",
        "country",
        "payment_method",
    }
    without = msgspec.structs.replace(some[0], order_token="x", items=[MaskedItem(sku="a", quantity=1, unit_price=1.0)])
    for catalogue in (learnt(some), learnt([*some, without])):
        assert {code for code, rarity in catalogue.rarity.items() if rarity.of.get("") == 0.0} >= all_told
    assert learnt(some).rarity["currency"].unseen > 0.0 == learnt(some).rarity["category"].of["toys"]


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
