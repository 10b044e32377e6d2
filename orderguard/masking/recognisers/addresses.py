"""Street addresses of people the order does not name: a street word with a house number, as each language writes it."""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.context import labelled_impersonal
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_NUMBER = r"\d{1,5}(?!\d)(?: ?[a-zA-Z](?![\w]))?(?:[/-]\d{1,4}[a-zA-Z]?)?"
_CAPITAL = r"[A-Z][\w'.-]{0,40}"
_NAMED = rf"(?:{_CAPITAL} ){{1,4}}"
_ENGLISH = (
    r"(?i:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|"
    r"close|crescent|parkway|pkwy|"
    r"highway|hwy|gardens|grove|mews|row|hill|view|circle|trail)\b\.?"
)
_UNIT = r"(?:,? ?(?i:apt|apartment|suite|ste|unit|flat|floor|fl|#)\.? ?#?\w{1,5})?"
_TAIL = r"(?:,? (?:[A-Z]{1,2}-)?\d{4,5}(?:-\d{4})?(?: [A-Z][\w-]+)?|,? \d{2}-\d{3} [A-Z][\w-]+)?"
_ENGLISH_ADDRESS = re.compile(rf"\b\d{{1,5}}[A-Za-z]? {_NAMED}{_ENGLISH}{_UNIT}{_TAIL}")
_COMPOUND = re.compile(
    r"(?:(?P<any>strasse|str\.?|gasse|allee|platz|damm|ufer|chaussee|straat|laan|gracht|plein|vagen|gatan|gata|veien|"
    r"vej|gade|katu|tie)|weg|ring|kade|dijk|steig|stieg|berg|hof) (?=\d)"
)
"""Where a street word that is written in one with its name ends, before a number. Those without a name of their own
count only after a capital.
"""
_COMPOUND_NUMBER = re.compile(rf"{_NUMBER}(?![.,]\d){_TAIL}")
_NAME_BACKWARDS = re.compile(r"(?P<stem>[\w.-]{0,40})(?:[ -][\w'.]{0,30}[A-Z](?![\w'.-])){0,3}")
"""What stands ahead of the street word, read from there to the left: the rest of its word, and up to three more."""
_REACH_BACK = 40 + 3 * 32
_FRENCH_ADDRESS = re.compile(
    rf"\b\d{{1,4}}(?: ?(?i:bis|ter|quater))?,? (?i:rue|avenue|av\.|boulevard|bd|chemin|allee|impasse|place|quai|route|"
    rf"cours)(?: (?i:de|du|des|de la|de l'|d'|la|le|les)){{0,3}} ?"
    rf"{_CAPITAL}(?:[ -](?:(?:de|du|des|la) )?{_CAPITAL}){{0,3}}"
    rf"{_TAIL}"
)
_SOUTHERN_ADDRESS = re.compile(
    rf"\b(?i:calle|c/|avda\.?|avenida|plaza|paseo|camino|carrer|rambla|alameda|via|viale|strada|contrada|"
    rf"corso|piazza|vicolo|largo|rua|travessa|praca|"
    rf"estrada|ulica|ul\.|al\.|aleja|plac|pl\.|os\.)"
    rf"(?: (?i:de|del|da|do|dos|das|della|dei|la|las|los|el)){{0,3}} ?"
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
_PLACES = frozenset(
    "lager stell arbeits sitz steck speicher park lade steh liege abstell regal palett paletten spiel schlaf".split()
)
"""With "platz" these are a place for something."""
_WORDS_OF_THEIR_OWN = frozenset("platz allee ufer damm plein gade".split())
_HYPHENS = str.maketrans("", "", "-.'")
_DIGIT = re.compile(r"\d")


def find(view: View) -> Iterator[Span]:
    """Street and house number, with what follows of postcode and town."""
    if not _DIGIT.search(view.text):
        return
    for start, end in _addresses(view):
        if not labelled_impersonal(view, start):
            yield Span(start, end, "ADDRESS")


def _addresses(view: View) -> Iterator[tuple[int, int]]:
    yield from _compounds(view)
    for words, pattern in (
        (_ENGLISH_WORDS, _ENGLISH_ADDRESS),
        (_FRENCH_WORDS, _FRENCH_ADDRESS),
        (_SOUTHERN_WORDS, _SOUTHERN_ADDRESS),
    ):
        # only patterns that can match at all, by the street words of the text
        if not view.vocabulary.isdisjoint(words):
            yield from (match.span() for match in pattern.finditer(view.text))


def _compounds(view: View) -> Iterator[tuple[int, int]]:
    """Street words at the end of a name, from there to both sides: a pattern that began with the name would look
    through the same run of letters from each of its characters.
    """
    for ending in _COMPOUND.finditer(view.folded):
        at = ending.start()
        before = _NAME_BACKWARDS.match(view.text[max(0, at - _REACH_BACK) : at][::-1])
        number = _COMPOUND_NUMBER.match(view.text, ending.end())
        if before and number and _is_street(view, before, ending):
            yield at - len(before[0].rstrip(" -.")), number.end()


def _is_street(view: View, before: re.Match[str], ending: re.Match[str]) -> bool:
    """Whether what ends in a street word names a street: neither a place to store or to sit nor a bare "Platz"."""
    stem = before["stem"][::-1]
    if ending["any"] in _WORDS_OF_THEIR_OWN and (stem.lower() in _PLACES or not before[0].strip()):
        return False
    return ending["any"] is not None or _is_name(view, stem, ending)


def _is_name(view: View, stem: str, ending: re.Match[str]) -> bool:
    """Whether a word such as "Lindenweg" or "Kollwitz-Ring" is a street's, and not one that happens to end so."""
    written = view.text[ending.start() : ending.end()].strip()
    capital_of_its_own = stem.endswith("-") and written.istitle()
    spelled = stem.translate(_HYPHENS)
    return stem[:1].isupper() and (not spelled or spelled.isalpha()) and (written.islower() or capital_of_its_own)
