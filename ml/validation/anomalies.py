"""Gate: anomalies injected into held-out orders are found, by kind, and better than by a plain largest |z|."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.config import AnomalyGate
from ml.evidence import KINDS
from ml.validation.gates import ONE_IN_A_HUNDRED, Figure, Gate, Table, gate, margin_of_roc_auc, margin_of_share
from ml.validation.held_out import Case, features_of
from ml.validation.injection import ANOMALIES, applicable
from ml.validation.rings import RINGS, inject_rings
from orderguard.features import FEATURE_NAMES

_DRAWS = 100
_RINGS = 2.5
"""So many times more rings than anomalies of a kind: they differ in strength, too, and chance is to move their share by
less than a tenth.
"""
_SHARED = [place for place, name in enumerate(FEATURE_NAMES) if KINDS[name].seldom]


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
    """Held-out cases as they were, cases with an anomaly by kind, and cases that end an attack of many accounts."""

    normal: list[Case]
    kinds: dict[str, list[Case]]
    rings: dict[str, list[Case]]


class Detection(NamedTuple):
    """How well one column of scores finds anomalies, and on how many anomalous and normal rows; recall is at the
    threshold that flags the alert rate of the normal rows.
    """

    roc_auc: float
    average_precision: float
    recall: float
    anomalous: int
    normal: int


def inject(cases: Sequence[Case], config: AnomalyGate) -> Injected:
    """Anomalies of each kind that means something in this feed, each made from held-out cases of its own."""
    generator = np.random.default_rng(config.seed)
    count = max(1, min(config.orders_per_kind, len(cases) // len(ANOMALIES)))
    chosen = generator.permutation(len(cases))
    kinds = {}
    for number, kind in enumerate(applicable(cases)):
        own = chosen[number * count : (number + 1) * count]
        kinds[kind] = [ANOMALIES[kind].change(cases[index], generator) for index in own]
    rings = inject_rings(cases, round(_RINGS * config.orders_per_kind), config.seed)
    return Injected(list(cases), kinds, rings)


def detection(normal: NDArray[np.float64], anomalous: NDArray[np.float64], threshold: float) -> Detection:
    """Scores (n,) of normal and (m,) of anomalous rows; a tie with a normal row counts half."""
    truth = np.repeat([0, 1], [len(normal), len(anomalous)])
    scores = np.concatenate([normal, anomalous])
    return Detection(
        float(roc_auc_score(truth, scores)),
        float(average_precision_score(truth, scores)),
        float(np.mean(anomalous >= threshold)),
        len(anomalous),
        len(normal),
    )


def largest_z(train: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The baseline: the largest |z| over the features, by the training rows' mean and standard deviation."""
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    z = np.abs(rows - mean) / np.where(deviation > 0, deviation, 1.0)
    largest: NDArray[np.float64] = np.nan_to_num(z).max(axis=1).astype(np.float64)
    return largest


class Evaluation(NamedTuple):
    """How well each detector finds each kind, and, apart, each ring; the scores of the normal and of all anomalous rows
    by detector; and of each ring the share whose count of others is among the highest of the normal rows.
    """

    found: dict[str, dict[str, Detection]]
    rings: dict[str, dict[str, Detection]]
    scores: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    counted: dict[str, float] = {}


def evaluate(
    model: AnyModel, threshold: float, train: NDArray[np.float32], injected: Injected, rate: float
) -> Evaluation:
    """For each detector (both, forest, guard, largest |z|) and each kind, and for all kinds together: how well it finds
    them.

    `both` has the model's own threshold, the others the one that flags the same share of the normal rows.
    """
    normal_rows = features_of(injected.normal)
    kind_rows = {kind: features_of(cases) for kind, cases in injected.kinds.items()}
    kind_rows = {"all": np.concatenate(list(kind_rows.values())), **kind_rows}
    normal = _columns(model, train, normal_rows)
    flagged = float(np.mean(normal["both"] >= threshold)) or rate
    limits = {name: float(np.quantile(values, 1 - flagged)) for name, values in normal.items()} | {"both": threshold}
    found: dict[str, dict[str, Detection]] = {name: {} for name in normal}
    rings: dict[str, dict[str, Detection]] = {name: {} for name in normal}
    scores, counted = {}, {}
    most = float(np.quantile(_others(normal_rows), 1 - flagged))
    for ring, cases in injected.rings.items():
        rows = features_of(cases)
        counted[ring] = float(np.mean(_others(rows) >= most))
        for name, values in _columns(model, train, rows).items():
            rings[name][ring] = detection(normal[name], values, limits[name])
    for kind, rows in kind_rows.items():
        for name, values in _columns(model, train, rows).items():
            found[name][kind] = detection(normal[name], values, limits[name])
            if kind == "all":
                scores[name] = (normal[name], values)
    return Evaluation(found, rings, scores, counted)


