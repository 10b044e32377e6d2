"""Telephone numbers in free text: a label decides what a number is, form decides where there is none."""

import random
from itertools import islice

import pytest

from data.privacy_corpus.phone_formats import COUNTRIES, labelled, unlabelled
from data.privacy_corpus.samples import Sample
from data.privacy_corpus.scoring import score
from orderguard.masking import mask_text
from orderguard.masking.text import find_personal

SEED = 20261129

MEANT = [
    # what a number is for does not make it harmless
    ("phone for delivery: 07700 900123", "phone for delivery: [PHONE]"),
    ("my phone number for the delivery is 07700 900123", "my phone number for the delivery is [PHONE]"),
    ("Pour la livraison : 06 12 34 56 78", "Pour la livraison : [PHONE]"),
    ("Tel. für Lieferung: 0171/1234567", "Tel. für Lieferung: [PHONE]"),
    ("teléfono para envío: 612 34 56 78", "teléfono para envío: [PHONE]"),
    ("driver (212) 555-0123", "driver [PHONE]"),
    ("DHL: 0171 2345678", "DHL: [PHONE]"),
    ("phone for the order: 12345678", "phone for the order: [PHONE]"),
    ("numéro de téléphone de la commande : 12345678", "numéro de téléphone de la commande : [PHONE]"),
    ("order 4471-02, phone 12345678", "order 4471-02, phone [PHONE]"),
    ("12345678 is my phone, order 87654321", "[PHONE] is my phone, order 87654321"),
    # trunk numbers whole
    ("020 7946 0123", "[PHONE]"),
    ("(020) 7946 0123", "[PHONE]"),
    ("02 9374 4000", "[PHONE]"),
    ("03 1234 5678", "[PHONE]"),
    ("0171 2345 6789", "[PHONE]"),
    ("0800 1111 2222", "[PHONE]"),
    ("0171 / 2345678 or 030 123456", "[PHONE] or [PHONE]"),
    ("0171 2345678 / 0172 3456789", "[PHONE] / [PHONE]"),
    ("2 0171 2345678", "2 [PHONE]"),
    # extensions of any length belong to the number
    ("212-555-0123x4587", "[PHONE]"),
    ("212-555-0123 ext. 4587", "[PHONE]"),
    ("(212) 555-0123, extension 123456789", "[PHONE]"),
    ("0711 123456 Durchwahl 12", "[PHONE]"),
    ("01 42 68 53 00 poste 123", "[PHONE]"),
    ("+1 212 555 0123 x9", "[PHONE]"),
    ("phone 5550123 x12", "phone [PHONE]"),
    # whole numbers
    ("2125550123", "[PHONE]"),
    ("07700900123", "[PHONE]"),
    ("13812345678", "[PHONE]"),
    ("tel07700900123", "tel[PHONE]"),
    ("telefonum 532 123 45 67", "telefonum [PHONE]"),
    ("3471234567", "[PHONE]"),
]

NAMED = [
    "order no. 07700 900123",
    "Sendungsnummer 0171 2345 6789",
    "numéro de suivi 06 12 34 56 78",
    "tracking number: 2125550123",
    "call me about order 12345678",
    "call me for order number 2125550123",
    "gift card order no. 22334455, phone case",
    "orders 2125550123, 2125550124 and 2125550125",
    "Kontakt wegen Bestellnummer 12345678",
    "12345678 is my order number, please call",
    "DHL 1234567890",
    "pos 010 020 030 040",
    "060 080 100 grit",
    "Größen 36 38 40 42",
    "+52.520008, +13.404954",
    "EUR 612 345 678",
    "612 345 678 mm",
    "978-3-16-148410-0",
    "S/N 2125550123",
    "timestamp 1732847423, epoch 2125550123",
    "Bosch 0 986 494 104",
    "Office 16.0.17328.20184",
    "vom 10.10.2025 08:00 - 12.10.2025 17:30",
    "text: 10 - 9 - 8 - 7 - 6 - 5",
    "EuroJackpot 05 17 29 38 50 02 11",
    "loc 01-02-03-04-05",
    "20.11.12.20 release notes",
    "plugin 5.9.3.1 crashes",
    "2025/12/01 - 2025/12/05",
    "8.30-12.30 / 15.00-19.30",
    "0-306-40615-2, second edition",
    "4 006381 333931",
    "250 500 1000, D3 2000 5000",
    "Pokémon 025/165 199/165",
    "chapter 3.2.1.4, allée 5, 25 m AWG 23/1",
    "Lagerplatz 04.12.03.01, Regal 15 Ebene 2 Platz 07",
]


def found(text: str) -> list[tuple[int, int, str]]:
    return [(start, end, kind) for start, end, kind, _ in find_personal(text)]


def every(count: int, samples: list[Sample]) -> list[Sample]:
    return random.Random(SEED).sample(samples, count)


@pytest.mark.parametrize(("text", "expected"), MEANT)
def test_a_telephone_number_is_masked_whole(text: str, expected: str) -> None:
    assert mask_text(text) == expected


@pytest.mark.parametrize("text", NAMED)
def test_a_number_that_its_label_names_stays(text: str) -> None:
    assert mask_text(text) == text


def test_every_national_format_is_found_beside_a_label_of_any_language() -> None:
    assert len(COUNTRIES) >= 52
    assert score(every(1_500, list(labelled(random.Random(SEED)))), found).missed == []


def test_nine_of_ten_national_formats_are_found_without_a_label() -> None:
    assert score(every(1_000, list(unlabelled(random.Random(SEED)))), found).scores["PHONE"].recall >= 0.88


def test_the_samples_are_the_same_every_time() -> None:
    first, second = (list(islice(labelled(random.Random(SEED)), 50)) for _ in range(2))
    assert first == second
