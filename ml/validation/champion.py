"""Gate: the challenger finds the injected anomalies no worse than the champion does.

Its result depends on which version is champion, so it is no part of the version, which depends on code and data alone:
it stands beside it in `challenge.json`, and decides on the promotion.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.config import ChampionGate
from ml.validation.anomalies import Injected, evaluate
from ml.validation.gates import Figure, Gate, gate
from orderguard.model_version import ModelVersionError
from orderguard.scorer import Scorer

_MEANING = "The challenger is not worse than the champion on the same orders."


def champion_gate(
    champion_dir: Path | None,
    average_precision: float,
    train: NDArray[np.float32],
    injected: Injected,
    rate: float,
    config: ChampionGate,
) -> Gate:
    """Score the same injected anomalies with the champion, its own catalogue included."""
    if not config.enabled:
        return gate("champion", _MEANING, [], note="Switched off in the configuration.")
    if champion_dir is None:
        return gate("champion", _MEANING, [], note="There is no other champion.")
    try:
        champion = Scorer.load(champion_dir)
    except ModelVersionError as error:
        return gate("champion", _MEANING, [], note=f"Not compared: {error}")
    found = evaluate(champion, champion.catalogue, champion.threshold, train, injected, rate)
    figure = Figure(
        name=f"average precision against {champion.manifest.version}'s",
        value=average_precision,
        bound="at least",
        limit=found["both"]["all"].average_precision - config.tolerance,
    )
    return gate("champion", _MEANING, [figure])
