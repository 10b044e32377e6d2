"""Search: FTS5's BM25 and latent semantic analysis, joined by reciprocal-rank fusion (Cormack, Clarke and Büttcher,
SIGIR 2009)."""

import sqlite3
import threading
from collections import Counter

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderguard.retrieval.documents import Passage
from orderguard.retrieval.index import KnowledgeIndex
from orderguard.retrieval.terms import TOKENISER, Analyser, words

FUSION_K = 60
"""The constant of reciprocal-rank fusion, as published."""
COLUMN_WEIGHTS = (2.0, 2.0, 1.0)
"""Weights of title, heading and body in BM25."""
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


class Search:
    """Search over one index, held in memory. May be used from several threads."""

    def __init__(self, index: KnowledgeIndex) -> None:
        self.index = index
        self._analyser = Analyser()
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.execute(
            f"CREATE VIRTUAL TABLE passage USING fts5(title, heading, body, tokenize = '{TOKENISER}')"
        )
        texts = [self._columns(passage) for passage in index.passages]
        self._database.executemany(
            "INSERT INTO passage(rowid, title, heading, body) VALUES (?, ?, ?, ?)",
            [(i, *columns) for i, columns in enumerate(texts)],
        )
        space = index.space
        self._term_number = {term: i for i, term in enumerate(space.terms)}
        self._idf = np.frombuffer(space.idf, "<f4")
        self._term_vectors = np.frombuffer(space.term_vectors, "<f2").astype(np.float32).reshape(-1, space.rank)
        self._passage_vectors = np.frombuffer(space.passage_vectors, "<f2").astype(np.float32).reshape(-1, space.rank)
        self._rarest = float(self._idf.max()) if len(self._idf) else 1.0
        self._passage_terms: dict[int, frozenset[str]] = {}
        self._texts = texts

    def passages(self, question: str, *, limit: int = 5) -> list[Hit]:
        """The passages that answer best, best first. None when no half finds anything."""
        terms = self._analyser.terms(question)
        lexical = self._lexical(question)
        semantic = self._semantic(terms)
        fused: dict[int, float] = {}
        for ranking in (lexical, semantic):
            for rank, number in enumerate(ranking, 1):
                fused[number] = fused.get(number, 0.0) + 1 / (FUSION_K + rank)
        best = sorted(fused, key=lambda number: (-fused[number], number))[:limit]
        lexical_rank = {number: rank for rank, number in enumerate(lexical, 1)}
        semantic_rank = {number: rank for rank, number in enumerate(semantic, 1)}
        return [
            Hit(
                passage=self.index.passages[number],
                score=round(fused[number], 6),
                bm25=lexical.get(number),
                bm25_rank=lexical_rank.get(number),
                similarity=semantic.get(number),
                similarity_rank=semantic_rank.get(number),
                coverage=self._coverage(terms, number),
            )
            for number in best
        ]

    def terms(self, text: str) -> list[str]:
        """The terms of a text, as the index knows them."""
        return self._analyser.terms(text)

    def weight(self, term: str) -> float:
        """How much a term says: its inverse document frequency; a term that the corpus does not know weighs as much
        as its rarest."""
        number = self._term_number.get(term)
        return self._rarest if number is None else float(self._idf[number])

    def _columns(self, passage: Passage) -> tuple[str, str, str]:
        document = self.index.by_name[passage.document]
        return passage.title, passage.heading, document.quote(passage.first_line, passage.last_line)

    def _lexical(self, question: str) -> dict[int, float]:
        """Passage number → BM25 score, best first."""
        query = " OR ".join(f'"{word}"' for word in dict.fromkeys(words(question)))
        if not query:
            return {}
        with self._lock:
            rows = self._database.execute(
                "SELECT rowid, bm25(passage, ?, ?, ?) AS cost FROM passage WHERE passage MATCH ?"
                " ORDER BY cost, rowid LIMIT ?",
                (*COLUMN_WEIGHTS, query, _DEPTH),
            ).fetchall()
        return {number: round(-cost, 4) for number, cost in rows}

    def _semantic(self, terms: list[str]) -> dict[int, float]:
        """Passage number → cosine with the question in the semantic space, best first; only positive ones."""
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
        if number not in self._passage_terms:
            self._passage_terms[number] = frozenset(self._analyser.terms(" ".join(self._texts[number])))
        total = sum(self.weight(term) for term in wanted)
        found = sum(self.weight(term) for term in wanted if term in self._passage_terms[number])
        return round(found / total, 4)
