"""Mutations of a provider's faithful answers, each of which turns a fact round: none may pass the guard.

tests/rag/faithful_answers.tsv has a source and a faithful statement a line.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from app.rag.evidence import Evidence
from app.rag.guard import Guard
from app.rag.order_lines import case_lines
from bench.panel_orders import selected_orders
from orderguard.retrieval import Search

ANSWERS = Path("tests/rag/faithful_answers.tsv")
SEED = 20_261

_SWAPS: dict[str, Sequence[tuple[str, ...]]] = {
    "permission": (
        ("may", "must"),
        ("may", "may not"),
        ("can", "can't"),
        ("can", "must"),
        ("must", "may"),
        ("should", "should not"),
        ("should not", "may"),
        ("never", "always"),
        ("forbidden", "allowed"),
        ("must never", "may"),
    ),
    "quantity": (
        ("any", "no"),
        ("any", "only one"),
        ("every", "no"),
        ("every", "any"),
        ("only", "also"),
        ("nobody", "anybody"),
        ("anybody", "nobody"),
        ("up to", "more than"),
        ("at most", "at least"),
        ("not more than", "more than"),
        ("no", "every"),
        ("alone", ""),
    ),
    "comparison": (
        ("above", "below"),
        ("below", "above"),
        ("higher", "lower"),
        ("lower", "higher"),
        ("more", "less"),
        ("too high", "too low"),
        ("too low", "too high"),
        ("under", "over"),
        ("lowest", "highest"),
        ("largest", "smallest"),
    ),
    "list": (("or", "and"), ("and", "or")),
    "order in time": (
        ("before", "after"),
        ("after", "before"),
        ("first", "last"),
        ("within", "after"),
        ("until", "before"),
        ("then", "before"),
        ("when", "unless"),
        ("if", "unless"),
    ),
    "role": (
        ("analyst", "team lead"),
        ("analysts", "customers"),
        ("team lead", "analyst"),
        ("shift lead", "customer"),
        ("customer", "addressee"),
        ("addressee", "customer"),
        ("service", "analyst"),
        ("fraud team", "police"),
        ("legal department", "analyst"),
        ("score", "threshold"),
        ("threshold", "score"),
        ("Forest", "guard"),
        ("guard", "Forest"),
        ("champion", "challenger"),
        ("shop", "bank"),
        ("shop manager", "analyst"),
        ("owner", "thief"),
        ("employees", "customers"),
        ("payment provider", "customer"),
        ("bill", "parcel"),
        ("parcel", "bill"),
        ("card", "bank account"),
    ),
    "unit": (
        ("hours", "days"),
        ("hour", "day"),
        ("days", "hours"),
        ("minutes", "hours"),
        ("months", "days"),
        ("euros", "percent"),
        ("percent", "euros"),
        ("month", "year"),
    ),
    "verdict": (
        ("not an anomaly", "an anomaly"),
        ("an anomaly", "not an anomaly"),
        ("released", "cancelled"),
        ("cancel", "release"),
        ("release", "cancel"),
        ("hold", "release"),
        ("accepted", "refused"),
        ("kept", "deleted"),
        ("forgets", "keeps"),
        ("honoured", "refused"),
        ("stop", "send"),
        ("block", "unblock"),
        ("removed", "kept"),
    ),
}
_NEGATIONS = ("not", "never", "no", "n't", "nobody", "without")
_DENYING = {"permission", "negation put in", "negation left out", "verdict", "quantity"}
"""Two of these on top of each other may say the truth again."""
_VERBS = re.compile(
    r"\b(is|are|may|can|must|should|lasts|leave|leaves|needs|means|sees|gives|decide|forgets|adds|finds)\b"
)
_NUMBERS = re.compile(r"\d+(?:[.,:]\d+)*|\b(?:one|two|three|four|five|ten)\b")


class Answer(msgspec.Struct, frozen=True):
    """A faithful statement and its source."""

    source: str
    text: str


class Mutation(msgspec.Struct, frozen=True):
    """A statement whose fact was turned round, and how."""

    answer: Answer
    kind: str
    text: str


def read_answers(path: Path = ANSWERS) -> list[Answer]:
    """The faithful statements."""
    return [Answer(*line.split("\t")) for line in path.read_text(encoding="utf-8").splitlines()]


def mutations(answers: Sequence[Answer], count: int, seed: int = SEED) -> list[Mutation]:
    """So many seeded mutations of faithful statements, none twice while there are others."""
    random = Random(seed)
    every = [mutation for answer in answers for mutation in _of(answer, random)]
    every += [second for first in every for _ in range(2) for second in _again(first, random)]
    different = list({mutation.text: mutation for mutation in every}.values())
    random.shuffle(different)
    return different[:count]


def passed(search: Search, answer: Answer, text: str) -> bool:
    """Whether a statement about the answer's source passes the guard in its own words."""
    return Guard(search, [_evidence(search, answer.source)]).check(f"{text} [1]") is not None


