"""Telephone numbers: international ones by their country code, national ones by their grouping, the rest by the words
around them.
"""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.context import labelled_impersonal, near
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_COUNTRY_CODES = (
    r"(?:1|7|2(?:0|7|1[12368]|2\d|3\d|4\d|5[0-8]|6\d|9[01789])|3(?:[0-469]|5\d|7\d|8[0-35-79])|4(?:[013-9]|2[013])|"
    r"5(?:[1-8]|0\d|9\d)|"
    r"6(?:[0-6]|7[02-9]|8\d|9[0-2])|8(?:[1246]|5[02356]|7[08]|8[0-36])|9(?:[0-58]|6\d|7[0-79]|9[2-68]))"
)
_SEPARATOR = r"[ .\-/()\u00a0]{0,4}"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\(?\+\)?[ ]?|(?<!\d[ .-])00[ -]?|(?<![\d-])011[ "
    rf"-])\(?{_COUNTRY_CODES}\)?(?:{_SEPARATOR}\d){{4,13}}(?!\d)"
)
_NANP = re.compile(
    r"(?<![\w+.-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?\d{3}[ .-]|[2-9]\d\d([ .-])\d{3}\1)\d{4}(?:\s*(?:x|ext\.?|"
    r"extension)\s*\d{1,6}|(?!\w|-\d))"
)
_TRUNK = re.compile(
    r"(?<![\w+/-])(?<!\d[ .,])\(?0\d{1,5}\)?(?:[ .\-/]{1,3}\(?\d{4,8}\)?|(?:[ .\-/]{1,3}\(?\d{1,8}\)?){2,5})(?![\w]|"
    r"[.,-]\d)"
)
_GROUPED = re.compile(
    r"(?<![\w+/-])(?<!\d[.,])(?:[6-9]\d{2}(?: \d{2}){3}|[6-9]\d{2}(?: \d{3}){2}|[6-9]\d{4} \d{5}|3[2-9]\d \d{6,7}|"
    r"3[2-9]\d \d{3} \d{4}|\(\d{2}\) ?9?\d{4}-\d{4}|"
    r"[2-9]\d(?: \d{2}){3}|0[6-9](?: \d{2}){4})(?![\w]|[ ,.-]?\d)"
)
_LOCAL = re.compile(r"(?<![\w+/-])(?<!\d[ .-])\(?\d(?:[ .\-/()]{0,3}\d){5,13}(?![\w]|[-/.]\d| \d)")
_DATE = re.compile(
    r"(?:0?[1-9]|[12]\d|3[01])[ .\-/](?:0?[1-9]|1[0-2])[ .\-/](?:19|20)\d\d|(?:19|20)\d\d[ .\-/](?:0[1-9]|1[0-2])[ "
    r".\-/](?:0[1-9]|[12]\d|3[01])"
)
_WORDS = frozenset("""
    phone phones telephone tel tele mobile cell cellphone call calls called calling fax whatsapp signal sms dial
    callback hotline contact answering office desk reach telefon telefonnummer telefonnr handy handynummer mobil
    mobilnummer rufnummer anruf anrufen anrufe ruf rufen klingeln ruckruf erreichbar erreichen durchwahl telephoner
    appeler appelez appel portable joindre appellez telephonez telefono telefonos movil celular llamar llame llamen
    llamame llamada llamad llamenme telefone telemovel ligar ligue liguem chamar chame contacto contato cellulare
    chiamare chiamate chiamatemi chiama chiami telefoon telefoonnummer mobiel bellen bel gsm telefonu telefonem
    komorka komorkowy zadzwonic dzwonic zadzwon telefonnumret mobilnumret ringa mobilen zavolat volat volejte
    zavolejte denwa 電話 電話番号 携帯 电话 手机 전화
    """.split())
_VERBS = frozenset("ring ringa bel text".split())
"""Words that mean a call only right before a number."""
_ANY_WORD = _WORDS | _VERBS
_DIGITS = re.compile(r"\d")


def find(view: View) -> Iterator[Span]:
    """Telephone numbers of 6 to 15 digits; what its label calls an order, article or tracking number is left alone."""
    if not view.has_number:
        return
    text = view.text
    if "+" in text or "00" in text or "011" in text:
        for match in _INTERNATIONAL.finditer(text):
            digits = len(_DIGITS.findall(match[0]))
            plus = match[0].lstrip("(")[0] == "+"
            if (7 if plus else 11) <= digits <= 17 and (plus or not labelled_impersonal(view, match.start())):
                yield Span(match.start(), match.end(), "PHONE")
    for pattern in (_NANP, _TRUNK, _GROUPED):
        for match in pattern.finditer(text):
            if _could_be_phone(view, match, 9):
                yield Span(match.start(), match.end(), "PHONE")
    if not view.vocabulary.isdisjoint(_ANY_WORD) or "電" in text or "电" in text:
        for match in _LOCAL.finditer(text):
            if _could_be_phone(view, match, 6) and _called_phone(view, *match.span()):
                yield Span(match.start(), match.end(), "PHONE")


def _called_phone(view: View, start: int, end: int) -> bool:
    return near(view, start, end, _WORDS, before=40, after=16) or near(view, start, end, _VERBS, before=10, after=0)


def _could_be_phone(view: View, match: re.Match[str], fewest: int) -> bool:
    if not fewest <= len(_DIGITS.findall(match[0])) <= 13 or _DATE.match(match[0]):
        return False
    return not labelled_impersonal(view, match.start())
