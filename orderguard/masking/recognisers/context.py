"""What the words around a number call it.

A label decides what is meant: the nearest one in the same clause, before the number or right behind it. A label that
names a number ("order no.", "tracking number", "EAN") speaks against a person's number; a word that is merely near
("delivery", a carrier's name) does not, and what a number is *for* is not its name: in "phone for the order: …" the
telephone is meant.
"""

import re
from collections.abc import Set
from typing import NamedTuple

from orderguard.masking.recognisers.labels import (
    CODE_LABELS,
    CONJUNCTIONS,
    COPULAS,
    FILLERS,
    NUMBER_NOUNS,
    PREPOSITIONS,
    SURROUNDINGS,
    SUFFIXES,
)
from orderguard.masking.view import View

_REACH_BACK, _REACH_AHEAD, _RIGHT_BEFORE = 56, 28, 10
_TOKEN = re.compile(
    r"(?P<code>[^\W\d_]+-\d{1,4}(?!\d))|(?P<word>[^\W\d_]+)|(?P<number>\d(?:[\d.,/-]*\d)?\w*)|(?P<mark>[^\s\w]|\n)"
)
_BREAKS = frozenset("!?;\n")
_JOINTS = frozenset(",;/&|")
_LINKS = frozenset(":=")
_LONG = 5
"""From so many digits on a number between a label and this one has taken the label for itself."""
_ABBREVIATION, _NEARBY = 3, 3
_UNSPACED = "\u0e00"
"""From Thai on: scripts without spaces."""
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_]|-\d{1,4}(?!\d))")
"""A word, but not the letters of a code such as SMS-3460."""
_OF_THE_NEXT = re.compile(r"[ .#-]{0,3}(?:[^\W\d_]{1,6}[ .]{1,2}){0,2}[+(]*\d| ?[:=]")
"""What follows a label that belongs to the number behind it."""


class Meaning(NamedTuple):
    """What is said of a number.

    `personal`: a word asked for claims it. `named`: a label that names a number claims it. `about`: something that
    has numbers is spoken of in the clause, `around`: deliveries are, both of which speak against a number that has no
    form of its own.
    """

    personal: bool = False
    named: bool = False
    about: bool = False
    around: bool = False


def meaning(
    view: View,
    start: int,
    end: int,
    words: Set[str] = frozenset(),
    *,
    verbs: Set[str] = frozenset(),
    nearest: Set[str] = frozenset(),
    shaped: bool = False,
) -> Meaning:
    """What the clause around `start` to `end` says of the number there, with `words` as the labels looked for.

    `verbs` are words that claim a number as `words` do, save that they don't outweigh what it is for ("call about the
    order: …"), unless the number is `shaped`: then its form is a second witness. `nearest` claim one right before it.
    """
    if nearest and not view.vocabulary.isdisjoint(nearest):
        if not nearest.isdisjoint(_WORD.findall(view.folded[max(0, start - _RIGHT_BEFORE) : start])):
            return Meaning(personal=True)
    before = _before(view.folded[max(0, start - _REACH_BACK) : start], words, verbs, shaped)
    if before.personal or before.named:
        return before
    after = _after(view.folded[end : end + _REACH_AHEAD], words, verbs)
    return Meaning(after.personal, after.named, before.about or after.about, before.around or after.around)


def labelled_impersonal(view: View, start: int) -> bool:
    """Whether the words right before `start` call what follows an order, tracking, article or such number."""
    return _before(view.folded[max(0, start - _REACH_BACK) : start], frozenset(), frozenset(), False).named


def near(view: View, start: int, end: int, words: Set[str], *, before: int = 48, after: int = 24) -> bool:
    """Whether one of `words` stands near: within `before` characters ahead of `start` or `after` characters behind
    `end`.
    """
    if view.vocabulary.isdisjoint(words):
        return False
    around = view.folded[max(0, start - before) : start] + " | " + view.folded[end : end + after]
    return not words.isdisjoint(_WORD.findall(around))


def is_label(word: str, labels: Set[str]) -> bool:
    """Whether `word` is one of `labels`, alone or in one word with "number": Bestellnummer, trackingid, Telefonnr.

    Where words are not set apart by spaces, they are looked for in it.
    """
    if word in labels:
        return True
    if word[0] >= _UNSPACED:
        return any(label in word for label in labels if label[0] >= _UNSPACED)
    return _stem(word, labels)


