"""Generator 3: personal values that are spelled oddly or encoded, on purpose or by a machine on the way."""

import base64
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

from data.privacy_corpus import numbers, people
from data.privacy_corpus.samples import Sample, filled

_FRAMES = {
    "en": "please use {value} from now on",
    "de": "bitte ab jetzt {value} verwenden",
    "fr": "utilisez {value} désormais",
    "es": "usen {value} a partir de ahora",
    "it": "usate {value} d'ora in poi",
    "nl": "gebruik voortaan {value} aub",
    "pl": "od teraz {value} proszę",
    "pt": "usem {value} a partir de agora",
    "sv": "använd {value} i fortsättningen",
    "cs": "od teď {value} prosím",
}
_SPOKEN = {
    "en": ("at", "dot"),
    "de": ("at", "punkt"),
    "fr": ("arobase", "point"),
    "es": ("arroba", "punto"),
    "it": ("chiocciola", "punto"),
    "nl": ("apenstaartje", "punt"),
    "pl": ("małpa", "kropka"),
    "pt": ("arroba", "ponto"),
    "sv": ("snabel-a", "punkt"),
    "cs": ("zavináč", "tečka"),
}
_LATIN_TO_CYRILLIC = str.maketrans("aeocpx", "аеосрх")
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def disguises(chance: random.Random, count: int, who: people.Makers) -> Iterator[Sample]:
    """`count` texts with one disguised value each."""
    for index in range(count):
        language = people.LANGUAGES[index % len(people.LANGUAGES)]
        kind, make = chance.choice(_KINDS)
        value = make(chance, people.person(chance, language, who), language)
        yield filled(_FRAMES[language], {"value": (value, kind)}, language, "disguises")


def _spoken(chance: random.Random, someone: people.Person, language: str) -> str:
    at, dot = _SPOKEN[language]
    mailbox, _, domain = someone.email.replace("+shop", "").partition("@")
    style = chance.choice(
        (
            (f" ({at}) ", "."),
            (f" [{at}] ", f" [{dot}] "),
            (f" {at} ", f" {dot} "),
            (f"({at})", f"({dot})"),
            (" @ ", "."),
        )
    )
    return mailbox + style[0] + domain.replace(".", style[1])


def _invisible(value: str, chance: random.Random) -> str:
    return (
        "".join(character + (chance.choice(_INVISIBLE) if chance.random() < 0.3 else "") for character in value[:-1])
        + value[-1]
    )


def _full_width(value: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in value)


def _arabic_digits(value: str) -> str:
    return "".join(chr(0x0660 + int(character)) if character.isdecimal() else character for character in value)


def _encoded(value: str, chance: random.Random) -> str:
    raw = value.encode()
    return chance.choice(
        (
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
            base64.b64encode(base64.b64encode(raw)).decode(),
            raw.hex(),
            raw.hex(" "),
        )
    )


def _escaped(value: str, chance: random.Random) -> str:
    return chance.choice(
        (
            "".join(f"%{byte:02X}" for byte in value.encode()),
            quote(value, safe=""),
            quote(quote(value, safe=""), safe=""),
            "".join(f"&#{ord(character)};" for character in value),
            "".join(f"&#x{ord(character):x};" for character in value),
            "".join(f"\\u{ord(character):04x}" for character in value),
        )
    )


def _dictated(value: str) -> str:
    return " ".join(value)


_KINDS: tuple[tuple[str, Callable[[random.Random, people.Person, str], str]], ...] = (
    ("EMAIL", _spoken),
    ("EMAIL", lambda chance, someone, _: _invisible(someone.email, chance)),
    ("EMAIL", lambda chance, someone, _: _full_width(someone.email)),
    ("EMAIL", lambda chance, someone, _: someone.email.translate(_LATIN_TO_CYRILLIC)),
    ("EMAIL", lambda chance, someone, _: _encoded(someone.email, chance)),
    ("EMAIL", lambda chance, someone, _: _escaped(someone.email, chance)),
    ("EMAIL", lambda chance, someone, _: f"<{someone.email}>"),
    ("CARD", lambda chance, someone, _: _invisible(numbers.card(chance, short=False), chance)),
    ("CARD", lambda chance, someone, _: _full_width(numbers.card(chance, separators=" -", short=False))),
    ("CARD", lambda chance, someone, _: _arabic_digits(numbers.card(chance, separators=" -", short=False))),
    ("CARD", lambda chance, someone, _: _encoded("card " + numbers.card(chance, separators=" ", short=False), chance)),
    ("CARD", lambda chance, someone, _: _dictated(numbers.card(chance, short=False))),
    ("IBAN", lambda chance, someone, _: _invisible(numbers.iban(chance), chance)),
    ("IBAN", lambda chance, someone, _: _full_width(numbers.iban(chance, spaced=True))),
    ("IBAN", lambda chance, someone, _: _escaped(numbers.iban(chance), chance)),
    ("IBAN", lambda chance, someone, _: numbers.iban(chance, spaced=True).replace(" ", chance.choice("-.\u00a0"))),
    (
        "PHONE",
        lambda chance, someone, language: _invisible(numbers.phone(chance, language, international=True), chance),
    ),
    ("PHONE", lambda chance, someone, language: _full_width(numbers.phone(chance, language, international=True))),
    ("IP", lambda chance, someone, _: _invisible(numbers.ip(chance), chance)),
    ("IP", lambda chance, someone, _: _escaped(numbers.ip(chance), chance)),
)
