"""Masking free text: what is found, what is left alone."""

import base64
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from orderguard.masking import Keyring, mask_text, pseudonym
from orderguard.masking.text import mask_parts

PERSONAL = [
    # e-mail addresses
    ("write to anna.b+shop@mail.example.co.uk.", "write to [EMAIL]."),
    ("anna (at) example dot com", "[EMAIL]"),
    ("anna [at] example [dot] com", "[EMAIL]"),
    ("anna punto rossi chiocciola posta punto it", "[EMAIL]"),
    ("müller@bücher.example", "[EMAIL]"),
    ('"anna b"@example.com', "[EMAIL]"),
    ("anna@[203.0.113.9]", "[EMAIL]"),
    ("anna @ example.com", "[EMAIL]"),
    ("anna@@example.com", "[EMAIL]"),
    ('anna "at" example *dot* com', "[EMAIL]"),
    ("anna kukac example pont hu", "[EMAIL]"),
    ("anna собака example точка com", "[EMAIL]"),
    # cards
    ("4111 1111 1111 1111", "[CARD]"),
    ("4111-1111-1111-1111 exp 11/29", "[CARD] exp 11/29"),
    ("paid with 378282246310005 twice", "paid with [CARD] twice"),
    ("card # 6304 0000 0000", "card # [CARD]"),
    ("JCB 2131 000000 00001", "JCB [CARD]"),
    ("4111|1111|1111|1111", "[CARD]"),
    ("4111\t1111\t1111\t1111", "[CARD]"),
    ("3095 4000 0000 10", "[CARD]"),
    ("3 x 4111 1111 1111 1111", "3 x [CARD]"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[CARD]"),
    # accounts
    ("iban de89 3704 0044 0532 0130 00 bitte", "iban [IBAN] bitte"),
    ("GB82WEST12345698765432", "[IBAN]"),
    ("gb82WEST12345698765432", "[IBAN]"),
    ("DE89_3704_0044_0532_0130_00 or GB82/WEST/1234/5698/7654/32", "[IBAN] or [IBAN]"),
    ("D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0", "[IBAN]"),
    # national numbers
    ("SSN 536-22-1234", "SSN [ID]"),
    ("DNI 12345678Z", "DNI [ID]"),
    ("PESEL 44051401359", "PESEL [ID]"),
    ("codice fiscale RSSMRA85T10A562S", "codice fiscale [ID]"),
    ("NIR 1 85 05 78 006 084 91", "NIR [ID]"),
    ("AHV 756.9217.0769.85", "AHV [ID]"),
    ("CPF 390.533.447-05", "CPF [ID]"),
    ("my passport no. is X1234567", "my passport no. is [ID]"),
    # addresses of machines
    ("from 203.0.113.9", "from [IP]"),
    ("from 203[.]0[.]113[.]9", "from [IP]"),
    ("from 203(dot)0(dot)113(dot)9", "from [IP]"),
    ("from 2001:db8::1", "from [IP]"),
    ("ip:2001:db8::1, IPv6:2001:db8::2", "ip:[IP], IPv6:[IP]"),
    ("mac 00:1A:2B:3C:4D:5E", "mac [IP]"),
    # telephones
    ("+49 (0)170 123 45 67", "[PHONE]"),
    ("0044 20 7946 0958", "[PHONE]"),
    ("+886 912 345 678", "[PHONE]"),
    ("+383 43 201 234", "[PHONE]"),
    ("+299 32 10 00", "[PHONE]"),
    ("+683 7012", "[PHONE]"),
    ("yes,06 123 4567", "yes,[PHONE]"),
    ("(212) 555-0147 ext. 5", "[PHONE]"),
    ("call 555-0147", "call [PHONE]"),
    ("Tel. 4455667", "Tel. [PHONE]"),
    ("01 42 68 53 00", "[PHONE]"),
    # links
    ("https://shop.example/reset?token=ab12cd34", "[URL]"),
    ("see https://anna:pw@files.example/x", "see [URL]"),  # pragma: allowlist secret
    ("https://www.instagram.com/anna.b", "[URL]"),
    # addresses and names of strangers, where something announces them
    ("deliver to 12 Abbey Road, NW8", "deliver to [ADDRESS], NW8"),
    ("Lindenallee 5b, 50668 Köln", "[ADDRESS]"),
    ("12 bis rue de la Paix", "[ADDRESS]"),
    ("Käthe-Kollwitz-Ring 32", "[ADDRESS]"),
    ("plac Wolności 11", "[ADDRESS]"),
    ("Rambla Nova 52", "[ADDRESS]"),
    ("strada Marconi, 9", "[ADDRESS]"),
    ("Dear Mr. Smith, thanks", "Dear Mr. [NAME], thanks"),
    ("Viele Grüße, Anna Berger", "Viele Grüße, [NAME]"),
    ("mi chiamo Giulia Conti", "mi chiamo [NAME]"),
    ("geboren am 21.07.1983", "geboren am [BIRTH DATE]"),
    # labels, forms, JSON
    ('{"first_name": "ana", "qty": 2}', '{"first_name": "[NAME]", "qty": 2}'),
    ('{\\"email\\": \\"a\\u0040b.example\\"}', '{\\"email\\": \\"[EMAIL]\\"}'),
    ("Nachname: Quellenbach", "Nachname: [NAME]"),
    # encodings and disguises
    ("YW5uYUBleGFtcGxlLmNvbQ==", "[ENCODED]"),
    ("616e6e61406578616d706c652e636f6d", "[ENCODED]"),
    ("anna%40example.com", "[EMAIL]"),
    ("anna%2540example.com", "[EMAIL]"),
    ("anna&#64;example.com", "[EMAIL]"),
    ("anna\\x40example.com", "[EMAIL]"),
    ("=61=6E=6E=61=40example.com", "[EMAIL]"),
    ("anna<b>@</b>example.com", "[EMAIL]"),
    ("card=4111111111111111", "card=[CARD]"),
    ("an\u200bna@exam\u00adple.com", "[EMAIL]"),
    ("ａｎｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[EMAIL]"),
    ("٤١١١ ١١١١ ١١١١ ١١١١", "[CARD]"),
    ("аnnа@ехаmple.com", "[EMAIL]"),
]

IMPERSONAL = [
    "",
    "Please leave it at the back door.",
    "Order 4111111111111111 is late",
    "Bestellung 302-1234567-1234567, Sendungsnummer 00340434161094021501",
    "tracking 1Z999AA10123456784, EAN 4006381333931, sku 0171-123456",
    "Rechnung Nr. 2026/00917 vom 04.03.2026 um 10:30:45",
    "firmware v2.10.0.1, version 10.0.0.1, rev 10.2.14.7",
    '<order id="7"><sku>VX568110H</sku></order>',
    "My order id is ORD-85208349",
    "coupon code: UWJA77-EQHG",
    "Thanks, Merry Christmas!",
    "size=40=41",
    "Dear team, Dear customer service, Hallo zusammen",
    "Liebes Team, viele Grüße",
    "I ordered at example.com, 3 pcs @ 9.99 each",
    "https://shop.example/products/blue-shirt-10234?colour=red",
    "orders 11223344, 55667788 and 99001122",
    "9400 1118 9922 3197 4284 99 tracking number above",
    "Größe 42, Farbe RAL 7016, 120 x 60 x 30 cm, 1.299,00 €",
    "Happy Birthday! Enjoy.",
]


@pytest.mark.parametrize(("text", "expected"), PERSONAL)
def test_personal_data_is_masked(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize("text", IMPERSONAL)
def test_a_text_with_nothing_personal_stays_as_it_is(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bell: Quellenbach", "bell: [NAME]"),
        ("QUELLENBACH, zora", "[NAME]"),
        ("zoraquellenbach", "[NAME]"),
        ("Z o r a   Q u e l l e n b a c h", "[NAME]"),
        ("Zora's parcel, Zoras Paket", "[NAME]'s parcel, [NAME] Paket"),
        ("to Zóra", "to [NAME]"),
        ("Zora Quelle\u200bnbach", "[NAME]"),
        ("for Z. Quellenbach", "for [NAME]"),
        ("user zquellenbach", "user [NAME]"),
        ("ᴢᴏʀᴀ qυellenbαch", "[NAME]"),
        ("=5A=6F=72=61 Quellenbach", "[NAME]"),
        ("<b>Zora</b> <i>Quellenbach</i>", "<b>[NAME]</i>"),
        ("WsOzcmE", "[ENCODED]"),
        ("em9yYSBxdWVsbGVuYmFjaA==", "[ENCODED]"),
        ("Zorana Quelle", "Zorana Quelle"),
    ],
)
def test_a_known_name_is_found_however_it_is_written(text: str, expected: str) -> None:
    assert mask_text(text, ["Zora Quellenbach"]) == expected


@pytest.mark.parametrize(
    ("known", "text", "expected"),
    [
        ("Wiesengrundstraße 41", "bei WIESENGRUNDSTR. 41 abgeben", "bei [ADDRESS] abgeben"),
        ("12 High Street", "12, high st", "[ADDRESS]"),
        ("12 High Street", "a high price of 12", "a high price of 12"),
        ("Jürgen Müller", "Herr Mueller", "Herr [NAME]"),
        ("Will Young", "will you be young?", "will you be young?"),
        ("Will Young", "ask Will", "ask [NAME]"),
        ("+49 711 5550142", "0711/555 01 42", "[PHONE]"),
        ("zq84nova@mail.example", "user zq84nova", "user [EMAIL]"),
        ("田中太郎", "田中太郎様へ", "[NAME]様へ"),
        ("D'Amore", "sig. D’Amore", "sig. [NAME]"),
        ("12 rue Vidal", "12<br/>rue<br/>Vidal", "[ADDRESS]"),
        ("Мирослав Титов", "МИРОСЛАВ, для Титова", "[NAME], для [NAME]"),
        ("ТИТОВА МАРИЯ", "Марии Титовой", "[NAME]"),
        ("Мирослав Титов", "Miroslav", "[NAME]"),
        ("Ναταλία Μητρόπουλος", "ΜΗΤΡΟΠΟΥΛΟΣ / πόρτα / Natalia Mitropoulos", "[NAME] / πόρτα / [NAME]"),
        ("康 博", "康 博 will pick it up", "[NAME] will pick it up"),
        ("Lange Straße 5", "auf der Straße", "auf der Straße"),
    ],
)
def test_a_known_value_is_found_in_other_spellings(known: str, text: str, expected: str) -> None:
    assert mask_text(text, [known]) == expected


def test_pseudonyms_and_placeholders_stay() -> None:
    token = pseudonym("customer", "1", Keyring.from_text("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"))
    text = f"why was {token} flagged after [EMAIL] wrote?"
    assert mask_text(text, ["Email"]) == text


@given(st.text(max_size=300))
@settings(max_examples=300)
def test_masking_what_is_masked_changes_nothing(text: str) -> None:
    once = mask_text(text, ["Anna Muster", "Hauptstraße 12"])
    assert mask_text(once, ["Anna Muster", "Hauptstraße 12"]) == once


TEXTS = st.text(alphabet=string.ascii_letters + string.digits + " .,:;-_@/()[]{}\"'%&\n\\+=#\u200bäößéЖ中", max_size=60)
LETTERS_DIGITS = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=12)
EMAILS = st.builds("{}.{}@{}.example".format, LETTERS_DIGITS, LETTERS_DIGITS, LETTERS_DIGITS)


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["4", "51", "2223"])) + draw(st.text(alphabet="0123456789", min_size=14, max_size=14))
    return body[:15] + luhn.calc_check_digit(body[:15])


