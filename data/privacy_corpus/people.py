"""People: names, addresses, e-mail addresses, from Faker for half of the languages' samples and from mimesis for the
others.
"""

import random
import unicodedata
from typing import NamedTuple

from mimesis import Address as MimesisAddress
from mimesis import Person as MimesisPerson
from mimesis.locales import Locale

from data.privacy_corpus.numbers import faker_for

LOCALES = {
    "en": ("en_US", "en_GB"),
    "de": ("de_DE", "de_AT"),
    "fr": ("fr_FR",),
    "es": ("es_ES", "es_MX"),
    "it": ("it_IT",),
    "nl": ("nl_NL",),
    "pl": ("pl_PL",),
    "pt": ("pt_PT", "pt_BR"),
    "sv": ("sv_SE",),
    "cs": ("cs_CZ",),
}
LANGUAGES = tuple(LOCALES)
_COUNTRY = {"en_US": "US", "en_GB": "GB", "de_DE": "DE", "de_AT": "AT", "es_MX": "MX", "sv_SE": "SE", "cs_CZ": "CZ"}
_DOMAINS = (
    "gmail.com",
    "web.de",
    "orange.fr",
    "hotmail.co.uk",
    "libero.it",
    "mail.example",
    "wp.pl",
    "company.example.org",
    "kpnmail.nl",
    "post.cz",
)


Makers = dict[str, tuple[MimesisPerson, MimesisAddress]]


class Person(NamedTuple):
    """Somebody who orders."""

    first: str
    last: str
    street: str
    postcode: str
    city: str
    country: str
    email: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


def person(chance: random.Random, language: str, mimesis_people: Makers) -> Person:
    """A person of one of the language's countries."""
    locale = chance.choice(LOCALES[language])
    country = _COUNTRY.get(locale, locale[-2:])
    if chance.random() < 0.5:
        fake = faker_for(locale)
        first, last = fake.first_name(), fake.last_name()
        street, postcode, city = fake.street_address().replace("\n", ", "), fake.postcode(), fake.city()
    else:
        someone, somewhere = mimesis_people[language]
        first, last = someone.first_name(), someone.last_name()
        street, postcode, city = somewhere.address(), somewhere.postal_code(), somewhere.city()
    return Person(first, last, street, postcode, city, country, email(chance, first, last))


def mimesis_of(seed: int) -> Makers:
    """mimesis' makers of people and addresses for each language, seeded."""
    return {
        language: (MimesisPerson(Locale(language), seed=seed), MimesisAddress(Locale(language), seed=seed))
        for language in LANGUAGES
    }


def email(chance: random.Random, first: str, last: str) -> str:
    """An e-mail address that people of that name may have."""
    one, two = plain(first), plain(last)
    number = chance.randint(1, 99)
    mailbox = chance.choice(
        (
            f"{one}.{two}",
            f"{one}{two}{number}",
            f"{one[0]}.{two}",
            f"{two}_{one}",
            f"{one}-{two}",
            f"{one}.{two}+shop",
            f"{one}{number}",
            f"{two}{number}",
        )
    )
    return f"{mailbox}@{chance.choice(_DOMAINS)}"


def plain(name: str) -> str:
    """Lower-case ASCII letters of a name."""
    reduced = unicodedata.normalize(
        "NFKD", name.lower().replace("ß", "ss").replace("ł", "l").replace("ø", "o").replace("đ", "d")
    )
    return "".join(character for character in reduced if character.isascii() and character.isalpha()) or "x"
