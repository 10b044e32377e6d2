"""Numbers that name people: cards, IBANs, national ids, telephone numbers. Made by rules of their own or by
libraries.
"""

import random
from collections.abc import Callable

import phonenumbers
from faker import Faker
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

CARD_FORMS = {
    "4": 16,
    "51": 16,
    "55": 16,
    "2223": 16,
    "2720": 16,
    "34": 15,
    "37": 15,
    "6011": 16,
    "65": 16,
    "3528": 16,
    "3589": 16,
    "36": 14,
    "300": 14,
    "62": 16,
    "5018": 12,
    "6304": 12,
    "6759": 13,
    "5893": 16,
    "6763": 19,
    "2131": 15,
    "1800": 15,
    "2200": 16,
}
"""Issuer prefix and length, 12-digit Maestro and old 15-digit JCB among them."""

_SHORT = {12, 13}
_IBAN_FORMS = {
    "DE": "nnnnnnnnnnnnnnnnnn",
    "AT": "nnnnnnnnnnnnnnnn",
    "CH": "nnnnnnnnnnnnnnnnn",
    "FR": "nnnnnnnnnnaaaaaaaaaaann",
    "ES": "nnnnnnnnnnnnnnnnnnnn",
    "IT": "lnnnnnnnnnnaaaaaaaaaaaa",
    "NL": "llllnnnnnnnnnn",
    "BE": "nnnnnnnnnnnn",
    "PL": "nnnnnnnnnnnnnnnnnnnnnnnn",
    "PT": "nnnnnnnnnnnnnnnnnnnnn",
    "GB": "llllnnnnnnnnnnnnnn",
    "IE": "llllnnnnnnnnnnnnnn",
    "SE": "nnnnnnnnnnnnnnnnnnnn",
    "NO": "nnnnnnnnnnn",
    "DK": "nnnnnnnnnnnnnn",
    "FI": "nnnnnnnnnnnnnn",
    "CZ": "nnnnnnnnnnnnnnnnnnnn",
    "MT": "llllnnnnnaaaaaaaaaaaaaaaaaa",
}
_NATIONAL_IDS: dict[str, tuple[tuple[str, Callable[[Faker], str], str], ...]] = {
    "en": (
        ("en_US", lambda fake: fake.ssn(), "SSN"),
        ("en_GB", lambda fake: fake.ssn(), "National Insurance number"),
        ("en_CA", lambda fake: fake.ssn(), "SIN"),
    ),
    "de": (
        ("de_CH", lambda fake: fake.ssn(), "AHV-Nummer"),
        ("de_AT", lambda fake: fake.ssn(), "Sozialversicherungsnummer"),
    ),
    "fr": (
        ("fr_FR", lambda fake: fake.ssn(), "numéro de sécurité sociale"),
        ("fr_BE", lambda fake: fake.ssn(), "registre national"),
    ),
    "es": (
        ("es_ES", lambda fake: fake.nif(), "DNI"),
        ("es_ES", lambda fake: fake.nie(), "NIE"),
        ("es_CL", lambda fake: fake.rut(), "RUT"),
    ),
    "it": (("it_IT", lambda fake: fake.ssn(), "codice fiscale"),),
    "nl": (("nl_NL", lambda fake: fake.ssn(), "BSN"), ("nl_BE", lambda fake: fake.ssn(), "rijksregisternummer")),
    "pl": (("pl_PL", lambda fake: fake.pesel(), "PESEL"),),
    "pt": (("pt_BR", lambda fake: fake.cpf(), "CPF"),),
    "sv": (("sv_SE", lambda fake: fake.ssn(), "personnummer"), ("no_NO", lambda fake: fake.ssn(), "fødselsnummer")),
    "cs": (("cs_CZ", lambda fake: fake.birth_number(), "rodné číslo"), ("ro_RO", lambda fake: fake.ssn(), "CNP")),
}
_REGIONS = {
    "en": ("US", "GB", "AU", "IE", "CA", "IN", "ZA"),
    "de": ("DE", "AT", "CH"),
    "fr": ("FR", "BE", "CH"),
    "es": ("ES", "MX", "AR"),
    "it": ("IT",),
    "nl": ("NL", "BE"),
    "pl": ("PL",),
    "pt": ("PT", "BR"),
    "sv": ("SE", "NO", "DK", "FI"),
    "cs": ("CZ", "SK", "RO"),
}
_fakers: dict[str, Faker] = {}


