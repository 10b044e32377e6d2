"""Masking a whole order: every field as its class says."""

import types
import typing
from datetime import datetime, timezone
from typing import Any

import msgspec
import pytest

from orderguard.masking import Keyring, mask_order, pseudonym
from orderguard.masking.codes import mask_code
from orderguard.schema import CLASSIFICATION, MaskedOrder, Order, decode_order

KEYRING = Keyring.from_text("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")

ADDRESS = {
    "name": "Zora Quellenbach",
    "company": "Quellenbach Feinkost GmbH",
    "street": "Wiesengrundstraße 41",
    "postcode": "70597",
    "city": "Vaihingen",
    "region": "Filderkreis",
    "country": "DE",
    "phone": "+49 711 5550142",
}
IBAN = "DE89370400440532013000"
FULL: dict[str, Any] = {
    "order_id": "ORDER-778812",
    "created_at": "2026-03-01T10:00:00+01:00",
    "hour_known": False,
    "currency": "EUR",
    "discount": 5.0,
    "coupon": "ZORA10",
    "channel": "web",
    "customer": {
        "id": "CUST-66231",
        "name": "Zora Quellenbach",
        "email": "zora.quellenbach@mail.example",
        "phone": "+49 170 5550199",
        "birth_date": "1983-07-21",
        "national_id": "12 345 678 903",
        "registered_at": "2024-01-02T03:04:05Z",
    },
    "items": [
        {
            "sku": "CLO-0060",
            "quantity": 2,
            "unit_price": 9.5,
            "category": "clothing",
            "name": "Shirt for Zora",
            "discount": 1,
        }
    ],
    "billing_address": ADDRESS,
    "shipping_address": {**ADDRESS, "street": "Seeweg 7", "postcode": "88131"},
    "payment": {
        "method": "card",
        "fingerprint": "fp-Zq81Lm",
        "card_number": "4111111111111111",
        "card_holder": "ZORA QUELLENBACH",
        "card_country": "AT",
        "iban": IBAN,
    },
    "shipping": {"method": "express", "cost": 4.9},
    "device": {"ip": "203.0.113.77", "user_agent": "Mozilla/5.0 (Zora)", "id": "dev-71be"},
    "note": "Call Zora on 0170 5550199",
    "gift_message": "Für Zora, Seeweg 7",
}