@st.composite
def ibans(draw: st.DrawFn) -> str:
    body = draw(st.text(alphabet="0123456789", min_size=18, max_size=18))
    return "DE" + mod_97_10.calc_check_digits(body + "DE") + body


@given(TEXTS, EMAILS, TEXTS)
@settings(max_examples=300)
def test_an_email_address_is_found_in_any_surroundings(before: str, email: str, after: str) -> None:
    assert email not in mask_text(f"{before} {email} {after}")


@given(TEXTS, cards(), TEXTS)
@settings(max_examples=300)
def test_a_grouped_card_is_found_in_any_surroundings_of_words(before: str, card: str, after: str) -> None:
    words = str.maketrans("", "", string.digits)
    grouped = " ".join(card[start : start + 4] for start in range(0, 16, 4))
    assert grouped not in mask_text(f"{before.translate(words)} {grouped} {after.translate(words)}")


@given(TEXTS, ibans(), TEXTS)
@settings(max_examples=300)
def test_an_iban_is_found_in_any_surroundings(before: str, iban: str, after: str) -> None:
    assert iban not in mask_text(f"{before} {iban} {after}")


@given(TEXTS, st.sampled_from(["Quellenbach", "Zora Quellenbach", "ZORA"]), TEXTS)
@settings(max_examples=300)
def test_a_known_name_is_found_in_any_surroundings(before: str, name: str, after: str) -> None:
    assert name not in mask_text(f"{before} {name} {after}", ["Zora Quellenbach"])


