"""The sample's customers: who they are, where they live, and their habits."""

import bisect
import itertools
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from data.generator.numbers import NATIONAL_IDS, card_number, filled, iban
from data.generator.places import COUNTRIES, Country
from data.generator.products import CATEGORIES, Product

# Domains that nobody owns (RFC 2606 and RFC 6761).
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")
USER_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_6) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
)
METHODS = ("card", "card", "card", "paypal", "invoice", "bank_transfer", "klarna")
CHANNELS = ("web", "web", "web", "app", "app", "marketplace", "phone", "store")
SPECIAL_LETTERS = str.maketrans({"ł": "l", "ß": "ss", "ø": "o", "ı": "i", "Ł": "L"})


@dataclass(slots=True)
class Person:
    """A customer: dictionaries as an order's JSON holds them; `hour` is the local hour that this person likes. In a
    shop this person's order comes from its `till`, by phone from the call centre's `desk`. A `guest` has an id for each
    order.
    """

    country: Country
    language: str
    registered: datetime
    customer: dict[str, Any]
    home: dict[str, Any]
    payment: dict[str, Any]
    device: dict[str, Any]
    channel: str
    hour: float
    basket: float
    business: bool
    categories: list[str]
    favourites: list[Product] = field(default_factory=list)
    second_address: dict[str, Any] | None = None
    till: dict[str, Any] | None = None
    desk: dict[str, Any] | None = None
    guest: bool = False


def latin(text: str) -> str:
    """A name as it stands in a mail address: lower-case ASCII letters."""
    plain = unicodedata.normalize("NFKD", text.translate(SPECIAL_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", ".", plain.lower()).strip(".")


def full_name(country: Country, random: Random) -> str:
    """A first and a last name, in the country's order."""
    first, last = random.choice(country.first_names), random.choice(country.last_names)
    return f"{last} {first}" if country.code == "JP" else f"{first} {last}"


def address(country: Country, name: str, random: Random) -> dict[str, Any]:
    """An address in a country."""
    city, region, postcode = random.choice(country.cities)
    street = random.choice(country.streets).format(n=random.randrange(1, 240), m=random.randrange(1, 30))
    result = {
        "name": name,
        "street": street,
        "postcode": filled(postcode, random),
        "city": city,
        "region": region,
        "country": country.code,
    }
    if random.random() < 0.08:
        result["company"] = f"{name.split()[-1]} & Co"
    if random.random() < 0.3:
        result["phone"] = filled(country.phone, random)
    return result


def device(random: Random) -> dict[str, Any]:
    """A device with an address of its own; one in ten speaks IPv6."""
    if random.random() < 0.1:
        ip = f"2001:db8:{random.randrange(1, 65536):x}:{random.randrange(1, 65536):x}::{random.randrange(1, 65536):x}"
    else:
        parts = (
            random.choice((77, 84, 91, 176, 185, 203)),
            random.randrange(256),
            random.randrange(256),
            random.randrange(1, 255),
        )
        ip = ".".join(map(str, parts))
    return {"ip": ip, "user_agent": random.choice(USER_AGENTS), "id": f"dev-{random.getrandbits(64):016x}"}


def payment(country: Country, name: str, random: Random) -> dict[str, Any]:
    """A way to pay. A few feeds send the card or account number, which they should not."""
    method = random.choice(METHODS)
    result: dict[str, Any] = {"method": method}
    if method == "card":
        result |= {"card_country": country.code, "card_holder": name.upper()}
        result["fingerprint"] = f"fp_{random.getrandbits(64):016x}"
        if random.random() < 0.1:
            result["card_number"] = card_number(random)
    elif method == "bank_transfer" and country.account and random.random() < 0.5:
        result["iban"] = iban(country.account, random)
    return result


def person(number: int, registered: datetime, shelves: dict[str, list[Product]], random: Random) -> Person:
    """Customer `number`, drawn with habits of its own."""
    country = random.choices(COUNTRIES, [country.share for country in COUNTRIES])[0]
    name = full_name(country, random)
    mailbox = latin(name) or f"user{random.randrange(10_000, 99_999)}"
    customer: dict[str, Any] = {
        "id": f"C{number:07d}",
        "name": name,
        "email": f"{mailbox}{random.randrange(10, 9999)}@{random.choice(MAIL_DOMAINS)}",
        "phone": filled(country.phone, random),
        "registered_at": registered.isoformat().replace("+00:00", "Z"),
    }
    if random.random() < 0.35:
        customer["birth_date"] = (
            f"{random.randrange(1945, 2008)}-{random.randrange(1, 13):02d}-{random.randrange(1, 29):02d}"
        )
    if random.random() < 0.05 and country.national_id in NATIONAL_IDS:
        customer["national_id"] = NATIONAL_IDS[country.national_id](random)
    likes = random.choices(CATEGORIES, [category.share for category in CATEGORIES], k=random.randrange(2, 5))
    codes = list(dict.fromkeys(category.code for category in likes))
    home = address(country, name, random)
    return Person(
        country=country,
        language=country.language,
        registered=registered,
        customer=customer,
        home=home,
        # A few live abroad and pay with a card from home.
        payment=payment(country if random.random() < 0.97 else random.choice(COUNTRIES), name, random),
        device=device(random),
        channel=random.choice(CHANNELS),
        # People order in their lunch break or, mostly, in the evening.
        hour=random.choices((12.5, 20.0, 16.0, 9.5), (3, 6, 2, 1))[0] + random.gauss(0, 1.2),
        basket=1 + random.expovariate(0.7),
        business=random.random() < 0.02,
        guest=random.random() < 0.03,
        categories=codes,
        favourites=[random.choice(shelves[random.choice(codes)]) for _ in range(5)],
        second_address=(
            address(country, name if random.random() < 0.6 else full_name(country, random), random)
            if random.random() < 0.2
            else None
        ),
    )


class Crowd:
    """All customers in order of registration, drawn by how active each is."""

    def __init__(
        self, count: int, start: datetime, end: datetime, shelves: dict[str, list[Product]], random: Random
    ) -> None:
        opened = start - timedelta(days=4 * 365)
        seconds = (end - opened).total_seconds()
        registrations = sorted(random.random() ** 0.7 * seconds for _ in range(count))
        self.people = [
            person(number, (opened + timedelta(seconds=round(after))).astimezone(timezone.utc), shelves, random)
            for number, after in enumerate(registrations, 1)
        ]
        self.registered = [one.registered for one in self.people]
        self.activity = list(itertools.accumulate(random.gammavariate(0.7, 1.0) + 0.02 for _ in range(count)))

    def draw(self, moment: datetime, random: Random) -> Person:
        """Somebody who was a customer at that moment."""
        known = max(1, bisect.bisect_right(self.registered, moment))
        return self.people[bisect.bisect_left(self.activity, random.random() * self.activity[known - 1], 0, known - 1)]
