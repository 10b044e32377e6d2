"""Generator 2: what people paste into notes: forms, JSON, logs, chats."""

import json
import random
from collections.abc import Iterator

from data.privacy_corpus import numbers, people
from data.privacy_corpus.samples import Label, Sample, filled

_TEMPLATES = (
    "Name: {name}\nE-mail: {email}\nPhone: {phone}\nOrder: 2026-118822",
    "name={name};email={email};tel={phone};qty=3",
    "[2026-03-04 10:22:31] WARN login failed ip={ip} user={email} order=A-10023 items=4",
    "agent: may I have your e-mail? client: {email} agent: and the card? client: {card}",
    "10:31 customer> my iban is {iban}\n10:32 support> thank you, order 5512-88 refunded",
    "From: {name} <{email}>\nSubject: order 771\n\nwhere is parcel 00340434161094021501?",
    "BEGIN:VCARD\nFN:{name}\nTEL:{phone}\nEMAIL:{email}\nEND:VCARD",
    "| field | value |\n| email | {email} |\n| card | {card} |\n| qty | 12 |",
    "curl -H 'X-Forwarded-For: {ip}' https://shop.example/health",
    "first name: {first}, last name: {last}, mobile: {phone}, sku 4006381333931",
)


def records(chance: random.Random, count: int, who: people.Makers) -> Iterator[Sample]:
    """`count` records, two in five of them JSON."""
    for index in range(count):
        language = people.LANGUAGES[index % len(people.LANGUAGES)]
        someone = people.person(chance, language, who)
        values: dict[str, tuple[str, str | None]] = {
            "name": (someone.name, "NAME"),
            "first": (someone.first, "NAME"),
            "last": (someone.last, "NAME"),
            "email": (someone.email, "EMAIL"),
            "phone": (numbers.phone(chance, language, international=True), "PHONE"),
            "card": (numbers.card(chance, separators=chance.choice(("", " ", "-", "."))), "CARD"),
            "iban": (numbers.iban(chance, spaced=chance.random() < 0.5), "IBAN"),
            "ip": (numbers.ip(chance), "IP"),
        }
        if index % 5 < 2:
            yield _as_json(chance, values, language)
        else:
            yield filled(chance.choice(_TEMPLATES), values, language, "records")


def _as_json(chance: random.Random, values: dict[str, tuple[str, str | None]], language: str) -> Sample:
    keys = {
        "email": "email",
        "phone": "phone",
        "card": "card_number",
        "iban": "iban",
        "ip": "client_ip",
        "first": "first_name",
        "last": "last_name",
    }
    chosen = chance.sample(sorted(keys), 4)
    record = {keys[name]: values[name][0] for name in chosen} | {
        "sku": "4006381333931",
        "quantity": 2,
        "tracking": "1Z999AA10123456784",
    }
    text = json.dumps(record, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.5:
        text = json.dumps({"payload": text}, ensure_ascii=False)
    labels = []
    for name in chosen:
        value, kind = values[name]
        for written in dict.fromkeys((value, json.dumps(value)[1:-1], json.dumps(json.dumps(value)[1:-1])[1:-1])):
            start = text.find(written)
            if start >= 0 and kind:
                labels.append(Label(start, start + len(written), kind))
                break
    return Sample(text, tuple(labels), language, "records")
