"""Finding an order's own names, addresses and numbers in its free text, however they are written there.

Words are compared without case and accents; parts count alone where they are telling ("Muster"), together where they
are not ("High" and "Street"); whole values are also compared with all separators gone ("anna.muster", "A n n a").
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orderguard.masking.spans import Span
from orderguard.masking.view import View, fold
from orderguard.masking.vocabulary import (
    COMMON_WORDS,
    GENERIC_MAILBOXES,
    LEGAL_FORMS,
    NAME_ENDINGS,
    PARTICLES,
    SPELLINGS,
    STEM_VOWELS,
    STREET_ENDINGS,
    STREET_FORMS,
)

TELLING = 2.0
"""The weight from which a run of words is masked."""

_WORD = re.compile(r"[^\W_]+")
_NOT_ALNUM = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"\D+")
_DIGITS, _NOT_ASCII_DIGIT = re.compile("[0-9]+"), re.compile("[^0-9]+")
_CASED_APART = re.compile("[\u0370-\u03ff\u0400-\u052f]")
"""Greek and Cyrillic: a look-alike capital folds to another letter than its small one (`Т` to `t`, `т` to itself)."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DATE = re.compile(
    r"(?<!\d)\d{1,4}(?:[./ -]{1,2}\d{1,2}[./ -]{1,2}|[. ]*(?:de )?[a-z]{3,10}\.?,? (?:de )?)\d{1,4}(?!\d)"
)
_LONGEST_GAP = 3
_MOST_PASSED_OVER = 256
"""A value that stands so often inside of words is masked there, too: no text of a person has it so."""
_PHONE_TAIL = 8
_PHONE_EDGE = frozenset("0123456789+() .-/")


class Hit(NamedTuple):
    """A word of a known value found in the text."""

    start: int
    end: int
    kind: str
    weight: float


class Whole(NamedTuple):
    """A known value without separators; `token`, if given, is written in its place."""

    compact: str
    kind: str
    token: str | None = None


