"""Catalogue codes: whatever personal form somebody puts into one is masked, and what sellers call their articles stays.

The tables are those of docs/technical/privacy.md.
"""

import base64
import json
import random
import string
from collections.abc import Iterator

import pytest
from stdnum import ean

from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.masking import codes as masking_codes
from orderguard.masking.codes import LONGEST, decided, known_articles, mask_code, undecided
from orderguard.masking.order import decided_order
from orderguard.masking.spans import KINDS
from orderguard.schema import OrderError, decode_order
from tests.unit.orderguard.test_masking_order import FULL

KEYRING = Keyring.from_text(new_key_text())
PLACEHOLDERS = {f"[{kind}]" for kind in KINDS}
EMAIL = "anna.berger@mail.example"
IN_BASE64 = base64.b64encode(EMAIL.encode()).decode()
IN_HEXADECIMAL = EMAIL.encode().hex()

PERSONAL = {
    "e-mail": [EMAIL, EMAIL.upper(), f"SKU-{EMAIL}", EMAIL[::-1], "a n n a @ m a i l . e x a m p l e"],
    "e-mail, escaped": ["anna%40mail.example", "anna%2540mail.example", "anna&#64;mail.example"],
    "e-mail, disguised": ["anna(at)example.com", "anna-at-example-dot-com", "anna_at_example_dot_com"],
    "e-mail in look-alikes": ["аnnа@ехаmple.com", "ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ"],
    "base64": [IN_BASE64, IN_BASE64.rstrip("="), f"SKU-{IN_BASE64}", f"SKU{IN_BASE64}", f"S_{IN_BASE64.rstrip('=')}-1"],
    "base64 of base64": [base64.b64encode(IN_BASE64.encode()).decode()],
    "hexadecimal": [IN_HEXADECIMAL, IN_HEXADECIMAL.upper(), f"SKU{IN_HEXADECIMAL}", f"x-{IN_HEXADECIMAL}"],
    "a name in base64 or hexadecimal": [base64.b64encode(b"Max Unbekannt").decode(), b"Max Unbekannt".hex()],
    "telephone, international": ["+491715550199", "00491715550199", "SKU+49-171-5550199", "+1-212-555-0123"],
    "telephone, national": ["0171-5550199", "07700 900123", "06.12.34.56.78", "612 34 56 78", "(212) 555-0123"],
    "telephone, bare": ["01715550199", "2125550123", "07700900123", "13812345678", "tel01715550199", "C-07700900123"],
    "card": ["4111111111111111", "4111-1111-1111-1111", "4111_1111_1111_1111", "378282246310005"],
    "card with letters run on": ["SKU4111111111111111X", "4111111111111111-A", "CARD4111111111111112"],
    "card in odd groups": ["4.111.111.111.111.111", "41-11-11-11-11-11-11-11"],
    "card in other digits": ["٤١١١١١١١١١١١١١١١"],
    "IBAN": [
        "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "SKUDE89370400440532013000",
        "GB82WEST12345698765432",
    ],
    "US social security number": ["219-09-9991", "219 09 9991", "219_09_9991", "219099991", "SSN219099991"],
    "French NIR": ["180126955222380", "1 80 12 69 552 223 80", "1-80-12-69-552-223-80"],
    "Italian codice fiscale": ["RSSMRA85T10A562S", "RSSMRA-85T10-A562S"],
    "Spanish DNI": ["12345678Z", "12345678-Z"],
    "Swiss AHV number": ["756.9217.0769.85", "7569217076985"],
    "Polish PESEL": ["44051401359"],
    "Brazilian CPF": ["390.533.447-05", "39053344705"],
    "Chinese identity number": ["11010519491231002X"],
    "British national insurance number": ["AB123456C", "AB 12 34 56 C"],
    "Canadian SIN": ["046 454 286", "046-454-286"],
    "Indian PAN": ["ABCPE1234F", "aaahk1234l", "SKU-ABCPE1234F", "BNZPM2501F-XL"],
    "British number, DNI, NIE behind a label": ["SKU-JG103759A", "ART-12345678Z", "ref_X1234567L", "SKUJG103759A"],
    "any number behind a label": ["SKU-219-09-9991", "Item 046 454 286", "SKU-0171-5550199", "SKU219-09-9991"],
    "Mexican RFC": ["GODE561231GR8", "SKU-GODE561231GR8"],
    "Brazilian CNPJ": ["11.222.333/0001-81"],
    "Argentine CUIT": ["20-12345678-6", "SKU-20-12345678-6"],
    "Chilean RUT": ["12.345.678-5", "7.654.321-6"],
    "Polish NIP": ["856-734-62-15"],
    "identity numbers of Singapore and Hong Kong": ["S1234567D", "A123456(3)"],
    "Irish PPS number": ["1234567FA"],
    "Australian ABN": ["51 824 753 556"],
    "VAT number": ["ATU13585627", "de136695976", "ESX1234567L", "SKU-FR40303265045", "CHE-116.281.710"],
    "IPv4": ["203.0.113.77", "203_0_113_77", "203-0-113-77", "IP203.0.113.77", "host_10.20.30.40"],
    "IPv6": ["2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001"],
    "MAC": ["00:1A:2B:3C:4D:5E", "00-1A-2B-3C-4D-5E", "001a.2b3c.4d5e"],
    "street and house number": ["12 Abbey Road", "12_ABBEY_ROAD", "Lindenallee 5b", "LINDENALLEE-5B", "Hauptstrasse12"],
    "street, in other languages": ["12 rue de la Paix", "CALLE-MAYOR-5"],
    "name beside a title": ["Mr-John-Smith", "Herr_Max_Mustermann"],
    "date of birth": ["1977-07-19", "19.07.1977", "07/19/1977", "DOB-1977-07-19", "19770719", "19 July 1977"],
    "link": ["https://shop.example/reset?token=ab12cd34ef", "https://www.instagram.com/anna.b"],
    "access token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc"],  # pragma: allowlist secret
    "IMEI": ["352099001761481", "35-209900-176148-1"],
    "nine digits and more that no check digit explains": ["123456789", "XX-123456789-YY", "1234567890123456789"],
    "longer than any code": ["x" * (LONGEST + 1), "1-" * 49],
}

