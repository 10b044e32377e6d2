"""What is personal in a catalogue code, and what only looks like it: a code is read as a text would be, and also with
its separators and the places where letters meet digits as blanks.

Sellers number their articles, and so do the issuers of telephone, identity and card numbers. A number is an article's
where its GTIN or ISBN check digit says so, where it is a hash or too short to name a person. Any other is in doubt: it
is masked, unless the shop's own catalogue proves it (`ml.article_evidence`).
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import NamedTuple, Protocol

from orderguard.masking.recognisers import (
    addresses,
    birth_dates,
    cards,
    emails,
    encoded,
    ibans,
    ip_addresses,
    labelled,
    names,
    national_ids,
    phones,
    recognise,
    urls,
    vat_numbers,
)
from orderguard.masking.recognisers.checksums import ean, isbn, luhn
from orderguard.masking.recognisers.context import names_a_number
from orderguard.masking.spans import Span
from orderguard.masking.view import View


class Module(Protocol):
    """A module of recognisers."""

    def find(self, view: View) -> Iterator[Span]:
        """What it finds."""


class Judgement(NamedTuple):
    """What a code holds: a placeholder's kind, or None. `doubtful`: a catalogue may prove that it is an article's."""

    kind: str | None
    doubtful: bool = False


HARMLESS = Judgement(None)

_CERTAIN = frozenset({"EMAIL", "URL", "IBAN", "ENCODED"})
"""Nothing but a person's has these forms."""
_ID_LABEL = "id "
"""Beside it national numbers are looked for, too, whose check digit alone would say too little in a text."""
_BETWEEN = " ;; "
"""No value goes on behind it."""
_FEWEST_DIGITS = 9
"""A shorter number tells one person of a country from all others only beside a word that says what it is."""
_SHORT_NUMBER = re.compile(
    r"\d[ -]?[A-Za-z]{1,2}(?![A-Za-z0-9])|\d[HMXhmx][A-Za-z]{5}|[A-Za-z]{4}-?\d{6}|\d\.\d{3}\.\d{3}-\d|\([0-9Aa]\)"
)
"""Every national number of fewer digits ends or begins so."""
_DOTTED = re.compile(r"\d\.\d{3}\.\d{3}-[\dKk]|[A-Za-z]\d{6}\([\dAa]\)")
"""Shorter ones that nothing else is written like: RUT, HKID."""
_MOST_DIGITS = 48
"""A text of more digits is no code, but maybe a list of somebody's numbers."""
_LONG_NUMBER = re.compile(r"\d{9,}[Xx]?")
_GTIN = re.compile(r"(?!756)\d{13}|\d{12}|\d{14}")
"""GTIN-12 to -14 (UPC, EAN). No seller's number begins with 756, but Switzerland's insurance numbers do."""
_ISBN = re.compile(r"\d{9}[\dXx]")
_NUMBERS = frozenset({"PHONE", "ID"})
_SERIAL = "000"
"""So begins a number of a series that was filled up with zeros, and no telephone, identity or card number."""
_HASH = re.compile(
    r"[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE
)
"""MongoDB's ids, MD5 and UUID, SHA-1, SHA-256: their digits are nobody's number."""
_PARCEL = re.compile(r"1Z[0-9A-Z]{16}")
_TWO_GROUPS = re.compile(r"\d{3,7}-\d{2,6}")
"""`042755-747`: so sellers write numbers. A telephone number in two groups has seven digits or more in the second."""
_WORD = re.compile(r"([^\W\d_]+)[\s_\-./|:;,#*~=]*")
_STANDARDS = frozenset("isbn issn ean gtin upc asin".split())
_GLUED_LABEL = re.compile(r"(?<![A-Za-z0-9])(?:sku|item|art|ref|code|prod|id)(?=[A-Z0-9]{9})", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s_\-./|:;,#*~=]+")
_LETTERS_TO_DIGIT = re.compile(r"(?<=[^\W\d_]{2})(?=\d)")
_LETTER_TO_DIGIT = re.compile(r"(?<=[^\W\d_])(?=[\d+])|(?<=\d)(?=[^\W\d_xX])")
_WORD_TO_NUMBER = re.compile(r"(?<=[^\W\d_]{6})(?=\d{1,4}(?!\d))")
_OCTETS = re.compile(r"(?<!\d)\d{1,3}(?:[_\-]\d{1,3}){3}(?!\d|[_\-]\d)")
_MAC = re.compile(r"(?<![\w.])(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}(?![\w.])")
_SOCIAL_SECURITY = re.compile(r"(?!000|666)\d{3}([ _./])(?!00)\d\d\1(?!0000)\d{4}")
_DAY, _MONTH, _YEAR = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19\d\d|200\d)"
_NAMED_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE = re.compile(
    rf"(?<!\d)(?:{_YEAR}([-./_ ]?){_MONTH}\1{_DAY}|{_DAY}([-./_ ]?){_MONTH}\2{_YEAR}|{_MONTH}([-./_ ]?){_DAY}\3{_YEAR}|"
    rf"\d\d?[-./_ ]?{_NAMED_MONTH}[-./_ ]?{_YEAR})(?!\d)",
    re.IGNORECASE,
)
"""Days on which grown-up people are born."""
_ALNUM = re.compile(r"[A-Za-z0-9+]{12,}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{16,}")
_FEWEST_DECODED, _FEWEST_DECODED_INSIDE = 8, 12
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9 .,'_@-]{12,}|[^\W\d_]{2,}(?: [^\W\d_]{2,})+")
_CALLED = re.compile(
    r"\b(?:tel|telefon|telefono|telefone|telephone|phone|mobile|mobil|movil|cell|cellular|handy|fax|call|whatsapp|sms) "
    r"[(+]{0,2}\d"
)
_ANNOUNCED = frozenset("""
    mr mrs herr herrn frau mme monsieur madame senor senora senhor senhora signor signora dear regards attn
    """.split())
