"""The scores of many rows, the same however rows are cut into groups."""

import numpy as np
from numpy.typing import NDArray

from orderguard.scorer import Scorer, Scores

TOGETHER = 16
"""onnxruntime computes so many values at once, at most, and what is left of a group in another way, whose last bit may
differ.
"""


def scores_of(scorer: Scorer, features: NDArray[np.float32]) -> Scores:
    """The scores of rows (n, d), each what it would be among any others."""
    count = len(features)
    filled = np.pad(features, ((0, -count % TOGETHER), (0, 0)))
    return Scores(*(column[:count] for column in scorer.score(filled)))