def _stem(word: str, labels: Set[str]) -> bool:
    for suffix in SUFFIXES:
        if word.endswith(suffix):
            stem = word[: -len(suffix)]
            if stem in labels or stem.removesuffix("s") in labels or stem + "ung" in labels or stem + "e" in labels:
                return True
    return False


def _before(text: str, words: Set[str], verbs: Set[str], shaped: bool) -> Meaning:
    tokens = list(_TOKEN.finditer(text.replace("s/n", " sn")))
    if tokens and tokens[0].start() == 0 and len(text) == _REACH_BACK:
        del tokens[0]
    adjacent, numbered, linked, joined, others = True, False, False, False, 0
    pending, purpose, about, around, spoken = False, False, False, False, False
    for token in reversed(tokens):
        kind, value = token.lastgroup, token[0]
        if kind == "mark":
            if value in _LINKS:
                linked = linked or not spoken
            elif value in _JOINTS:
                joined = True
                if value == ";" and spoken:
                    break
            elif value in _BREAKS and spoken:
                break
            elif value == "." and spoken and _ends_sentence(text, token.start()):
                break
            continue
        if kind in ("number", "code"):
            if sum(map(str.isdigit, value)) >= _LONG and not joined:
                break
            joined = False
            continue
        if value in CONJUNCTIONS:
            joined = True
        if pending:
            # what stands before the label: "phone for the order", "carte pour la commande"
            if value in PREPOSITIONS:
                purpose = True
            elif purpose and is_label(value, words):
                return Meaning(personal=True)
            elif purpose and shaped and value in verbs:
                return Meaning(personal=True)
            elif not purpose and value not in FILLERS and value not in NUMBER_NOUNS:
                return Meaning(named=True)
            continue
        if (is_label(value, words) or value in verbs) and not _is_prefix(value, text[token.end() :]):
            return Meaning(personal=True)
        if value in NUMBER_NOUNS:
            numbered = True
        elif adjacent and (
            is_label(value, CODE_LABELS) or (is_label(value, SURROUNDINGS) and (numbered or value not in SURROUNDINGS))
        ):
            pending = True
            if not (linked or shaped):
                # "card for order 1234": the number follows what it names without a mark between
                return Meaning(named=True)
        elif is_label(value, CODE_LABELS):
            about = about or others <= _NEARBY
        elif value in SURROUNDINGS:
            around = around or others <= _NEARBY
        elif value in COPULAS:
            linked = linked or not spoken
            continue
        elif value not in FILLERS:
            adjacent = False
            others += 1
        spoken = True
    return Meaning(named=pending, about=about, around=around)


def _is_prefix(word: str, behind: str) -> bool:
    """Whether a short word is run together with the number, as codes are: SMS-3460."""
    return behind == "-" and len(word) <= _ABBREVIATION and word != "tel"


def _ends_sentence(text: str, at: int) -> bool:
    """Whether the full stop at `at` ends a sentence: behind an abbreviation or a label it does not."""
    if not text[at + 1 : at + 2].isspace():
        return False
    word = re.search(r"[^\W_]*$", text[:at])
    last = word[0] if word else ""
    return len(last) > _ABBREVIATION and last not in NUMBER_NOUNS and not any(last.endswith(end) for end in SUFFIXES)


def _after(text: str, words: Set[str], verbs: Set[str]) -> Meaning:
    label = ""
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup, token[0]
        if kind == "mark":
            if value in ",;.!?\n|":
                break
            continue
        if kind in ("number", "code") or (token.end() == len(text) and len(text) == _REACH_AHEAD):
            break
        if is_label(value, words) or value in verbs:
            return Meaning(personal=not _OF_THE_NEXT.match(text, token.end()))
        if is_label(value, CODE_LABELS) or is_label(value, SURROUNDINGS):
            if value not in CODE_LABELS and value not in SURROUNDINGS:
                return Meaning(named=True)
            label = value
        elif value in NUMBER_NOUNS and label:
            return Meaning(named=True)
        elif value not in FILLERS and value not in COPULAS:
            label = ""
    return Meaning(about=label in CODE_LABELS, around=label in SURROUNDINGS)
