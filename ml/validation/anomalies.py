"""Gate: anomalies injected into held-out orders are found, by kind, and better than by a plain largest |z|."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.config import AnomalyGate
from ml.validation.gates import Figure, Gate, Table, gate
from ml.validation.held_out import Case, features_of
from ml.validation.injection import ANOMALIES, applicable
from orderguard.catalogue import Catalogue


class AnyScores(Protocol):
    """Scores of n rows, (n,) each."""

    @property
    def score(self) -> NDArray[np.float64]: ...
    @property
    def forest(self) -> NDArray[np.float64]: ...
    @property
    def guard(self) -> NDArray[np.float64]: ...


class AnyModel(Protocol):
    """What scores rows (n, d): a loaded version."""

    def score(self, features: NDArray[np.float32]) -> AnyScores: ...


class Injected(NamedTuple):
    """Held-out cases as they were, and cases with an anomaly by kind."""

    normal: list[Case]
    kinds: dict[str, list[Case]]


class Detection(NamedTuple):
    """How well one column of scores finds anomalies; recall is at the threshold that flags the alert rate of the normal
    rows.
    """

    roc_auc: float
    average_precision: float
    recall: float


def inject(cases: Sequence[Case], config: AnomalyGate) -> Injected:
    """Anomalies of each kind that means something in this feed, each made from held-out cases of its own."""
    generator = np.random.default_rng(config.seed)
    count = max(1, min(config.orders_per_kind, len(cases) // len(ANOMALIES)))
    chosen = generator.permutation(len(cases))
    kinds = {}
    for number, kind in enumerate(applicable(cases)):
        own = chosen[number * count : (number + 1) * count]
        kinds[kind] = [ANOMALIES[kind].change(cases[index], generator) for index in own]
    return Injected(list(cases), kinds)


def detection(normal: NDArray[np.float64], anomalous: NDArray[np.float64], threshold: float) -> Detection:
    """Scores (n,) of normal and (m,) of anomalous rows; a tie with a normal row counts half."""
    truth = np.repeat([0, 1], [len(normal), len(anomalous)])
    scores = np.concatenate([normal, anomalous])
    return Detection(
        float(roc_auc_score(truth, scores)),
        float(average_precision_score(truth, scores)),
        float(np.mean(anomalous >= threshold)),
    )


def largest_z(train: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The baseline: the largest |z| over the features, by the training rows' mean and standard deviation."""
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    z = np.abs(rows - mean) / np.where(deviation > 0, deviation, 1.0)
    largest: NDArray[np.float64] = np.nan_to_num(z).max(axis=1).astype(np.float64)
    return largest


def evaluate(
    model: AnyModel, catalogue: Catalogue, threshold: float, train: NDArray[np.float32], injected: Injected, rate: float
) -> dict[str, dict[str, Detection]]:
    """For each detector (both, forest, guard, largest |z|) and each kind, and for all kinds together: how well it finds
    them.

    `both` has the model's own threshold, the others the one that flags the same share of the normal rows.
    """
    normal_rows = features_of(injected.normal, catalogue)
    kind_rows = {kind: features_of(cases, catalogue) for kind, cases in injected.kinds.items()}
    kind_rows = {"all": np.concatenate(list(kind_rows.values())), **kind_rows}
    normal = _columns(model, train, normal_rows)
    flagged = float(np.mean(normal["both"] >= threshold)) or rate
    limits = {name: float(np.quantile(values, 1 - flagged)) for name, values in normal.items()} | {"both": threshold}
    found: dict[str, dict[str, Detection]] = {name: {} for name in normal}
    for kind, rows in kind_rows.items():
        for name, values in _columns(model, train, rows).items():
            found[name][kind] = detection(normal[name], values, limits[name])
    return found


def _columns(model: AnyModel, train: NDArray[np.float32], rows: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    scores = model.score(rows)
    return {
        "both": scores.score,
        "forest": scores.forest,
        "guard": scores.guard,
        "largest |z|": largest_z(train, rows),
    }


def anomaly_gate(found: dict[str, dict[str, Detection]], config: AnomalyGate) -> Gate:
    """Limits on all kinds together, and on the worst kind."""
    both = found["both"]
    worst = min(both, key=lambda kind: both[kind].roc_auc)
    figures = [
        Figure(name="ROC-AUC", value=both["all"].roc_auc, bound="at least", limit=config.minimum_roc_auc),
        Figure(
            name="average precision",
            value=both["all"].average_precision,
            bound="at least",
            limit=config.minimum_average_precision,
        ),
        Figure(name="recall at the threshold", value=both["all"].recall, bound="at least", limit=config.minimum_recall),
        Figure(
            name=f"ROC-AUC of the hardest kind ({worst})",
            value=both[worst].roc_auc,
            bound="at least",
            limit=config.minimum_kind_roc_auc,
        ),
        Figure(
            name="ROC-AUC above the largest |z|'s",
            value=both["all"].roc_auc - found["largest |z|"]["all"].roc_auc,
            bound="at least",
            limit=config.minimum_gain,
        ),
    ]
    tables = [
        Table(
            title=title,
            columns=["kind", *found],
            rows=[[kind, *(getattr(found[name][kind], field) for name in found)] for kind in both],
        )
        for title, field in (
            ("ROC-AUC", "roc_auc"),
            ("Average precision", "average_precision"),
            ("Recall at the threshold", "recall"),
        )
    ]
    left_out = [kind for kind in ANOMALIES if kind not in both]
    note = f"Not tried, since these orders don't tell what it is about: {', '.join(left_out)}." if left_out else ""
    return gate("anomalies", "Anomalies injected into later orders are found.", figures, tables, note)
