"""Retrieval: what the RAG layer finds its evidence with.

    index = KnowledgeIndex.read(version_dir / "knowledge")     # made by ml.knowledge_index and shipped with the model
    version
    search = Search(index)
    search.passages("what to do with an order placed at night", limit=5)

The lexical half is SQLite's FTS5 (in memory, Porter stemming, BM25 with a weight a column), the semantic half is
latent semantic analysis learnt
on the corpus itself; reciprocal-rank fusion joins the two. docs/technical/rag.md has the measured quality.
"""

from orderguard.retrieval.cases import Case, SimilarCase, Told, make_case, similar_cases, with_words
from orderguard.retrieval.documents import Document, Passage, read_document
from orderguard.retrieval.index import INDEX_FILE, KNOWLEDGE_FOLDER, KnowledgeError, KnowledgeIndex
from orderguard.retrieval.past_cases import ForeignKey, PastCases
from orderguard.retrieval.search import Hit, Search

__all__ = [
    "INDEX_FILE",
    "KNOWLEDGE_FOLDER",
    "Case",
    "Document",
    "ForeignKey",
    "Hit",
    "KnowledgeError",
    "KnowledgeIndex",
    "Passage",
    "PastCases",
    "Search",
    "SimilarCase",
    "Told",
    "make_case",
    "read_document",
    "similar_cases",
    "with_words",
]