def faker_for(locale: str) -> Faker:
    """The Faker of a locale, made once; `corpus` seeds them."""
    if locale not in _fakers:
        _fakers[locale] = Faker(locale)
    return _fakers[locale]


def card(chance: random.Random, *, separators: str = "", short: bool = True) -> str:
    """A card number with a right check digit. `separators` are what groups may be joined by ("" for one block)."""
    prefix, length = chance.choice([form for form in CARD_FORMS.items() if short or form[1] not in _SHORT])
    body = prefix + "".join(chance.choice("0123456789") for _ in range(length - len(prefix) - 1))
    digits = body + luhn.calc_check_digit(body)
    if not separators:
        return digits
    sizes = {15: (4, 6, 5), 14: (4, 6, 4), 12: (4, 4, 4), 13: (4, 4, 5), 19: (4, 4, 4, 4, 3)}.get(length, (4, 4, 4, 4))
    groups, position = [], 0
    for size in sizes:
        groups.append(digits[position : position + size])
        position += size
    return chance.choice(separators).join(groups)


def iban(chance: random.Random, *, spaced: bool = False, lower: bool = False) -> str:
    """An IBAN with right check digits."""
    country, form = chance.choice(list(_IBAN_FORMS.items()))
    alphabet = {"n": "0123456789", "l": "ABCDEFGHJKLMNPQRSTUVWXYZ", "a": "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"}
    body = "".join(chance.choice(alphabet[place]) for place in form)
    whole = country + mod_97_10.calc_check_digits(body + country) + body
    if spaced:
        whole = " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))
    return whole.lower() if lower else whole


def national_id(chance: random.Random, language: str) -> tuple[str, str]:
    """A national number and what it is called in `language`."""
    locale, make, name = chance.choice(_NATIONAL_IDS[language])
    return make(faker_for(locale)), name


def phone(chance: random.Random, language: str, *, international: bool | None = None) -> str:
    """A telephone number that libphonenumber calls valid, in one of its formats or a common looser one."""
    region = chance.choice(_REGIONS[language])
    kind = chance.choice((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE))
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None:
        raise ValueError(f"libphonenumber has no example of a number of {region}")
    number = str(example.national_number)
    for _ in range(30):
        tail = "".join(chance.choice("0123456789") for _ in range(6))
        tried = phonenumbers.PhoneNumber(example.country_code, int(number[:-6] + tail))
        tried.italian_leading_zero = example.italian_leading_zero
        if phonenumbers.is_valid_number(tried):
            example = tried
            break
    if international is None:
        international = chance.random() < 0.5
    if not international:
        return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    style = chance.choice((phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164))
    text = phonenumbers.format_number(example, style)
    return chance.choice(
        (text, text, text.replace("+", "00", 1), text.replace(" ", "-"), text.replace(" ", "/", 2).replace("/", " ", 1))
    )


def local_phone(chance: random.Random) -> str:
    """Seven digits, as people of one town write them."""
    number = f"{chance.randint(222, 989)}{chance.randint(1000, 9999)}"
    return chance.choice((f"{number[:3]}-{number[3:]}", f"{number[:3]} {number[3:]}", number))


def ip(chance: random.Random) -> str:
    """An address of either version, in full or short form."""
    if chance.random() < 0.6:
        return ".".join(str(chance.randint(1, 254)) for _ in range(4))
    groups = [f"{chance.randint(1, 65535):x}" for _ in range(8)]
    groups[0] = chance.choice(("2001", "2a02", "2003", "fe80"))
    return chance.choice(
        (":".join(groups), ":".join(groups[:3]) + "::" + groups[7], ":".join(groups[:4]) + "::" + ":".join(groups[6:]))
    )
