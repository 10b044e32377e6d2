"""Canary values: planted in every field of orders, looked for in every place and in every usual encoding."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

CANARIES = {
    "order_id": "CANARY-ORDER-55012987",
    "customer.id": "CANARY-CUSTOMER-77310442",
    "customer.name": "Zephyrine Quackenbosch",
    "customer.email": "zephyrine.quackenbosch@canary-mail.example",
    "customer.phone": "+49 171 55501997",
    "customer.birth_date": "1977-07-19",
    "customer.national_id": "CANARY-NATIONAL-44129837",
    "items[].sku": "canary-sku@canary-mail.example",
    "items[].category": "canary-category@canary-mail.example",
    "items[].name": "Engraved for Canarina Featherstonehaugh",
    "coupon": "CANARY-COUPON-90210",
    "billing_address.name": "Wilhelmine Sperberkanari",
    "billing_address.company": "Kanarienvogel Zuchtbetrieb",
    "billing_address.street": "Papageienschaukelweg 4417",
    "billing_address.postcode": "QX7 7ZK9",
    "billing_address.city": "Kanariendorf-Oberzwitscher",
    "billing_address.region": "Zwitscherland-Nordost",
    "billing_address.phone": "+43 660 5550771",
    "shipping_address.name": "Balthasar Distelfinkmann",
    "shipping_address.company": "Distelfink Handwerk",
    "shipping_address.street": "Federkielallee 9923",
    "shipping_address.postcode": "ZW9 9XJ1",
    "shipping_address.city": "Distelfinkhausen",
    "shipping_address.region": "Federland-Suedwest",
    "shipping_address.phone": "+41 79 555 07 72",
    "payment.method": "canary-method@canary-mail.example",
    "payment.fingerprint": "CANARY-FINGERPRINT-70915526",
    "payment.card_number": "4556 7375 8689 9855",
    "payment.card_holder": "KANARIA KARTENHALTERIN",
    "payment.iban": "DE89 3704 0044 0532 0130 00",
    "shipping.method": "canary-shipping@canary-mail.example",
    "device.ip": "203.0.113.241",
    "device.user_agent": "CanaryBrowser/77.5519 (Volierenbetriebssystem)",
    "device.id": "CANARY-DEVICE-66102938",
    "unknown": "canary.unknown@canary-mail.example",
    "unknown.nested": "CANARY-NESTED-33019284",
    "customer.unknown": "CANARY-TWITTER-11827364",
    "items[].unknown": "CANARY-ENGRAVING-88273645",
    "stranger": "stranger.in.note@canary-mail.example",
}
"""A telling value for every field that takes one, for fields that the schema doesn't know, for a stranger in a note."""

ANSWERED = frozenset({"order_id"})
"""What the answer to the one who sent it may repeat: the order's own number."""


Forms = dict[str, dict[str, tuple[bytes, bool]]]
"""By a canary's name its forms: what to look for, and whether case matters."""


class Leak(NamedTuple):
    """A canary found where it must not be."""

    place: str
    canary: str
    form: str


def canary_order(number: int = 0, **changes: Any) -> dict[str, Any]:
    """An order that holds every canary; its texts repeat them all. `number` tells several such orders apart."""
    c = CANARIES
    address = ("name", "company", "street", "postcode", "city", "region", "phone")
    text = ", ".join(value for name, value in c.items() if name != "stranger")
    return {
        "order_id": c["order_id"] + (f"-{number}" if number else ""),
        "created_at": "2026-05-04T14:12:09+02:00",
        "currency": "EUR",
        "channel": "web",
        "coupon": c["coupon"],
        "customer": {
            **{name: c[f"customer.{name}"] for name in ("id", "name", "email", "phone", "birth_date", "national_id")},
            "twitter": c["customer.unknown"],
        },
        "items": [
            {
                "sku": c["items[].sku"],
                "quantity": 1,
                "unit_price": 9.5,
                "category": c["items[].category"],
                "name": c["items[].name"],
                "engraving": c["items[].unknown"],
            }
        ],
        "billing_address": {"country": "DE", **{name: c[f"billing_address.{name}"] for name in address}},
        "shipping_address": {"country": "AT", **{name: c[f"shipping_address.{name}"] for name in address}},
        "payment": {
            "card_country": "DE",
            **{name: c[f"payment.{name}"] for name in ("method", "fingerprint", "card_number", "card_holder", "iban")},
        },
        "shipping": {"method": c["shipping.method"], "cost": 4.9},
        "device": {name: c[f"device.{name}"] for name in ("ip", "user_agent", "id")},
        "note": f"{c['stranger']} {text}",
        "gift_message": text.upper(),
        "loyalty": {"mail": c["unknown"], "cards": [{"deep": c["unknown.nested"]}]},
        **changes,
    }


def leaks(place: str, data: bytes, allowed: Iterable[str] = (), forms: Forms | None = None) -> list[Leak]:
    """The canaries that stand in `data`, raw or encoded; those in `allowed` may. `forms` are other canaries'."""
    folded = re.sub(rb"[\s\-]", b"", data.lower())
    exact = re.sub(rb"\s", b"", data)
    return [
        Leak(place, name, form)
        for name, own in (_FORMS if forms is None else forms).items()
        if name not in allowed
        for form, (pattern, keeps_case) in own.items()
        if pattern in (exact if keeps_case else folded)
    ]


def contents(folder: Path) -> dict[Path, bytes]:
    """All files of a folder that may be in use: where one is renamed or removed meanwhile, all are read again."""
    while True:
        try:
            return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        except FileNotFoundError:
            continue


def leaks_in_folder(folder: Path, allowed: Iterable[str] = (), forms: Forms | None = None) -> list[Leak]:
    """The canaries in the contents and the names of all files of a folder."""
    files = contents(folder)
    assert files, f"{folder} contains no file: nothing would be found there"
    found = leaks(f"file names of {folder}", "\n".join(map(str, files)).encode(), allowed, forms)
    return found + [leak for path, content in files.items() for leak in leaks(str(path), content, allowed, forms)]


def _forms(value: str) -> Iterator[tuple[str, tuple[bytes, bool]]]:
    """The value as it may stand somewhere, with white space and hyphens gone (case folded, too, unless it matters)."""
    raw = value.encode()
    for form, text in (
        ("raw", value),
        ("percent", quote(value, safe="")),
        ("JSON", json.dumps(value)[1:-1]),
        ("hexadecimal", raw.hex()),
        ("SHA-256", hashlib.sha256(raw).hexdigest()),
        ("SHA-256 of lower case", hashlib.sha256(value.lower().encode()).hexdigest()),
        ("MD5", hashlib.md5(raw, usedforsecurity=False).hexdigest()),
    ):
        yield form, (re.sub(r"[\s\-]", "", text.lower()).encode(), False)
    for offset in range(3):
        # the middle of the base64 of a text that holds the value, at each of the three places it can start
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield f"base64+{offset}", (encoded[4 if offset else 0 : len(encoded) - 4], True)


def forms_of(canaries: Mapping[str, str]) -> Forms:
    """The forms of these values."""
    return {name: dict(_forms(value)) for name, value in canaries.items()}


_FORMS = forms_of(CANARIES)
