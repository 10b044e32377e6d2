"""Payment cards: 12 to 19 digits with a known issuer prefix and a Luhn digit, whole or in groups."""

import re
from collections.abc import Iterator
from itertools import accumulate

from orderguard.masking.recognisers.checksums import luhn
from orderguard.masking.recognisers.context import expanded, meaning, near
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
_FEWEST, _MOST, _SMALLEST_APART = 12, 19, 3
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
WORDS = frozenset("""
    card cards credit debit cc visa mastercard maestro amex discover jcb diners pan cvv cvc karte karten kreditkarte
    kredit ec carte bancaire cb bleue tarjeta credito debito cartao carta kaart
    creditcard karta karty kartą kreditkort betalkort kort unionpay bankkort platebni kreditni
    """.split())
_LABELS = expanded(WORDS)
_DECIMALS = re.compile(r"\d[.,]\Z")


def find(view: View) -> Iterator[Span]:
    """Card numbers. One whole block that is called a tracking number or the like is taken for what it is called."""
    if not view.has_number:
        return
    for run in _RUN.finditer(view.text):
        if run.end() - run.start() < _FEWEST:
            continue
        groups = [match.span() for match in _GROUP.finditer(view.text, run.start(), run.end())]
        if sum(end - start for start, end in groups) >= _FEWEST:
            yield from _Windows(view, groups).find()


class _Windows:
    """The windows over one run of groups that hold as many digits as a card, the longest first."""

    def __init__(self, view: View, groups: list[tuple[int, int]]) -> None:
        self.view, self.groups = view, groups
        self.sizes = [end - start for start, end in groups]
        self.digits = "".join(view.text[start:end] for start, end in groups)
        self.offsets = [0, *accumulate(self.sizes)]
        self.may_be_called = not view.vocabulary.isdisjoint(_LABELS)

    def find(self) -> Iterator[Span]:
        position = 0
        while position < len(self.groups):
            last = self._card_from(position)
            if last:
                yield Span(self.groups[position][0], self.groups[last - 1][1], "CARD")
            position = last or position + 1

    def _card_from(self, first: int) -> int:
        """Up to which group a card begins at group `first`; 0 where none does."""
        begins_as_issued = _FORMS.match(self.digits, self.offsets[first]) is not None
        if not (begins_as_issued or (self.may_be_called and (first == 0 or self.sizes[first] >= _SMALLEST_APART))):
            return 0
        last = first
        while last < len(self.groups) and self.offsets[last + 1] - self.offsets[first] <= _MOST:
            last += 1
        while self.offsets[last] - self.offsets[first] >= _FEWEST:
            if self._is_card(first, last):
                return last
            last -= 1
        return 0

    def _evenly_apart(self, first: int, last: int) -> bool:
        """Whether the same stands between all groups: between hours and minutes, and times, it does not."""
        groups = self.groups[first:last]
        return len({self.view.text[one[1] : other[0]] for one, other in zip(groups, groups[1:], strict=False)}) == 1

    def _is_card(self, first: int, last: int) -> bool:
        digits = self.digits[self.offsets[first] : self.offsets[last]]
        if not luhn(digits) or len(set(digits)) == 1:  # first, since it leaves one window in ten
            return False
        shape = tuple(self.sizes[first:last])
        alone = first == 0 and last == len(self.groups)
        shaped = shape in _SHAPES or len(shape) == 1 or (_spelled(shape) and self._evenly_apart(first, last))
        issued = len(digits) >= _FEWEST_UNCALLED and _FORMS.fullmatch(digits) is not None
        if not (shaped or (self.may_be_called and alone)) or not (issued or self.may_be_called):
            return False
        start, end = self.groups[first][0], self.groups[last - 1][1]
        if len(shape) == 1 and _DECIMALS.search(self.view.text[max(0, start - 2) : start]):
            return False
        said = meaning(self.view, start, end, _LABELS, shaped=True)
        if said.personal or (not said.named and self.may_be_called and near(self.view, start, end, _LABELS)):
            return True
        if not issued or not shaped:
            return False
        if len(shape) == 1 or shape not in _SHAPES:
            return not said.named
        return (first == 0 or self.sizes[first - 1] != 4) and (last == len(self.sizes) or self.sizes[last] != 4)


def _spelled(shape: tuple[int, ...]) -> bool:
    """Whether the groups are single digits or pairs, as when a number is dictated."""
    return len(shape) >= 7 and max(shape) <= 2
