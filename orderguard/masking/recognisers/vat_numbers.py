"""VAT numbers of the EU, Britain and Switzerland, by their check digits: a sole trader's number names a person, and no
form tells it from a company's.

The rules are those of the European Commission's VIES algorithms; numbers without check digits need a label
(`called`).
"""

import re
from collections.abc import Callable, Iterator

from orderguard.masking.recognisers.checksums import luhn, mod11_10, weighted
from orderguard.masking.recognisers.context import labelled_impersonal
from orderguard.masking.recognisers.national_ids import bulgaria, czechia, ireland, netherlands, spain
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_FORM = re.compile(
    r"(?<![\w+])(?:ATU ?\d{8}|BE ?[01]\d{3}[. ]?\d{3}[. ]?\d{3}|DE ?\d{3} ?\d{3} ?\d{3}|DK ?\d\d ?\d\d ?\d\d ?\d\d|"
    r"ES ?(?:[XYZ]\d{7}|\d{8})-?[A-Z]|FI ?\d{8}|FR ?\d\d ?\d{3} ?\d{3} ?\d{3}|IE ?\d{7}[A-W][A-I]?|IT ?\d{11}|"
    r"LU ?\d{8}|NL ?\d{9}B\d\d|PL ?\d{10}|PT ?\d{9}|SE ?\d{10}01|EL ?\d{9}|CZ ?\d{8,10}|SK ?\d{10}|HU ?\d{8}|"
    r"RO ?\d{6,10}|HR ?\d{11}|SI ?\d{8}|EE ?\d{9}|LV ?\d{11}|LT ?(?:\d{9}|\d{12})|CY ?\d{8}[A-Z]|MT ?\d{8}|"
    r"BG ?\d{9,10}|GB ?\d{3} ?\d{4} ?\d\d|CHE-?\d{3}[.]?\d{3}[.]?\d{3})(?![\w]|-\d)"
)
_COMPACT = re.compile(r"[ .-]")


def _mod11(digits: str, *weights: int) -> bool:
    return weighted(digits, weights, 11) == 0


def _austria(t: str) -> bool:
    doubled = sum(int(d) if i % 2 == 0 else int(d) // 5 + int(d) * 2 % 10 for i, d in enumerate(t[1:8]))
    return (96 - doubled) % 10 == int(t[8])


def _netherlands(t: str) -> bool:
    spelled = "".join(str(int(c, 36)) for c in "NL" + t)
    return netherlands(t[:9]) or int(spelled) % 97 == 1


def _check(digits: str, *weights: int) -> int:
    return weighted(digits, weights, 11)


_CYPRUS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)


def _cyprus(t: str) -> bool:
    total = sum(_CYPRUS[int(d)] if i % 2 == 0 else int(d) for i, d in enumerate(t[:8]))
    return t[:2] != "12" and chr(65 + total % 26) == t[8]


def _czechia(d: str) -> bool:
    if len(d) > 8:
        return len(d) == 9 or czechia(d)
    return d[0] != "9" and ((11 - _check(d[:7], 8, 7, 6, 5, 4, 3, 2)) % 10 or 0) == int(d[7])


def _lithuania(d: str) -> bool:
    body, place = d[:-1], range(len(d) - 1)
    check = _check(body, *(1 + i % 9 for i in place))
    if check == 10:
        check = _check(body, *(1 + (i + 2) % 9 for i in place)) % 10
    return d[-2] == "1" and check == int(d[-1])


def _latvia(d: str) -> bool:
    return d[0] > "3" and _check(d, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1) == 3


def _slovenia(d: str) -> bool:
    check = 11 - _check(d[:7], 8, 7, 6, 5, 4, 3, 2)
    return d[0] != "0" and check != 11 and check % 10 == int(d[7])


def _britain(d: str) -> bool:
    return (weighted(d[:7], (8, 7, 6, 5, 4, 3, 2), 97) + int(d[7:])) % 97 in (0, 42, 55)


def _bulgaria(d: str) -> bool:
    if len(d) == 10:
        return bulgaria(d)
    check = _check(d[:8], 1, 2, 3, 4, 5, 6, 7, 8)
    if check == 10:
        check = _check(d[:8], 3, 4, 5, 6, 7, 8, 9, 10) % 10
    return check == int(d[8])


_VALID: dict[str, Callable[[str], bool]] = {
    "AT": _austria,
    "BE": lambda d: (int(d[:8]) + int(d[8:])) % 97 == 0,
    "DE": lambda d: d[0] != "0" and mod11_10(d),
    "DK": lambda d: d[0] != "0" and _mod11(d, 2, 7, 6, 5, 4, 3, 2, 1),
    "ES": spain,
    "FI": lambda d: _mod11(d, 7, 9, 10, 5, 8, 4, 2, 1),
    "FR": lambda d: (12 + 3 * (int(d[2:]) % 97)) % 97 == int(d[:2]) and luhn(d[2:]),
    "IE": ireland,
    "IT": lambda d: luhn(d) and (1 <= int(d[7:10]) <= 100 or d[7:10] in ("120", "121", "888", "999")),
    "LU": lambda d: int(d[:6]) % 89 == int(d[6:]),
    "NL": _netherlands,
    "PL": lambda d: _mod11(d, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1),
    "PT": lambda d: d[0] != "0" and -weighted(d[:8], (9, 8, 7, 6, 5, 4, 3, 2), 11) % 11 % 10 == int(d[8]),
    "SE": lambda d: luhn(d[:10]),
    "EL": lambda d: _check(d[:8], 256, 128, 64, 32, 16, 8, 4, 2) % 10 == int(d[8]),
    "CZ": _czechia,
    "SK": lambda d: d[0] != "0" and int(d) % 11 == 0,
    "HU": lambda d: weighted(d, (9, 7, 3, 1, 9, 7, 3, 1), 10) == 0,
    "RO": lambda d: _check(d[:-1].zfill(9), 7, 5, 3, 2, 1, 7, 5, 3, 2) * 10 % 11 % 10 == int(d[-1]),
    "HR": mod11_10,
    "SI": _slovenia,
    "EE": lambda d: weighted(d, (3, 7, 1, 3, 7, 1, 3, 7, 1), 10) == 0,
    "LV": _latvia,
    "LT": _lithuania,
    "CY": _cyprus,
    "MT": lambda d: weighted(d, (3, 4, 6, 7, 8, 9, 10, 1), 37) == 0,
    "BG": _bulgaria,
    "GB": _britain,
    "CH": lambda t: -_check(t[1:9], 5, 4, 3, 2, 7, 6, 5, 4) % 11 == int(t[9]),
}


def find(view: View) -> Iterator[Span]:
    """VAT numbers whose check digits fit."""
    if not view.has_number:
        return
    for match in _FORM.finditer(view.text):
        compact = _COMPACT.sub("", match[0])
        if _VALID[compact[:2]](compact[2:]) and not labelled_impersonal(view, match.start()):
            yield Span(match.start(), match.end(), "ID")