EXPECTED: dict[str, tuple[str, object]] = {
    "order_id": ("order_token", pseudonym("order", "ORDER-778812", KEYRING)),
    "created_at": ("created_at", datetime.fromisoformat("2026-03-01T10:00:00+01:00")),
    "hour_known": ("hour_known", False),
    "currency": ("currency", "EUR"),
    "items[].sku": ("items[].sku", "CLO-0060"),
    "items[].quantity": ("items[].quantity", 2),
    "items[].unit_price": ("items[].unit_price", 9.5),
    "items[].category": ("items[].category", "clothing"),
    "items[].discount": ("items[].discount", 1.0),
    "discount": ("discount", 5.0),
    "coupon": ("has_coupon", True),
    "channel": ("channel", "web"),
    "customer.id": ("customer_token", pseudonym("customer", "CUST-66231", KEYRING)),
    "customer.email": ("email_token", pseudonym("email", "zora.quellenbach@mail.example", KEYRING)),
    "customer.birth_date": ("birth_year", 1983),
    "customer.registered_at": ("customer_since", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
    "billing_address.name": ("billing.name_token", pseudonym("name", "zora quellenbach", KEYRING)),
    "billing_address.street": (
        "billing.token",
        pseudonym("address", "wiesengrundstrasse 41 70597", KEYRING),
    ),
    "billing_address.postcode": ("billing.region", "DE-70"),
    "billing_address.country": ("billing.country", "DE"),
    "shipping_address.name": ("shipping.name_token", pseudonym("name", "zora quellenbach", KEYRING)),
    "shipping_address.street": ("shipping.token", pseudonym("address", "seeweg 7 88131", KEYRING)),
    "shipping_address.postcode": ("shipping.region", "DE-88"),
    "shipping_address.country": ("shipping.country", "DE"),
    "payment.method": ("payment_method", "card"),
    "payment.fingerprint": ("card_token", pseudonym("fingerprint", "fp-Zq81Lm", KEYRING)),
    "payment.card_country": ("card_country", "AT"),
    "shipping.method": ("shipping_method", "express"),
    "shipping.cost": ("shipping_cost", 4.9),
    "device.ip": ("ip_network", "203.0.113.0/24"),
    "device.id": ("device_token", pseudonym("device", "dev-71be", KEYRING)),
    "note": ("note", "Call [NAME] on [PHONE]"),
    "gift_message": ("gift_message", "Für [NAME], [ADDRESS]"),
}
"""Where each field that is not dropped comes out, and as what."""

WITHOUT_FINGERPRINT = {"payment.card_number", "payment.iban"}
"""What stands in for it, see below."""


def masked(order: dict[str, Any], **options: Any) -> MaskedOrder:
    return mask_order(decode_order(msgspec.json.encode(order)), KEYRING, **options)


def fields_of(structure: Any, prefix: str = "") -> set[str]:
    """The paths of all fields of a structure, nested ones included."""
    paths: set[str] = set()
    for name, hint in typing.get_type_hints(structure).items():
        inner = _structure_in(hint)
        if inner is None:
            paths.add(prefix + name)
        else:
            many = typing.get_origin(hint) is list
            paths |= fields_of(inner, f"{prefix}{name}{'[]' if many else ''}.")
    return paths


def _structure_in(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    if typing.get_origin(hint) in (list, types.UnionType, typing.Union):
        return next(filter(None, map(_structure_in, typing.get_args(hint))), None)
    return None


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = getattr(value, step.removesuffix("[]"))
        value = value[0] if step.endswith("[]") else value
    return value


def test_every_field_of_an_order_has_a_class_and_every_class_a_field() -> None:
    assert set(CLASSIFICATION) == fields_of(Order)


def test_every_field_that_is_not_dropped_has_one_place_and_every_place_comes_from_a_field() -> None:
    told = {path for path, handling in CLASSIFICATION.items() if handling != "drop"}
    assert set(EXPECTED) == told - WITHOUT_FINGERPRINT
    assert {path for path, _ in EXPECTED.values()} | {"network_token"} == fields_of(MaskedOrder)


@pytest.mark.parametrize("field", sorted(EXPECTED))
def test_a_field_is_masked_as_its_class_says(field: str) -> None:
    path, expected = EXPECTED[field]
    assert at(masked(FULL), path) == expected


@pytest.mark.parametrize("field", sorted(path for path, handling in CLASSIFICATION.items() if handling == "drop"))
def test_a_dropped_field_leaves_no_trace(field: str) -> None:
    """Changing nothing but this field changes nothing in the masked order."""
    changed: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(FULL))
    for text in ("note", "gift_message"):
        del changed[text]
    before = masked(changed)
    target: Any = changed
    *steps, last = field.split(".")
    for step in steps:
        target = target[step.removesuffix("[]")]
        target = target[0] if step.endswith("[]") else target
    assert target[last]
    target[last] = "something else 998877"
    assert masked(changed) == before


def test_a_field_that_the_schema_does_not_know_never_passes() -> None:
    canary = "canary@unknown.example"
    feed = msgspec.json.decode(msgspec.json.encode(FULL))
    feed["loyalty"] = {"email": canary, "cards": [canary]}
    feed["customer"]["twitter"] = canary
    feed["items"][0]["engraving"] = canary
    assert canary.encode() not in msgspec.json.encode(masked(feed))
    assert masked(feed) == masked(FULL)


def test_an_order_of_required_fields_alone_can_be_masked() -> None:
    required = {name: FULL[name] for name in ("order_id", "created_at", "currency")}
    order = masked({**required, "customer": {"id": "1"}, "items": [{"sku": "A", "quantity": 1, "unit_price": 1}]})
    assert order.customer_token == pseudonym("customer", "1", KEYRING)
    assert (order.billing, order.note, order.birth_year, order.has_coupon) == (None, None, None, False)


def test_texts_can_be_left_out() -> None:
    order = masked(FULL, free_text=False)
    whole = masked(FULL)
    assert (order.note, order.gift_message, order.birth_year, order.ip_network) == (None, None, None, None)
    assert all(getattr(order, name) == getattr(whole, name) for name in order.__struct_fields__ if "_token" in name)


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        ({"fingerprint": "fp-1", "card_number": "4111 1111 1111 1111"}, ("fingerprint", "fp-1")),
        ({"fingerprint": " ", "card_number": "4111 1111 1111 1111"}, ("card", "4111111111111111")),
        ({"card_number": "4111-1111-1111-1111", "iban": "DE89 3704 0044 0532 0130 00"}, ("card", "4111111111111111")),
        ({"card_number": "card ٤١١١ 1111 1111 1111"}, ("card", "4111111111111111")),
        ({"card_number": "**** **** **** 1111", "iban": "de89 3704 0044 0532 0130 00"}, ("iban", IBAN)),
        ({"iban": "NL91 ABNA 0417 1643 00"}, ("iban", "NL91ABNA0417164300")),
        ({"card_number": "411111******1111"}, None),
        ({"iban": "DE89 XXXX XXXX XXXX 0130 00"}, None),
        ({"method": "card"}, None),
    ],
)
def test_what_is_paid_with_becomes_one_pseudonym(payment: dict[str, str], expected: tuple[str, str] | None) -> None:
    """By fingerprint, else by card, else by account; of a number that is cut off others have the same rest."""
    assert masked({**FULL, "payment": payment}).card_token == (expected and pseudonym(*expected, KEYRING))


