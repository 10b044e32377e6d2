"""Generator 4: whole orders whose notes repeat the order's own names, addresses and numbers, the way people write
them.
"""

import random
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from data.privacy_corpus import numbers, people
from data.privacy_corpus.samples import Sample, filled
from orderguard.schema import Address, Customer, LineItem, Order, Payment

_NOTES = {
    "en": (
        "Leave it with {first}, please.",
        "Parcel is for {last}, {first}",
        "The bell says {last}. Not at {street}? Ask next door.",
        "Please deliver to {street}, {city}",
        "{first}'s birthday is on Friday, don't be late!",
        "{full} lives at {street} {postcode} {city} and is home after 5",
        "or call {phone}",
        "write to {email} if it's out of stock",
    ),
    "de": (
        "Bitte bei {last} klingeln.",
        "Geschenk für {first}, bitte ohne Rechnung",
        "Lieferung an {street} in {city}, nicht an die alte Adresse.",
        "{last}, {first} steht an der Tür",
        "{full} wohnt {street}, {postcode} {city}.",
        "Rückfragen an {phone} oder {email}",
    ),
    "fr": (
        "Sonner chez {last}.",
        "C'est pour {first} !",
        "Livrer au {street}, {postcode} {city} svp",
        "{full} ou {phone}",
        "{email} pour toute question",
    ),
    "es": (
        "Preguntar por {first}.",
        "Entregar en {street}, {city}",
        "Timbre {last}",
        "{full}, {postcode} {city}",
        "{phone} o {email}",
    ),
    "it": (
        "Citofonare {last}.",
        "Per {first}, grazie",
        "Consegnare in {street}, {city}",
        "{full} - {postcode} {city}",
        "{phone} oppure {email}",
    ),
    "nl": (
        "Aanbellen bij {last}.",
        "Voor {first}!",
        "Bezorgen op {street} te {city}",
        "{full}, {postcode} {city}",
        "{phone} of {email}",
    ),
    "pl": (
        "Domofon {last}.",
        "Dla {first}",
        "Dostarczyć na {street}, {city}",
        "{full}, {postcode} {city}",
        "{phone} lub {email}",
    ),
    "pt": (
        "Tocar em {last}.",
        "É para {first}",
        "Entregar em {street}, {city}",
        "{full}, {postcode} {city}",
        "{phone} ou {email}",
    ),
    "sv": (
        "Ring på hos {last}.",
        "Till {first}!",
        "Leverera till {street}, {city}",
        "{full}, {postcode} {city}",
        "{phone} eller {email}",
    ),
    "cs": (
        "Zvonek {last}.",
        "Pro {first}",
        "Doručit na {street}, {city}",
        "{full}, {postcode} {city}",
        "{phone} nebo {email}",
    ),
}
_STREET_WORDS = (
    ("Street", "St."),
    ("Avenue", "Ave"),
    ("Road", "Rd"),
    ("straße", "str."),
    ("Straße", "Str."),
    ("Boulevard", "Blvd"),
    ("Calle", "C/"),
)


class OwnOrder(NamedTuple):
    """An order and what is personal in its note."""

    order: Order
    note: Sample


def own_orders(chance: random.Random, count: int, who: people.Makers) -> Iterator[OwnOrder]:
    """`count` orders."""
    for index in range(count):
        language = people.LANGUAGES[index % len(people.LANGUAGES)]
        someone = people.person(chance, language, who)
        phone = numbers.phone(chance, language)
        template = " ".join(chance.sample(_NOTES[language], chance.choice((1, 2, 3))))
        note = filled(template, _values(chance, someone, phone), language, "own orders")
        yield OwnOrder(_order(index, someone, phone, note.text), note)


def _values(chance: random.Random, someone: people.Person, phone: str) -> dict[str, tuple[str, str | None]]:
    first, last, street = (_respelled(chance, value) for value in (someone.first, someone.last, someone.street))
    full = chance.choice(
        (
            f"{first} {last}",
            f"{last} {first}",
            f"{first}.{last}",
            f"{first}-{last}",
            f"{first}{last}",
            f"{last.upper()} {first}",
        )
    )
    digits = re.sub(r"\D", "", phone)
    return {
        "first": (first, "NAME"),
        "last": (last, "NAME"),
        "full": (full, "NAME"),
        "street": (_shortened(chance, street), "ADDRESS"),
        "postcode": (someone.postcode, "ADDRESS"),
        "city": (_respelled(chance, someone.city), "ADDRESS"),
        "phone": (
            chance.choice((phone, digits, " ".join(digits[i : i + 2] for i in range(0, len(digits), 2)))),
            "PHONE",
        ),
        "email": (chance.choice((someone.email, someone.email.upper(), someone.email.replace("@", " (at) "))), "EMAIL"),
    }


def _respelled(chance: random.Random, value: str) -> str:
    style = chance.random()
    if style < 0.15:
        return value.upper()
    if style < 0.3:
        return value.lower()
    if style < 0.4:
        return _without_accents(value)
    if style < 0.45:
        return value.replace(" ", "  ")
    return value


def _without_accents(value: str) -> str:
    table = str.maketrans(
        "äöüéèêëáàâíìîóòôúùûñçãõåøłśżźćńęąčřšžýůěďťőű", "aoueeeeaaaiiiooouuuncaoaolszzcneacrszyuedtou"
    )
    return value.translate(table)


def _shortened(chance: random.Random, street: str) -> str:
    if chance.random() < 0.4:
        for long, short in _STREET_WORDS:
            street = re.sub(rf"{long}(?!\w)", short, street)
    return street


def _order(index: int, someone: people.Person, phone: str, note: str) -> Order:
    address = Address(
        name=someone.name,
        street=someone.street,
        postcode=someone.postcode,
        city=someone.city,
        country=someone.country,
        phone=phone,
    )
    return Order(
        order_id=f"O-{index:06}",
        created_at=datetime(2026, 3, 1, 12, tzinfo=timezone.utc),
        customer=Customer(id=f"C-{index:06}", name=someone.name, email=someone.email, phone=phone),
        currency="EUR",
        items=[LineItem(sku="CLO-0060", quantity=1, unit_price=51.99)],
        payment=Payment(method="card", card_holder=someone.name.upper()),
        billing_address=address,
        shipping_address=address,
        note=note,
    )
