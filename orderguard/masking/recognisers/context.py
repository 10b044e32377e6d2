"""What the words around a number call it.

A label decides what is meant: the nearest one in the same clause, before the number or right behind it. A label that
names a number ("order no.", "tracking number", "EAN") speaks against a person's number; a word that is merely near
("delivery", a carrier's name) does not, and what a number is *for* is not its name: in "phone for the order: …" the
telephone is meant.
"""

import re
from collections.abc import Iterable, Set
from functools import lru_cache
from typing import NamedTuple

from orderguard.masking.recognisers.labels import (
    ACCOUNTS,
    CODE_LABELS,
    CONJUNCTIONS,
    COPULAS,
    FILLERS,
    NUMBER_NOUNS,
    PREPOSITIONS,
    SURROUNDINGS,
    SUFFIXES,
)
from orderguard.masking.spans import KINDS
from orderguard.masking.view import View

_REACH_BACK, _REACH_AHEAD, _RIGHT_BEFORE = 56, 28, 10
_TOKEN = re.compile(
    rf"(?P<masked>\[(?:{'|'.join(KINDS).lower()})\])|"
    r"(?P<code>[^\W\d_]+(?:-\d{1,4}(?!\d)|\d\w*))|(?P<word>[^\W\d_]+)|(?P<number>\d(?:[\d.,/-]*\d)?\w*)|"
    r"(?P<mark>[^\s\w]|\n)"
)
_BREAKS = frozenset("!?;\n")
_JOINTS = frozenset(",;/&|")
_ENDS = frozenset(',;|"{}()[]')
_LINKS = frozenset(":=")
_LONG = 5
"""From so many digits on a number between a label and this one has taken the label for itself."""
_ABBREVIATION, _NEARBY, _SHORTEST_STEM = 3, 3, 2
_UNSPACED = "\u0e00"
"""From Thai on: scripts without spaces."""
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_]|-\d{1,4}(?!\d))")
"""A word, but not the letters of a code such as SMS-3460."""
_LAST_WORD = re.compile(r"([^\W\d_]+)[ -]?$")
_OF_THE_NEXT = re.compile(r"[ .#-]{0,3}(?:[^\W\d_]{1,6}[ .]{1,2}){0,2}[+(]*\d| ?[:=]")
"""What follows a label that belongs to the number behind it."""


class Meaning(NamedTuple):
    """What is said of a number.

    `personal`: the word asked for that claims it, and `apart` how many other words stand between. `named`: a label
    that names a number claims it. `about`: something that has numbers is spoken of in the clause, `around`: deliveries
    or accounts are, both of which speak against a number that has no form of its own.
    """

    personal: str = ""
    named: bool = False
    about: bool = False
    around: bool = False
    apart: int = 0


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
        claiming = nearest & set(_WORD.findall(view.folded[max(0, start - _RIGHT_BEFORE) : start]))
        if claiming:
            return Meaning(personal=min(claiming))
    before = _before(view.folded[max(0, start - _REACH_BACK) : start], words, verbs, shaped)
    if before.personal or before.named:
        return before
    after = _after(view.folded[end : end + _REACH_AHEAD], words, verbs)
    return after._replace(about=before.about or after.about, around=before.around or after.around)


def labelled_impersonal(view: View, start: int) -> bool:
    """Whether the words right before `start` call what follows an order, tracking, article or such number."""
    return _before(view.folded[max(0, start - _REACH_BACK) : start], frozenset(), frozenset(), False).named


def names_a_number(word: str) -> bool:
    """Whether a word is what orders, articles and parcels call their numbers: sku, Bestellnummer."""
    return word.lower() in _NAMES or word.lower() in NUMBER_NOUNS


def near(view: View, start: int, end: int, words: Set[str], *, before: int = 48, after: int = 24) -> bool:
    """Whether one of `words` stands near: within `before` characters ahead of `start` or `after` characters behind
    `end`.
    """
    if view.vocabulary.isdisjoint(words):
        return False
    around = view.folded[max(0, start - before) : start] + " | " + view.folded[end : end + after]
    return not words.isdisjoint(_WORD.findall(around))


def expanded(labels: Iterable[str]) -> frozenset[str]:
    """Labels and what is written in one word with them: Bestellnummer, trackingid, Telefonnr., Sendungsnummer."""
    forms = set(labels)
    for label in labels:
        for stem in {label, label + "s", label.removesuffix("ung"), label.removesuffix("e")}:
            forms.update(stem + suffix for suffix in SUFFIXES if len(stem) >= _SHORTEST_STEM)
    return frozenset(forms)