def test_equal_networks_have_equal_pseudonyms_and_others_have_none() -> None:
    tokens = [
        masked({**FULL, "device": {"ip": ip}}).network_token
        for ip in ("198.51.100.7", "::ffff:198.51.100.9", "198.51.101.7", "2001:db8:1:2::9", "2001:DB8:1::7", "nothing")
    ]
    assert tokens[0] == tokens[1] != tokens[2]
    assert tokens[3] == tokens[4] != tokens[0]
    assert tokens[5] is None


@pytest.mark.parametrize("blank", ["", " ", "\u2003"])
def test_a_blank_tells_nobody(blank: str) -> None:
    order = masked(
        {
            **FULL,
            "customer": {"id": "1", "email": blank},
            "device": {"id": blank, "ip": blank},
            "payment": {"fingerprint": blank},
            "billing_address": {**ADDRESS, "street": blank},
        }
    )
    assert (order.email_token, order.device_token, order.network_token, order.card_token) == (None,) * 4
    assert order.billing is not None
    assert order.billing.token is None


def test_one_street_in_two_towns_is_two_addresses_where_no_postcode_is_told() -> None:
    towns = [{**ADDRESS, "postcode": None, "city": city} for city in ("Neustadt", "Altstadt", None)]
    tokens = {
        order.billing and order.billing.token for order in (masked({**FULL, "billing_address": a}) for a in towns)
    }
    assert len(tokens) == 3


def test_the_orders_own_ids_become_their_pseudonyms_in_its_texts() -> None:
    order = masked({**FULL, "note": "about order-778812 of cust 66231 and CUST-66231"})
    assert order.note == f"about {order.order_token} of {order.customer_token} and {order.customer_token}"


@pytest.mark.parametrize(
    "name",
    ["Мирослав Титов", "Яшон Тодоров", "Ναταλία Μητρόπουλος", "Ερμής Βούκας", "康 博", "Þóra Ægisdóttir", "김 민준"],
)
def test_a_name_in_any_script_is_found_in_its_order_as_it_is_written_and_in_capitals(name: str) -> None:
    order = masked(
        {**FULL, "customer": {"id": "1", "name": name}, "note": f"for {name} when home, {name.upper()} else"}
    )
    assert order.note == "for [NAME] when home, [NAME] else"


