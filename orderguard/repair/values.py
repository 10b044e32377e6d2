"""Single values of an order, each read in the one way in which it can be meant.

A reader takes a value and gives it back as the schema wants it. It tells `notes` what it did, in a few words that hold
nothing of the value, and raises `Unusable` with such words where there is no one way.
"""

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from orderguard.repair.feed import Feed, Repair
from orderguard.schema import MAX_AMOUNT, MAX_SHORT, MAX_TEXT, NOT_BLANK


@cache
def _repair(field: str, reason: str) -> Repair:
    """One of the repairs that there can be."""
    return Repair(field, reason)


class Notes:
    """What is repaired in one order, each thing once. `field` is the path of the one that is being read."""

    def __init__(self) -> None:
        self.field = ""
        self._done: dict[Repair, None] = {}

    def add(self, reason: str) -> None:
        """Something was done about the field."""
        self._done[_repair(self.field, reason)] = None

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """All of them, in the order in which they were met."""
        return tuple(self._done)


Reader = Callable[[Any, Feed, Notes], Any]

IN_TEXT, AS_TEXT = "a number in text", "a number, read as text"
_LONGEST_NUMBER = 40
LARGEST = 10**128
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:,\d{3}){2,}", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})", re.ASCII)
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?|[+-]?\d+(?:,\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_AROUND = " \t\n\r\xa0\u202f\u2009'€$£¥₹₺₽₩₪₫฿₴"
_BLANKS = re.compile(r"(?<=\d)[ \xa0\u202f\u2009'’](?=\d{3})")

CHANNELS = {
    "web": "web online onlinestore onlineshop webshop webstore website browser desktop ecommerce storefront internet",
    "app": "app mobile mobileapp ios iphone android tablet",
    "store": "store pos pointofsale retail instore shop till offline physical branch outlet",
    "phone": "phone telephone callcenter callcentre telesales hotline",
    "marketplace": "marketplace amazon ebay etsy otto zalando walmart kaufland allegro bol cdiscount",
}
_CHANNEL = {word: channel for channel, words in CHANNELS.items() for word in words.split()}
_NOT_BLANK = re.compile(NOT_BLANK)
_NOT_LETTERS = re.compile(r"[\W\d_]+")


class Unusable(Exception):
    """A value that can't be read; the message says why, in words that hold nothing of it."""


def short_text(value: Any, feed: Feed, notes: Notes, longest: int = MAX_SHORT) -> str:
    """A text of an optional field. A number is one, too: postcodes and telephone numbers are often written so."""
    text = value if isinstance(value, str) else _number_as_text(value, notes)
    if len(text) > longest:
        raise Unusable(f"longer than {longest:,} characters")
    return text


def free_text(value: Any, feed: Feed, notes: Notes) -> str:
    """A note or a gift message."""
    return short_text(value, feed, notes, MAX_TEXT)


def identifier(value: Any, feed: Feed, notes: Notes) -> str:
    """An identifier, which may be a number."""
    if type(value) is str and value.isalnum() and len(value) <= 128:
        return value
    if type(value) is int:
        return _number_as_text(value, notes)
    text = value if isinstance(value, str) else _number_as_text(value, notes)
    if not _NOT_BLANK.search(text):
        raise Unusable("blank")
    if len(text) > 128:
        raise Unusable("longer than 128 characters")
    return text


def _number_as_text(value: Any, notes: Notes) -> str:
    if type(value) is int:
        notes.add(AS_TEXT)
        return str(value) if abs(value) < LARGEST else _too_long()
    if not isinstance(value, float) or not math.isfinite(value):
        raise Unusable("not a text")
    notes.add(AS_TEXT)
    return str(int(value)) if value == int(value) else repr(value)


def _too_long() -> str:
    raise Unusable("a number of too many digits")


def number(value: Any, feed: Feed, notes: Notes) -> float:
    """A number, or one in text."""
    if type(value) is float or type(value) is int:
        if not abs(value) <= MAX_AMOUNT:  # NaN as well
            raise Unusable("not a number from 0 to 1,000,000,000")
        return float(value)
    if not isinstance(value, str):
        raise Unusable("not a number")
    found = number_in(value, feed)
    if found is None:
        raise Unusable("not a number, or one that can be read in two ways" if value.strip() else "blank")
    if not abs(found) <= MAX_AMOUNT:
        raise Unusable("not a number from 0 to 1,000,000,000")
    notes.add(IN_TEXT)
    return found


def number_in(text: str, feed: Feed) -> float | None:
    """The number that is written, if there is one way to read it."""
    if len(text) > _LONGEST_NUMBER:
        return None
    if _PLAIN.fullmatch(text) and not feed.decimal_comma:
        return float(text)
    text = _BLANKS.sub("", text.strip(_AROUND))
    if feed.decimal_comma:
        return float(text.replace(".", "").replace(",", ".")) if _GROUPED_COMMA.fullmatch(text) else None
    if _PLAIN.fullmatch(text):
        return float(text)
    if feed.decimal_comma is None and _COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    grouped = _GROUPED if feed.decimal_comma is None else _THOUSANDS
    return float(text.replace(",", "")) if grouped.fullmatch(text) else None


def amount(value: Any, feed: Feed, notes: Notes) -> float:
    """An amount of money, 0 or more."""
    found = number(value, feed, notes)
    if found < 0:
        raise Unusable("negative")
    return found


def reduction(value: Any, feed: Feed, notes: Notes) -> float:
    """A discount. Some shops write what is taken off as a negative number."""
    found = number(value, feed, notes)
    if found < 0:
        notes.add("negative, its size was taken")
    return abs(found)


def channel(value: Any, feed: Feed, notes: Notes) -> str:
    """One of the channels, or another word for one."""
    if not isinstance(value, str):
        raise Unusable("not a channel that is known")
    if not value.strip():
        raise Unusable("blank")
    found = _CHANNEL.get(_NOT_LETTERS.sub("", value[:64].casefold()))
    if found is None:
        raise Unusable("not a channel that is known")
    if found != value:
        notes.add(f"another word for {found}")
    return found
