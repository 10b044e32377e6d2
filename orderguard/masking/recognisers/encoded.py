"""Base64 and hexadecimal runs: decoded, searched, and masked whole where something personal comes out."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from orderguard.masking.spans import Span
from orderguard.masking.view import View

_SIGN = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(
    rf"(?<![A-Za-z0-9+/_=-])(?:{_SIGN}{{11,}}|(?={_SIGN}*[a-z0-9][A-Z]){_SIGN}{{7,10}})={{0,2}}(?![A-Za-z0-9+/_=-])"
)
"""Runs of 11 characters or more, and shorter ones that no word looks like."""
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x|\\x)?(?:[0-9a-fA-F]{2}(?:[ :]|\\x)?){4,}(?![0-9A-Za-z])")
_NOT_HEX = re.compile(r"0x|\\x|[ :]")
_DEEPEST = 3
_LONGER_THAN_TRACKING = 24
_LONGEST_SEARCHED = 1_024
"""Letters and digits that decode to a longer text are no code and no word: they are masked whatever it says."""


def find(view: View, personal: Callable[[str], bool], depth: int = 0) -> Iterator[Span]:
    """Runs that decode to text which `personal` says yes to; encodings inside encodings are followed `_DEEPEST`
    deep.
    """
    for match in _BASE64.finditer(view.text):
        decoded = from_base64(match[0])
        if decoded and _is_personal(decoded, personal, depth):
            yield Span(match.start(), match.end(), "ENCODED")
    for match in _HEX.finditer(view.text):
        decoded = from_hex(match[0])
        if decoded and _is_personal(decoded, personal, depth):
            yield Span(match.start(), match.start() + len(match[0].rstrip()), "ENCODED")


def _is_personal(decoded: str, personal: Callable[[str], bool], depth: int) -> bool:
    if len(decoded) > _LONGEST_SEARCHED or personal(decoded):
        return True
    return depth + 1 < _DEEPEST and any(find(View(decoded), personal, depth + 1))


def from_base64(run: str) -> str | None:
    """What a run of base64 (of either alphabet, with or without its `=`) decodes to, if that is text."""
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        return _printable(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def from_hex(run: str) -> str | None:
    """What a run of hexadecimal digits decodes to, if that is text."""
    digits = _NOT_HEX.sub("", run)
    decoded = _printable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None
    # a decimal number no longer than a tracking number is an encoding only if it encodes another number
    a_number = digits.isdecimal() and len(digits) < _LONGER_THAN_TRACKING
    return None if decoded and a_number and not decoded.isdecimal() else decoded


def _printable(data: bytes) -> str | None:
    """`data` as text, if it is text: UTF-8 (or UTF-16, as some shops export) that can be printed."""
    for encoding in ("utf-8", "utf-16-le") if b"\0" in data else ("utf-8",):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
            return text
    return None
