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
    r"(?:jan|feb|mar|m[ae]rz|apr|avr|abr|kwi|ma[iyjg]|jun|juin|giu|cze|jul|juil|lug|lip|aug|aou|ago|sie|sep|set|wrz|"
    r"o[ck]t|ott|out|paz|nov|lis|de[cz]|dic|gru|sty|lut|gen|ene|fev|dez)\w{0,10}"
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