_NAMES = expanded(CODE_LABELS)
_NAMES_WITH_NUMBER = expanded(SURROUNDINGS | ACCOUNTS) - SURROUNDINGS - ACCOUNTS
_CODE_WORDS = frozenset("code codes codice codigo kod".split())
"""What may as well belong to a label ahead of it: "sort code", "order code"."""


def _is(word: str, labels: Set[str]) -> bool:
    """Whether `word` is one of `labels`; where words are not set apart by spaces, whether it holds one."""
    if word in labels:
        return True
    return word[0] >= _UNSPACED and any(label in word for label in _unspaced(frozenset(labels)))


@lru_cache(64)
def _unspaced(labels: frozenset[str]) -> tuple[str, ...]:
    """Those of `labels` that are written without spaces around them: a few of some thousand."""
    return tuple(sorted(label for label in labels if label[0] >= _UNSPACED))


def _before(text: str, words: Set[str], verbs: Set[str], shaped: bool) -> Meaning:
    tokens = list(_TOKEN.finditer(text.replace("s/n", " sn").replace("a/c", "acc")))
    if tokens and tokens[0].start() == 0 and len(text) == _REACH_BACK:
        del tokens[0]
    adjacent, numbered, linked, joined, others, digits = True, False, False, False, 0, 0
    pending, purpose, about, around, spoken = False, False, False, False, False
    for token in reversed(tokens):
        kind, value = token.lastgroup, token[0]
        if kind == "mark":
            if pending and value in _ENDS:
                break
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
        if kind in ("number", "code", "masked"):
            digits += _LONG if kind == "masked" else sum(map(str.isdigit, value))
            if digits >= _LONG and not joined:
                break
            joined = False
            continue
        digits = 0
        if value in CONJUNCTIONS:
            joined = True
        if pending:
            # what stands before the label: "phone for the order", "carte pour la commande"
            if value in PREPOSITIONS:
                purpose = True
            elif purpose and _is(value, words):
                return Meaning(personal=value, apart=others)
            elif purpose and shaped and value in verbs:
                return Meaning(personal=value, apart=others)
            elif not purpose and value not in FILLERS and value not in NUMBER_NOUNS:
                return Meaning(named=True)
            continue
        if (_is(value, words) or value in verbs) and not _is_prefix(value, text[token.end() :]):
            return Meaning(personal=value, apart=others, about=about)
        if value in NUMBER_NOUNS:
            numbered = True
        elif value in _CODE_WORDS and _is(_word_before(text, token.start()), words):
            numbered = True
        elif adjacent and (
            _is(value, _NAMES) or value in _NAMES_WITH_NUMBER or (numbered and _is(value, SURROUNDINGS))
        ):
            pending = True
            if not (linked or shaped):
                # "card for order 1234": the number follows what it names without a mark between
                return Meaning(named=True)
        elif _is(value, _NAMES) or value in ACCOUNTS:
            about = about or others <= _NEARBY
        elif _is(value, SURROUNDINGS):
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


def _word_before(text: str, at: int) -> str:
    word = _LAST_WORD.search(text[:at])
    return word[1] if word else " "


def _ends_sentence(text: str, at: int) -> bool:
    """Whether the full stop at `at` ends a sentence: behind an abbreviation or a label it does not."""
    if not text[at + 1 : at + 2].isspace():
        return False
    word = re.search(r"[^\W_]*$", text[:at])
    last = word[0] if word else ""
    return len(last) > _ABBREVIATION and last not in NUMBER_NOUNS and not any(last.endswith(end) for end in SUFFIXES)


def _after(text: str, words: Set[str], verbs: Set[str]) -> Meaning:
    label, others = "", 0
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup, token[0]
        if kind == "mark":
            if value in ",;.!?\n|":
                break
            continue
        if kind in ("number", "code", "masked") or (token.end() == len(text) and len(text) == _REACH_AHEAD):
            break
        if _is(value, words) or value in verbs:
            return Meaning() if _OF_THE_NEXT.match(text, token.end()) else Meaning(personal=value, apart=others)
        if value in _NAMES_WITH_NUMBER or (value in _NAMES and value not in CODE_LABELS):
            return Meaning(named=True)
        if _is(value, CODE_LABELS) or _is(value, SURROUNDINGS):
            label = value
        elif value in NUMBER_NOUNS and label:
            return Meaning(named=True)
        elif value not in FILLERS and value not in COPULAS:
            label = ""
            others += 1
    return Meaning(about=label in CODE_LABELS, around=label in SURROUNDINGS)
