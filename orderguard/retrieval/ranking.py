"""Which passage answers a question, and in which line: the passages that the search finds, ordered by how much of the
question stands in one line with its heading, and by whether that line is of the kind that is asked for.
"""

import math
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from orderguard.retrieval.documents import Passage
from orderguard.retrieval.search import Hit, Search
from orderguard.retrieval.terms import WORD

Shape = Literal["who", "how long", "how much", "what is", "any"]
CANDIDATES = 30
SYNONYM = 0.6
"""What a synonym counts where the word itself counts 1."""
IN_HEADING = 0.7
IN_TITLE = 0.8
"""What a word counts that stands not in the line but above it."""
IN_WORDS = 1.0
"""What a word counts that people use for what the passage says."""
LEAST_WEIGHT = 2.8
"""A word of the question counts so much however common it is in the knowledge."""
WEIGHTS = {
    "line": 0.4,
    "heading": 0.33,
    "asked": 0.26,
    "worded": 0.2,
    "passage": 0.17,
    "meaning": 0.32,
    "words": 0.15,
    "shape": 0.28,
    "favoured": 0.12,
}

_TIME = re.compile(
    r"\b(?:\d+|one|two|three|four|five|ten|fifteen|twenty)\b(?: \w+)? (?:hours?|days?|minutes?|months?|weeks?"
    r"|years?)\b|\d\d:\d\d"
    r"|\bat once\b|\b(?:every|once a|each) (?:week|month|quarter|delivery)\b|\bafter every\b"
)
_NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|ten|half|twice|hundred|thousand)\b")
_WHO = re.compile(
    r"\b(?:may|can|must|needs?|decides?|never|alone|nobody|anybody|every analyst|no access|forbidden)\b"
    r"|\bonly\b.*\bin\b"
    r"|\b(?:isn't|is not|is) (?:allowed|changed)"
)
_IS = re.compile(r"\b(?:is|are|means|says|lies|learns|add up|replaces|keeps|receives|compares|joins|belongs|lists)\b")
_SHAPES: dict[Shape, re.Pattern[str]] = {"who": _WHO, "how long": _TIME, "how much": _NUMBER, "what is": _IS}
_ANSWERED_BY_NUMBERS: tuple[Shape, ...] = ("how long", "how much")
NO_NUMBER = 0.55
"""What support counts where a number or a time is asked for and no line has one."""


class Ranked(msgspec.Struct, frozen=True):
    """A passage, the line of it that answers best (from 1, in the document), and how much of the question stands there
    (0..1)."""

    hit: Hit
    line: int
    support: float
    score: float


def answering(
    search: Search,
    question: str,
    words: Mapping[str, float],
    shape: Shape = "any",
    favoured: frozenset[str] = frozenset(),
    shunned: frozenset[str] = frozenset(),
) -> list[Ranked]:
    """The passages that may answer, best first. `words` are those of the question with what each counts; `favoured`
    documents are about the selected order's kind, `shunned` ones about another kind."""
    weights: dict[str, float] = {}
    for word, counts in words.items():
        stem = search.stem(word)
        if counts == 1 or search.knows(word):
            weights[stem] = max(weights.get(stem, 0.0), counts * max(search.weight(stem), LEAST_WEIGHT))
    total = math.fsum(weights.values())
    if total == 0:
        return []
    hits = search.passages(question, limit=CANDIDATES)
    found = {hit.passage.id for hit in hits}
    only = " ".join(word for word, counts in words.items() if counts == 1)
    hits += [hit for hit in search.passages(only, limit=CANDIDATES) if hit.passage.id not in found]
    most = max((hit.bm25 or 0.0 for hit in hits), default=0.0) or 1.0
    said = frozenset(search.stem(word) for word in WORD.findall(question))
    share = {stem: weight / total for stem, weight in weights.items()}
    ranked = []
    for hit in hits:
        if not search.parts(hit.passage).lines:
            continue
        document = hit.passage.document
        line, support, score = _of_passage(search, hit.passage, share, shape, said)
        score += WEIGHTS["meaning"] * (hit.similarity or 0.0) + WEIGHTS["words"] * (hit.bm25 or 0.0) / most
        score += WEIGHTS["favoured"] * ((document in favoured) - (document in shunned))
        ranked.append(Ranked(hit, line, round(support, 4), round(score, 4)))
    return sorted(ranked, key=lambda each: -each.score)


def _of_passage(
    search: Search, passage: Passage, share: Mapping[str, float], shape: Shape, said: frozenset[str]
) -> tuple[int, float, float]:
    """The line that answers best, how much of the question it holds, and what that is worth."""
    parts = search.parts(passage)
    headed = {stem: _held(search, stem, parts.heading) for stem in share}
    above = {
        stem: max(
            headed[stem] * IN_HEADING, _held(search, stem, parts.title) * IN_TITLE, IN_WORDS * (stem in parts.words)
        )
        for stem in share
    }
    lines = search.index.by_name[passage.document].lines
    best, at, most, fitting = -1.0, 0, 0.0, shape not in _ANSWERED_BY_NUMBERS
    for number, held in parts.lines:
        own = {stem: _held(search, stem, held) for stem in share}
        support = math.fsum(share[stem] * max(own[stem], above[stem]) for stem in share)
        fits = _fits(search, lines[number - 1].lower(), shape, share)
        fitting = fitting or fits
        value = support / 2 + math.fsum(share[s] * own[s] for s in share) / 2
        value += WEIGHTS["shape"] / WEIGHTS["line"] if fits else 0.0
        if value > best:
            best, at, most = value, number, support
    covered = math.fsum(share[stem] * max(_held(search, stem, parts.every), above[stem]) for stem in share)
    worded = math.fsum(share[stem] for stem in share if stem in parts.words)
    score = WEIGHTS["line"] * best + WEIGHTS["passage"] * covered
    score += WEIGHTS["heading"] * math.fsum(share[stem] * max(headed[stem], above[stem]) for stem in share)
    score += WEIGHTS["asked"] * len(parts.asked & said) / max(len(parts.asked), 2)
    score += WEIGHTS["worded"] * worded
    return at, max(most, covered * 0.9) * (1.0 if fitting else NO_NUMBER), score


def _fits(search: Search, line: str, shape: Shape, share: Mapping[str, float]) -> bool:
    """Whether a line is of the kind that is asked for; one that says what something is begins with it."""
    if shape not in _SHAPES or _SHAPES[shape].search(line) is None:
        return False
    return shape != "what is" or any(search.stem(word) in share for word in WORD.findall(line)[:4])


def _held(search: Search, stem: str, held: frozenset[str]) -> float:
    if stem in held:
        return 1.0
    return SYNONYM if not search.synonyms_of(stem).isdisjoint(held) else 0.0
