"""Search: FTS5's BM25 and latent semantic analysis, joined by reciprocal-rank fusion (Cormack, Clarke and Büttcher,
SIGIR 2009), weighted by how much of the question a passage covers.
"""

import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderguard.retrieval.cases import Case
from orderguard.retrieval.documents import Passage
from orderguard.retrieval.index import KnowledgeIndex
from orderguard.retrieval.spelling import Spelling
from orderguard.retrieval.terms import TOKENISER, WORD, Analyser, words

FUSION_K = 60
"""The constant of reciprocal-rank fusion, as published."""
COLUMN_WEIGHTS = (1.0, 2.0, 1.0, 0.6)
"""Weights of title, heading, body and related words in BM25."""
COVERAGE_SHARE = 0.2
"""How much of a passage's fused score depends on its covering the question."""
RERANKED = 20
"""How many of the fused passages are looked at for how much of the question they cover."""
RELATED_SHARE = 0.6
"""What a related word counts for coverage, where the passage's own word counts 1."""
LEAST_CONFIDENCE = 0.5
"""Below it the answer is that nothing is known; chosen on the development half of the question set."""
CASE_WORDS = "case past previous similar earlier seen example order orders"
"""Words of a question about cases that every case would hold or none."""
CASE_REASONS = 3
MOST_STEMS = 10_000
_DEPTH = 50


class Hit(msgspec.Struct, frozen=True):
    """A passage found, and why. Ranks count from 1; `bm25` and `similarity` (cosine) are None where that half did
    not find it.

    `coverage` (0..1) is the share of the question, weighted by how rare its terms are, that stands in the passage,
    its heading or title.
    """

    passage: Passage
    score: float
    bm25: float | None
    bm25_rank: int | None
    similarity: float | None
    similarity_rank: int | None
    coverage: float


class Parts(msgspec.Struct, frozen=True):
    """The terms of a passage: of each line by its number (empty ones left out) and of all of them, of heading and
    title, of the heading with its small words, since it may be a question itself, and of the other words that people
    use."""

    lines: list[tuple[int, frozenset[str]]]
    every: frozenset[str]
    heading: frozenset[str]
    title: frozenset[str]
    asked: frozenset[str]
    words: frozenset[str]


