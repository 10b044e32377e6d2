"""Gate: the challenger finds the injected anomalies no worse than the champion does, nor, where enough later orders
have outcomes, those that turned out to be worth a look.

Its result depends on which version is champion, so it is no part of the version, which depends on code and data alone:
it stands beside it in `challenge.json`, and decides on the promotion.
"""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.config import ChampionGate
from ml.feature_engineering import FeatureTable
from ml.labels import Labels
from ml.validation.anomalies import AnyScores, Evaluation, Injected, detection, evaluate, margin_of_gain
from ml.validation.gates import Figure, Gate, gate
from orderguard.catalogue import CatalogueError
from orderguard.model_version import ModelVersionError
from orderguard.scorer import Scorer

_MEANING = "The challenger is not worse than the champion on the same orders."


class AnyForest(Protocol):
    """A model in training: scores rows (n, d)."""

    def scores(self, features: NDArray[np.float32]) -> AnyScores: ...


class Labelled(NamedTuple):
    """Features of later orders that were genuine (n, d) and of those that were worth a look (m, d), and the
    challenger's scores of both, (n,) and (m,).
    """

    genuine: NDArray[np.float32]
    worth: NDArray[np.float32]
    scores: tuple[NDArray[np.float64], NDArray[np.float64]]


def champion_gate(
    champion_dir: Path | None,
    challenger: Evaluation,
    train: NDArray[np.float32],
    injected: Injected,
    rate: float,
    config: ChampionGate,
    labelled: Labelled | None = None,
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
        known, note = _on_labelled(champion, labelled, config) if labelled else ([], "")
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
        "it was trained on? Fix that, or, where this model is right for the shop as it is now, raise "
        f"`gates.champion.tolerance` above {limit + config.tolerance - found.average_precision:.2g}.",
    )
    return gate("champion", _MEANING, [figure, *known], note=note)


def labelled_rows(labels: Labels, table: FeatureTable, later: int, challenger: AnyForest) -> Labelled | None:
    """The later orders (from row `later` on) that have outcomes, with the challenger's scores; None without any."""
    if not labels.sha256:
        return None
    worth, genuine = labels.of_rows(table.order_tokens, later)
    rows = table.X[genuine], table.X[worth]
    normal, anomalous = (challenger.scores(part).score if len(part) else np.empty(0) for part in rows)
    return Labelled(*rows, (normal, anomalous))


def _on_labelled(champion: Scorer, labelled: Labelled, config: ChampionGate) -> tuple[list[Figure], str]:
    """How the challenger ranks later orders with outcomes, against the champion: where there are enough of them."""
    genuine, worth = len(labelled.genuine), len(labelled.worth)
    if min(genuine, worth) < config.labelled:
        return [], (
            f"Of the later orders, {worth} turned out to be worth a look and {genuine} genuine: with {config.labelled} "
            "of each, outcomes would decide, too."
        )
    theirs = champion.score(labelled.genuine).score, champion.score(labelled.worth).score
    ours = labelled.scores
    limit = detection(*theirs, champion.threshold).average_precision - config.tolerance
    found = detection(*ours, champion.threshold).average_precision
    figure = Figure(
        name=f"average precision on orders with outcomes against {champion.manifest.version}'s",
        value=found,
        bound="at least",
        limit=limit,
        margin=margin_of_gain(ours, theirs, seed=0).average_precision,
        orders=genuine + worth,
        advice="The champion tells orders that were fraud or mistakes better from genuine ones. Look at those that it "
        "ranks higher (make backtest); where this model is right all the same, raise `gates.champion.tolerance` above "
        f"{limit + config.tolerance - found:.2g}.",
    )
    note = f"{worth} later orders turned out to be worth a look, {genuine} genuine."
    return [figure], note


def undecided(note: str) -> Gate:
    """There is a champion, and nothing to compare."""
    return Gate(name="champion", meaning=_MEANING, verdict="undecided", figures=[], note=note)
