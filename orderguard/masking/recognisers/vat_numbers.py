"""VAT numbers of the EU, by their check digits: a sole trader's number names a person, and no form tells it from a
company's.

The rules are those of the European Commission's VIES algorithms; numbers without check digits need a label
(`called`).
"""

import re
from collections.abc import Callable, Iterator

from orderguard.masking.recognisers.checksums import luhn, mod11_10, weighted
from orderguard.masking.recognisers.context import labelled_impersonal
from orderguard.masking.recognisers.national_ids import ireland, netherlands, spain
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_FORM = re.compile(
    r"(?<![\w+])(?:ATU ?\d{8}|BE ?[01]\d{3}[. ]?\d{3}[. ]?\d{3}|DE ?\d{3} ?\d{3} ?\d{3}|DK ?\d\d ?\d\d ?\d\d ?\d\d|"
    r"ES ?(?:[XYZ]\d{7}|\d{8})-?[A-Z]|FI ?\d{8}|FR ?\d\d ?\d{3} ?\d{3} ?\d{3}|IE ?\d{7}[A-W][A-I]?|IT ?\d{11}|"
    r"LU ?\d{8}|NL ?\d{9}B\d\d|PL ?\d{10}|PT ?\d{9}|SE ?\d{10}01)(?![\w]|-\d)"
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
}


def find(view: View) -> Iterator[Span]:
    """VAT numbers whose check digits fit."""
    if not view.has_number:
        return
    for match in _FORM.finditer(view.text):
        compact = _COMPACT.sub("", match[0])
        if _VALID[compact[:2]](compact[2:]) and not labelled_impersonal(view, match.start()):
            yield Span(match.start(), match.end(), "ID")
