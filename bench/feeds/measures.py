"""How well scores tell anomalies from normal orders. Higher scores are more anomalous."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Found(NamedTuple):
    """`recall` is at the threshold that flags one normal order in a hundred."""

    roc_auc: float
    average_precision: float
    recall: float


def found(normal: Floats, anomalous: Floats, rate: float = 0.01) -> Found:
    """What scores of normal (n,) and of anomalous orders (m,) say; a tie counts half, in the recall not at all."""
    normal = np.sort(normal)
    below = np.searchsorted(normal, anomalous, "left")
    ties = np.searchsorted(normal, anomalous, "right") - below
    allowed = int(rate * len(normal))
    threshold = normal[len(normal) - allowed - 1]
    return Found(
        float(np.mean(below + ties / 2) / len(normal)),
        average_precision(normal, anomalous),
        float(np.mean(anomalous > threshold)),
    )


def average_precision(normal: Floats, anomalous: Floats) -> float:
    """The mean over recalls of the precision, where all of equal score are flagged together."""
    scores = np.concatenate([anomalous, normal])
    truth = np.arange(len(scores)) < len(anomalous)
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / len(anomalous)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_single(normal: NDArray[np.float32], anomalous: NDArray[np.float32], names: list[str]) -> tuple[str, Found]:
    """The feature that alone finds these anomalies best, up or down: chosen in hindsight, so a bar and no contender."""
    best = ("none", Found(0.5, 0.0, 0.0))
    for name, low, high in zip(names, normal.T, anomalous.T, strict=True):
        for sign in (1.0, -1.0):
            here = found(sign * low.astype(np.float64), sign * high.astype(np.float64))
            if here.roc_auc > best[1].roc_auc:
                best = (name, here)
    return best


def largest_z(train: NDArray[np.float32], rows: NDArray[np.float32]) -> Floats:
    """The plainest detector: the largest |z| over the features, by the training rows' mean and standard deviation."""
    mean, deviation = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    z: Floats = (np.abs(rows - mean) / np.where(deviation > 0, deviation, 1.0)).max(axis=1)
    return z
