"""Whether a statement says what a line of its source says, and nothing else.

Words are read as items: numbers with their units, negation, permission and duty, quantities, comparisons, conditions
(those that turn a fact round when they change: `critical`), and the rest by their stems. A statement is proven by a
line if its critical items are exactly those of the clauses that it uses, in their order, and if its other words stand
there in the same order, hardly any left out and none added. So swapped numbers, a dropped "not", "must" for "may",
"any" for "up to", one role for another can't pass. What can't be proven may still be true: then the source is quoted
instead.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from app.rag.fact_words import (
    CRITICAL_WORDS,
    FILLER,
    IMPERATIVES,
    NEVER_LENT,
    ORDERING,
    PHRASES,
    ROLES,
    SAME,
    SMALL_NUMBERS,
    SMALL_WORDS,
    UNITS,
)

Stem = Callable[[str], str]
LEAST_KEPT = 0.65
"""The share of a clause's words that a statement must keep, so that no restriction is dropped."""
MOST_ITEMS = 120
"""A longer statement or line is not compared: it is quoted."""

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[A-Z]{2,}|[a-z]+(?:'[a-z]+)?|[%€$]|[.,;:]")
_SPLIT_STATEMENT = re.compile(r"(?<=[.;:!?])\s+|;|:\s+")
_JOINED = re.compile(r",\s+(?:and|but|while|whereas|so|or(?=\s\d))\s+")
_ENDS = frozenset(".;:")
_MODALS = frozenset({"MAY", "MUST", "SHOULD"})


class Item(msgspec.Struct, frozen=True):
    """A word or a phrase of a statement. `critical` turns a fact round when it changes."""

    value: str
    critical: bool = False


class Line(msgspec.Struct, frozen=True):
    """A line of a source as clauses."""

    clauses: list[list[Item]]
    imperative: bool


def proven(text: str, lines: Sequence[str], context: str, stem: Stem) -> bool:
    """Whether every part of a statement is proven by one of these lines. `context` (title and heading) may lend
    words."""
    if any(_same(text, line) for line in lines):
        return True
    sources = [_line(line, stem) for line in lines if line.strip()]
    lent = {item.value for clause in _line(context, stem).clauses for item in clause if not item.critical}
    parts = [part for part in _SPLIT_STATEMENT.split(text.lower()) if _says_something(part, stem)]
    return bool(parts) and all(_part_proven(part, sources, lent, stem) for part in parts)


def _says_something(part: str, stem: Stem) -> bool:
    return any(item.critical or item.value not in FILLER for item in items_of(part, stem))


def _part_proven(part: str, sources: Sequence[Line], lent: set[str], stem: Stem) -> bool:
    if any(_follows(items_of(part, stem), source, lent) for source in sources):
        return True
    pieces = [piece for piece in _JOINED.split(part) if items_of(piece, stem)]
    return len(pieces) > 1 and all(
        any(_follows(items_of(piece, stem), source, lent) for source in sources) for piece in pieces
    )


def _same(text: str, line: str) -> bool:
    def bare(words: str) -> str:
        return " ".join(words.split()).strip(" .").lower()

    return bare(text) == bare(line)


def items_of(text: str, stem: Stem) -> list[Item]:
    """The items of a text, without the marks between its clauses."""
    return [item for item in _items(text, stem) if item.value not in ",.;:"]


def _items(text: str, stem: Stem) -> list[Item]:
    text = (
        text.lower().replace("’", "'").replace("n't", " not").replace("cannot", "can not").replace("ca not", "can not")
    )
    text = text.replace("wo not", "will not").replace("`", " ").replace("_", " ").replace("−", "-")
    for phrase, meaning in PHRASES:
        text = phrase.sub(f" {meaning} ", text)
    return _joined([_item(word, stem) for word in _TOKEN.findall(text) if word not in SMALL_WORDS])


def _item(word: str, stem: Stem) -> Item:
    if word.isupper() and len(word) > 1 and word.isalpha():
        return Item(word, True)
    if word[0].isdigit():
        number = word.rstrip(".,:")
        plain = number.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number) else number
        return Item(f"#{plain.lstrip('0') or '0'}" if plain.isdigit() else f"#{plain}", True)
    if word in SMALL_NUMBERS:
        return Item(f"#{SMALL_NUMBERS[word]}", True)
    if word in ",.;:":
        return Item(word)
    bare = word.split("'")[0]
    if bare in CRITICAL_WORDS:
        return Item(CRITICAL_WORDS[bare], True)
    same = SAME.get(bare, bare)
    return Item(SAME.get(stem(same), stem(same)))


def _joined(items: list[Item]) -> list[Item]:
    """Numbers with their units as one, a permission with its negation as a prohibition."""
    result: list[Item] = []
    for item in items:
        last = result[-1] if result else None
        if last and last.value.startswith("#") and item.value in UNITS:
            result[-1] = Item(f"{last.value} {item.value}", True)
        elif last and {last.value, item.value} & {"NOT"} and {last.value, item.value} & _MODALS:
            result[-1] = Item("FORBIDDEN", True)
        else:
            result.append(item)
    return result


