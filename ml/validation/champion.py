"""Gate: the challenger finds the injected anomalies no worse than the champion does.

Its result depends on which version is champion, so it is no part of the version, which depends on code and data alone:
it stands beside it in `challenge.json`, and decides on the promotion.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.config import ChampionGate
from ml.validation.anomalies import Evaluation, Injected, evaluate, margin_of_gain
from ml.validation.gates import Figure, Gate, gate
from orderguard.catalogue import CatalogueError
from orderguard.model_version import ModelVersionError
from orderguard.scorer import Scorer

_MEANING = "The challenger is not worse than the champion on the same orders."


def champion_gate(
    champion_dir: Path | None,
    challenger: Evaluation,
    train: NDArray[np.float32],
    injected: Injected,
    rate: float,
    config: ChampionGate,
) -> Gate:
    """Score the same rows with the champion. Its own catalogue may have been learnt from these very orders, so both
    are held to what was usual when they came.
    """
    if not config.enabled:
        return gate("champion", _MEANING, [], note="Switched off in the configuration.")
    if champion_dir is None:
        return gate("champion", _MEANING, [], note="There is no other champion.")
    try:
        champion = Scorer.load(champion_dir)
        theirs = evaluate(champion, champion.threshold, train, injected, rate)
    except (CatalogueError, ModelVersionError) as error:
        return undecided(f"Not compared: {error}")
    chance = margin_of_gain(challenger.scores["both"], theirs.scores["both"], seed=0)
    found, limit = challenger.found["both"]["all"], theirs.found["both"]["all"].average_precision - config.tolerance
    figure = Figure(
        name=f"average precision against {champion.manifest.version}'s",
        value=found.average_precision,
        bound="at least",
        limit=limit,
        margin=chance.average_precision,
        orders=found.normal,
        advice="The champion finds the same injected anomalies better. Did these orders lose a field or a period that "
        "it was trained on? Mend that, or, where this model is right for the shop as it is now, raise "
        f"`gates.champion.tolerance` above {limit + config.tolerance - found.average_precision:.2g}.",
    )
    return gate("champion", _MEANING, [figure])


def undecided(note: str) -> Gate:
    """There is a champion, and nothing to compare."""
    return Gate(name="champion", meaning=_MEANING, verdict="undecided", figures=[], note=note)