ARTICLES = {
    "words": ["clothing", "bank_transfer", "Home & Garden > Kitchen", "Pan Pizza", "Tandoori Chicken (1/4)", "M-Shirt"],
    "shops' own": ["CLO-0060", "OFF-LA-10000240", "85123A", "GGOENEBJ079499", "B0ABC12345", "product-11", "77"],
    "digits in two groups": ["042755-747", "0171-123456"],
    "digits in three groups": ["123.456.78"],
    "eight digits and fewer": ["10000240", "55512345"],
    "GTIN": ["4006381333931", "012345678905", "10012345678902"],
    "ISBN": ["9780306406157", "0306406152", "080442957X", "ISBN-0-306-40615-2"],
    "filled up with zeros": ["0000123456789", "SKU0000001234"],
    "hash": ["660422061e06da17ca6101e9d6b7aae8", "507f1f77bcf86cd799439011", "3f333df6-90a4-4fda-8dd3-9485d27cee36"],
    "parcel number": ["1Z999AA10123456784"],
    "version": ["v2.10.0.1", "rev 3.1"],
    "bare MAC, like many a code": ["001A2B3C4D5E"],
    "name that stands alone": ["john-smith", "for John Smith"],
}


@pytest.mark.parametrize("code", [code for codes in PERSONAL.values() for code in codes])
def test_what_is_personal_in_a_code_is_masked(code: str) -> None:
    assert mask_code(code) in PLACEHOLDERS


@pytest.mark.parametrize("code", [code for codes in ARTICLES.values() for code in codes])
def test_what_sellers_call_their_articles_stays(code: str) -> None:
    assert mask_code(code) == code


def product_codes(count: int) -> Iterator[str]:
    """Codes as public feeds have them: a prefix and a number, EAN, UPC, ISBN, hash, wholesale, marketplace."""
    chance = random.Random(20261129)

    def some(alphabet: str, length: int) -> str:
        return "".join(chance.choices(alphabet, k=length))

    capitals, hexadecimal = string.ascii_uppercase, string.hexdigits.lower()[:16]
    for _ in range(count):
        yield f"{some(capitals, 3)}-{some(capitals, 2)}-1000{some(string.digits, 4)}"
        yield some(string.digits, 5) + chance.choice(["", "A", "b", "BL"])
        yield some(hexadecimal, 32)
        yield "GGOE" + some(capitals, 4) + some(string.digits, 6)
        body = chance.choice("012345689") + some(string.digits, 11)
        yield body + ean.calc_check_digit(body)
        body = some(string.digits, 11)
        yield body + ean.calc_check_digit(body)
        yield "B0" + some(capitals + string.digits, 8)
        yield f"{some(string.ascii_lowercase, 8)}-{some(string.ascii_lowercase, 5)}-{some(string.digits, 3)}"