class Search:
    """Search over one index, held in memory. May be used from several threads."""

    def __init__(self, index: KnowledgeIndex) -> None:
        self.index = index
        self._analyser = Analyser()
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.execute(
            f"CREATE VIRTUAL TABLE passage USING fts5(title, heading, body, related, tokenize = '{TOKENISER}')"
        )
        texts = [self._columns(passage) for passage in index.passages]
        self._database.executemany(
            "INSERT INTO passage(rowid, title, heading, body, related) VALUES (?, ?, ?, ?, ?)",
            [(i, *columns, index.related[i]) for i, columns in enumerate(texts)],
        )
        space = index.space
        self._term_number = {term: i for i, term in enumerate(space.terms)}
        self._idf = np.frombuffer(space.idf, "<f4")
        self._term_vectors = np.frombuffer(space.term_vectors, "<f2").astype(np.float32).reshape(-1, space.rank)
        self._passage_vectors = np.frombuffer(space.passage_vectors, "<f2").astype(np.float32).reshape(-1, space.rank)
        self._rarest = float(self._idf.max()) if len(self._idf) else 1.0
        self._passage_terms: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        self._texts = texts
        self._stems: dict[str, str] = {}
        self._parts: dict[str, Parts] = {}

    def passages(self, question: str, *, limit: int = 5) -> list[Hit]:
        """The passages that answer best, best first. None when no half finds anything."""
        terms = self._analyser.terms(question)
        lexical, semantic = self.lexical(question), self.semantic(question)
        lexical_rank, semantic_rank = _ranks(lexical), _ranks(semantic)
        fused = {
            number: math.fsum(
                1 / (FUSION_K + ranks[number]) for ranks in (lexical_rank, semantic_rank) if number in ranks
            )
            for number in sorted(lexical.keys() | semantic.keys())
        }
        hits = []
        for number in sorted(fused, key=lambda number: -fused[number])[: max(limit, RERANKED)]:
            coverage = self._coverage(terms, number)
            hits.append(
                Hit(
                    passage=self.index.passages[number],
                    score=round(fused[number] * (1 - COVERAGE_SHARE + COVERAGE_SHARE * coverage), 6),
                    bm25=lexical.get(number),
                    bm25_rank=lexical_rank.get(number),
                    similarity=semantic.get(number),
                    similarity_rank=semantic_rank.get(number),
                    coverage=coverage,
                )
            )
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    def cases(self, question: str, *, limit: int = 3) -> list[Case]:
        """The past cases whose reasons (by name and meaning) and facts hold most of the question's words, best first;
        of equal ones those with the higher score. A case that holds less than half of the words is not found.
        """
        wanted = set(self._analyser.terms(question)) - set(self._analyser.terms(CASE_WORDS))
        found = [(len(wanted & terms), case) for case, terms in zip(self.index.cases, self._case_terms, strict=True)]
        best = sorted(
            (pair for pair in found if pair[0] * 2 >= max(len(wanted), 1)), key=lambda pair: (-pair[0], -pair[1].score)
        )
        return [case for _, case in best[:limit]]

    @cached_property
    def _case_terms(self) -> list[set[str]]:
        """The terms of each case: what its reasons are called and mean, and what was ordered."""
        meanings = {p.heading: f"{p.heading} {self._columns(p)[2]}" for p in self.index.passages}
        return [
            set(
                self._analyser.terms(
                    " ".join([*(meanings.get(name, name) for name, _ in case.reasons[:CASE_REASONS]), *case.summary])
                )
            )
            for case in self.index.cases
        ]

    def confidence(self, question: str, hits: Sequence[Hit]) -> float:
        """How far the knowledge supports an answer, 0..1: the mean of how much of the question the corpus knows, how
        much of it the best of the first three passages covers, and how near that comes in the semantic space.
        """
        terms = list(dict.fromkeys(self._analyser.terms(question)))
        if not terms or not hits:
            return 0.0
        total = math.fsum(self.weight(term) for term in terms)
        known = math.fsum(self.weight(term) for term in terms if term in self._term_number) / total
        first = hits[:3]
        covered = max(hit.coverage for hit in first)
        near = max(hit.similarity or 0.0 for hit in first)
        return round((known + covered + near) / 3, 4)

    def supports(self, question: str, hits: Sequence[Hit]) -> bool:
        """Whether the passages found answer the question well enough to say anything at all."""
        return self.confidence(question, hits) >= LEAST_CONFIDENCE

    def terms(self, text: str) -> list[str]:
        """The terms of a text, as the index knows them."""
        return self._analyser.terms(text)

    def stem(self, word: str) -> str:
        """The term of one word."""
        if word not in self._stems:
            if len(self._stems) > MOST_STEMS:
                self._stems.clear()
            self._stems[word] = self._analyser.stem(word)
        return self._stems[word]

    def knows(self, word: str) -> bool:
        """Whether the knowledge, its synonyms or a feature's name hold a word in any form."""
        return self.stem(word) in self._known_stems

    def parts(self, passage: Passage) -> "Parts":
        """What a passage consists of, as terms."""
        if passage.id not in self._parts:
            lines = self.index.by_name[passage.document].lines
            numbers = range(passage.first_line, passage.last_line + 1)
            told = [(number, frozenset(self.terms(lines[number - 1]))) for number in numbers if lines[number - 1]]
            self._parts[passage.id] = Parts(
                lines=told,
                every=frozenset[str]().union(*(held for _, held in told)),
                heading=frozenset(self.terms(passage.heading)),
                title=frozenset(self.terms(passage.title)),
                asked=frozenset(self.stem(word) for word in WORD.findall(passage.heading.lower())),
                words=frozenset(self.stem(word) for word in passage.asked_in),
            )
        return self._parts[passage.id]

    def synonyms_of(self, stem: str) -> frozenset[str]:
        """The terms that mean about the same."""
        return self._synonyms.get(stem, frozenset())

    @cached_property
    def _synonyms(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for group in self.index.synonyms:
            stems = {self.stem(phrase) for phrase in group if " " not in phrase}
            for stem in stems:
                found.setdefault(stem, set()).update(stems - {stem})
        return {stem: frozenset(others) for stem, others in found.items()}

    @cached_property
    def spelling(self) -> Spelling:
        """Corrects towards the knowledge's own words."""
        return Spelling(self._vocabulary)

    @cached_property
    def feature_stems(self) -> dict[str, list[str]]:
        """The terms of each feature's name."""
        return {name: [self.stem(part) for part in name.split("_")] for name in self.index.feature_names}

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        """Every word of the knowledge, its synonyms and the features' names."""
        texts = [line for document in self.index.documents for line in (document.title, *document.lines)]
        texts += [" ".join(passage.asked_in) for passage in self.index.passages]
        groups = [phrase for group in self.index.synonyms for phrase in group]
        return frozenset(WORD.findall(" ".join([*texts, *groups, *self.index.feature_names]).lower().replace("_", " ")))

    @cached_property
    def _known_stems(self) -> frozenset[str]:
        return frozenset(self.stem(word) for word in self._vocabulary) | self._term_number.keys()

    def weight(self, term: str) -> float:
        """How much a term says: its inverse document frequency; a term that the corpus does not know weighs as much
        as its rarest."""
        number = self._term_number.get(term)
        return self._rarest if number is None else float(self._idf[number])

    def _columns(self, passage: Passage) -> tuple[str, str, str]:
        document = self.index.by_name[passage.document]
        return passage.title, passage.heading, document.quote(passage.first_line, passage.last_line)

    def lexical(self, question: str) -> dict[int, float]:
        """Passage number → BM25 score, best first."""
        query = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(question)))
        if not query:
            return {}
        with self._lock:
            rows = self._database.execute(
                "SELECT rowid, bm25(passage, ?, ?, ?, ?) AS cost FROM passage WHERE passage MATCH ?"
                " ORDER BY cost, rowid LIMIT ?",
                (*COLUMN_WEIGHTS, query, _DEPTH),
            ).fetchall()
        return {number: round(-cost, 4) for number, cost in rows}

    def semantic(self, question: str) -> dict[int, float]:
        """Passage number → cosine with the question in the semantic space, best first; only positive ones."""
        terms = self._analyser.terms(question)
        known = [
            (self._term_number[term], count) for term, count in Counter(terms).items() if term in self._term_number
        ]
        if not known:
            return {}
        numbers = np.array([number for number, _ in known])
        weights = np.array([1 + np.log(count) for _, count in known], np.float32) * self._idf[numbers]
        vector: NDArray[np.float32] = weights @ self._term_vectors[numbers]
        norm = float(np.linalg.norm(vector))
        if norm == 0:
            return {}
        cosines = self._passage_vectors @ (vector / norm)
        best = np.argsort(-cosines, kind="stable")[:_DEPTH]
        return {int(number): round(float(cosines[number]), 4) for number in best if cosines[number] > 0}

    def _coverage(self, terms: list[str], number: int) -> float:
        wanted = dict.fromkeys(terms)
        if not wanted:
            return 0.0
        own, related = self._terms_of(number)
        total = math.fsum(self.weight(term) for term in wanted)
        found = math.fsum(self.weight(t) * (1 if t in own else RELATED_SHARE) for t in wanted if t in own | related)
        return round(found / total, 4)

    def _terms_of(self, number: int) -> tuple[frozenset[str], frozenset[str]]:
        """The terms of a passage, and those of its related words."""
        if number not in self._passage_terms:
            own = frozenset(self._analyser.terms(" ".join(self._texts[number])))
            related = frozenset(self._analyser.terms(self.index.related[number]))
            self._passage_terms[number] = own, related
        return self._passage_terms[number]


def _ranks(scores: dict[int, float]) -> dict[int, int]:
    return {number: rank for rank, number in enumerate(scores, 1)}
