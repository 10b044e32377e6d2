"""Codes that look like a person's number: which of them a shop's own orders prove to be its articles'."""

from datetime import UTC, datetime, timedelta

import pytest

from ml.article_evidence import FEWEST_ALIKE, FEWEST_CUSTOMERS, settled
from orderguard.features.columns import columns_of
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.masking.codes import known_articles, undecided
from orderguard.schema import Customer, LineItem, MaskedOrder, Order

KEYRING = Keyring.from_text(new_key_text())
START = datetime(2026, 3, 1, tzinfo=UTC)


def order(sku: str, customer: int, category: str | None = None) -> Order:
    item = LineItem(sku=sku, quantity=1, unit_price=5, category=category)
    made = START + timedelta(hours=customer)
    return Order(
        order_id=f"{sku}-{customer}",
        created_at=made,
        customer=Customer(id=f"customer-{customer}"),
        currency="EUR",
        items=[item],
    )


def skus_of(orders: list[Order]) -> tuple[list[str], list[str]]:
    """The skus of each order's line after all were settled, and the codes that were kept."""
    masked = [mask_order(order, KEYRING, doubt=undecided) for order in orders]
    columns, articles = settled(columns_of(masked))
    return [columns.skus.values[number] for number in columns.skus.index], articles


def numbered(count: int, customers: int = FEWEST_CUSTOMERS) -> list[Order]:
    """Orders of a shop whose articles have ten digits."""
    return [order(f"30000{number:05}", customer) for number in range(count) for customer in range(customers)]


def test_a_shop_that_numbers_its_articles_so_keeps_them() -> None:
    orders = numbered(FEWEST_ALIKE)
    skus, articles = skus_of(orders)
    assert skus == [order.items[0].sku for order in orders]
    assert articles and set(articles) <= set(skus)


@pytest.mark.parametrize("orders", [numbered(FEWEST_ALIKE, customers=FEWEST_CUSTOMERS - 1), numbered(FEWEST_ALIKE - 1)])
def test_few_customers_or_few_codes_alike_prove_nothing(orders: list[Order]) -> None:
    skus, articles = skus_of(orders)
    assert articles == []
    assert "3000000002" not in skus and "[ID]" in skus


@pytest.mark.parametrize("number", ["2125550123", "219-09-9991", "4111111111111111", "203.0.113.77"])
def test_a_number_that_nothing_else_in_the_shop_is_like_is_masked_however_often_it_is_sold(number: str) -> None:
    orders = [order(f"article-{place}", place) for place in range(100)]
    orders += [order(number, customer) for customer in range(50)]
    skus, articles = skus_of(orders)
    assert articles == [] and number not in skus


def test_a_number_of_a_customers_own_is_masked_in_a_shop_that_numbers_its_articles_so() -> None:
    skus, articles = skus_of([*numbered(FEWEST_ALIKE), order("2125550123", 1)])
    assert skus[-1] == "[PHONE]" or skus[-1] == "[ID]"
    assert "2125550123" not in articles


def test_what_is_certain_is_never_kept() -> None:
    orders = [order(f"person{place}@mail.example", customer) for place in range(50) for customer in range(5)]
    assert skus_of(orders) == (["[EMAIL]"] * 250, [])


def test_an_older_models_articles_decide_for_new_orders() -> None:
    masked = [mask_order(order(sku, 1), KEYRING, doubt=undecided) for sku in ("3000000002", "3000000003")]
    columns, articles = settled(columns_of(masked), ["3000000003"])
    assert columns.skus.values == ["[ID]", "3000000003"]
    assert articles == ["3000000003"]


def test_serving_decides_as_training_did() -> None:
    orders = [*numbered(FEWEST_ALIKE), order("2125550123", 1), order("clothing-1", 2, category="2053013555631882655")]
    skus, articles = skus_of(orders)
    served: list[MaskedOrder] = [mask_order(order, KEYRING, doubt=known_articles(articles)) for order in orders]
    assert [order.items[0].sku for order in served] == skus
    assert served[-1].items[0].category == "[ID]"