def _others(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The plainest look at what orders share, (n,): the largest of the counts of others, which have one unit."""
    largest: NDArray[np.float64] = np.nan_to_num(rows[:, _SHARED]).max(axis=1).astype(np.float64)
    return largest


def _columns(model: AnyModel, train: NDArray[np.float32], rows: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    scores = model.score(rows)
    return {
        "both": scores.score,
        "forest": scores.forest,
        "guard": scores.guard,
        "largest |z|": largest_z(train, rows),
    }


def anomaly_gate(evaluation: Evaluation, config: AnomalyGate) -> Gate:
    """Limits on all kinds together, and on the worst kind.

    No limit is higher than what a plain largest |z| reaches on the same orders: in a shop where deep discounts are
    usual, no detector can find them, and nothing is wrong with this one. Of rings it is the count of others that is
    asked instead, since |z| sees nothing in what never varied; where hardly any order shares, the limit stands.
    """
    found = evaluation.found
    both, plain = found["both"], found["largest |z|"]
    kinds = [kind for kind in both if kind != "all"]
    hardest = min(kinds, key=lambda kind: both[kind].roc_auc)
    least = min(kinds, key=lambda kind: both[kind].recall)
    lost = max(kinds, key=lambda kind: plain[kind].roc_auc - both[kind].roc_auc)
    whole = both["all"]

    def ring_found(ring: str) -> Figure:
        told = evaluation.rings["both"].get(ring)
        name, what = f"recall of {ring.replace('_', ' ')}", (RINGS[ring].make.__doc__ or "").split(":")[0]
        if told is None:
            advice = f"{what}: no order here tells what that is about, so nothing can be said of it."
            return Figure(
                name=name, value=0.0, bound="at least", limit=config.minimum_ring_recall, margin=1.0, advice=advice
            )
        limit = min(config.minimum_ring_recall, evaluation.counted[ring])
        return Figure(
            name=name,
            value=told.recall,
            bound="at least",
            limit=limit,
            margin=margin_of_share(limit, told.anomalous),
            orders=told.normal,
            advice=f"{what}: so devices, addresses or networks are shared by many in a day as it is. "
            f"{lower('gates.anomalies.minimum_ring_recall', told.recall)}",
        )

    def figure(name: str, kind: str, field: str, setting: str, worst: str) -> Figure:
        mine, limit = both[kind], min(getattr(config, setting), getattr(plain[kind], field))
        area = margin_of_roc_auc(limit, mine.anomalous, mine.normal)
        return Figure(
            name=name,
            value=getattr(mine, field),
            bound="at least",
            limit=limit,
            margin=area if field == "roc_auc" else margin_of_share(limit, mine.anomalous),
            orders=mine.normal,
            advice=_advice(worst, both[worst], setting, getattr(mine, field)),
        )

    gain = whole.roc_auc - plain["all"].roc_auc
    figures = [
        figure("ROC-AUC", "all", "roc_auc", "minimum_roc_auc", hardest),
        figure("average precision", "all", "average_precision", "minimum_average_precision", least),
        figure("recall at the threshold", "all", "recall", "minimum_recall", least),
        figure(f"ROC-AUC of the hardest kind ({hardest})", hardest, "roc_auc", "minimum_kind_roc_auc", hardest),
        Figure(
            name="ROC-AUC above the largest |z|'s",
            value=gain,
            bound="at least",
            limit=config.minimum_gain,
            margin=margin_of_gain(evaluation.scores["both"], evaluation.scores["largest |z|"], config.seed).roc_auc,
            orders=whole.normal,
            advice=f"One feature alone tells more here, most of all of {described(lost)}: ROC-AUC "
            f"{plain[lost].roc_auc:.2f} against {both[lost].roc_auc:.2f}. {LOOKS[lost]} "
            f"{lower('gates.anomalies.minimum_gain', gain)}",
        ),
        *map(ring_found, RINGS),
    ]
    tables = [
        Table(
            title=title,
            columns=["kind", *found],
            rows=[
                [kind, *(getattr(kinds[name][kind], field) for name in kinds)]
                for kinds in (found, evaluation.rings)
                for kind in kinds["both"]
            ],
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


class Margins(NamedTuple):
    """How far chance alone takes the difference of two detectors on the same rows, 99 of 100 times."""

    roc_auc: float
    average_precision: float


def margin_of_gain(
    ours: tuple[NDArray[np.float64], NDArray[np.float64]],
    theirs: tuple[NDArray[np.float64], NDArray[np.float64]],
    seed: int,
) -> Margins:
    """The paired bootstrap: both detectors' scores (n normal, m anomalous) are weighed alike in each draw.

    A row's weight is Poisson(1), which for many rows is Efron's bootstrap (1979).
    """
    generator = np.random.default_rng(seed)
    normal, anomalous = (generator.poisson(1.0, (_DRAWS, len(rows))) for rows in ours)
    difference = np.subtract(_resampled(*ours, normal, anomalous), _resampled(*theirs, normal, anomalous))
    roc_auc, average_precision = ONE_IN_A_HUNDRED * difference.std(axis=1)
    return Margins(float(roc_auc), float(average_precision))


def _resampled(
    normal: NDArray[np.float64],
    anomalous: NDArray[np.float64],
    normal_weights: NDArray[np.int64],
    anomalous_weights: NDArray[np.int64],
) -> NDArray[np.float64]:
    """ROC-AUC and average precision, (2, draws), of scores (n,) and (m,) under weights (draws, n) and (draws, m)."""
    order, own = np.argsort(normal), np.argsort(anomalous)
    ascending, scores, weights = normal[order], anomalous[own], anomalous_weights[:, own]
    below = np.pad(np.cumsum(normal_weights[:, order], axis=1), ((0, 0), (1, 0)))
    lower = below[:, np.searchsorted(ascending, scores, "left")]
    upper = below[:, np.searchsorted(ascending, scores, "right")]
    smaller = np.pad(np.cumsum(weights, axis=1), ((0, 0), (1, 0)))[:, np.searchsorted(scores, scores, "left")]
    total, others = np.maximum(weights.sum(axis=1), 1), np.maximum(below[:, -1], 1)
    hits, alarms = total[:, None] - smaller, below[:, -1:] - lower
    roc_auc = (weights * (lower + upper) / 2).sum(axis=1) / total / others
    return np.array([roc_auc, (weights * hits / np.maximum(hits + alarms, 1)).sum(axis=1) / total])


def described(kind: str) -> str:
    """A kind's name, and what it is in words."""
    return f"{kind} ({(ANOMALIES[kind].change.__doc__ or '').split('.')[0].strip()})"


def lower(setting: str, value: float) -> str:
    """The way out where nothing is wrong with the orders: a limit that `value` keeps to."""
    return f"If that is normal for this shop, set `{setting}` to {math.floor(value * 100) / 100:g}."


def _advice(kind: str, found: Detection, setting: str, value: float) -> str:
    ranked = found.roc_auc >= _RANKED
    return (
        f"Hardest to tell from these orders: {described(kind)}; {found.recall:.0%} of {found.anomalous} are flagged, "
        f"ROC-AUC {found.roc_auc:.2f}. {_THRESHOLD if ranked else LOOKS[kind]} "
        f"{lower(f'gates.anomalies.{setting}', value)}"
    )


_RANKED = 0.9
_THRESHOLD = (
    "So they rank above the ordinary orders, but a few of those are as odd and set the threshold: look at the "
    "reference orders with the highest scores. Are they mistakes? Take them out. If not, raise `alert.rate`."
)
_PRICES = (
    "So one sku is sold at widely different prices: postage, manual lines, variants under one code. Give each a sku of "
    "its own, or leave such lines out."
)
_ADDRESSES = "So addresses and devices change from order to order: are they filled in the same way each time?"
LOOKS = {
    "price_slip": _PRICES,
    "price_tenfold": _PRICES,
    "bulk_quantity": "So quantities differ that much anyway: wholesale beside retail. Train the two apart, if you can.",
    "deep_discount": "So deep discounts are usual, or prices hold them already.",
    "burst": "So customers order again within minutes, or many share one customer.id: is it one for all guests?",
    "takeover": _ADDRESSES,
    "foreign_card": _ADDRESSES,
    "combination": _ADDRESSES,
}
"""What a feed looks like in which a kind is hard to find, and what to do."""
