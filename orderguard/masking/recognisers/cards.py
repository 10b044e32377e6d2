"""Payment cards: 12 to 19 digits with a known issuer prefix and a Luhn digit, whole or in groups."""

import re
from collections.abc import Iterator

from orderguard.masking.recognisers.checksums import luhn
from orderguard.masking.recognisers.context import labelled_impersonal, near
from orderguard.masking.spans import Span
from orderguard.masking.view import View

_RUN = re.compile(
    r"(?<![\w])\d{1,19}(?:(?: ?[-.·/_*:|+] ?| {1,3}|[\n\t])\d{1,19})*(?![\w])|"
    r"(?:(?<=[a-z]{3})|(?<=[:_]))\d{12,19}(?!\w)|"
    r"(?<!\w)\d{12,19}(?=[A-Za-z_])"
)
_GROUP = re.compile(r"\d+")
_FORMS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"3(?:0[0-5]|[689]\d)\d{11}|3095\d{10}|"
    r"35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}|220[0-4]\d{12,15}|"
    r"(?:5[0678]|6[0-9])\d{10,17}|8[12]\d{14}|9792\d{12}"
)
"""Issuer prefixes with the lengths that they have."""
_FEWEST_UNCALLED = 14
"""Shorter card numbers have to be called cards: as many digits as in an EAN or a parcel number say nothing."""
_SHAPES = {
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (4, 4, 4, 3),
    (4, 4, 4, 2),
    (4, 4, 4, 4, 3),
    (4, 4, 4, 4, 2),
    (6, 13),
    (4, 4, 5),
    (4, 5, 6),
    (4, 4, 4),
    (8, 4),
    (6, 6),
}
_WORDS = frozenset("""
    card cards credit debit cc visa mastercard maestro amex discover jcb diners pan cvv cvc karte karten kreditkarte
    kreditkartennummer kartennummer ec kartennr carte bancaire cb bleue tarjeta credito debito cartao carta kaart
    creditcard kaartnummer karta karty kartą kreditkort betalkort kort numer unionpay
    """.split())


def find(view: View) -> Iterator[Span]:
    """Card numbers. One whole block right after "tracking number" or the like is taken for what it is called."""
    if not view.has_number:
        return
    for run in _RUN.finditer(view.text):
        if len(run[0]) < 12:
            continue
        groups = list(_GROUP.finditer(view.text, run.start(), run.end()))
        if sum(len(group[0]) for group in groups) >= 12:
            yield from _windows(view, groups)


def _windows(view: View, groups: list[re.Match[str]]) -> Iterator[Span]:
    sizes = [len(group[0]) for group in groups]
    position = 0
    while position < len(groups):
        digits = ""
        best = 0
        for last in range(position, min(position + 19, len(groups))):
            digits += groups[last][0]
            if len(digits) > 19:
                break
            if len(digits) >= 12 and _is_card(view, groups, sizes, position, last + 1, digits):
                best = last + 1
        if best:
            yield Span(groups[position].start(), groups[best - 1].end(), "CARD")
        position = best or position + 1


def _is_card(view: View, groups: list[re.Match[str]], sizes: list[int], first: int, last: int, digits: str) -> bool:
    if not luhn(digits) or len(set(digits)) == 1:
        return False
    start, end = groups[first].start(), groups[last - 1].end()
    called_card = near(view, start, end, _WORDS)
    if not called_card and (len(digits) < _FEWEST_UNCALLED or not _FORMS.fullmatch(digits)):
        return False
    labelled = labelled_impersonal(view, start)
    if called_card and not labelled:
        return True
    shape = tuple(sizes[first:last])
    if len(shape) == 1:
        return not labelled
    alone = (first == 0 or sizes[first - 1] != 4) and (last == len(sizes) or sizes[last] != 4)
    return (shape in _SHAPES and alone) or (_spelled(shape) and not labelled)


def _spelled(shape: tuple[int, ...]) -> bool:
    """Whether the groups are single digits or pairs, as when a number is dictated."""
    return len(shape) >= 7 and max(shape) <= 2