"""Words beside which a name stands. Others that announce one in a text are articles in a catalogue: pan, don, love."""


def judged(code: str) -> Judgement:
    """What a catalogue code holds."""
    if "\0" in code or _is_encoded(code):
        return Judgement("ENCODED")
    if _HASH.fullmatch(code) or _PARCEL.fullmatch(code):
        return HARMLESS
    if _digits(code) > _MOST_DIGITS:
        return Judgement("ID")
    for kind, text in _found(code):
        if not (kind in _NUMBERS and is_article_number(text)):
            return Judgement(kind, kind not in _CERTAIN)
    return HARMLESS


def _found(code: str) -> Iterator[tuple[str, str]]:
    """Kinds and texts of what is found, what is certain first."""
    view = View(code)
    text = _unlabelled(view.text)
    spaced = _SEPARATORS.sub(" ", _LETTER_TO_DIGIT.sub(" ", text))
    both = View(f"{text}{_BETWEEN}{spaced}" if spaced != text else text)
    yield from _kinds(urls, view)
    yield from _kinds(emails, view)
    if "@" in text:
        yield from _kinds(emails, View("".join(text.split())))
    long = _digits(text) >= _FEWEST_DIGITS
    if both.has_number:
        yield from _kinds(ibans, both)
        yield from _kinds(vat_numbers, View(text.upper()))
        called = _CALLED.search(both.folded) is not None
        if long or called:
            yield from _telephones_and_cards(both, text, called)
    if long or _SHORT_NUMBER.search(text):
        yield from _national_numbers(View(_ID_LABEL + both.text))
    yield from _forms(text)
    yield from _kinds(ip_addresses, view)
    if text.count(".") >= 3:
        yield from _kinds(ip_addresses, View(_LETTERS_TO_DIGIT.sub(" ", text.replace("_", " "))))
    titled = View(_SEPARATORS.sub(" ", _WORD_TO_NUMBER.sub(" ", text)).title())
    for look in (view, titled):
        yield from _kinds(addresses, look)
        if not titled.vocabulary.isdisjoint(_ANNOUNCED):
            yield from _kinds(names, look)
    yield from _kinds(birth_dates, view)
    yield from _kinds(labelled, view)


