"""IP addresses of both versions, and MAC addresses, which name a device as well."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from orderguard.masking.recognisers.context import labelled_impersonal
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_DOT = r"(?:\.|\[(?:\.|dot)\]|\((?:\.|dot)\))"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4 = re.compile(rf"(?<![\w.])(?<!\d,)(?:v(?=\d)|V(?=\d))?{_OCTET}(?:{_DOT}{_OCTET}){{3}}(?:/\d{{1,2}})?(?![\w]|\.\d)")
_V6 = re.compile(
    r"(?:(?<![\w:.])|(?<=[g-zG-Z]:)|(?<=[vV]6:))"
    r"(?=[0-9A-Fa-f.:]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{2,45}(?:%\w{1,15})?(?:/\d{1,3})?(?![\w:])"
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")


def find(view: View) -> Iterator[Span]:
    """IPv4 (not version numbers), IPv6 in each of its forms, MAC addresses."""
    text = view.text
    if "." in text or "dot" in text:
        for match in _V4.finditer(text):
            if match[0][0] not in "vV" and not labelled_impersonal(view, match.start()):
                yield Span(match.start(), match.end(), "IP")
    if text.count(":") >= 2:
        for match in _V6.finditer(text):
            found = match[0].rstrip(".")
            if is_v6(found.partition("/")[0].partition("%")[0]):
                yield Span(match.start(), match.start() + len(found), "IP")
    if text.count(":") >= 5 or text.count("-") >= 5:
        for match in _MAC.finditer(text):
            yield Span(match.start(), match.end(), "IP")


def is_v6(text: str) -> bool:
    """Whether `text` is an IPv6 address that names a machine: a bare `::` does not."""
    try:
        return int(IPv6Address(text)) > 0
    except AddressValueError:
        return False
