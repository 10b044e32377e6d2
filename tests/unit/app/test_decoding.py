"""An order with its customer's earlier ones is decoded in steps, and what is wrong with it is told as in one piece."""

import json
import random
from typing import Any

import msgspec
import pytest

from app.contract import MAX_HISTORY, OrderRequest
from app.scoring.decoding import customer_of, decoding
from orderguard.masking.steps import finished
from orderguard.schema import UNDECODABLE, Order, OrderError, explained
from tests.serving import USUAL

_decode_whole = msgspec.json.Decoder(OrderRequest).decode
BROKEN = ("", "not valid JSON")
ITEM = USUAL["items"][0]


def history(*earlier: Any) -> bytes:
    return json.dumps({**USUAL, "history": list(earlier)}).encode()


def in_one_piece(body: bytes) -> tuple[str, str] | OrderRequest:
    try:
        order = _decode_whole(body)
    except UNDECODABLE as error:
        told = explained(error)
        return told.field, told.reason
    history = order.history or ()
    foreign = [place for place, one in enumerate(history) if customer_of(one) != customer_of(order)]
    return (f"history[{foreign[0]}].customer.id", "not the customer of the order") if foreign else order


def in_steps(body: bytes) -> tuple[str, str] | OrderRequest:
    try:
        order, earlier = finished(decoding(body))
    except OrderError as error:
        return error.field, error.reason
    fields = {name: getattr(order, name) for name in Order.__struct_fields__}
    return OrderRequest(**fields, history=earlier)


BODIES = {
    "no history": json.dumps(USUAL).encode(),
    "none": json.dumps({**USUAL, "history": None}).encode(),
    "an empty one": history(),
    "two": history(USUAL, USUAL),
    "as many as may be": history(*[USUAL] * MAX_HISTORY),
    "one too many": history(*[USUAL] * (MAX_HISTORY + 1)),
    "no list": json.dumps({**USUAL, "history": {}}).encode(),
    "a number in it": history(USUAL, 5),
    "null in it": history(None),
    "a field missing": history(USUAL, {**USUAL, "items": [{"sku": "a", "quantity": 1}]}),
    "an order without items": history({**USUAL, "items": []}),
    "a wrong type": history({**USUAL, "items": [ITEM, {**ITEM, "quantity": "two"}]}),
    "a moment that can't be": history({**USUAL, "created_at": "9999-12-31T23:59:59Z"}),
    "a word that is none of those allowed": history(USUAL, {**USUAL, "channel": "mail"}),
    "broken JSON": history(USUAL)[:-3],
    "broken JSON in the history": history(USUAL).replace(b'"currency": "EUR"', b'"currency": EUR', 2),
    "bytes that are no text": history({**USUAL, "note": "NOTE"}).replace(b"NOTE", b"\xff\xfe"),
    "nested deeply": history(USUAL).replace(b'"history"', b'"deep": ' + b"[" * 90_000 + b', "history"'),
}


@pytest.mark.parametrize("name", BODIES)
def test_an_order_with_earlier_ones_is_decoded_as_in_one_piece(name: str) -> None:
    assert in_steps(BODIES[name]) == in_one_piece(BODIES[name])


def test_whatever_is_broken_in_an_earlier_order_is_told_as_in_one_piece() -> None:
    """Where a value is wrong and the JSON is broken behind it, it may be the latter that is told."""
    chance = random.Random(20261129)
    whole = history(USUAL, USUAL)
    begin = whole.index(b'"history"') + 12
    for _ in range(1_000):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(begin, len(body) - 2)
            body[at : at + chance.randint(0, 4)] = bytes(chance.choices(b'"{}[]:,0x\\-e\xc3 ', k=chance.randint(0, 3)))
        told, expected = in_steps(bytes(body)), in_one_piece(bytes(body))
        assert told == expected or (told == BROKEN and isinstance(expected, tuple)), bytes(body[begin:])


def test_each_earlier_order_is_a_step() -> None:
    assert sum(1 for _ in decoding(history(*[USUAL] * 7))) == 7
