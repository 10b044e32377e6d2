"""E-mail addresses, as they are written and as people disguise them."""

import re
from collections.abc import Iterator

from orderguard.masking.spans import Span
from orderguard.masking.view import View, fold

_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_LABEL = r"[\w](?:[\w-]*[\w])?"
_PLAIN = re.compile(
    rf"(?:\"[^\"\n]{{1,64}}\"|(?<!{_LOCAL}){_LOCAL}{{1,64}})@{{1,2}}"
    rf"(?:\[[\d.:a-fA-F]{{3,45}}\]|{_LABEL}(?:\.{_LABEL}){{0,8}})"
)
_TOP = (
    r"(?:com|net|org|info|biz|edu|gov|eu|de|at|ch|fr|es|it|pt|nl|be|lu|pl|cz|sk|hu|ro|bg|gr|se|no|dk|fi|ie|uk|us|ca|mx|"
    r"br|ar|cl|au|nz|jp|cn|in|ru|ua|tr|io|me|dev|app|shop|online|email|mail|example|test|invalid)"
)
_AT_WORDS = (
    r"at|arroba|arobase|arrobase|chiocciola|malpa|snabel-?a|apestaart|apenstaartje|klammeraffe|aet|zavinac|kukac|"
    + fold("собака|собачка")
)
_DOT_WORDS = r"dot|punkt|punto|point|ponto|punt|kropka|piste|tecka|punktum|pont|" + fold("точка")
_ANY, _SOME = r"\s{0,8}", r"\s{1,8}"
"""Of white space."""
_OPEN, _CLOSE = rf"{_ANY}[\(\[{{<\"*|]{_ANY}", rf"{_ANY}[\)\]}}>\"*|]{_ANY}"
_AT = rf"(?:{_ANY}@{_ANY}|{_OPEN}(?:{_AT_WORDS}|@|a|ä){_CLOSE}|{_SOME}(?:{_AT_WORDS}){_SOME}|_at_|-at-)"
_DOT = rf"(?:\s?\.\s?|{_OPEN}(?:{_DOT_WORDS}|\.){_CLOSE}|{_SOME}(?:{_DOT_WORDS}){_SOME}|_dot_|-dot-|,)"
_NAME = r"[A-Za-z0-9](?:[\w+-]*[\w])?"
_DISGUISED = re.compile(
    rf"(?<![\w.+-])(?P<local>{_NAME}(?:(?:\.|"
    rf"{_DOT}){_NAME}){{0,3}})(?P<at>{_AT})(?P<domain>{_NAME}(?:{_DOT}{_NAME}){{0,3}}{_DOT}{_TOP})(?![\w@])",
    re.IGNORECASE,
)
_HINTS = frozenset(fold("""
    at a arroba arobase arrobase chiocciola malpa snabel snabela apestaart apenstaartje klammeraffe aet zavinac kukac
    собака собачка
    """).split())
_DOTTED = re.compile(
    rf"[\(\[{{<\"*|]{_ANY}(?:{_DOT_WORDS}|\.){_ANY}[\)\]}}>\"*|]|\s(?:{_DOT_WORDS})\s|_dot_|-dot-", re.IGNORECASE
)
_LETTER_A = re.compile(r"[\w][(\[{<][aA][)\]}>]")
_BRACKETED = re.compile(r"[\(\[{<\"*|]|@|_at_|-at-")
_AMOUNT = re.compile(r"^[\d.,]+$")


def find(view: View) -> Iterator[Span]:
    """E-mail addresses: plain ones wherever an @ stands, disguised ones such as `anna (at) example dot com`."""
    text = view.text
    has_at = "@" in text
    if has_at:
        for match in _PLAIN.finditer(text):
            domain = match[0].rpartition("@")[2]
            if not _AMOUNT.match(domain):
                yield Span(match.start(), match.end(), "EMAIL")
    if has_at or not view.vocabulary.isdisjoint(_HINTS) or _LETTER_A.search(text):
        for match in _DISGUISED.finditer(text):
            # a bare "at" needs a spoken dot: "ordered at example.com" is no address
            if _BRACKETED.search(match["at"]) or _DOTTED.search(match["domain"]):
                yield Span(match.start(), match.end(), "EMAIL")
