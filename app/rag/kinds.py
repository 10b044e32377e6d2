"""Kinds of anomaly: which one an order looks like, and what its page says to do. A kind is told only by its own
features (`own:` in its page's remark), never by what many kinds share.
"""

import math
from collections.abc import Sequence

from orderguard.retrieval import Case, KnowledgeIndex, Passage, Search

KIND_PAGES = "kind-"
KIND_REASONS = "Which reasons point to it"
OWN_SHARE = 0.25
"""The least part of an order's reasons that a kind's own features must carry."""
SHARED = 0.5
"""What a feature that several kinds share counts, where the kind's own counts 1."""
_COMMON_IN_TITLES = frozenset("card account gift price discount quantiti cash out mistak test address".split())


def kinds_of(index: KnowledgeIndex) -> list[Passage]:
    """The passage about the reasons of each kind of anomaly."""
    return [p for p in index.passages if p.document.startswith(KIND_PAGES) and p.heading == KIND_REASONS]


def likely_kind(index: KnowledgeIndex, case: Case) -> Passage | None:
    """The kind that a flagged order's reasons speak for; None for an order that isn't flagged, and where no kind's own
    features carry `OWN_SHARE` of the reasons. A kind that names a category needs it in the order."""
    if case.score < case.threshold:
        return None
    weights = {name: value for name, value in case.reasons if value > 0}
    total = math.fsum(weights.values())
    best, kind = 0.0, None
    for passage in kinds_of(index):
        remarks = passage.remarks
        own = math.fsum(weights.get(name, 0.0) for name in remarks.get("own", ()))
        also = math.fsum(weights.get(name, 0.0) for name in remarks.get("also", ()))
        needed = remarks.get("category", ())
        if own < OWN_SHARE * total or not all(any(word in line for line in case.summary) for word in needed):
            continue
        weight = own + SHARED * also + (total if needed else 0.0)
        if weight > best:
            best, kind = weight, passage
    return kind


def kind_named(search: Search, words: Sequence[str]) -> Passage | None:
    """The kind that a question names: by two words of its title, or by one that tells it from all others."""
    said = {search.stem(word) for word in words}
    for passage in kinds_of(search.index):
        title = set(search.terms(passage.title))
        if len(said & title) >= 2 or said & (title - _COMMON_IN_TITLES):
            return passage
    return None


def section_of(index: KnowledgeIndex, kind: Passage, heading: str) -> Passage | None:
    """A section of a kind's page."""
    return next((p for p in index.passages if p.document == kind.document and p.heading == heading), None)
