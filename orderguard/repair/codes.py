"""Countries and currencies, by code and by name in several languages: the tables of CLDR, as Babel has them.

They take some tenths of a second to load, so they are loaded when a code is met that is none, and never else.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from orderguard.currencies import KNOWN
from orderguard.repair.feed import Feed
from orderguard.repair.values import Notes, Unusable

LANGUAGES = (
    "en de fr es it pt nl pl sv da no fi is cs sk hu ro bg hr sl sr mk sq el tr et lv lt ga ca eu gl uk ru be ar he fa "
    "ur hi th vi id ms ja zh zh_Hant ko"
).split()
_LONGEST = 100
_NOT_WORDS = re.compile(r"[\W_]+")
_CODE = re.compile(r"[A-Z]{2}")

WITHDRAWN_COUNTRIES = {
    "AI": ("AFI", "French Afar and Issas"),
    "AN": ("ANT", "Netherlands Antilles"),
    "BQ": ("ATB", "British Antarctic Territory"),
    "BU": ("BUR", "Socialist Republic of the Union of Burma"),
    "BY": ("BYS", "Byelorussian SSR"),
    "CS": ("SCG", "Serbia and Montenegro"),
    "CT": ("CTE", "Canton and Enderbury Islands"),
    "DD": ("DDR", "German Democratic Republic"),
    "DY": ("DHY", "Dahomey"),
    "FQ": ("ATF", "French Southern and Antarctic Territories"),
    "FX": ("FXX", "Metropolitan France"),
    "HV": ("HVO", "Upper Volta"),
    "JT": ("JTN", "Johnston Island"),
    "MI": ("MID", "Midway Islands"),
    "NH": ("NHB", "New Hebrides"),
    "NQ": ("ATN", "Dronning Maud Land"),
    "NT": ("NTZ", "Neutral Zone"),
    "PC": ("PCI", "Pacific Islands (Trust Territory)"),
    "PU": ("PUS", "US Miscellaneous Pacific Islands"),
    "PZ": ("PCZ", "Panama Canal Zone"),
    "RH": ("RHO", "Southern Rhodesia"),
    "SU": ("SUN", "USSR"),
    "TP": ("TMP", "Portuguese Timor"),
    "VD": ("VDR", "Viet-Nam, Democratic Republic of"),
    "WK": ("WAK", "Wake Island"),
    "YD": ("YMD", "Yemen, Democratic"),
    "YU": ("YUG", "Yugoslavia"),
    "ZR": ("ZAR", "Zaire"),
}
"""ISO 3166-3: codes that were withdrawn, with their former three letters and name. Those that mean another country now
stand for it, and have only names here.
"""
_OTHER_NAMES = {
    "AN": "Dutch Antilles",
    "CI": "Ivory Coast",
    "CS": "Czechoslovakia",
    "CZ": "Czech Republic",
    "DD": "East Germany",
    "DE": "Federal Republic of Germany; West Germany; BRD",
    "GB": "England; Scotland; Wales; Northern Ireland; Great Britain; Britain; U.K.; Großbritannien; Gran Bretaña; "
    "Grande-Bretagne; Gran Bretagna; Groot-Brittannië; Grã-Bretanha; United Kingdom of Great "
    "Britain and Northern Ireland",
    "IE": "Eire; Republic of Ireland; Irish Republic",
    "IR": "Iran, Islamic Republic of",
    "KP": "Korea, Democratic People's Republic of; DPRK",
    "KR": "Korea, Republic of; Republic of Korea; Korea",
    "LA": "Lao People's Democratic Republic",
    "MD": "Moldova, Republic of",
    "MK": "Macedonia; Macedonia, the former Yugoslav Republic of",
    "MM": "Burma",
    "NL": "Holland; the Netherlands",
    "RU": "Russian Federation",
    "SU": "Soviet Union; Union of Soviet Socialist Republics",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey",
    "TW": "Taiwan, Province of China",
    "TZ": "Tanzania, United Republic of",
    "US": "U.S.A.; U.S.; United States of America; America",
    "VA": "Holy See; Vatican",
    "VE": "Venezuela, Bolivarian Republic of",
    "VN": "Viet Nam",
}
"""What people write and CLDR does not have as a name."""


def country(value: Any, feed: Feed, notes: Notes) -> str:
    """The ISO 3166-1 alpha-2 code of a country, given by a code or a name."""
    written = _word(value, "not a country")
    capitals = written.upper()
    code = _OF_THE_UNION.get(capitals, capitals)
    if len(code) == 2 and _CODE.fullmatch(code):
        if code != value:
            notes.add("a code in other letters" if code == capitals else "another code of a country")
        return code
    known = _countries()
    found = known.get(written.casefold()) or known.get(_folded(written))
    if not found:
        raise Unusable("not a country that is known")
    notes.add("the name of a country" if len(written) > 3 else "another code of a country")
    return found


def currency(value: Any, feed: Feed, notes: Notes) -> str:
    """The ISO 4217 code of a currency, given by the code or a name, or by a sign that no other currency has."""
    written = _word(value, "not a currency")
    code = written.upper()
    if code in KNOWN:
        if code != value:
            notes.add("a code in other letters")
        return code
    found = _currencies().get(_folded(written) or written)
    if not found:
        raise Unusable("not a currency of ISO 4217")
    notes.add("the name of a currency")
    return found


def _word(value: Any, otherwise: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise Unusable(otherwise)
    if not value.strip():
        raise Unusable("blank")
    return value.strip()


def _folded(name: str) -> str:
    """A name without case, accents, blanks and marks."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("&", "and"))
    return _NOT_WORDS.sub("", "".join(c for c in plain if not unicodedata.combining(c)))