def _unlabelled(text: str) -> str:
    """A code without the words that name a number: in a code they say nothing, since each is one."""
    return _GLUED_LABEL.sub("", _WORD.sub(_unless_label, text)).strip()


def _unless_label(word: re.Match[str]) -> str:
    return " " if names_a_number(word[1]) and word[1].lower() not in _STANDARDS else word[0]


def _kinds(module: Module, look: View) -> Iterator[tuple[str, str]]:
    return ((span.kind, "") for span in module.find(look))


def _telephones_and_cards(look: View, code: str, called: bool) -> Iterator[tuple[str, str]]:
    for span in (*cards.find(look), *phones.find(look)):
        number = look.text[span.start : span.end]
        if span.kind == "CARD" or called or not (_digits(number) < _FEWEST_DIGITS or _TWO_GROUPS.fullmatch(code)):
            yield span.kind, number


def _national_numbers(look: View) -> Iterator[tuple[str, str]]:
    for span in national_ids.find(look):
        number = look.text[span.start : span.end]
        if sum(map(str.isalnum, number)) >= _FEWEST_DIGITS or _DOTTED.fullmatch(number):
            yield span.kind, number


def _digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _forms(code: str) -> Iterator[tuple[str, str]]:
    """What a text would not be masked for: long numbers, machines' addresses with other separators, dates."""
    for match in _LONG_NUMBER.finditer(code):
        yield "ID", match[0]
    compact = _SEPARATORS.sub("", code)
    if 14 <= len(compact) <= 19 and compact.isdecimal() and luhn(compact):
        yield "CARD", compact  # or the number of a telephone: IMEI
    if _SOCIAL_SECURITY.fullmatch(code):
        yield "ID", code
    for match in _OCTETS.finditer(code):
        groups = re.split(r"[_-]", match[0])
        if any(len(group) == 3 for group in groups) and _is_address(groups):
            yield "IP", match[0]
    if _MAC.search(code):
        yield "IP", code
    if _DATE.search(code):
        yield "BIRTH DATE", code


def is_article_number(number: str) -> bool:
    """Whether a number is an article's by its own check digit (GTIN, ISBN), or one of a series."""
    if number.startswith(_SERIAL):
        return True
    if _ISBN.fullmatch(number):
        return isbn(number)
    return _GTIN.fullmatch(number) is not None and ean(number)


def _is_address(octets: list[str]) -> bool:
    try:
        IPv4Address(".".join(octets))
    except AddressValueError:
        return False
    return True


def _is_encoded(code: str) -> bool:
    """Whether a code holds base64 or hexadecimal that decodes to plain text or to something personal, wherever it
    begins.
    """
    if next(encoded.find(View(code), _is_text), None):
        return True
    for run in _ALNUM.findall(code):
        if any(_is_text(encoded.from_base64(run[start:]) or "", _FEWEST_DECODED_INSIDE) for start in range(4)):
            return True
    for run in _HEXADECIMAL.findall(code):
        even = len(run) // 2 * 2
        parts = run[:even], run[-even:], run[1 : even - 1]
        if any(_is_text(encoded.from_hex(part) or "", _FEWEST_DECODED_INSIDE) for part in parts):
            return True
    return False


def _is_text(decoded: str, fewest: int = _FEWEST_DECODED) -> bool:
    if len(decoded) < fewest:
        return False
    return _PLAIN_TEXT.fullmatch(decoded) is not None or (
        decoded.isascii() and next(recognise(View(decoded)), None) is not None
    )