def test_a_value_split_over_note_and_gift_message_is_found() -> None:
    order = masked({**FULL, "note": "my card is 5500 0000", "gift_message": "0000 0004 thanks"})
    assert (order.note, order.gift_message) == ("my card is [CARD]", "[CARD] thanks")
    order = masked({**FULL, "note": "mail me: someone.else@", "gift_message": "shop.example or not"})
    assert (order.note, order.gift_message) == ("mail me: [EMAIL]", "[EMAIL] or not")


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        (" 198.51.100.7 ", "198.51.100.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("2001:DB8:0001:ffff::9%eth0", "2001:db8:1::/48"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("not an address", None),
        ("300.1.1.1", None),
        ("198.51.100.zora", None),
        ("198.51.100.999", None),
    ],
)
def test_an_ip_address_becomes_its_network(ip: str, expected: str | None) -> None:
    assert masked({**FULL, "device": {"ip": ip}}).ip_network == expected


@pytest.mark.parametrize(
    ("postcode", "expected"),
    [
        ("70597", "DE-70"),
        ("SW1A 1AA", "DE-SW"),
        ("1010", "DE-10"),
        ("9", "DE"),
        (None, "DE"),
        ("zora.quellenbach@mail.example", "DE"),
        ("(705) 97", "DE-70"),
    ],
)
def test_a_postcode_becomes_a_region(postcode: str | None, expected: str) -> None:
    order = masked({**FULL, "billing_address": {"country": "DE", "postcode": postcode}})
    assert order.billing is not None
    assert order.billing.region == expected


@pytest.mark.parametrize("birth_date", ["1983-07-21", "21.07.1983", "07/21/1983", "born in 1983"])
def test_a_birth_date_becomes_its_year(birth_date: str) -> None:
    assert masked({**FULL, "customer": {"id": "1", "birth_date": birth_date}}).birth_year == 1983


@pytest.mark.parametrize(
    "sku",
    [
        "zora.quellenbach@mail.example",
        "4111-1111-1111-1111",
        "4111111111111111",
        "GIFT-ZORA-QUELLENBACH",
        "gift_quellenbachzora_1",
        "SUB-CUST-66231",
        "CALL+491705550199",
        "tel01705550199",
        "DE89370400440532013000",
        "WIESENGRUNDSTRASSE-41",
    ],
)
def test_personal_data_in_a_catalogue_code_is_masked(sku: str) -> None:
    order = masked({**FULL, "items": [{"sku": sku, "quantity": 1, "unit_price": 1, "category": sku}]})
    for value in (order.items[0].sku, order.items[0].category or ""):
        compact = value.lower().replace("-", "").replace("_", "")
        assert not any(
            secret in compact for secret in ("zora", "quellenbach", "4111", "66231", "5550199", "8937", "wiesen")
        )


@pytest.mark.parametrize(
    "code",
    [
        "CLO-0060",
        "4006381333931",
        "042755-747",
        "bank_transfer",
        "B0ABC12345",
        "0171-123456",
        "123.456.78",
        "1Z999AA10123456784",
    ],
)
def test_a_catalogue_code_stays_as_it_is(code: str) -> None:
    assert mask_code(code) == code


@pytest.mark.parametrize("code", ["КРУЖКА-МИРОСЛАВ-ТИТОВ", "кружка мирослав титов", "Мирослав_Титов"])
def test_a_name_in_another_script_is_found_in_a_catalogue_code(code: str) -> None:
    item = {"sku": code, "quantity": 1, "unit_price": 1}
    order = masked({**FULL, "customer": {"id": "1", "name": "Мирослав Титов"}, "items": [item]})
    assert order.items[0].sku.lower().removeprefix("кружка").lstrip("- ") == "[name]"


def test_what_one_order_held_does_not_change_how_the_next_is_masked() -> None:
    """Codes found harmless are remembered; that must not depend on who ordered first."""
    item = {"sku": "GIFT-ZORA-QUELLENBACH", "quantity": 1, "unit_price": 1}
    somebody_else = {**FULL, "customer": {"id": "2"}, "items": [item]}
    for name in ("billing_address", "shipping_address", "payment"):
        del somebody_else[name]
    masked(somebody_else)
    assert "ZORA" not in masked({**FULL, "items": [item]}).items[0].sku
