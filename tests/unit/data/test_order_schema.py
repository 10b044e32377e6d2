"""The published schema is the one in the code, and it agrees with what the decoder accepts."""

import json
from pathlib import Path

import jsonschema
import pytest

from orderguard.schema import OrderError, decode_order, json_schema

PUBLISHED = Path(__file__).parents[3] / "data" / "order.schema.json"
ORDER = {
    "order_id": "1",
    "created_at": "2026-03-02T10:00:00Z",
    "customer": {"id": "7"},
    "currency": "EUR",
    "items": [{"sku": "a", "quantity": 1, "unit_price": 3}],
}


def test_the_published_schema_is_current() -> None:
    """`python -m orderguard.schema > data/order.schema.json` makes it so."""
    assert json.loads(PUBLISHED.read_text()) == json_schema()


def test_the_published_schema_is_a_valid_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text()))


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"customer": {}}, True),
        ({"customer": None}, True),
        ({"customer": {"id": " "}}, False),
        ({"currency": "EUR\n"}, False),
        ({"created_at": "2026-03-02T10:00:00Z\n"}, False),
        ({"created_at": "2026-03-02"}, False),
        ({"created_at": "1969-03-02T10:00:00Z"}, False),
        ({"created_at": "2026-03-02T00:00:00Z", "hour_known": False}, True),
        ({"items": [{"sku": "a", "quantity": 2.0, "unit_price": 3}]}, True),
        ({"items": [{"sku": "a", "quantity": 0.25, "unit_price": 3}]}, True),
        ({"items": [{"sku": "a", "quantity": 1, "unit_price": 3}] * 5_000}, True),
        ({"items": [{"sku": "a", "quantity": 1, "unit_price": 3}] * 5_001}, False),
        ({"currency": "euro"}, False),
        ({"items": []}, False),
        ({"items": [{"sku": "a", "quantity": 0, "unit_price": 3}]}, False),
        ({"items": [{"sku": "a", "quantity": 1, "unit_price": -1}]}, False),
        ({"items": [{"sku": "a", "quantity": 1}]}, False),
        ({"channel": "pigeon"}, False),
        ({"order_id": ""}, False),
        ({"note": 7}, False),
        ({"note": None, "channel": "web", "unheard_of": 1}, True),
    ],
)
def test_schema_and_decoder_agree(change: dict[str, object], good: bool) -> None:
    order = ORDER | change
    valid = jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text())).is_valid(order)
    try:
        decode_order(json.dumps(order))
        decoded = True
    except OrderError:
        decoded = False
    assert valid == decoded == good
