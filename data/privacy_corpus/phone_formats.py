"""Generator 6: telephone numbers as more than 60 countries write them, with labels of many languages and with none.

The numbers are phonenumbers' own examples with their last digits drawn, in its national formatting and in the other
groupings that people use.
"""

import random
import re
from collections.abc import Iterator

import phonenumbers

from data.privacy_corpus.samples import Sample, filled

COUNTRIES = (
    "US CA GB IE AU NZ ZA IN DE AT CH FR BE LU NL ES PT IT PL CZ SK HU RO BG GR HR SI RS SE NO DK FI IS EE LV LT UA RU "
    "TR IL AE SA EG MA NG KE BR MX AR CL CO PE CN JP KR TW HK SG MY TH ID PH VN PK"
).split()

LABELLED = {
    "en": (
        "phone: {n}",
        "Phone {n}",
        "phone for delivery: {n}",
        "my phone number for the delivery is {n}",
        "phone number for questions about the order: {n}",
        "{n} is my mobile",
        "{n} (mobile)",
        "please call {n} before delivery",
        "Mobile no. {n}",
        "tel={n}",
        "call the driver on {n}",
        "order 4471-02, phone {n}",
        "my number for the courier: phone {n}",
        "Contact phone - {n}",
        "cell #{n}",
        "WhatsApp {n}",
    ),
    "de": (
        "Tel. für Lieferung: {n}",
        "Telefon: {n}",
        "Tel.-Nr. {n}",
        "Handynummer des Empfängers {n}",
        "Handy {n}",
        "Rückruf bitte unter {n}",
        "Bitte anrufen: {n}",
        "{n} ist meine Handynummer",
        "Telefonnummer für die Bestellung: {n}",
        "Bestellung 4471-02, Telefon {n}",
        "Für die Zustellung: Telefon {n}",
        "Mobil/{n}",
    ),
    "fr": (
        "Tél. : {n}",
        "téléphone pour la livraison : {n}",
        "numéro de téléphone de la commande : {n}",
        "portable {n}",
        "appelez le {n} avant la livraison",
        "mon numéro de portable est le {n}",
        "{n} (portable)",
        "Commande 55120, tél {n}",
        "joindre le livreur : tél. {n}",
    ),
    "es": (
        "teléfono para envío: {n}",
        "Tel.: {n}",
        "móvil {n}",
        "llamar al {n} antes de la entrega",
        "mi teléfono es {n}",
        "teléfono del pedido: {n}",
        "{n} es mi móvil",
        "celular: {n}",
    ),
    "it": (
        "telefono per la consegna: {n}",
        "cellulare {n}",
        "Tel. {n}",
        "chiamare il {n} prima della consegna",
        "il mio cellulare è {n}",
        "{n} (cellulare)",
        "telefono dell'ordine: {n}",
    ),
    "nl": (
        "telefoon voor bezorging: {n}",
        "tel. {n}",
        "mobiel: {n}",
        "bellen naar {n}",
        "mijn telefoonnummer is {n}",
        "{n} (mobiel)",
        "telefoonnummer van de bestelling: {n}",
    ),
    "pl": (
        "telefon do dostawy: {n}",
        "tel. {n}",
        "tel. kom. {n}",
        "proszę dzwonić {n}",
        "mój telefon to {n}",
        "numer telefonu do zamówienia: {n}",
        "{n} (telefon)",
        "komórka {n}",
    ),
    "pt": (
        "telefone para entrega: {n}",
        "telemóvel {n}",
        "tel: {n}",
        "ligar para {n}",
        "meu celular é {n}",
        "telefone do pedido: {n}",
        "{n} é o meu telemóvel",
    ),
    "sv": (
        "telefon för leverans: {n}",
        "tel {n}",
        "mobil: {n}",
        "ring {n} innan leverans",
        "mitt mobilnummer är {n}",
        "telefonnummer till beställningen: {n}",
        "{n} (mobil)",
    ),
    "cs": (
        "telefon pro doručení: {n}",
        "tel. {n}",
        "mobil {n}",
        "volejte {n}",
        "můj telefon je {n}",
        "telefonní číslo k objednávce: {n}",
        "{n} je můj mobil",
    ),
    "da": ("tlf. {n}", "mobilnummer: {n}", "telefon til levering: {n}"),
    "fi": ("puh. {n}", "puhelinnumero: {n}", "matkapuhelin {n}"),
    "hu": ("telefon: {n}", "telefonszám a kiszállításhoz: {n}", "mobil {n}"),
    "ro": ("telefon pentru livrare: {n}", "tel. {n}", "mobil: {n}"),
    "tr": ("telefon: {n}", "cep telefonu {n}", "tel no: {n}"),
    "ru": ("телефон: {n}", "тел. {n}", "моб. {n}", "телефон для доставки: {n}"),
    "uk": ("телефон: {n}", "тел. {n}", "мобільний {n}"),
    "el": ("τηλέφωνο: {n}", "τηλ. {n}", "κινητό {n}"),
    "zh": ("电话：{n}", "手机 {n}", "聯絡電話:{n}"),
    "ja": ("電話番号：{n}", "携帯 {n}"),
    "ko": ("전화번호: {n}", "휴대폰 {n}"),
    "he": ("טלפון: {n}", "נייד {n}"),
    "ar": ("هاتف: {n}", "جوال {n}"),
}
"""Sentences with a word that says what the number is, in both orders, with and without what it is for."""

BARE = (
    "{n}",
    "{n} thanks",
    "Hello, {n}, see you",
    "driver {n}",
    "DHL: {n}",
    "Pour la livraison : {n}",
    "für die Lieferung {n}",
    "Anna {n}",
    "entrega: {n}",
    "new: {n}",
)
"""No word for a telephone; at most one of delivery."""


def example(chance: random.Random, country: str, kind: int) -> phonenumbers.PhoneNumber | None:
    """A number of a country's plan, fixed (0) or mobile (1): its example with other last digits."""
    found = phonenumbers.example_number_for_type(country, kind)
    if found is None:
        return None
    number = phonenumbers.national_significant_number(found)
    for _ in range(100):
        drawn = number[:-5] + "".join(chance.choice("0123456789") for _ in range(5))
        tried = phonenumbers.PhoneNumber(
            country_code=found.country_code,
            national_number=int(drawn),
            italian_leading_zero=found.italian_leading_zero,
            number_of_leading_zeros=found.number_of_leading_zeros,
        )
        if phonenumbers.is_valid_number(tried):
            return tried
    return found


def groupings(chance: random.Random, number: phonenumbers.PhoneNumber) -> Iterator[str]:
    """A number as its country writes it, and with the other marks that people put between the groups."""
    national = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    yield national
    plain = re.sub(r"[()]", "", national)
    yield re.sub(r"[ -]+", chance.choice(("-", ".")), plain)
    yield plain.replace("-", " ")


def every_format(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Country and number, in each country's fixed and mobile form and in several groupings."""
    for country in COUNTRIES:
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            number = example(chance, country, kind)
            if number is not None:
                for text in dict.fromkeys(groupings(chance, number)):
                    yield country, text


def labelled(chance: random.Random) -> Iterator[Sample]:
    """Every format with a sentence of each language."""
    for country, number in every_format(chance):
        for language, sentences in LABELLED.items():
            yield filled(chance.choice(sentences), {"n": (number, "PHONE")}, language, f"phone of {country}")


def unlabelled(chance: random.Random) -> Iterator[Sample]:
    """Every format with no word for a telephone."""
    for country, number in every_format(chance):
        for sentence in BARE:
            yield filled(sentence, {"n": (number, "PHONE")}, "en", f"phone of {country}")
