"""Gate: the ONNX files and scikit-learn agree on every row that could tell them apart."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.config import ParityGate
from ml.guarded_forest import GuardedForest, ModelScores
from ml.onnx_export import round_down
from ml.validation.anomalies import AnyModel
from ml.validation.gates import Figure, Gate, Table, gate

_CHUNK = 20_000
_ADVICE = (
    "The exported graph computes something else than scikit-learn: not the orders' fault. Install the locked packages "
    "(`make environment-run`) and train again; if it stays, it is a defect, and the version must not be served."
)


class Agreement(NamedTuple):
    """Rows compared, the largest difference of any of the three scores, and decisions that differ at the threshold."""

    rows: int
    difference: float
    flipped: int


def parity_rows(
    model: GuardedForest, clean: NDArray[np.float32], seed: int
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Rows by kind: clean, drifted, missing, infinite, extreme, and a float32 step either side of every split and guard
    limit.
    """
    generator = np.random.default_rng(seed)
    yield "clean", clean
    yield "drifted", (clean * generator.uniform(-3, 3, clean.shape)).astype(np.float32)
    some = generator.random(clean.shape) < 0.3
    yield "missing", np.where(some, np.float32(np.nan), clean)
    yield "all missing", np.full((1, clean.shape[1]), np.nan, np.float32)
    yield "infinite", np.where(some, np.where(generator.random(clean.shape) < 0.5, np.inf, -np.inf), clean).astype(
        np.float32
    )
    largest, smallest = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal
    extremes = np.array([largest, -largest, smallest, -smallest, 0.0, -0.0], np.float32)
    yield "extreme", np.where(some, generator.choice(extremes, clean.shape), clean)
    yield "either side of every split", _beside(clean, *_splits(model), generator)
    limits = np.concatenate([model.guard.upper, model.guard.lower], axis=1)
    features = np.repeat(np.arange(len(limits)), limits.shape[1])
    yield "either side of every guard limit", _beside(clean, features, limits.ravel(), generator)


def _splits(model: GuardedForest) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    features, thresholds = [], []
    for estimator, chosen in zip(model.forest.estimators_, model.forest.estimators_features_, strict=True):
        tree = estimator.tree_
        inner = tree.children_left >= 0
        features.append(chosen[tree.feature[inner]])
        thresholds.append(np.array([round_down(value) for value in tree.threshold[inner]], np.float32))
    return np.concatenate(features), np.concatenate(thresholds)


def _beside(
    clean: NDArray[np.float32],
    features: NDArray[np.int64],
    values: NDArray[np.float32],
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """For each (feature, value) three clean rows with that value, the float32 below it and the one above it."""
    steps = np.stack([np.nextafter(values, np.float32(-np.inf)), values, np.nextafter(values, np.float32(np.inf))])
    rows = clean[generator.integers(len(clean), size=steps.size)].copy()
    rows[np.arange(steps.size), np.tile(features, 3)] = steps.ravel()
    return rows


def agreement(reference: ModelScores, scores: ModelScores, threshold: float) -> Agreement:
    """How far two sets of scores of the same rows are apart."""
    apart = _largest(float(np.abs(ours - theirs).max()) for ours, theirs in zip(reference, scores, strict=True))
    flipped = int(np.sum((reference.score >= threshold) != (scores.score >= threshold)))
    return Agreement(len(reference.score), apart, flipped)


def _largest(differences: Iterable[float]) -> float:
    """The largest, or NaN where one is: Python's `max` may pass over that, and a score that is no number over the
    gate.
    """
    return float(np.max([0.0, *differences]))


def compare(
    model: GuardedForest, exported: Sequence[AnyModel], threshold: float, clean: NDArray[np.float32], seed: int
) -> dict[str, Agreement]:
    """Agreement of the exported graphs with the model, by kind of row: the graph that is furthest off counts.

    On clean rows scikit-learn's own `score_samples` is asked, which refuses infinite values elsewhere.
    """
    found = {}
    for kind, rows in parity_rows(model, clean, seed):
        parts = []
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            reference = model.scores(chunk)
            if kind == "clean":
                reference = reference._replace(forest=-model.forest.score_samples(chunk))
            scored = [graph.score(chunk) for graph in exported]
            graphs = [agreement(reference, ModelScores(s.score, s.forest, s.guard), threshold) for s in scored]
            difference = _largest(graph.difference for graph in graphs)
            parts.append(Agreement(len(chunk), difference, max(graph.flipped for graph in graphs)))
        found[kind] = Agreement(
            sum(part.rows for part in parts),
            _largest(part.difference for part in parts),
            sum(part.flipped for part in parts),
        )
    return found


def parity_gate(found: dict[str, Agreement], config: ParityGate) -> Gate:
    """No flipped decision, and no score further apart than the limit."""
    figures = [
        Figure(
            name="largest score difference",
            value=_largest(kind.difference for kind in found.values()),
            bound="at most",
            limit=config.maximum_difference,
            advice=_ADVICE,
        ),
        Figure(
            name="flipped decisions",
            value=sum(kind.flipped for kind in found.values()),
            bound="exactly",
            limit=0,
            advice=_ADVICE,
        ),
    ]
    rows: list[list[str | float]] = [[kind, *part] for kind, part in found.items()]
    table = Table(title="ONNX against scikit-learn", columns=["rows", "count", "difference", "flipped"], rows=rows)
    return gate("parity", "ONNX and scikit-learn give the same scores and decisions.", figures, [table])
