"""Street addresses of people the order does not name: a street word with a house number, as each language writes it."""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.context import labelled_impersonal
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_NUMBER = r"\d{1,5}(?: ?[a-zA-Z](?![\w]))?(?:[/-]\d{1,4}[a-zA-Z]?)?"
_CAPITAL = r"[A-Z][\w'.-]*"
_NAMED = rf"(?:{_CAPITAL} ){{1,4}}"
_ENGLISH = (
    r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|"
    r"close|crescent|parkway|pkwy|"
    r"highway|hwy|gardens|grove|mews|row|hill|view|circle|trail)\b\.?"
)
_UNIT = r"(?:,? ?(?i:apt|apartment|suite|ste|unit|flat|floor|fl|#)\.? ?#?\w{1,5})?"
_TAIL = r"(?:,? (?:[A-Z]{1,2}-)?\d{4,5}(?:-\d{4})?(?: [A-Z][\w-]+)?|,? \d{2}-\d{3} [A-Z][\w-]+)?"
_ENGLISH_ADDRESS = re.compile(rf"\b\d{{1,5}}[A-Za-z]? {_NAMED}{_ENGLISH}{_UNIT}{_TAIL}")
_COMPOUND_ADDRESS = re.compile(
    rf"(?:{_CAPITAL}[ -]){{0,3}}(?i:\b[\w.-]*(?:strasse|str\.|str|gasse|allee|platz|damm|ufer|chaussee|straat|laan|"
    rf"gracht|plein|vagen|gatan|gata|veien|vej|gade|katu|tie))[ ]{_NUMBER}{_TAIL}"
    rf"|\b(?:{_CAPITAL}[ -]){{0,3}}[A-Z][\w-]*(?:weg|ring|kade|dijk|steig|stieg|berg|hof|"
    r"-Weg|-Ring|-Steig|-Stieg|-Berg|-Hof) "
    rf"{_NUMBER}{_TAIL}"
)
_FRENCH_ADDRESS = re.compile(
    rf"\b\d{{1,4}}(?: ?(?i:bis|ter|quater))?,? (?i:rue|avenue|av\.|boulevard|bd|chemin|allee|impasse|place|quai|route|"
    rf"cours)(?: (?i:de|du|des|de la|de l'|d'|la|le|les))* ?{_CAPITAL}(?:[ -](?:(?:de|du|des|la) )?{_CAPITAL}){{0,3}}"
    rf"{_TAIL}"
)
_SOUTHERN_ADDRESS = re.compile(
    rf"\b(?i:calle|c/|avda\.?|avenida|plaza|paseo|camino|carrer|rambla|alameda|via|viale|strada|contrada|"
    rf"corso|piazza|vicolo|largo|rua|travessa|praca|"
    rf"estrada|ulica|ul\.|al\.|aleja|plac|pl\.|os\.)(?: (?i:de|del|da|do|dos|das|della|dei|la|las|los|el))* ?"
    rf"(?:{_CAPITAL}[ ,]{{1,2}}(?:(?:de|del|da|do|dos|e|y|la) )*){{1,4}}(?:n[o.]? ?)?{_NUMBER}{_TAIL}"
)
_ENGLISH_WORDS = frozenset("""
    street st avenue ave road rd boulevard blvd lane ln drive dr court ct place pl square sq terrace way close crescent
    parkway pkwy highway hwy gardens grove mews row hill view circle trail
    """.split())
_FRENCH_WORDS = frozenset("rue avenue av boulevard bd chemin allee impasse place quai route cours".split())
_SOUTHERN_WORDS = frozenset("""
    calle c avda avenida plaza paseo camino carrer rambla alameda via viale strada contrada corso piazza vicolo largo
    rua travessa praca estrada ulica ul al aleja plac pl os
    """.split())
_COMPOUND = re.compile(
    r"(?:strasse|str\.?|gasse|allee|platz|damm|ufer|chaussee|straat|laan|gracht|plein|vagen|gata|gatan|veien|vej|gade|"
    r"katu|tie|weg|ring|kade|dijk|steig|stieg|berg|hof) \d"
)
_DIGIT = re.compile(r"\d")


def find(view: View) -> Iterator[Span]:
    """Street and house number, with what follows of postcode and town."""
    if not _DIGIT.search(view.text):
        return
    for pattern in _patterns(view):
        for match in pattern.finditer(view.text):
            if not labelled_impersonal(view, match.start()):
                yield Span(match.start(), match.end(), "ADDRESS")


def _patterns(view: View) -> Iterator[re.Pattern[str]]:
    """The patterns that can match at all, by the street words of the text."""
    if _COMPOUND.search(view.folded):
        yield _COMPOUND_ADDRESS
    for words, pattern in (
        (_ENGLISH_WORDS, _ENGLISH_ADDRESS),
        (_FRENCH_WORDS, _FRENCH_ADDRESS),
        (_SOUTHERN_WORDS, _SOUTHERN_ADDRESS),
    ):
        if not view.vocabulary.isdisjoint(words):
            yield pattern
