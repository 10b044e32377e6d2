"""Canonical forms: two spellings of one value have to give one pseudonym."""

import re
import unicodedata
from collections.abc import Callable

_NOT_PHONE = re.compile(r"[^\d+]")


def text(value: str) -> str:
    """Compatibility forms, case and white space made one: names, addresses."""
    if value.isascii():
        return " ".join(value.lower().split())
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def email(value: str) -> str:
    """As `text`, with no white space at all and no `mailto:`."""
    return text(value).replace(" ", "").removeprefix("mailto:")


def identifier(value: str) -> str:
    """An identifier keeps its case, since two may differ in it alone; an e-mail address as identifier is treated as
    such.
    """
    value = value if value.isascii() else unicodedata.normalize("NFKC", value)
    return email(value) if "@" in value else value.strip()


def file_name(value: str) -> str:
    """A name of a file keeps its case; some systems write accents apart, some don't."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def phone(value: str) -> str:
    """Close to E.164: digits, with `+` for an international prefix (`00` counts as one) and no trunk zero after it."""
    digits = _NOT_PHONE.sub("", unicodedata.normalize("NFKC", value).replace("(0)", ""))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    return digits[:1] + digits[1:].replace("+", "")


def compact(value: str) -> str:
    """Letters and digits alone, in capitals: IBANs, national ids."""
    return "".join(c for c in unicodedata.normalize("NFKC", value).upper() if c.isalnum())


def digits(value: str) -> str:
    """Digits alone: card numbers."""
    if value.isdecimal() and value.isascii():
        return value
    return "".join(str(unicodedata.decimal(c)) for c in value if c.isdecimal())


PREFIXES = {
    "order": "ord",
    "customer": "cus",
    "guest": "gst",
    "email": "eml",
    "phone": "tel",
    "name": "nam",
    "address": "adr",
    "device": "dev",
    "network": "net",
    "fingerprint": "fpr",
    "card": "crd",
    "iban": "ibn",
    "national_id": "nid",
    "file": "fil",
    "delivery": "dlv",
}
"""Each namespace and the prefix of its tokens."""

CANONICAL: dict[str, Callable[[str], str]] = {
    "order": identifier,
    "customer": identifier,
    "guest": identifier,
    "email": email,
    "phone": phone,
    "name": text,
    "address": text,
    "device": identifier,
    "network": str,
    "fingerprint": identifier,
    "card": digits,
    "iban": compact,
    "national_id": compact,
    "file": file_name,
    "delivery": str,
}
"""Each namespace and how its values are brought to one form before they are keyed."""