@cache
def _countries() -> dict[str, str]:
    """Each folded name or code of a country by its alpha-2 code. A name that means two is left out, unless it is
    English.
    """
    from babel.core import get_global

    codes = [(code, code) for code in get_global("territory_aliases") if len(code) == 3]
    found: dict[str, str] = {}
    told = [(name, code) for code, names in _OTHER_NAMES.items() for name in names.split("; ")]
    told += [(name, code) for code, (_, name) in WITHDRAWN_COUNTRIES.items() if code not in _IN_USE_AGAIN]
    told += [(former, code) for code, (former, _) in WITHDRAWN_COUNTRIES.items() if code not in _IN_USE_AGAIN]
    found |= {_folded(name): code for name, code in told}
    for alias, _ in codes:
        first, *others = get_global("territory_aliases")[alias]
        if not others and len(first) == 2 and first.isalpha():
            found.setdefault(alias.casefold(), first)
    return _merged(found, "territories", lambda code: len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY)


_OF_THE_UNION = {"UK": "GB", "EL": "GR"}
"""What the European Union's institutions write in place of the ISO code."""
_IN_USE_AGAIN = {"AI", "BQ", "BY", "FX"}
_NO_COUNTRY = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}


@cache
def _currencies() -> dict[str, str]:
    """Each folded name of a currency, and the euro's sign, by its code."""
    return _merged({"€": "EUR"}, "currency_names", KNOWN.__contains__)


def _merged(found: dict[str, str], what: str, known: Any) -> dict[str, str]:
    """`found` with the names of all languages. English ones come first; of the others, one that means two is none."""
    certain = set(found)
    for number, names in enumerate(_names(what)):
        for code, name in names:
            if not known(code):
                continue
            key = _folded(name)
            if key and key not in certain and found.setdefault(key, code) != code:
                found[key] = ""
        if number == 0:
            certain |= {key for key, code in found.items() if code}
    return found


def _names(what: str) -> Iterator[list[tuple[str, str]]]:
    """Code and name of each country or currency, a list a language."""
    from babel import localedata

    for language in LANGUAGES:
        own = language not in localedata._cache
        names = localedata.load(language, merge_inherited=False).get(what, {})
        yield [(code, name) for code, name in names.items() if isinstance(name, str)]
        if own:  # Some megabytes of what nobody here asks for.
            localedata._cache.pop(language, None)
