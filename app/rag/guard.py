"""The guard: what a provider says passes statement by statement (a text up to its marks), and only what is supported
gets out.

It trusts no provider: one that obeys a text planted in an order or a question is stopped here, whatever it was told.
A statement is dropped unless

- it names evidence that was given to it, and that evidence supports its words, each of its numbers and each of its
quotations exactly;
- it holds no link, no markup, no control or invisible character and nothing that masking finds.

What is left must be proven by a line of that evidence (`facts`): the same numbers in the same roles, the same
negations, permissions and comparisons. Where it can't be proven, the line itself is quoted in its place.
"""

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from app.rag.evidence import Evidence
from app.rag.facts import proven
from orderguard.masking import mask_text
from orderguard.retrieval import Search

SUPPORT = 0.6
"""The least share of a sentence's terms, weighted by how rare they are, that its evidence must hold."""
MAX_SENTENCES = 12
MAX_SENTENCE = 1_000

_MARK = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_END = re.compile(r"\][.!?;:]?(?=\s+[^\s\[])|\n+")
_QUOTE = re.compile(r"[“\"]([^“”\"]{2,})[”\"]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FORBIDDEN = re.compile(r"https?:|www\.|://|\]\(|!\[|<[a-z/!]|data:|javascript:", re.IGNORECASE)


class Scores(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a citation was found: `fused` orders the passages, the rest says what each half of the search thought."""

    fused: float | None = None
    bm25: float | None = None
    bm25_rank: int | None = None
    similarity: float | None = None
    similarity_rank: int | None = None
    coverage: float | None = None


class Citation(msgspec.Struct, frozen=True):
    """A source of the answer. `excerpt` is the exact text of the document's line `line` (from 1); `support` is the
    share of the sentence that stands in it. `example`: the page ships as an example of a shop's own policy.
    """

    id: int
    kind: str
    document: str
    title: str
    heading: str
    line: int
    excerpt: str
    support: float
    scores: Scores
    example: bool = False


class Statement(msgspec.Struct, frozen=True):
    """A sentence that passed, its marks renumbered to its citations' ids. `quoted`: the source's own line stands in for
    what a provider said, which could not be proven."""

    text: str
    citations: list[Citation]
    quoted: bool = False


class Guard:
    """Checks one answer. Citations are numbered in the order in which they come up; the same line gets the same
    number.
    """

    def __init__(self, search: Search, evidence: list[Evidence]) -> None:
        self._search = search
        self._evidence = {e.number: e for e in evidence}
        self._known: dict[tuple[str, int], Citation] = {}
        self._said: set[str] = set()

    def check(self, sentence: str) -> Statement | None:
        """The sentence as it may leave, or None where it isn't supported or can't be proven."""
        text, cited = self._read(sentence)
        if not cited or not self._supported(text, cited) or not self._proven(text, cited):
            return None
        citations = list({c.id: c for c in (self._cite(text, evidence) for evidence in cited)}.values())
        return self._passed_on(text, citations)

    def quotation(self, sentence: str) -> Statement | None:
        """The line that a sentence rests on, in place of one that is about it and could not be proven. A line is quoted
        once."""
        text, cited = self._read(sentence)
        if not cited or self._share(text, _sources(cited)) < SUPPORT:
            return None
        best = max((self._cite(text, evidence) for evidence in cited), key=lambda citation: citation.support)
        if best.excerpt in self._said or not is_clean(best.excerpt, masked=True):
            return None
        return self._passed_on(best.excerpt, [best], quoted=True)

    def _read(self, sentence: str) -> tuple[str, list[Evidence]]:
        """The text without its marks, and the evidence that it names; none where it must not leave whatever it says."""
        if len(sentence) > 2 * MAX_SENTENCE:
            return "", []  # before anything looks at all of it
        sentence = sentence.strip().lstrip("-*• ").strip()
        text = _MARK.sub("", sentence).strip()
        text = re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s{2,}", " ", text))
        cited = [self._evidence.get(int(n)) for marks in _MARK.findall(sentence) for n in marks.split(",")]
        known = [evidence for evidence in cited if evidence is not None]
        if not text or len(text) > MAX_SENTENCE or len(self._said) >= MAX_SENTENCES or len(known) != len(cited):
            return "", []
        own = any(
            text in evidence.lines for evidence in known
        )  # masked before, and with what the catalogue knows of codes
        return (text, known) if is_clean(text, masked=own) else ("", [])

    def _passed_on(self, text: str, citations: list[Citation], *, quoted: bool = False) -> Statement:
        self._said.add(text)
        return Statement(text + "".join(f" [{citation.id}]" for citation in citations), citations, quoted)

    def _supported(self, text: str, cited: list[Evidence]) -> bool:
        sources = _sources(cited)
        bodies = [e.text for e in cited]
        if not all(any(quote in body for body in bodies) for quote in _QUOTE.findall(text)):
            return False
        if not set(_NUMBER.findall(text)) <= set(_NUMBER.findall(sources)):
            return False
        return self._share(text, sources) >= SUPPORT

    def _proven(self, text: str, cited: list[Evidence]) -> bool:
        lines = [line for evidence in cited for line in evidence.lines]
        context = " ".join(dict.fromkeys(f"{evidence.title} {evidence.heading}" for evidence in cited))
        return proven(text, lines, context, self._search.stem)

    def _share(self, text: str, source: str) -> float:
        wanted = set(self._search.terms(text))
        held = set(self._search.terms(source))
        total = sum(self._search.weight(term) for term in wanted)
        return sum(self._search.weight(term) for term in wanted & held) / total if total else 0.0

    def _cite(self, text: str, evidence: Evidence) -> Citation:
        """The evidence's line that supports the sentence best."""
        quotes = _QUOTE.findall(text)
        shares = [
            (any(quote in line for quote in quotes), self._share(text, line), -i)
            for i, line in enumerate(evidence.lines)
        ]
        _, share, place = max(shares)
        key = (evidence.document, evidence.first_line - place)
        if key not in self._known:
            hit = evidence.hit
            self._known[key] = Citation(
                id=len(self._known) + 1,
                kind=evidence.kind,
                document=evidence.document,
                title=evidence.title,
                heading=evidence.heading,
                line=key[1],
                excerpt=evidence.lines[-place],
                support=round(share, 4),
                scores=(
                    Scores(hit.score, hit.bm25, hit.bm25_rank, hit.similarity, hit.similarity_rank, hit.coverage)
                    if hit
                    else Scores()
                ),
                example=evidence.example,
            )
        return self._known[key]


def _sources(cited: list[Evidence]) -> str:
    return "\n".join(f"{e.title}\n{e.heading}\n{e.text}" for e in cited)


def is_clean(text: str, *, masked: bool = False) -> bool:
    """Whether a text holds no link, no markup, no control or invisible character and nothing that masking would take
    out; what is `masked` already isn't masked again.
    """
    if any(unicodedata.category(character).startswith("C") for character in text):
        return False
    return not _FORBIDDEN.search(text) and (masked or mask_text(text) == text)


class Sentences:
    """Cuts a text that comes in pieces into sentences, each with the marks that follow it."""

    def __init__(self) -> None:
        self._rest = ""

    def add(self, piece: str) -> Iterator[str]:
        """The sentences that a piece completes."""
        self._rest += piece
        while (end := _END.search(self._rest)) is not None:
            sentence, self._rest = self._rest[: end.end()].strip(), self._rest[end.end() :].lstrip()
            if sentence:
                yield sentence
        if len(self._rest) > 2 * MAX_SENTENCE:
            self._rest = self._rest[-MAX_SENTENCE:]

    def end(self) -> Iterator[str]:
        """What is left at the end."""
        if self._rest.strip():
            yield self._rest.strip()
        self._rest = ""
