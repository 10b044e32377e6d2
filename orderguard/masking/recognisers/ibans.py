"""IBANs of every country in the registry: length, form and mod 97, in any case and spacing."""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.checksums import mod97
from orderguard.masking.spans import Span
from orderguard.masking.view import View

LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
        "EG29 ES24 FI18 FK18 "
        "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
        "LI21 LT20 LU20 LV21 "
        "LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 "
        "SA24 SC31 SD18 SE24 "
        "SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
}
"""Country code and length, from the ISO 13616 registry."""

_START = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2}[ .-]{0,2}|[A-Za-z]{2})\d[ .-]?\d(?=[ .\n/_-]{0,3}[A-Za-z0-9])|"
    r"(?<![A-Za-z0-9])[A-Z] [A-Z] \d \d(?= )|(?<=[a-z])[A-Z]{2}\d\d(?=[ A-Z0-9])"
)
_SEPARATORS = " .-\n/_"
_REACH = 34 * 3


def find(view: View) -> Iterator[Span]:
    """IBANs. The country says how long each is, so what follows it does not get in the way."""
    text = view.text
    for match in _START.finditer(text):
        length = LENGTHS.get("".join(filter(str.isalpha, match[0]))[:2].upper())
        if length:
            compact, end = _collect(text, match.start(), length)
            # words may follow a code: what stands behind the country is in capitals or in small letters, not in both
            one_case = compact[2:] in (compact[2:].upper(), compact[2:].lower())
            if len(compact) == length and one_case and compact[2:4].isdigit() and mod97(compact.upper()):
                yield Span(match.start(), end, "IBAN")


def _collect(text: str, start: int, length: int) -> tuple[str, int]:
    """The next `length` letters and digits from `start` on, over single separators, and where they end."""
    compact: list[str] = []
    gap = 0
    for position in range(start, min(len(text), start + _REACH)):
        character = text[position]
        if character.isascii() and character.isalnum():
            compact.append(character)
            gap = 0
            if len(compact) == length:
                return "".join(compact), position + 1
        else:
            gap += 1
            if gap > 3 or character not in _SEPARATORS:
                break
    return "".join(compact), start
