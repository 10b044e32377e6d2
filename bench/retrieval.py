"""Retrieval quality and speed on the question set, against plain BM25: `python -m bench.retrieval`.

The question set (tests/rag/questions.ndjson) is halved by turns: odd questions are the development half that every
choice was made on, even ones are
held out.
"""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from app.rag.kinds import likely_kind
from ml.knowledge_index import knowledge_index
from orderguard.features import FEATURE_NAMES
from orderguard.masking import Keyring
from orderguard.model_version import champion
from orderguard.retrieval import KNOWLEDGE_FOLDER, KnowledgeIndex, PastCases, Search, similar_cases
from orderguard.retrieval.terms import words

QUESTIONS = Path("tests/rag/questions.ndjson")
TRUTH = Path("data/truth/anomalies.ndjson")
REPORT = Path("reports/bench/retrieval.json")

Ranker = Callable[[str], list[str]]


class Question(msgspec.Struct, frozen=True):
    """A question with the passages that answer it, graded 2 (answers) or 1 (helps); none: the knowledge doesn't
    answer it."""

    id: str
    question: str
    relevant: dict[str, int]

    @property
    def held_out(self) -> bool:
        """Whether the question belongs to the half that nothing was tuned on."""
        return int(self.id.removeprefix("q")) % 2 == 0


def read_questions(path: Path = QUESTIONS) -> list[Question]:
    """The question set."""
    return [msgspec.json.decode(line, type=Question) for line in path.read_bytes().splitlines()]


def knowledge_only_index() -> KnowledgeIndex:
    """An index of the documents alone, without cases."""
    return knowledge_index(np.zeros((1, len(FEATURE_NAMES)), np.float32), [])


def recall_at(ranking: Sequence[str], relevant: dict[str, int], k: int = 5) -> float:
    """The share of the relevant passages among the first k."""
    return len(set(ranking[:k]) & set(relevant)) / min(k, len(relevant))


