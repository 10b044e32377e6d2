"""Evidence: the numbered lines that an answer may rest on. Nothing that a customer wrote is among them."""

import math
import re
from collections.abc import Sequence

import msgspec

from orderguard.retrieval import Case, Hit, KnowledgeIndex, Passage, Search, SimilarCase, similar_cases

PASSAGES = 5
SIMILAR = 3
PAST_CASES = 3
REASONS_EXPLAINED = 3
FEATURES_DOCUMENT = "features.md"
ORDER_DOCUMENT = "order"
KIND_PAGES = "kind-"
KIND_REASONS = "Which reasons point to it"

_PLACEHOLDER = re.compile(r"\[[A-Z_]+\]")
"""What masking leaves behind says nothing about the subject of a question."""
_NAMED = re.compile(r"`(\w+)`")
_ABOUT_CASES = re.compile(
    r"\b(?:past|previous|earlier|former|similar) (?:masked )?(?:orders|cases)\b|\b(?:cases|examples) (?:of|with|like)\b"
    r"|\bseen\b.*\bbefore\b",
    re.IGNORECASE,
)
"""A question for past cases where no order is given."""


class Evidence(msgspec.Struct, frozen=True):
    """Lines of one source. `lines` are the exact lines from `first_line` on; `hit` says how a passage of the
    knowledge was found.
    """

    number: int
    kind: str
    document: str
    title: str
    heading: str
    first_line: int
    lines: list[str]
    hit: Hit | None = None

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


Entry = tuple[str, str, str, str, int, list[str], Hit | None]
"""An `Evidence` without its number."""


class Found(msgspec.Struct, frozen=True):
    """What was found for a question: evidence in the order of its numbers (from 1), and how like past cases are."""

    evidence: list[Evidence]
    similar: list[SimilarCase]
    supported: bool


def find_evidence(search: Search, question: str, case: Case | None) -> Found:
    """Evidence for a masked question, and for the order that it is about."""
    question = _PLACEHOLDER.sub(" ", question)
    kind = likely_kind(search.index, case) if case else None
    hits = search.passages(f"{question} {kind.title}" if kind else question, limit=PASSAGES)
    supported = search.supports(question, hits)
    collected: list[Entry] = []
    similar: list[SimilarCase] = []
    if case is not None:
        similar = similar_cases(case, search.index.cases, *search.index.scale, limit=SIMILAR)
        collected.append(("order", ORDER_DOCUMENT, "The order asked about", "", 1, case_lines(case), None))
        collected += _meanings(search.index, [name for name, _ in case.reasons[:REASONS_EXPLAINED]])
        collected += [_explanation(search.index, kind)] if kind else []
        collected += [_similar(place, other) for place, other in enumerate(similar, 1)]
    elif _ABOUT_CASES.search(question):
        past = search.cases(question, limit=PAST_CASES)
        collected += [_entry_of(place, case_lines(other)) for place, other in enumerate(past, 1)]
    if supported:
        for hit in hits:
            passage = hit.passage
            lines = search.index.by_name[passage.document].lines[passage.first_line - 1 : passage.last_line]
            entry = ("knowledge", passage.document, passage.title, passage.heading, passage.first_line, lines, hit)
            if not any(entry[1] == other[1] and entry[4] == other[4] for other in collected):
                collected.append(entry)
    return Found([Evidence(number, *parts) for number, parts in enumerate(collected, 1)], similar, supported)


def likely_kind(index: KnowledgeIndex, case: Case) -> Passage | None:
    """The passage about the reasons of a kind of anomaly which names the features that weigh most among this order's
    reasons; None where no page names any.
    """
    weights = dict(case.reasons)
    best, kind = 0.0, None
    for passage in index.passages:
        if passage.document.startswith(KIND_PAGES) and passage.heading == KIND_REASONS:
            text = index.by_name[passage.document].quote(passage.first_line, passage.last_line)
            weight = math.fsum(weights.get(name, 0.0) for name in set(_NAMED.findall(text)))
            if weight > best:
                best, kind = weight, passage
    return kind


def case_lines(case: Case) -> list[str]:
    """A case as lines: its score, what was ordered, its reasons. No token and no free text."""
    verdict = "an anomaly" if case.score >= case.threshold else "not an anomaly"
    return [
        f"Score {case.score:.4f} with a threshold of {case.threshold:.4f}: {verdict}.",
        *case.summary,
        *(f"Reason {place}: {name} ({value:+.4f})." for place, (name, value) in enumerate(case.reasons, 1)),
    ]


def _similar(place: int, other: SimilarCase) -> Entry:
    shared = ", ".join(other.shared_reasons) or "none"
    first = f"Similarity {other.similarity:.2f}; shared reasons: {shared}."
    return _entry_of(place, [first, *case_lines(other.case)])


def _entry_of(place: int, lines: list[str]) -> Entry:
    return "case", f"case-{place}", "A past case", "", 1, lines, None


def _meanings(index: KnowledgeIndex, names: Sequence[str]) -> list[Entry]:
    """The passages that explain these features."""
    by_heading = {p.heading: p for p in index.passages if p.document == FEATURES_DOCUMENT}
    return [_explanation(index, by_heading[name]) for name in names if name in by_heading]


def _explanation(index: KnowledgeIndex, p: Passage) -> Entry:
    """A passage that is evidence because of the order, and not because a search found it."""
    lines = index.by_name[p.document].lines[p.first_line - 1 : p.last_line]
    return "knowledge", p.document, p.title, p.heading, p.first_line, lines, None