@given(EMAILS)
def test_an_email_address_is_found_in_base64_and_hexadecimal(email: str) -> None:
    for encoded in (base64.b64encode(email.encode()).decode(), email.encode().hex()):
        assert mask_text(f"x {encoded} y") == "x [ENCODED] y"


@given(TEXTS, TEXTS)
@settings(max_examples=200)
def test_masking_two_texts_together_leaves_no_more_than_masking_each(first: str, second: str) -> None:
    for alone, together in zip((first, second), mask_parts(first, second, None), strict=True):
        assert together == mask_text(alone) or "[" in together


@pytest.mark.parametrize(
    "piece", ["0 ", "1.", "1-", "a@", "a.", "(", "%25", "Dear ", "id 123456789 ", "order 12345 ", "A "]
)
def test_a_long_text_of_one_kind_takes_no_time(piece: str) -> None:
    """10,000 characters, as many as a note may have; no pattern may take time that grows with their square.

    Time is what this thread works: a second at most, or on a slow machine 100 times what an ordinary text takes there.
    """
    usual = seconds_of_masking("Please leave the parcel with the people next door, thank you. ")
    assert seconds_of_masking(piece) < max(1.0, 100 * usual)


def seconds_of_masking(piece: str) -> float:
    text = (piece * 10_000)[:10_000]
    begun = time.thread_time()
    mask_text(text, ["Anna Muster"])
    return time.thread_time() - begun
