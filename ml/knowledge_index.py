"""Build the knowledge index of a model version: runbooks, the features' meanings, the semantic space and past
masked cases.

The index is deterministic: the same documents, features and cases give the same bytes.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.feature_engineering import FeatureTable
from ml.validation.held_out import orders_around, replay
from orderguard.features import FEATURE_NAMES, FEATURES
from orderguard.masking import Keyring, mask_text
from orderguard.reasons import in_words, place_in_words
from orderguard.reference_orders import ReferenceOrders
from orderguard.retrieval import Case, Document, KnowledgeIndex, Passage, Told, make_case, read_document, with_words
from orderguard.retrieval.index import INDEX_FORMAT, Space
from orderguard.retrieval.terms import Analyser, Synonyms, read_synonyms

KNOWLEDGE_DIR = Path(__file__).resolve().parents[1] / "data" / "knowledge"
EXAMPLES = "examples"
"""The folder of pages that ship as an example of a shop's own policy; a page of the same name beside it takes the
place of one."""
SYNONYMS = "synonyms.txt"
FEATURES_DOCUMENT = "features"
RANK = 100
"""Dimensions of the semantic space, chosen on the development half of the question set."""
RELATED_WEIGHT = 0.6
"""What a synonym of a passage's word counts in the semantic space, where the word itself counts 1."""
MAX_CASES = 500
"""Of the flagged orders those with the highest scores are kept."""


def read_knowledge(folder: Path = KNOWLEDGE_DIR) -> tuple[list[Document], list[Passage]]:
    """The Markdown documents of a folder and of its examples, masked, in the order of their names, with their passages.

    Raises `ValueError` when there is none, since an index of nothing would only ever abstain.
    """
    pages = {path.name: path for where in (folder / EXAMPLES, folder) for path in where.glob("*.md")}
    if not pages:
        raise ValueError(f"{folder}: no Markdown documents; the knowledge index is built from them")
    documents: list[Document] = []
    passages: list[Passage] = []
    texts = [(name, pages[name].read_text(encoding="utf-8"), pages[name].parent != folder) for name in sorted(pages)]
    for name, text, example in [*texts, (*features_document(), False)]:
        document, found = read_document(name, mask_text(text), example=example)
        documents.append(document)
        passages.extend(found)
    return documents, passages


def flagged_cases(
    table: FeatureTable,
    scores: NDArray[np.float64],
    threshold: float,
    usual: ReferenceOrders,
    contributions: Callable[[NDArray[np.float32]], NDArray[np.float64]],
    paths: Sequence[Path],
    keyring: Keyring,
) -> list[Case]:
    """The flagged orders with the highest scores (n,) as cases, the highest first, with their reasons in words.
    `usual` is what reference orders are like; `contributions` explains a row (d,).

    `paths` are the order files of the table: orders are read and masked once more, for what they say beyond their
    features, and for what was known of their customers then.
    """
    flagged = np.flatnonzero(scores >= threshold)
    highest = flagged[np.argsort(-scores[flagged], kind="stable")][:MAX_CASES]
    chosen = {table.order_tokens[row]: table.catalogue_of(row) for row in highest}
    found = replay(orders_around(table, paths, keyring, chosen.keys()), chosen)
    cases = []
    for row, (order, past, catalogue) in zip(highest, found, strict=True):
        features, score = table.X[row], float(scores[row])
        parts = contributions(features)
        case = make_case(order, features, score, threshold, list(zip(FEATURE_NAMES, parts, strict=True)))
        reasons = in_words(order, past, catalogue, usual, features.tolist(), parts.tolist())
        told = [Told(reason.text, reason.features) for reason in reasons]
        cases.append(with_words(case, order, told, place_in_words(usual.share_from(score))))
    return cases


def knowledge_index(
    features: NDArray[np.float32], cases: Sequence[Case], knowledge: Path = KNOWLEDGE_DIR
) -> KnowledgeIndex:
    """The index of a knowledge folder and past cases; `features` (n, d) are the rows that the cases' scale is learnt
    from.

    Raises `ValueError` when the folder holds no documents.
    """
    documents, passages = read_knowledge(knowledge)
    synonyms = read_synonyms((knowledge / SYNONYMS).read_text(encoding="utf-8"))
    return build_index(documents, passages, synonyms, features, cases)


def features_document() -> tuple[str, str]:
    """Name and Markdown text of a document that explains every feature, so that reasons can be asked about."""
    sections = [
        f"## {feature.name}\n{feature.name} means: {feature.meaning[:1].lower()}{feature.meaning[1:]}\n"
        f"{unit_in_words(feature.unit)}\n"
        for feature in FEATURES
    ]
    return f"{FEATURES_DOCUMENT}.md", "# The features and what they mean\n\n" + "\n".join(sections)


def unit_in_words(unit: str) -> str:
    """A sentence that says how to read a feature's value."""
    return _UNITS.get(unit, f"It is measured in {unit}.")


