"""The search that the promises rest on finds what it should."""

import base64
import json
from urllib.parse import quote

import pytest

from orderguard.schema import CLASSIFICATION, decode_order
from tests.compliance.canaries import CANARIES, canary_order, leaks
from tests.compliance.canary_routes import ALL, CODES, FILE_NAMES, ORDER_IDS

WITHOUT_ROOM = {
    "created_at",
    "hour_known",
    "currency",
    "items[].quantity",
    "items[].unit_price",
    "items[].discount",
    "discount",
    "channel",
    "customer.registered_at",
    "billing_address.country",
    "shipping_address.country",
    "payment.card_country",
    "shipping.cost",
    "note",
    "gift_message",
}
"""Fields whose type has no room for a canary, and the texts, which hold all of them."""


def test_every_field_that_has_room_for_a_canary_has_one() -> None:
    planted = {name for name in CANARIES if "unknown" not in name and name != "stranger"}
    assert planted == set(CLASSIFICATION) - WITHOUT_ROOM


def test_the_canary_order_is_a_good_order() -> None:
    customer = decode_order(json.dumps(canary_order())).customer
    assert customer and customer.name == CANARIES["customer.name"]


@pytest.mark.parametrize("name", sorted(CANARIES))
def test_a_canary_is_found_in_every_form(name: str) -> None:
    value = CANARIES[name]
    for data in (
        value,
        value.upper(),
        quote(value, safe=""),
        json.dumps({"x": value}),
        value.encode().hex(),
        base64.b64encode(value.encode()).decode(),
        base64.b64encode(f"xy{value} and more".encode()).decode(),
        base64.b64encode(f"x{value} and more".encode()).decode(),
        value.replace(" ", ""),
    ):
        assert name in {leak.canary for leak in leaks("here", f"before {data} after".encode())}, data


def test_nothing_is_found_where_nothing_is() -> None:
    assert leaks("here", b"order 1, customer cus_k1_Te_s5-7kTmm0ta7fSvJ_iQ, region DE-QX, 1977") == []


@pytest.mark.parametrize("value", [*CODES.values(), *FILE_NAMES.values(), *ORDER_IDS.values()])
def test_the_canaries_of_the_routes_are_found(value: str) -> None:
    for data in (value, quote(value, safe=""), json.dumps([value]), value.encode().hex()):
        assert leaks("here", f"before {data} after".encode(), forms=ALL), data
    assert leaks("here", b"order 1, file 2 (fil_k1_Te_s5-7kTmm0ta7fSvJ_iQ), [ID] [CARD]", forms=ALL) == []