def test_no_code_of_the_shapes_that_sellers_use_is_masked() -> None:
    assert [code for code in product_codes(150) if mask_code(code) != code] == []


OWN_VALUES = {
    "name": ["zora-quellenbach", "QUELLENBACHZORA", "gift_zora_quellenbach_1"],
    "e-mail": ["zora_quellenbach_mail_example"],
    "telephone": ["x4917055501 99", "5550199170555019 9", "T-70-5550199"],
    "birth date": ["x19830721", "21-07-1983-x", "07.21.1983"],
    "national id": ["NID12345678903", "12.345.678.903"],
    "customer id": ["SUB-CUST-66231"],
    "street": ["WIESENGRUNDSTRASSE-41", "seewegwiesengrundstrasse41"],
    "company": ["quellenbach-feinkost-gmbh"],
    "card": ["4111-1111-1111-1111-x"],
    "IBAN": ["x-DE89370400440532013000-x"],
    "IP address": ["203-0113-77-1", "net20301137 7"],
}


@pytest.mark.parametrize("code", [code for codes in OWN_VALUES.values() for code in codes])
def test_an_orders_own_values_are_masked_in_its_codes_however_they_are_joined(code: str) -> None:
    methods = {"payment": {**FULL["payment"], "method": code}, "shipping": {"method": code}}
    item = {"sku": code, "quantity": 1, "unit_price": 1, "category": code}
    order = mask_order(decode_order(json.dumps({**FULL, **methods, "items": [item]})), KEYRING)
    written = {order.items[0].sku, order.items[0].category, order.payment_method, order.shipping_method}
    assert written <= PLACEHOLDERS


def test_a_channel_a_currency_and_a_country_take_nothing_but_their_own_codes() -> None:
    for field in ("channel", "currency"):
        with pytest.raises(OrderError):
            decode_order(json.dumps({**FULL, field: EMAIL}))
    with pytest.raises(OrderError):
        decode_order(json.dumps({**FULL, "billing_address": {"country": EMAIL}}))


def test_a_code_in_doubt_is_masked_unless_the_catalogue_knows_it() -> None:
    assert mask_code("3000000001") == "[ID]"
    assert mask_code("3000000001", known_articles(["3000000001"])) == "3000000001"
    assert mask_code("3000000002", known_articles(["3000000001"])) == "[ID]"
    assert mask_code(EMAIL, known_articles([EMAIL])) == "[EMAIL]"


def test_what_was_left_undecided_is_decided_later() -> None:
    doubt = known_articles(["3000000001"])
    for code in ("3000000001", "3000000002", EMAIL, "clothing"):
        assert decided(mask_code(code, undecided), doubt) == mask_code(code, doubt)
    items = [{"sku": code, "quantity": 1, "unit_price": 1, "category": code} for code in ("3000000001", "3000000002")]
    order = decode_order(json.dumps({**FULL, "items": items}))
    assert decided_order(mask_order(order, KEYRING, doubt=undecided), doubt) == mask_order(order, KEYRING, doubt=doubt)


def test_a_code_cannot_pass_for_one_that_was_left_undecided() -> None:
    assert mask_code(undecided("4111111111111111", "[CARD]")) == "[ENCODED]"


def test_what_is_remembered_is_bounded_and_holds_no_personal_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking_codes, "_MOST_REMEMBERED", 10)
    monkeypatch.setattr(masking_codes, "_personal", {})
    monkeypatch.setattr(masking_codes, "_impersonal", {})
    for number in range(40):
        mask_code(f"person{number}@mail.example")
        mask_code(f"article-{number}")
        assert len(masking_codes._personal) <= 10 and len(masking_codes._impersonal) <= 10
    assert not any("@" in code for code in masking_codes._impersonal)
    assert all(isinstance(digest, bytes) for digest in masking_codes._personal)
