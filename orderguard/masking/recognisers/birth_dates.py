"""Dates that are said to be somebody's birthday."""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.context import near
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_WORDS = frozenset("""
    born birthdate birthday dob birth geboren geb geburtsdatum geburtstag nee naissance nacido nacida nacimiento
    cumpleanos nato nata nascita compleanno nascido nascida nascimento geboortedatum geboortedag urodzony urodzona
    urodzenia fodd fodelsedag narozen narozena
    """.split())
_MONTHS = (
    r"jan\w*|feb\w*|mar\w*|m[ae]rz|apr\w*|avr\w*|abr\w*|kwi\w*|ma[iyjg]\w*|jun\w*|juin|giu\w*|cze\w*|jul\w*|juil\w*|"
    r"lug\w*|lip\w*|aug\w*|aou\w*|ago\w*|sie\w*|sep\w*|set\w*|wrz\w*|"
    r"o[ck]t\w*|ott\w*|out\w*|paz\w*|nov\w*|lis\w*|de[cz]\w*|dic\w*|gru\w*|sty\w*|lut\w*|gen\w*|ene\w*|fev\w*|dez\w*"
)
_DATE = re.compile(
    rf"(?<!\d)(?:\d{{1,2}}[./ -]{{1,2}}\d{{1,2}}[./ -]{{1,2}}(?:\d{{4}}|\d\d)|\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}|"
    rf"\d{{1,2}}(?:\.|st|nd|rd|th)? (?:de |of )?(?:{_MONTHS})\.?,?(?: de)? \d{{4}}|(?:{_MONTHS}) \d{{1,2}}(?:st|nd|"
    rf"rd|th)?,? \d{{4}})(?!\d)"
)


def find(view: View) -> Iterator[Span]:
    """Dates beside a word for birth; any other date stays."""
    if view.vocabulary.isdisjoint(_WORDS):
        return
    for match in _DATE.finditer(view.folded):
        if near(view, match.start(), match.end(), _WORDS, before=32, after=12):
            yield Span(match.start(), match.end(), "BIRTH DATE")