def inverted(search: Search, mutated: Sequence[Mutation]) -> tuple[dict[str, tuple[int, int]], list[Mutation]]:
    """By kind of mutation how many there are and how many pass, and those that do."""
    through = [mutation for mutation in mutated if passed(search, mutation.answer, mutation.text)]
    all_of, let = Counter(m.kind for m in mutated), Counter(m.kind for m in through)
    return {kind: (number, let[kind]) for kind, number in sorted(all_of.items())}, through


def _evidence(search: Search, source: str) -> Evidence:
    if source in ("order", "usual order"):
        lines = case_lines(selected_orders()["ok" if source.startswith("usual") else "pm"])
        return Evidence(1, "order", "order", "The order asked about", "", 1, lines)
    passage = next(p for p in search.index.passages if p.id == source)
    lines = search.index.by_name[passage.document].lines[passage.first_line - 1 : passage.last_line]
    return Evidence(1, "knowledge", passage.document, passage.title, passage.heading, passage.first_line, lines)


def _of(answer: Answer, random: Random) -> Iterator[Mutation]:
    """Every mutation of one statement; `random` chooses numbers."""
    for kind, swaps in _SWAPS.items():
        for old, new in swaps:
            for found in re.finditer(rf"(?<![\w'-]){re.escape(old)}(?![\w'-])", answer.text, re.IGNORECASE):
                # After a comma it joins clauses that say each their own fact.
                if kind != "list" or not answer.text[: found.start()].endswith(", "):
                    yield _with(answer, kind, found, new)
    numbers = list(_NUMBERS.finditer(answer.text))
    for found in numbers:
        others = [other.group() for other in numbers if other.group() != found.group()]
        yield _with(answer, "number", found, random.choice(others) if others else _other_number(found.group(), random))
        yield _with(answer, "number", found, _other_number(found.group(), random))
    for first, second in zip(numbers, numbers[1:], strict=False):
        if first.group() != second.group():
            text = answer.text
            swapped = text[: first.start()] + second.group() + text[first.end() : second.start()] + first.group()
            yield Mutation(answer, "numbers swapped", swapped + text[second.end() :])
    for found in _VERBS.finditer(answer.text):
        if not re.match(r"\s*(?:not|never|only)\b|'|n't", answer.text[found.end() :]):
            yield _with(
                answer,
                "negation put in",
                found,
                f"{found.group()} not" if len(found.group()) < 7 else f"never {found.group()}",
            )
    for word in _NEGATIONS:
        pattern = rf"\b{word}\b\s*" if word != "n't" else "n't"
        for found in re.finditer(pattern, answer.text, re.IGNORECASE):
            yield _with(answer, "negation left out", found, "")


def _again(first: Mutation, random: Random) -> Iterator[Mutation]:
    """A second mutation of another kind on top."""
    every = _of(Answer(first.answer.source, first.text), random)
    others = [each for each in every if each.kind != first.kind and not {each.kind, first.kind} <= _DENYING]
    if others:
        second = random.choice(others)
        if second.text != first.answer.text:
            yield Mutation(first.answer, f"{first.kind} and another", second.text)


def _with(answer: Answer, kind: str, found: re.Match[str], new: str) -> Mutation:
    text = answer.text[: found.start()] + new + answer.text[found.end() :]
    return Mutation(answer, kind, " ".join(text.split()))


def _other_number(number: str, random: Random) -> str:
    if not number[0].isdigit():
        return random.choice([word for word in ("six", "seven", "twenty") if word != number])
    digit = random.choice([d for d in "123456789" if d != number[0]])
    return digit + number[1:]
