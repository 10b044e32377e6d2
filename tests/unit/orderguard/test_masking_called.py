"""Numbers that a label calls somebody's, and what only looks like one."""

import random
import string
from importlib import import_module

import pytest

from orderguard.masking import mask_text
from orderguard.masking.recognisers import vat_numbers
from orderguard.masking.view import View

CALLED = [
    # a typing error makes a number no less personal
    ("card number 4111 1111 1111 1112", "card number [CARD]"),
    ("4111 1111 1111 1112 is my card number", "[CARD] is my card number"),
    ("credit card number '4532************7890'", "credit card number '[CARD]'"),
    ("IBAN: DE89370400440532013001", "IBAN: [IBAN]"),
    ("iban de89 3704 0044 0532 0130 01", "iban [IBAN]"),
    ("IBAN GB29 NWBK 6016 1331 9268 18", "IBAN [IBAN]"),
    ("SSN 536-22-123", "SSN [ID]"),
    ("numéro de sécurité sociale 1 85 05 78 006 084 92", "numéro de sécurité sociale [ID]"),
    ("NIF X1234567Z", "NIF [ID]"),
    # what it is for does not change what it is
    ("please use card for order: 4111111111111111", "please use card for order: [CARD]"),
    ("Karte für die Bestellung: 4111111111111111", "Karte für die Bestellung: [CARD]"),
    ("refund to account for the order: 12345678", "refund to account for the order: [ID]"),
    # accounts
    ("bank account 1234567890", "bank account [ID]"),
    ("Konto 1234567 BLZ 50010517", "Konto [ID] BLZ [ID]"),
    ("Kontonummer: 0532013000, Bankleitzahl 37040044", "Kontonummer: [ID], Bankleitzahl [ID]"),
    ("sort code 20-00-00 account 55779911", "sort code [ID] account [ID]"),
    ("routing number 021000021, account 123456789012", "routing number [ID], account [ID]"),
    ("ABA 021000021", "ABA [ID]"),
    ("A/C 12345678", "A/C [ID]"),
    ("1234567890 (account number)", "[ID] (account number)"),
    ("número de cuenta 12345678901234567890", "número de cuenta [ID]"),
    ("rachunek: 12345678901234567890123456", "rachunek: [ID]"),
    ("rekeningnummer 123456789", "rekeningnummer [ID]"),
    # tax, identity, passports, licences
    ("PAN ABCPE1234F", "PAN [ID]"),
    ("ABCPE1234F", "[ID]"),
    ("CUIT 20-12345678-6", "CUIT [ID]"),
    ("20-12345678-6", "[ID]"),
    ("ITIN 912-78-1234", "ITIN [ID]"),
    ("USt-IdNr. DE136695976", "USt-IdNr. [ID]"),
    ("DE136695976", "[ID]"),
    ("n° TVA : FR40303265046", "n° TVA : [ID]"),
    ("P.IVA 12345678903", "P.IVA [ID]"),
    ("Steuernummer 12/345/67890", "Steuernummer [ID]"),
    ("ID card 12345678", "ID card [CARD]"),
    ("Führerscheinnummer B072RRE2I55", "Führerscheinnummer [ID]"),
    ("driver's license D245-938-19-203", "driver's license [ID]"),
    ("permis de conduire 123456789012", "permis de conduire [ID]"),
    ("Medicare 1EG4-TE5-MK73", "Medicare [ID]"),
    # machines
    ("host_10.20.30.40", "host_[IP]"),
    ("update from 203.0.113.9", "update from [IP]"),
    ("build server 10.0.0.1", "build server [IP]"),
]

LEFT_ALONE = [
    "gift card order no. 22334455",
    "tax invoice 1234567890",
    "the card was charged for order 12345678",
    "account charged 1299.00 twice",
    "software license expires 12.05.2030",
    "passport cover, item 1234567",
    "product id 12345678",
    "WebSphere 8.5.1.2",
    "10.0.0.1 release notes",
    "upgraded from 10.2.3.4 to 10.2.3.5",
    "Oracle 12.1.0.2, JBoss 7.10.11.16",
    "driver 10.7.6.0 for the printer",
    "-0.5105105105105100%",
    "mean 6.31259709629209",
    "EAN 4006381333931, SKU DE136695976",
    "voucher 8391-4586-9286",
]


VAT_NUMBERS = dict(
    EL="gr.vat",
    HU="hu.anum",
    HR="hr.oib",
    SI="si.ddv",
    EE="ee.kmkr",
    CY="cy.vat",
    BG="bg.vat",
    CZ="cz.dic",
    LT="lt.pvm",
)
"""Where python-stdnum has the rules."""
DIGITS = {"EL": 9, "HU": 8, "HR": 11, "SI": 8, "EE": 9, "CY": 8, "BG": 9, "CZ": 8, "LT": 9}


@pytest.mark.parametrize("country", VAT_NUMBERS)
def test_vat_numbers_are_told_from_others_by_the_rules_of_their_country(country: str) -> None:
    chance, theirs = random.Random(country), import_module(f"stdnum.{VAT_NUMBERS[country]}").is_valid
    numbers = ["".join(chance.choices("0123456789", k=DIGITS[country])) for _ in range(2_000)]
    if country == "CY":
        numbers = [number + chance.choice(string.ascii_uppercase) for number in numbers]
    valid = {number for number in numbers if theirs(number)}
    assert valid and {number for number in numbers if list(vat_numbers.find(View(country + number)))} == valid


@pytest.mark.parametrize(("text", "expected"), CALLED)
def test_what_is_called_somebodys_is_masked(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask_text(text) == text
