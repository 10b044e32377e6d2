"""A customer's history stays small, survives being stored, and holds nothing personal."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from orderguard.history import EMPTY, REMEMBERED, CustomerHistory, HistoryError, after, decode, encode, net_value
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
        payment_method="card",
        shipping=MaskedAddress(token="adr_k1_secretaddress"),
    )
    return msgspec.structs.replace(plain, **fields)


def history_of(count: int) -> CustomerHistory:
    history = EMPTY
    for number in range(count):
        history = after(history, order(number))
    return history


def test_an_absent_history_is_an_empty_one() -> None:
    assert after(None, order()) == after(EMPTY, order())


def test_a_history_remembers_the_last_orders_and_counts_all() -> None:
    history = history_of(REMEMBERED + 5)
    assert history.count == REMEMBERED + 5
    assert len(history.at) == REMEMBERED
    assert history.at[-1] == order(REMEMBERED + 4).created_at.timestamp()


def test_a_history_is_never_changed_in_place() -> None:
    before = history_of(3)
    after(before, order(9))
    assert before == history_of(3)


def test_what_is_encoded_is_decoded_again() -> None:
    for count in (0, 1, REMEMBERED + 5):
        assert decode(encode(history_of(count))) == history_of(count)


def test_the_longest_history_is_below_two_kilobytes() -> None:
    assert len(encode(history_of(1000))) < 2048


def test_no_token_can_be_read_from_an_encoded_history() -> None:
    data = encode(history_of(3))
    assert b"secret" not in data and b"cus_k1" not in data and b"ord_k1" not in data


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"{}", encode(history_of(2))[:-3], msgspec.msgpack.encode([1, [1.0], [], [], [], [], [], []])],
    ids=["nothing", "no MessagePack", "JSON", "cut off", "lists of unequal length"],
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(HistoryError, match="not a customer's history"):
        decode(data)


def test_the_value_of_an_order_is_after_discounts_and_never_negative() -> None:
    assert net_value(order()) == 2 * 10 - 1 - 2
    assert net_value(order(discount=500.0)) == 0
