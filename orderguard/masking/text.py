"""Masking free text: the values known from the same order first, then what can be recognised by its form."""

import re
from collections.abc import Iterable

_PATTERNS = [
    ("EMAIL", re.compile(r"[\w.+-]+\s*(?:@|\(at\)|\[at\])\s*[\w-]+(?:(?:\.|\s*\(dot\)\s*)[\w-]+)+", re.IGNORECASE)),
    ("URL", re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)),
    ("IBAN", re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b", re.IGNORECASE)),
    ("CARD", re.compile(r"(?<![\dA-Z])\d(?:[ -]?\d){11,18}(?![\dA-Z])", re.IGNORECASE)),
    ("IP", re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")),
    ("PHONE", re.compile(r"(?<![\w])(?:\+|00)\d[\d ()./-]{6,18}\d\b")),
]


def mask_text(text: str, known: Iterable[str] = ()) -> str:
    """`text` with what is personal in it replaced by placeholders such as `[EMAIL]`; `known` are personal values to be
    found wherever they stand.
    """
    for value in sorted(
        {part for whole in known for part in (whole, *whole.split()) if len(part) > 2}, key=len, reverse=True
    ):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "[KNOWN]", text, flags=re.IGNORECASE)
    for kind, pattern in _PATTERNS:
        for found in {match for match in pattern.findall(text) if _valid(kind, match)}:
            text = text.replace(found, f"[{kind}]")
    return text


def _valid(kind: str, found: str) -> bool:
    compact = re.sub(r"[\s-]", "", found).upper()
    if kind == "CARD":
        digits = [int(c) for c in reversed(compact)]
        return sum(digits[0::2] + [d * 2 - 9 * (d > 4) for d in digits[1::2]]) % 10 == 0
    if kind == "IBAN":
        return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1
    return True