_UNITS = {
    "ratio": "It is a ratio: 1 is the usual, 2 is twice the usual, 0.5 is half of it.",
    "share": "It is a share: 0 is nothing, 0.5 is half, 1 is all.",
    "0 or 1": "It is 1 where that is so, and 0 where it is not.",
    "spreads": "It is measured in spreads: 0 is the usual, beyond 3 either way is rare.",
    "standard deviations": "It is measured in standard deviations: 0 is the usual, beyond 3 either way is rare.",
    "ln of reference units": "It is a natural logarithm: each 0.7 more doubles the value.",
    "powers of e": "It is measured in powers of e: 0 is what always happens, 2.3 one in ten, 4.6 one in a hundred.",
    "−1 to 1": "It lies between −1 and 1 and turns with the clock or the week, so midnight lies beside midnight.",
    "orders": "It is a number of orders.",
    "lines": "It is a number of lines.",
    "hours": "It is a number of hours.",
    "usual baskets": "It is measured in usual baskets: 1 is what one usual basket is worth.",
}


def related_words(
    documents: Sequence[Document], passages: Sequence[Passage], synonyms: Sequence[Sequence[str]]
) -> list[str]:
    """For each passage the synonyms of its words."""
    groups = Synonyms(synonyms)
    return [groups.related(text) for text in _texts(documents, passages)]


def learn_space(
    documents: Sequence[Document], passages: Sequence[Passage], related: Sequence[str], rank: int = RANK
) -> Space:
    """Latent semantic analysis of the passages (Deerwester and others, 1990): a truncated SVD of (1 + ln tf) · idf,
    rows of length 1; a synonym counts `RELATED_WEIGHT`.
    """
    analyser = Analyser()
    counts: list[dict[str, float]] = []
    for text, synonyms in zip(_texts(documents, passages), related, strict=True):
        count = {term: 1 + math.log(times) for term, times in Counter(analyser.terms(text)).items()}
        for term in analyser.terms(synonyms):
            count.setdefault(term, RELATED_WEIGHT)
        counts.append(count)
    terms = sorted(set().union(*counts))
    number = {term: i for i, term in enumerate(terms)}
    weights = np.zeros((len(passages), len(terms)))
    for row, found in enumerate(counts):
        for term, weight in found.items():
            weights[row, number[term]] = weight
    idf = np.log((1 + len(passages)) / (0.5 + np.count_nonzero(weights, axis=0)))
    weights = _unit_rows(weights * idf)
    with threadpool_limits(1):
        _, _, right = np.linalg.svd(weights, full_matrices=False)
        rank = min(rank, len(right))
        basis = right[:rank].T
        projected = _unit_rows(weights @ basis)
    # The sign of a singular vector is arbitrary: fix it, so that two builds agree.
    signs = np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(rank)])
    return Space(
        terms=terms,
        rank=rank,
        idf=idf.astype("<f4").tobytes(),
        term_vectors=(basis * signs).astype("<f2").tobytes(),
        passage_vectors=(projected * signs).astype("<f2").tobytes(),
    )


def scale_of(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Median and spread of each feature (n, d): the distance between the quartiles over 1.349 (a standard deviation,
    were it normal), the standard deviation where that is 0, and 1 for a constant.
    """
    centre = np.nan_to_num(np.nanmedian(features, axis=0))
    low, high = np.nanpercentile(features, [25, 75], axis=0)
    spread = (high - low) / 1.349
    spread = np.where(spread > 0, spread, np.nanstd(features, axis=0))
    return centre.astype(np.float32), np.where(spread > 0, spread, 1.0).astype(np.float32)


def build_index(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    synonyms: Sequence[Sequence[str]],
    features: NDArray[np.float32],
    cases: Sequence[Case],
    *,
    rank: int = RANK,
) -> KnowledgeIndex:
    """The index of documents and past cases; `features` (n, d) are the training rows that the cases' scale is learnt
    from.

    The `MAX_CASES` highest scores are kept, in the order of their time.
    """
    centre, spread = scale_of(features)
    related = related_words(documents, passages, synonyms)
    asked = [f"{' '.join(p.asked_in)} {words}".strip() for p, words in zip(passages, related, strict=True)]
    return KnowledgeIndex(
        format=INDEX_FORMAT,
        documents=list(documents),
        passages=list(passages),
        related=asked,
        space=learn_space(documents, passages, asked, rank),
        feature_names=[feature.name for feature in FEATURES],
        centre=centre.astype("<f4").tobytes(),
        spread=spread.astype("<f4").tobytes(),
        cases=sorted(cases, key=lambda case: (case.created_at, case.order_token)),
        synonyms=[list(group) for group in synonyms],
    )


def _texts(documents: Sequence[Document], passages: Sequence[Passage]) -> list[str]:
    by_name = {document.name: document for document in documents}
    return [
        f"{passage.title} {passage.heading} {by_name[passage.document].quote(passage.first_line, passage.last_line)}"
        for passage in passages
    ]


def _unit_rows(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: NDArray[np.float64] = matrix / np.where(norms > 0, norms, 1.0)
    return unit
