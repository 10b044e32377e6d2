"""Orders as the vendors' interfaces send them, in the shape that is documented: what becomes of which field."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orderguard.repair import repair_order
from orderguard.schema import OrderError
from orderguard.sources import SOURCES, UnknownSource, source
from orderguard.sources.shopify import assembled

EXAMPLES = Path(__file__).parents[3] / "data" / "examples"
Document = dict[str, Any]


def example(name: str) -> Document:
    document: Document = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return document


def read(name: str, document: object) -> list[Document]:
    return list(source(name)(document))


SHOPIFY = example("shopify-order")["order"]
GRAPHQL = example("shopify-orders-graphql")["data"]["orders"]["edges"][0]["node"]
WOO = example("woocommerce-order")
CHARGE = example("stripe-charge")
SESSION = example("stripe-checkout-session")
INTENT = example("stripe-payment-intent")
BULK: list[Document] = [
    json.loads(line) for line in (EXAMPLES / "shopify-bulk-operation.jsonl").read_text("utf-8").splitlines()
]
EXAMPLE = {
    "shopify": ("shopify", SHOPIFY),
    "graphql": ("shopify", GRAPHQL),
    "woocommerce": ("woocommerce", WOO),
    "charge": ("stripe", CHARGE),
    "session": ("stripe", SESSION),
    "intent": ("stripe", INTENT),
}


def changed(kind: str, change: Document) -> Document:
    """The one order of an example with other fields; a dot leads into a field."""
    name, document = EXAMPLE[kind]
    document = copy.deepcopy(document)
    for path, value in change.items():
        *way, last = path.split(".")
        place = document
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
    (order,) = read(name, document)
    return order


def test_the_same_order_is_the_same_in_both_of_shopifys_interfaces() -> None:
    rest, graphql = changed("shopify", {}), changed("graphql", {})
    assert rest["order_id"] == graphql["order_id"] == "7410991464"
    for field in (
        "currency",
        "coupon",
        "shipping",
        "payment",
        "channel",
        "billing_address",
        "shipping_address",
        "note",
    ):
        assert rest[field] == graphql[field]
    assert (
        [line["discount"] for line in rest["items"]] == [line["discount"] for line in graphql["items"]] == [4.8, 3.85]
    )


def test_a_session_and_its_charge_are_one_order() -> None:
    intent = {"payment_intent": "pi_1"}
    assert changed("charge", intent)["order_id"] == changed("session", intent)["order_id"] == "pi_1"
    assert changed("charge", {"payment_intent": None})["order_id"] == "ch_3QexampleA"


FIELDS: list[tuple[str, Document, str, object]] = [
    ("shopify", {}, "items.0.unit_price", 24.0),
    ("shopify", {"presentment_currency": "USD"}, "currency", "EUR"),
    ("shopify", {}, "items.1.sku", "variant-90021"),
    ("shopify", {"line_items.1.variant_id": None}, "items.1.sku", "product-9002"),
    ("shopify", {"line_items.1.variant_id": None, "line_items.1.product_id": None}, "items.1.sku", "custom"),
    ("shopify", {"line_items.0.discount_allocations": [], "line_items.0.total_discount": "2.00"}, "discount", 2.8),
    ("shopify", {}, "device.ip", "192.0.2.34"),
    ("shopify", {}, "customer.registered_at", "2024-11-05T08:12:44+01:00"),
    ("shopify", {"customer": None, "source_name": "pos"}, "customer", {"email": "lena.probst@example.org"}),
    ("shopify", {"customer": None, "email": "", "contact_email": None}, "customer", None),
    ("shopify", {"source_name": "pos"}, "channel", "store"),
    ("shopify", {"source_name": "580111"}, "channel", None),
    ("shopify", {}, "shipping_address.street", "Musterallee 19, 2. OG"),
    ("shopify", {}, "gift_message", "Happy birthday, Grandma"),
    ("graphql", {}, "customer.id", "61180"),
    ("graphql", {}, "items.0.category", "Tableware"),
    ("woocommerce", {}, "created_at", "2026-06-12T23:58:10+01:00"),
    ("woocommerce", {"date_created": None}, "created_at", "2026-06-12T22:58:10Z"),
    ("woocommerce", {"date_created_gmt": None}, "created_at", "2026-06-12T23:58:10"),
    ("woocommerce", {}, "items.0.unit_price", 10.0),
    ("woocommerce", {}, "items.0.discount", 3.0),
    ("woocommerce", {}, "items.1.sku", "product-23"),
    ("woocommerce", {"customer_id": 12}, "customer.id", "12"),
    ("woocommerce", {}, "customer.id", None),
    ("woocommerce", {"billing.country": ""}, "billing_address.country", None),
    ("woocommerce", {}, "shipping_address", None),
    ("woocommerce", {"fee_lines": [{"total": "-2.50"}]}, "discount", 2.5),
    ("woocommerce", {"created_via": "pos-rest-api"}, "channel", "store"),
    ("charge", {}, "items.0.unit_price", 129000.0),
    ("charge", {"currency": "eur"}, "items.0.unit_price", 1290.0),
    ("charge", {"currency": "kwd"}, "items.0.unit_price", 129.0),
    ("charge", {"currency": "ugx"}, "items.0.unit_price", 1290.0),
    ("charge", {}, "payment.fingerprint", "Xt5EWLLDS7FJjR1c"),
    ("charge", {}, "payment.card_country", "JP"),
    ("charge", {}, "created_at", "2026-03-02T10:21:07+00:00"),
    ("charge", {"payment_method_details.card.wallet": {"type": "apple_pay"}}, "payment.method", "apple_pay"),
    ("charge", {"customer": None}, "customer.id", None),
    ("intent", {}, "items.0.unit_price", 64.5),
    ("intent", {}, "payment.method", "card"),
    ("intent", {}, "shipping_address.postcode", "04103"),
    ("intent", {"latest_charge": CHARGE}, "payment.fingerprint", "Xt5EWLLDS7FJjR1c"),
    ("intent", {"latest_charge": CHARGE}, "order_id", "pi_3QexampleB"),
    ("intent", {"payment_method": {"type": "card", "card": {"country": "DE"}}}, "payment.card_country", "DE"),
    ("session", {}, "items.1.sku", "prod_pot"),
    ("session", {}, "items.0.unit_price", 24.0),
    ("session", {}, "shipping.cost", 4.99),
    ("session", {"line_items": None}, "items", [{"sku": "checkout", "quantity": 1, "unit_price": 86.5}]),
    ("session", {"line_items": None}, "discount", 8.65),
    ("session", {}, "discount", None),
    ("session", {}, "shipping_address.name", "Ruth Probst"),
]


@pytest.mark.parametrize(("kind", "change", "field", "value"), FIELDS)
def test_a_field_goes_where_it_belongs(kind: str, change: Document, field: str, value: object) -> None:
    place: Any = changed(kind, change)
    for step in field.split("."):
        place = place[int(step)] if isinstance(place, list) else (place or {}).get(step)
    assert place == value


KINDS: list[tuple[str, Document, str | None]] = [
    ("shopify", {"test": True}, "test order"),
    ("shopify", {"cancelled_at": "2026-03-03T10:00:00+01:00", "financial_status": "refunded"}, "cancellation"),
    ("shopify", {"financial_status": "voided"}, "cancellation"),
    ("shopify", {"financial_status": "refunded"}, "refund"),
    ("shopify", {"financial_status": "partially_refunded"}, None),
    (
        "shopify",
        {"refunds": [{"transactions": [{"amount": "82.84", "kind": "refund", "status": "success"}]}]},
        "refund",
    ),
    ("shopify", {"refunds": [{"transactions": [{"amount": "5.00", "kind": "refund", "status": "success"}]}]}, None),
    ("graphql", {"test": True}, "test order"),
    ("graphql", {"displayFinancialStatus": "REFUNDED"}, "refund"),
    ("graphql", {"totalRefundedSet.shopMoney.amount": "82.84"}, "refund"),
    ("graphql", {"cancelledAt": "2026-03-03T10:00:00Z"}, "cancellation"),
    ("woocommerce", {"status": "refunded"}, "refund"),
    ("woocommerce", {"status": "wc-cancelled"}, "cancellation"),
    ("woocommerce", {"status": "failed"}, "cancellation"),
    ("woocommerce", {"status": "checkout-draft"}, "cancellation"),
    ("woocommerce", {"status": "completed"}, None),
    ("charge", {"livemode": False}, "test order"),
    ("charge", {"refunded": True}, "refund"),
    ("charge", {"amount_refunded": 129000}, "refund"),
    ("charge", {"amount_refunded": 500}, None),
    ("charge", {"status": "failed", "paid": False}, "cancellation"),
    ("intent", {"status": "processing"}, None),
    ("intent", {"status": "canceled"}, "cancellation"),
    ("intent", {"status": "requires_payment_method"}, "cancellation"),
    ("intent", {"latest_charge": CHARGE | {"refunded": True}}, "refund"),
    ("intent", {"livemode": False}, "test order"),
    ("session", {"status": "expired"}, "cancellation"),
    ("session", {"livemode": False}, "test order"),
]


@pytest.mark.parametrize(("kind", "change", "said"), KINDS)
def test_what_is_no_order_says_so(kind: str, change: Document, said: str | None) -> None:
    assert changed(kind, change).get("_kind") == said


ENVELOPES: list[tuple[str, Callable[[Document], object], Document]] = [
    ("shopify", lambda order: {"order": order}, SHOPIFY),
    ("shopify", lambda order: {"orders": [order]}, SHOPIFY),
    ("shopify", lambda order: [order], SHOPIFY),
    ("shopify", lambda order: {"data": {"order": order}}, GRAPHQL),
    ("shopify", lambda order: {"data": {"orders": {"nodes": [order]}}}, GRAPHQL),
    ("shopify", lambda order: {"data": {"orders": {"edges": [{"node": order}]}}}, GRAPHQL),
    ("woocommerce", lambda order: [order], WOO),
    ("stripe", lambda order: {"object": "list", "data": [order], "has_more": False}, CHARGE),
    ("stripe", lambda order: {"object": "event", "livemode": True, "data": {"object": order}}, SESSION),
    ("stripe", lambda order: [{"object": "event", "livemode": True, "data": {"object": order}}], CHARGE),
]


@pytest.mark.parametrize(("name", "envelope", "order"), ENVELOPES)
def test_an_order_is_found_in_its_envelope(name: str, envelope: Callable[[Document], object], order: Document) -> None:
    assert read(name, envelope(order)) == read(name, order) and "order_id" in read(name, order)[0]


@pytest.mark.parametrize(
    ("name", "document", "found"),
    [
        ("shopify", {"id": 5, "order_id": 9, "refund_line_items": [{}]}, [{"order_id": "9", "_kind": "refund"}]),
        (
            "woocommerce",
            {"id": 5, "parent_id": 4, "amount": "3.00", "line_items": []},
            [{"order_id": "5", "_kind": "refund"}],
        ),
        ("stripe", {"object": "refund", "charge": "ch_1"}, [{"order_id": "ch_1", "_kind": "refund"}]),
        ("stripe", {"object": "event", "data": {"object": {"object": "customer"}}}, []),
        ("shopify", {"orders": []}, []),
        ("shopify", {"data": {"orders": {"edges": []}}}, []),
        ("stripe", {"object": "list", "data": []}, []),
        ("stripe", {"object": "balance"}, [{}]),
        ("shopify", [7, "order", None], [{}, {}, {}]),
    ],
)
def test_a_refund_an_empty_list_and_a_stranger(name: str, document: object, found: list[Document]) -> None:
    assert read(name, document) == found


def test_a_field_that_is_something_else_is_never_written_into_a_code() -> None:
    order = changed("shopify", {"line_items.1.variant_id": {"name": "Lena"}, "line_items.1.product_id": ["Lena"]})
    assert order["items"][1]["sku"] == "custom"


def test_an_unknown_source_is_told_with_all_that_there_are() -> None:
    with pytest.raises(UnknownSource) as error:
        source("shoppify")
    assert "shoppify" not in str(error.value) and all(name in str(error.value) for name in SOURCES)


@pytest.mark.parametrize("kind", EXAMPLE)
def test_what_a_vendor_documents_as_its_form_is_no_repair(kind: str) -> None:
    repaired = repair_order(changed(kind, {}))
    assert repaired.order is not None and not repaired.repairs


DEPARTURES: list[tuple[str, Document, tuple[str, str]]] = [
    ("shopify", {"line_items.0.price": "€ 24.00"}, ("items[].unit_price", "a number in text")),
    ("shopify", {"line_items.0.price": "24,00"}, ("items[].unit_price", "a number in text")),
    ("shopify", {"line_items.0.quantity": "1"}, ("items[].quantity", "a number in text")),
    ("shopify", {"created_at": "2026-03-02 10:00:00"}, ("created_at", "without a time zone, read as UTC")),
    ("shopify", {"billing_address.country_code": "Germany"}, ("billing_address.country", "the name of a country")),
    ("woocommerce", {"shipping_total": "4,90"}, ("shipping.cost", "a number in text")),
    ("woocommerce", {"billing.postcode": 10115}, ("billing_address.postcode", "a number, read as text")),
    ("charge", {"customer": 5}, ("customer.id", "a number, read as text")),
]


@pytest.mark.parametrize(("kind", "change", "repair"), DEPARTURES)
def test_what_departs_from_the_vendors_form_is_a_repair(kind: str, change: Document, repair: tuple[str, str]) -> None:
    assert repair in repair_order(changed(kind, change)).repairs


def test_a_bulk_operations_lines_find_their_order_wherever_they_stand() -> None:
    whole = [read("shopify", one)[0] for one in assembled(BULK)]
    assert [len(order["items"]) for order in whole] == [2, 1]
    assert whole[0] == read("shopify", GRAPHQL)[0] and whole[1]["_kind"] == "refund"
    lines_last = sorted(BULK, key=lambda one: "__parentId" in one)
    assert [read("shopify", one)[0] for one in assembled(lines_last)] == whole
    assert list(assembled([SHOPIFY, 7, GRAPHQL])) == [SHOPIFY, 7, GRAPHQL]
    (alone,) = assembled(BULK[1:2])
    with pytest.raises(OrderError):
        repair_order(read("shopify", alone)[0])