class Known:
    """The personal values of one order, prepared for search."""

    def __init__(self) -> None:
        self.words: dict[str, tuple[str, float]] = {}
        self.wholes: dict[str, Whole] = {}
        self.phones: list[str] = []
        self.dates: list[list[int]] = []
        self.unspaced: list[tuple[str, str]] = []

    def add_name(self, value: str | None) -> None:
        """A person's name: each part counts alone, save particles and the shortest."""
        for form in _forms(value):
            self._add_name(form)

    def _add_name(self, value: str) -> None:
        parts = _WORD.findall(fold(value))
        unspaced = _UNSPACED.search(value) is not None
        for part in parts:
            self._word(
                part,
                "NAME",
                0.0 if part in PARTICLES or len(part) == 1 else 1.0 if len(part) == 2 and len(parts) > 1 else TELLING,
            )
            self._word(part[0], "NAME", 0.0)
        for order in (parts, parts[::-1], parts[-1:] + parts[:-1]):
            self._whole("".join(order), "NAME", fewest=2 if unspaced else 4)
        if len(parts) > 1:
            self._whole(parts[0][0] + parts[-1], "NAME", fewest=6)
        self._spellings(value, "NAME")
        if unspaced:
            self.unspaced += [(part, "NAME") for part in (*parts, "".join(parts)) if len(part) >= 2]

    def add_company(self, value: str | None) -> None:
        """A company: the whole, with and without its legal form."""
        for form in _forms(value):
            parts = [part for part in _WORD.findall(fold(form)) if part not in LEGAL_FORMS]
            self._whole("".join(parts), "NAME", fewest=4)
            if len(parts) == 1:
                self._word(parts[0], "NAME", TELLING)

    def add_street(self, value: str | None) -> None:
        """A street and house number: a street word or a number alone says nothing, together with the name they do."""
        for form in _forms(value):
            self._add_street(form)

    def _add_street(self, value: str) -> None:
        parts = _WORD.findall(fold(value))
        for part in parts:
            forms = STREET_FORMS.get(part)
            ending = _street_ending(part)
            if forms:
                for form in forms:
                    self._word(form, "ADDRESS", 0.5)
            elif ending:
                stem = part.removesuffix(ending)
                for other in STREET_FORMS.get(ending, (ending,)):
                    self._word(stem + other, "ADDRESS", TELLING)
                    self._word(other, "ADDRESS", 0.5)
                self._word(stem, "ADDRESS", 1.5)
            elif part[0].isdigit() or len(part) == 1:
                self._word(part, "ADDRESS", 0.5)
            else:
                self._word(part, "ADDRESS", 0.0 if part in PARTICLES else 1.5)
        self._whole("".join(parts), "ADDRESS", fewest=6)
        self._spellings(value, "ADDRESS")
        if _UNSPACED.search(value):
            self.unspaced += [(part, "ADDRESS") for part in parts if len(part) >= 2 and not part.isascii()]

    def add_place(self, value: str | None) -> None:
        """A town or a region."""
        for form in _forms(value):
            self._add_place(form)

    def _add_place(self, value: str) -> None:
        parts = _WORD.findall(fold(value))
        telling = [part for part in parts if part not in PARTICLES]
        for part in parts:
            weight = TELLING / max(1, len(telling)) if part in telling and len(part) > 2 else 0.0
            self._word(part, "ADDRESS", max(weight, 1.0) if weight else 0.0)
        self._whole("".join(parts), "ADDRESS", fewest=5)
        self._spellings(value, "ADDRESS")
        if _UNSPACED.search(value):
            self.unspaced += [(part, "ADDRESS") for part in parts if len(part) >= 2]

    def add_postcode(self, value: str | None) -> None:
        """A postcode: alone from five characters on; shorter ones, which may be any number, beside the town."""
        if value:
            parts = _WORD.findall(fold(value))
            for part in parts:
                self._word(part, "ADDRESS", TELLING if len(part) >= 5 else 1.0)
            if len("".join(parts)) >= 5:
                self._whole("".join(parts), "ADDRESS", fewest=5)

    def add_email(self, value: str | None) -> None:
        """An e-mail address, and its mailbox alone unless that is a word like "info"."""
        for form in _forms(value):
            folded = fold(form)
            mailbox = folded.partition("@")[0].partition("+")[0]
            self._whole(_NOT_ALNUM.sub("", folded), "EMAIL", fewest=6)
            if mailbox not in GENERIC_MAILBOXES and mailbox not in COMMON_WORDS:
                self._whole(_NOT_ALNUM.sub("", mailbox), "EMAIL", fewest=5)

    def add_phone(self, value: str | None) -> None:
        """A telephone number: known by its last digits, whatever stands ahead of them."""
        digits = _NOT_DIGIT.sub("", fold(value)) if value else ""
        if len(digits) >= 6:
            self.phones.append(digits[-_PHONE_TAIL:])

    def add_birth_date(self, value: str | None) -> None:
        """A date, in any order of its parts."""
        numbers = [int(number) for number in re.findall(r"\d+", value or "")]
        if len(numbers) == 1 and len(value or "") == 8:
            numbers = [numbers[0] // 10_000, numbers[0] // 100 % 100, numbers[0] % 100]
        if len(numbers) == 3:
            self.dates.append(sorted(numbers))

    def add_code(self, value: str | None, kind: str = "ID", token: str | None = None) -> None:
        """A number or an identifier, looked for whole."""
        for form in _forms(value):
            self._whole(_NOT_ALNUM.sub("", fold(form)), kind, fewest=4, token=token)

    def add_any(self, value: str) -> None:
        """A value of which nothing is told but that it is personal."""
        if "@" in value:
            self.add_email(value)
        elif sum(character.isdigit() for character in value) * 2 > len(value):
            self.add_phone(value)
            self.add_code(value)
        elif any(character.isdigit() for character in value):
            self.add_street(value)
            self.add_code(value)
        else:
            self.add_name(value)

    def find(self, view: View) -> Iterator[Span]:
        """Where the values stand in the view."""
        yield from self._runs(view)
        if self.wholes or self.phones:
            compact, places = _compacted(view)
            yield from self._find_wholes(view, compact, places)
            if self.phones:
                yield from self._find_phones(view)
        for value, kind in dict.fromkeys(self.unspaced):
            at = view.folded.find(value)
            while at >= 0:
                yield Span(at, at + len(value), kind)
                at = view.folded.find(value, at + len(value))
        if self.dates:
            yield from self._find_dates(view)

    def in_code(self, compact: str) -> str | None:
        """The kind of a whole value that stands in a catalogue code (lower case, letters and digits alone)."""
        for whole in self.wholes.values():
            if len(whole.compact) >= 8 and whole.compact in compact:
                return whole.kind
        return "PHONE" if any(phone in compact for phone in self.phones) else None

    def _word(self, word: str, kind: str, weight: float) -> None:
        if word not in self.words or self.words[word][1] < weight:
            self.words[word] = (kind, weight)

    def _whole(self, compact: str, kind: str, *, fewest: int, token: str | None = None) -> None:
        if len(compact) >= fewest:
            self.wholes.setdefault(compact, Whole(compact, kind, token))

    def _spellings(self, value: str, kind: str) -> None:
        """The ASCII spellings that people use for letters which folding reduces differently: Mueller for Müller."""
        if value.isascii():
            return
        spelled = "".join(SPELLINGS.get(character, character) for character in value.lower())
        if spelled != value.lower():
            for part in _WORD.findall(fold(spelled)):
                if part not in STREET_FORMS:
                    self._word(part, kind, TELLING if len(part) >= 4 else 0.0)

    def _runs(self, view: View) -> Iterator[Span]:
        run: list[Hit] = []
        for word, start, end in view.words:
            hit = self._hit(view, word, start, end)
            if run and (hit is None or hit.kind != run[-1].kind or start - run[-1].end > _LONGEST_GAP):
                yield from _telling(run)
                run = []
            if hit is not None:
                run.append(hit)
        if run:
            yield from _telling(run)

    def _hit(self, view: View, word: str, start: int, end: int) -> Hit | None:
        kind, weight = self.words.get(word) or self._inflected(word)
        if not kind or (weight == 0.0 and len(word) == 1 and not _is_initial(view, start, end)):
            return None
        if len(word) == 2 and weight and word not in COMMON_WORDS and view.text[start].isupper():
            weight = TELLING
        if weight >= TELLING and word in COMMON_WORDS and not view.text[start].isupper():
            weight = 1.0
        return Hit(start, end, kind, weight)

    def _inflected(self, word: str) -> tuple[str, float]:
        """A known name with an ending: Annas, Novákovi, Nováková for Novák and the other way round."""
        if len(word) < 4 or word.isdigit():
            return "", 0.0
        for length in (1, 2, 3):
            stem, ending = word[:-length], word[-length:]
            if len(stem) < 3 or ending not in NAME_ENDINGS:
                continue
            for base in (stem, *(stem + vowel for vowel in STEM_VOWELS)):
                kind, weight = self.words.get(base, ("", 0.0))
                if kind == "NAME" and weight >= TELLING and len(base) >= 4 and base not in COMMON_WORDS:
                    return kind, weight
        return "", 0.0

    def _find_wholes(self, view: View, compact: str, places: list[int]) -> Iterator[Span]:
        for value, kind, token in self.wholes.values():
            at, passed_over = compact.find(value), 0
            while at >= 0:
                start, end = places[at], places[at + len(value) - 1] + 1
                opens = start == 0 or not view.folded[start - 1].isalnum()
                closes = end == len(view.folded) or not view.folded[end].isalnum()
                if (
                    (opens and closes)
                    or (len(value) >= 8 and not value.isdigit() and (opens or closes or len(value) >= 12))
                    or passed_over > _MOST_PASSED_OVER
                ):
                    yield Span(start, end, kind, token)
                    at += len(value) - 1
                passed_over += 1
                at = compact.find(value, at + 1)

    def _find_phones(self, view: View) -> Iterator[Span]:
        places: list[int] = []
        for run in _DIGITS.finditer(view.folded):
            places += range(*run.span())
        digits = _NOT_ASCII_DIGIT.sub("", view.folded)
        for tail in self.phones:
            at = digits.find(tail)
            while at >= 0:
                start, end = places[at], places[at + len(tail) - 1] + 1
                if end - start <= 3 * len(tail):
                    while start > 0 and places[at] - start < 12 and view.folded[start - 1] in _PHONE_EDGE:
                        start -= 1
                    while view.folded[start] in " .-/)":
                        start += 1
                    yield Span(start, end, "PHONE")
                    at += len(tail) - 1
                at = digits.find(tail, at + 1)

    def _find_dates(self, view: View) -> Iterator[Span]:
        for match in _DATE.finditer(view.folded):
            numbers = sorted(int(number) for number in re.findall(r"\d+", match[0]))
            for known in self.dates:
                spelled_month = len(numbers) == 2 and numbers[-1] == known[-1] and numbers[0] in known[:2]
                if spelled_month or numbers == known or numbers == sorted((*known[:2], known[-1] % 100)):
                    yield Span(match.start(), match.end(), "BIRTH DATE")


def known_strings(values: Iterable[str]) -> Known | None:
    """The values prepared for search, or None where there are none."""
    known = None
    for value in values:
        known = known or Known()
        known.add_any(value)
    return known


def _forms(value: str | None) -> Iterable[str]:
    """The value, in every case that it may be written in where folding tells them apart."""
    if not value:
        return ()
    if not value.isascii() and _CASED_APART.search(value):
        return dict.fromkeys((value, value.lower(), value.upper(), value.title()))
    return (value,)


def _street_ending(word: str) -> str | None:
    """The street word at the end of a name that is written in one with it."""
    if not word.endswith(STREET_ENDINGS):
        return None
    return next(
        (ending for ending in STREET_ENDINGS if word.endswith(ending) and len(word) > len(ending) + 2),
        None,
    )


def _is_initial(view: View, start: int, end: int) -> bool:
    """Whether a single letter is short for a name, or a particle as in D'Amore and van 't Wel."""
    return view.text[end : end + 1] in (".", "'") or view.text[max(0, start - 1) : start] == "'"


def _telling(run: list[Hit]) -> Iterator[Span]:
    while run and run[-1].weight == 0.0:
        run.pop()
    if sum(hit.weight for hit in run) >= TELLING:
        yield Span(run[0].start, run[-1].end, run[0].kind)


def _compacted(view: View) -> tuple[str, list[int]]:
    places: list[int] = []
    for _, start, end in view.words:
        places += range(start, end)
    return "".join([word for word, _, _ in view.words]), places
