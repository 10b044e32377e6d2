"""What is remembered of customers and of what they share stays small, and holds nothing personal."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from orderguard.history import (
    EMPTY,
    ENTITIES,
    NO_PAST,
    REMEMBERED,
    REMEMBERED_OF_ENTITY,
    CustomerHistory,
    EntityHistory,
    Past,
    after,
    as_of,
    customer_after,
    digest,
    entity_tokens,
    net_value,
)
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder

START = datetime(2026, 3, 2, 10, 30, tzinfo=timezone(timedelta(hours=2)))


def order(number: int = 0, **fields: object) -> MaskedOrder:
    plain = MaskedOrder(
        order_token=f"ord_k1_{number}",
        customer_token="cus_k1_a",
        created_at=START + timedelta(hours=number),
        currency="EUR",
        items=[MaskedItem(sku="a", quantity=2, unit_price=10.0, discount=1.0)],
        discount=2.0,
        device_token="dev_k1_secretdevice",
        network_token="net_k1_secretnetwork",
        email_token="eml_k1_secretmail",
        card_token="crd_k1_secretcard",
        payment_method="card",
        shipping=MaskedAddress(token="adr_k1_secretaddress"),
    )
    return msgspec.structs.replace(plain, **fields)


def past_of(count: int) -> Past:
    past = NO_PAST
    for number in range(count):
        past = after(past, order(number))
    return past


def customer_of(count: int) -> CustomerHistory:
    return past_of(count).customer or EMPTY


def test_an_absent_history_is_an_empty_one() -> None:
    assert customer_after(None, order()) == customer_after(EMPTY, order())


def test_a_history_remembers_the_last_orders_and_counts_all() -> None:
    history = customer_of(REMEMBERED + 5)
    assert history.count == REMEMBERED + 5
    assert {len(values) for values in msgspec.structs.astuple(history)[1:]} == {REMEMBERED}
    assert history.at[-1] == order(REMEMBERED + 4).created_at.timestamp()


def test_an_entity_remembers_its_last_orders_and_since_when_it_is_known() -> None:
    for known in past_of(REMEMBERED_OF_ENTITY + 5).entities:
        assert known
        assert known.first_at == START.timestamp()
        assert known.at == tuple(order(n).created_at.timestamp() for n in range(5, REMEMBERED_OF_ENTITY + 5))
        assert len(known.customers) == len(known.cards) == REMEMBERED_OF_ENTITY


def test_a_history_is_never_changed_in_place() -> None:
    before = past_of(3)
    after(before, order(9))
    assert before == past_of(3)


def test_entities_are_what_an_order_names() -> None:
    assert dict(zip(ENTITIES, entity_tokens(order()), strict=True)) == {
        "device": "dev_k1_secretdevice",
        "network": "net_k1_secretnetwork",
        "email": "eml_k1_secretmail",
        "address": "adr_k1_secretaddress",
        "payment": "crd_k1_secretcard",
    }
    bare = order(device_token=None, network_token=None, email_token=None, card_token=None, shipping=None)
    assert entity_tokens(bare) == (None,) * len(ENTITIES)
    assert after(NO_PAST, bare).entities == NO_PAST.entities
    billed = msgspec.structs.replace(bare, billing=MaskedAddress(token="adr_k1_home"))
    assert entity_tokens(billed)[ENTITIES.index("address")] == "adr_k1_home"


@pytest.mark.parametrize("channel", ["store", "phone"])
def test_a_till_and_a_desk_are_nobodys_device(channel: str) -> None:
    at_the_shop = order(channel=channel)
    assert entity_tokens(at_the_shop)[:2] == (None, None) and all(entity_tokens(at_the_shop)[2:])
    past = after(NO_PAST, at_the_shop)
    assert past.customer and past.customer.devices == (0,)


def test_an_order_that_names_no_card_counts_for_its_other_entities() -> None:
    device = after(NO_PAST, order(card_token=None)).entities[0]
    assert device == EntityHistory(START.timestamp(), 1, (START.timestamp(),), (digest("cus_k1_a"),), (0,))


def test_an_order_sees_nothing_that_was_placed_after_it() -> None:
    past = past_of(6)
    for number in range(6):
        placed = order(number).created_at.timestamp()
        assert as_of(past, placed) == past_of(number + 1)
        assert as_of(past, placed - 1) == past_of(number)


def test_what_comes_late_is_seen_by_orders_between() -> None:
    past = after(after(NO_PAST, order(5)), order(1))
    seen = as_of(past, order(3).created_at.timestamp())
    late = order(1).created_at.timestamp()
    assert seen.customer and seen.customer.at == (late,)
    assert all(known and known.first_at == late and known.at == (late,) for known in seen.entities)


def test_of_orders_no_longer_remembered_one_by_one_all_count_as_earlier() -> None:
    past = past_of(REMEMBERED_OF_ENTITY + 5)
    seen = as_of(past, START.timestamp())
    assert seen.customer and seen.customer.count == REMEMBERED_OF_ENTITY + 5 - REMEMBERED and not seen.customer.at
    assert seen.entities == (EntityHistory(START.timestamp(), 5, (), (), ()),) * len(ENTITIES)


def test_no_token_is_kept() -> None:
    kept = msgspec.msgpack.encode(past_of(3))
    assert b"secret" not in kept and b"cus_k1" not in kept and b"ord_k1" not in kept


def test_the_value_of_an_order_is_after_discounts_and_never_negative() -> None:
    assert net_value(order()) == 2 * 10 - 1 - 2
    assert net_value(order(discount=500.0)) == 0