def _line(text: str, stem: Stem) -> Line:
    """A line cut into clauses: at full stops, semicolons, colons, and at "and" where something new begins. A clause
    that denies goes on to the next stop, since what follows is denied, too."""
    first = re.match(r"\W*([A-Za-z']+)", text)
    word = first[1].lower() if first else ""
    clauses: list[list[Item]] = []
    for part in re.split(
        r"(?<=[.;:!?])\s+|,?\s+(?=(?:because|since|so that)\b(?! of))|,\s+(?=and (?:the|an?) (?:\w+ ){1,2}(?:is"
        r"|are)\b)",
        text,
    ):
        pieces = re.split(r",\s+(?=(?:and|but|or|so)\b)|\s+(?=(?:and|or) (?:may|must|can|should|never)\b)", part)
        open_clause: list[Item] = []
        for piece in pieces:
            found = items_of(piece, stem)
            if open_clause and any(item.value in ("NOT", "FORBIDDEN", "EXCEPT") for item in open_clause):
                open_clause += found
                continue
            if open_clause:
                clauses.append(open_clause)
            open_clause = list(found)
        if open_clause:
            clauses.append(open_clause)
    forbidding = word in ("never", "don't", "don’t")
    if forbidding and clauses and clauses[0] and clauses[0][0].value == "NOT":
        clauses[0] = [Item("FORBIDDEN", True), *clauses[0][1:]]
    return Line(clauses, word in IMPERATIVES or forbidding)


def _follows(said: list[Item], source: Line, lent: set[str]) -> bool:
    """Whether what is said stands in neighbouring clauses of a line."""
    if not said or len(said) > MOST_ITEMS or sum(map(len, source.clauses)) > MOST_ITEMS:
        return False
    count = len(source.clauses)
    return any(
        _stands_in(said, source, first, last, lent)
        for first in range(count)
        for last in range(first, min(count, first + 4))
    )


def _stands_in(said: list[Item], source: Line, first: int, last: int, lent: set[str]) -> bool:
    window = [item for clause in source.clauses[first : last + 1] for item in clause]
    if first and window and window[0].value == "OR":
        window = window[1:]  # it joins these clauses to the ones before them
    before = [item for clause in source.clauses[:first] for item in clause]
    subject = [] if any(i.value in ("NOT", "FORBIDDEN", "EXCEPT") for i in before) else _subject(before)
    spoken = _without_duty(said, window, imperative=source.imperative and first == 0)
    needed = [item.value for item in window if item.critical]
    given = [item.value for item in spoken if item.critical]
    if given != needed:
        needed = _without_comparison(window, needed, given)
    if given != needed and "MAY" in given and any(value.startswith("#") for value in given):
        # "may … for two hours only": who leaves out "only" still tells no more than is allowed.
        needed = [value for value in needed if value != "ONLY"]
    words = [item.value for item in spoken if not item.critical and item.value not in FILLER]
    there = [item.value for item in window if not item.critical and item.value not in FILLER]
    kept = sum(1 for word in there if word in words)
    if not (words or given) or (there and kept < LEAST_KEPT * len(there)):
        return False
    if any(word in ROLES and word not in words for word in there):
        return False  # else what one does could be told of another
    if given == needed and _in_order(spoken, [*subject, *window], lent):
        return True
    return _may_be_turned(window) and Counter(given) == Counter(needed) and _all_there(words, window, lent)


def _subject(items: Sequence[Item]) -> list[Item]:
    """What a sentence begins with, before its first critical item: the next clauses are about it, too."""
    at = next((place for place, item in enumerate(items) if item.critical), len(items))
    return list(items[:at])


def _without_duty(said: list[Item], window: list[Item], *, imperative: bool) -> list[Item]:
    """What is said without the modal verb that its source has no need of: "you should" for an order, "may … at most"
    for a limit."""
    modals = [item for item in window if item.value in _MODALS | {"FORBIDDEN", "NOT"}]
    if modals:
        return said
    bounded = any(item.value == "ATMOST" for item in said)
    droppable = ({"MUST", "SHOULD"} if imperative else set()) | ({"MAY"} if bounded else set())
    place = next((at for at, item in enumerate(said) if item.value in droppable), None)
    return said if place is None else [*said[:place], *said[place + 1 :]]


def _without_comparison(window: list[Item], needed: list[str], given: list[str]) -> list[str]:
    """The critical items without a comparison between two numbers, where both are told: their order says it."""
    bare = [value for value in needed if value not in ("MORE", "LESS")]
    numbers = [value for value in bare if value.startswith("#")]
    between = [a.value in ("MORE", "LESS") for a, _ in pairwise(window)]
    return bare if given == bare and len(numbers) == 2 and any(between) else needed


def _in_order(said: Sequence[Item], there: Sequence[Item], lent: set[str]) -> bool:
    place = 0
    for item in said:
        at = next((n for n in range(place, len(there)) if there[n].value == item.value), None)
        if at is not None:
            place = at + 1
        elif item.critical or not (item.value in FILLER or (item.value in lent and item.value not in NEVER_LENT)):
            return False
    return True


def _may_be_turned(window: Sequence[Item]) -> bool:
    """Whether the order of words may change without changing the fact: nothing in it comes twice or has an order."""
    values = [item.value for item in window]
    numbers = sum(value.startswith("#") for value in values)
    roles = len({value for value in values if value in ROLES})
    return numbers <= 1 and roles <= 1 and not any(value in ORDERING for value in values)


def _all_there(words: Sequence[str], there: Sequence[Item], lent: set[str]) -> bool:
    missing = Counter(words) - Counter(item.value for item in there)
    return all(word in lent and word not in NEVER_LENT for word in missing)
