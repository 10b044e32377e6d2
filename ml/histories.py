"""What belongs to whoever has the masking key, and so to no model version: its past cases, and the seed.

Both are made from raw orders and hold pseudonyms. They go into the folder of histories, which nobody publishes, and
say under which key they were made.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.feature_engineering import FeatureTable
from ml.knowledge_index import flagged_cases
from orderguard.masking import Keyring
from orderguard.retrieval import Case, PastCases
from orderguard.scorer import Scorer


class Written(NamedTuple):
    """What was written, and where."""

    cases: int
    cases_file: Path


def write_histories(
    folder: Path, version_dir: Path, table: FeatureTable, paths: Sequence[Path], keyring: Keyring
) -> Written:
    """Write the past cases of a version into the folder of histories.

    `table` are the orders of `paths`, masked by `keyring`. Raises `ModelVersionError` for a version that is not whole.
    """
    scorer = Scorer.load(version_dir)
    cases = past_cases(scorer, table, paths, keyring)
    file = PastCases(key=keyring.fingerprint, version=version_dir.name, cases=cases).write(folder)
    return Written(len(cases), file)


def past_cases(scorer: Scorer, table: FeatureTable, paths: Sequence[Path], keyring: Keyring) -> list[Case]:
    """The orders that the version flags, the highest scores of them, with their reasons in words.

    What only fills the first catalogue is no case. A version of before reference orders has none.
    """
    if scorer.reference_orders is None:
        return []
    scores = scorer.score(table.X).score
    scores[: table.first] = 0.0

    def contributions(row: NDArray[np.float32]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = scorer.explain(row[None])[1][0]
        return values

    usual, threshold = scorer.reference_orders, scorer.threshold
    cases = flagged_cases(table, scores, threshold, usual, contributions, paths, keyring)
    return sorted(cases, key=lambda case: (case.created_at, case.order_token))
