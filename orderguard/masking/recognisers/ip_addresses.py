"""IP addresses of both versions, and MAC addresses, which name a device as well."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from orderguard.masking.recognisers.context import expanded, meaning
from orderguard.masking.recognisers.labels import VERSION_WORDS
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_DOT = r"(?:\.|\[(?:\.|dot)\]|\((?:\.|dot)\))"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4 = re.compile(
    rf"(?:(?<![A-Za-z0-9.])|(?<=[A-Za-z]{{3}}))(?<!\d,)(?:v(?=\d)|V(?=\d))?{_OCTET}(?:{_DOT}{_OCTET}){{3}}"
    r"(?:/\d{1,2})?"
    r"(?![A-Za-z0-9]|\.\d)"
)
_V6 = re.compile(
    r"(?:(?<![\w:.])|(?<=[g-zG-Z]:)|(?<=[vV]6:))"
    r"(?=[0-9A-Fa-f.:]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{2,45}(?:%\w{1,15})?(?:/\d{1,3})?(?![\w:])"
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")

_OF_MACHINES = frozenset("""
    ip ips ipv address host hostname server node gateway dns subnet netz network router client proxy vpn ssh ping login
    logged connecting connected connection peer remote visitor session adresse adres adresa direccion indirizzo
    endereco rechner serveur servidor
    """.split())
_VERSIONS = expanded(VERSION_WORDS)
_SAYS_VERSION = frozenset("version versions ver v vers rev revision firmware bios driver drivers agent".split())
_EITHER = _OF_MACHINES | _VERSIONS
_PRODUCTS = frozenset("""
    windows chrome firefox oracle java python android linux ubuntu debian office acrobat reader flash exchange tomcat
    apache nginx photoshop sap safari edge opera unity jira confluence jenkins docker kubernetes node outlook word
    excel teams weblogic hadoop spark kafka redis magento shopware wordpress typo drupal joomla php perl ruby gradle
    maven eclipse solaris aix db informix sybase citrix vmware esxi cisco ios macos bash curl git skype zoom
    """.split())
_PRODUCT = re.compile(r"(?<![^\W_])([A-Za-z]+)(?=[ _-](?:[A-Za-z]+[ _-])?$)")
_PRODUCT_SLASH = re.compile(r"[A-Za-z]{3}/$")
_BUILD = re.compile(r" ?\((?:build|release|beta|rc|r)\b", re.IGNORECASE)
_UNIT = re.compile(r" ?(?:mm|cm|km|kg|mg|ml|%)(?![\w])", re.IGNORECASE)
_NAME_AHEAD, _WORDS_OF_NAME = 24, 2
_DIGITS = re.compile(r"\d+")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]")
_LARGEST_IN_VERSION = 99
_MOST_APART, _LIST_GAP = 2, 16


def find(view: View) -> Iterator[Span]:
    """IPv4 (not version numbers), IPv6 in each of its forms, MAC addresses."""
    text = view.text
    if "." in text or "dot" in text:
        last_version = -_LIST_GAP
        for match in _V4.finditer(text):
            listed = match.start() - last_version < _LIST_GAP
            if listed or match[0][0] in "vV" or _is_version(view, match.start(), match.end()):
                last_version = match.end()
            else:
                yield Span(match.start(), match.end(), "IP")
    if text.count(":") >= 2:
        for match in _V6.finditer(text):
            found = match[0].rstrip(".")
            if is_v6(found.partition("/")[0].partition("%")[0]):
                yield Span(match.start(), match.start() + len(found), "IP")
    if text.count(":") >= 5 or text.count("-") >= 5:
        for match in _MAC.finditer(text):
            yield Span(match.start(), match.end(), "IP")


def _is_version(view: View, start: int, end: int) -> bool:
    """Whether a product, or the nearest word in the clause, makes four numbers a version; so does what names a
    number.
    """
    small = max(int(number) for number in _DIGITS.findall(view.text, start, end)) <= _LARGEST_IN_VERSION
    before, after = view.text[max(0, start - _NAME_AHEAD) : start], view.text[end : end + _NAME_AHEAD]
    if _PRODUCT_SLASH.search(before) or (small and _BUILD.match(after)) or _UNIT.match(after):
        return True
    products = [word for word in _PRODUCT.findall(before)[-_WORDS_OF_NAME:] if word.lower() not in _OF_MACHINES]
    if small and any(word.lower() in _PRODUCTS or _CAMEL.search(word) for word in products):
        return True
    said = meaning(view, start, end, _EITHER)
    if said.personal in _VERSIONS and said.apart <= _MOST_APART:
        return small or said.personal in _SAYS_VERSION
    return said.named


def is_v6(text: str) -> bool:
    """Whether `text` is an IPv6 address that names a machine: a bare `::` does not."""
    try:
        return int(IPv6Address(text)) > 0
    except AddressValueError:
        return False