def ndcg_at(ranking: Sequence[str], relevant: dict[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002), gain 2^grade - 1."""

    def gain(grades: Sequence[int]) -> float:
        return math.fsum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))

    best = gain(sorted(relevant.values(), reverse=True)[:k])
    return gain([relevant.get(passage, 0) for passage in ranking[:k]]) / best


def plain_bm25(index: KnowledgeIndex, k1: float = 1.5, b: float = 0.75) -> Ranker:
    """The baseline: BM25 as in the textbook (Robertson and Zaragoza, 2009) over title, heading and text; words, no
    stems."""
    texts = [
        Counter(words(f"{p.title} {p.heading} {index.by_name[p.document].quote(p.first_line, p.last_line)}"))
        for p in index.passages
    ]
    lengths = [sum(text.values()) for text in texts]
    average = sum(lengths) / len(lengths)
    frequency = Counter(word for text in texts for word in text)

    def rank(question: str) -> list[str]:
        scores = []
        for number, text in enumerate(texts):
            score = 0.0
            for word in words(question):
                count = text[word]
                idf = math.log(1 + (len(texts) - frequency[word] + 0.5) / (frequency[word] + 0.5))
                score += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * lengths[number] / average))
            scores.append((-score, number))
        return [index.passages[number].id for score, number in sorted(scores)[:10] if score < 0]

    return rank


def rankers(index: KnowledgeIndex) -> dict[str, Ranker]:
    """What is compared: the baseline, each half of the search alone, and both fused."""
    search = Search(index)

    def half(find: Callable[[str], dict[int, float]]) -> Ranker:
        return lambda question: [index.passages[number].id for number in list(find(question))[:10]]

    return {
        "plain BM25": plain_bm25(index),
        "FTS5 (stems, weighted columns)": half(search.lexical),
        "LSA": half(search.semantic),
        "fused (what is served)": lambda question: [hit.passage.id for hit in search.passages(question, limit=10)],
    }


def quality(rank: Ranker, questions: Sequence[Question]) -> tuple[float, float]:
    """Mean recall@5 and nDCG@10 over the questions that have an answer."""
    answerable = [question for question in questions if question.relevant]
    found = [(rank(question.question), question.relevant) for question in answerable]
    return (
        math.fsum(recall_at(*pair) for pair in found) / len(found),
        math.fsum(ndcg_at(*pair) for pair in found) / len(found),
    )


def abstention(search: Search, questions: Sequence[Question]) -> tuple[float, float]:
    """Precision and recall of abstaining: of the abstentions the share that had no answer, and the other way round."""
    abstained = [q for q in questions if not search.supports(q.question, search.passages(q.question))]
    unanswerable = [q for q in questions if not q.relevant]
    right = sum(not q.relevant for q in abstained)
    return right / max(len(abstained), 1), right / len(unanswerable)


def case_agreement(index: KnowledgeIndex, pages: KnowledgeIndex, kinds: dict[str, str]) -> dict[str, float]:
    """For the past cases whose kind of anomaly is known (by order token): the share of their five most similar cases
    that are of the same kind, what chance would give, and the share that are led to the page of their kind.
    """
    known = [case for case in index.cases if case.order_token in kinds]
    counts = Counter(kinds[case.order_token] for case in known)
    same, led = 0.0, 0
    for case in known:
        kind = kinds[case.order_token]
        nearest = similar_cases(case, index.cases, *index.scale, limit=5)
        same += sum(kinds.get(other.case.order_token) == kind for other in nearest) / len(nearest)
        page = likely_kind(pages, case)
        led += page is not None and page.title.lower().replace(" ", "_").replace("-", "_") == kind
    chance = sum(count * count for count in counts.values()) / len(known) / len(index.cases)
    return {"cases": len(known), "similar": same / len(known), "chance": chance, "kind": led / len(known)}


def trained_cases(models: Path, truth: Path, pages: KnowledgeIndex) -> dict[str, float] | None:
    """The agreement of the champion's cases with the sample's truth; None where there is no trained version, truth or
    key.
    """
    version = champion(models) if models.is_dir() else None
    if version is None or not truth.is_file():
        return None
    keyring = Keyring.from_environment(os.environ)
    known = PastCases.read(Path(os.environ.get("HISTORIES_DIR", ".local/histories")), version, keyring)
    if known is None:
        return None
    index = msgspec.structs.replace(KnowledgeIndex.read(models / version / KNOWLEDGE_FOLDER), cases=known.cases)
    anomalies = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    kinds = {keyring.token("order", anomaly["order_id"]): anomaly["kind"] for anomaly in anomalies}
    return case_agreement(index, pages, kinds) if any(case.order_token in kinds for case in index.cases) else None


def main() -> None:
    """Print the tables and write them to reports/bench/retrieval.json."""
    questions = read_questions()
    index = knowledge_only_index()
    encoded = msgspec.msgpack.encode(index)
    started = time.perf_counter()
    search = Search(msgspec.msgpack.decode(encoded, type=KnowledgeIndex))
    load_ms = (time.perf_counter() - started) * 1e3
    print(f"{len(index.passages)} passages, {len(questions)} questions")
    print(f"index {len(encoded)} bytes, loads in {load_ms:.1f} ms")
    print(f"{'':32}{'development':>22}{'held out':>22}{'ms a question':>15}")
    rows = {}
    for name, rank in rankers(index).items():
        development, held_out = (quality(rank, [q for q in questions if q.held_out == half]) for half in (False, True))
        started = time.perf_counter()
        for question in questions:
            rank(question.question)
        milliseconds = (time.perf_counter() - started) * 1e3 / len(questions)
        rows[name] = {"development": development, "held_out": held_out, "ms": round(milliseconds, 3)}
        figures = "".join(f"   R@5 {recall:.3f} nDCG {ndcg:.3f}" for recall, ndcg in (development, held_out))
        print(f"{name:32}{figures}{milliseconds:>12.3f}")
    abstentions = {
        half: abstention(search, [q for q in questions if q.held_out == held_out])
        for half, held_out in (("development", False), ("held_out", True))
    }
    for half, (precision, recall) in abstentions.items():
        print(f"abstention, {half.replace('_', ' ')}: precision {precision:.3f}, recall {recall:.3f}")
    cases = trained_cases(Path(os.environ.get("MODELS_DIR", "models")), TRUTH, index)
    if cases is None:
        print("past cases: no trained version with its truth and key here (make train)")
    else:
        print(
            f"past cases: of the five most similar {cases['similar']:.3f} are of the same kind"
            f" (chance {cases['chance']:.3f}); "
            f"{cases['kind']:.3f} of {cases['cases']} are led to the page of their kind"
        )
    report = {
        "cases": cases,
        "bytes": len(encoded),
        "load_ms": round(load_ms, 1),
        "quality": rows,
        "abstention": abstentions,
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
