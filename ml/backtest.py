"""What rules, or another threshold, would have made of past orders: alerts won and lost, compared with outcomes.

Orders are read as training reads them: masked, each with the features that it had when it came. The champion scores
them, and the same code decides that decides in service (`orderguard.rules`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.feature_engineering import FeatureTable
from ml.precision import Count
from ml.reading import masked_orders
from orderguard.masking import Keyring
from orderguard.masking.codes import known_articles
from orderguard.outcomes import WORTH_A_LOOK, Kind, Outcome
from orderguard.rules import Hit, Rulebook
from orderguard.rules.decision import decision
from orderguard.schema import MaskedOrder
from orderguard.scorer import Scorer

DAY = 86_400.0
CLEARS_TOO_MUCH = 0.5
"""A rule that clears more of the model's alerts than this share is warned of."""


class Past(NamedTuple):
    """Orders of the past: masked, with features (n, d), scores (n,) and the outcome that counts, if there is one."""

    orders: list[MaskedOrder]
    rows: NDArray[np.float32]
    scores: NDArray[np.float64]
    outcomes: list[Kind | None]


@dataclass(frozen=True)
class Difference:
    """What something makes of the model's alerts: how many orders met it, the alerts then, those won and lost."""

    name: str
    what: str
    met: int
    alerts: Count
    won: Count
    lost: Count


@dataclass(frozen=True)
class Backtest:
    """`model` are the alerts of the model alone. `rules` has each rule and list as if it alone acted, whatever its
    mode; `together` the file as it stands, and all of it acting. `thresholds` are the model alone at others.
    """

    first: datetime
    last: datetime
    orders: int
    labelled: int
    threshold: float
    model: Count
    rules: list[Difference]
    together: list[Difference]
    thresholds: list[Difference]
    failures: Mapping[str, int]
    warnings: list[str]


def past_of(
    table: FeatureTable,
    paths: Sequence[Path],
    keyring: Keyring,
    scorer: Scorer,
    outcomes: Mapping[str, Outcome],
    days: float,
) -> Past:
    """The orders of the last `days` days before the newest order."""
    since = float(table.created_at[-1]) - days * DAY
    first = int(np.searchsorted(table.created_at, since, side="right"))
    row_of = {token: row for row, token in enumerate(table.order_tokens[first:])}
    doubt = known_articles(scorer.catalogue.articles)
    found: dict[int, MaskedOrder] = {}
    for orders in masked_orders(paths, keyring, free_text=False, doubt=doubt, feed=table.feed):
        for order in orders:
            row = row_of.get(order.order_token)
            if row is not None:
                found[row] = order
    rows = table.X[first:][sorted(found)]
    told = [outcomes.get(found[row].order_token) for row in sorted(found)]
    kinds: list[Kind | None] = [one.outcome if one else None for one in told]
    return Past([found[row] for row in sorted(found)], rows, scorer.score(rows).score, kinds)


def backtest(past: Past, rules: Rulebook, threshold: float, others: Sequence[float] = ()) -> Backtest:
    """Hold rules, and other thresholds, against the model alone."""
    failures: dict[str, int] = {}

    def failed(rule: str) -> None:
        failures[rule] = failures.get(rule, 0) + 1

    rules.on_failure = failed
    hits = _hits(past, rules, threshold)
    scores: list[float] = past.scores.tolist()
    model = past.scores >= threshold
    names = [(f"rule:{rule.id}", _told(rule.action, rule.by, rule.mode)) for rule in rules.file.rules]
    lists = sorted({hit.name for one in hits for hit in one if hit.kind == "list"})
    names += [(name, "list") for name in lists]
    alone = []
    for name, what in names:
        own = [[hit._replace(mode="act") for hit in one if hit.name == name] for one in hits]
        alone.append(_difference(name, what, own, past, scores, threshold, model))
    everything = [[hit._replace(mode="act") for hit in one] for one in hits]
    acting = [[hit for hit in one if hit.mode == "act"] for one in hits]
    together = [
        _difference("as it stands", "what acts", acting, past, scores, threshold, model),
        _difference("all of it", "as if everything acted", everything, past, scores, threshold, model),
    ]
    moved = [_moved(past, model, other, threshold) for other in others]
    moments = [order.created_at.astimezone(UTC) for order in past.orders]
    return Backtest(
        first=min(moments),
        last=max(moments),
        orders=len(moments),
        labelled=sum(kind is not None for kind in past.outcomes),
        threshold=threshold,
        model=_count(past.outcomes, model),
        rules=alone,
        together=together,
        thresholds=moved,
        failures=failures,
        warnings=_warnings(alone, _count(past.outcomes, model), len(moments)),
    )


def _hits(past: Past, rules: Rulebook, threshold: float) -> list[tuple[Hit, ...]]:
    """What each order met; a list's entry had to be in force when the order was placed."""
    found = []
    for order, row, score in zip(past.orders, past.rows.tolist(), past.scores.tolist(), strict=True):
        decided = rules.decide(order, row, score, threshold, order.created_at)
        found.append(decided.hits if decided else ())
    return found


def _told(action: str, by: float, mode: str) -> str:
    return f"{f'raise by {by:g}' if action == 'raise' else action}, {mode}"


def _difference(
    name: str,
    what: str,
    hits: Sequence[Sequence[Hit]],
    past: Past,
    scores: Sequence[float],
    threshold: float,
    model: NDArray[np.bool_],
) -> Difference:
    after = model.copy()
    for place, met in enumerate(hits):
        if met:
            after[place] = decision(met, scores[place], threshold).anomaly
    return _held(name, what, sum(map(bool, hits)), past, model, after)


def _moved(past: Past, model: NDArray[np.bool_], other: float, threshold: float) -> Difference:
    what = "lower: more alerts" if other < threshold else "higher: fewer alerts"
    after = past.scores >= other
    return _held(f"threshold {other:.4f}", what, int((after != model).sum()), past, model, after)


def _held(
    name: str, what: str, met: int, past: Past, before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> Difference:
    alerts, won, lost = (_count(past.outcomes, mask) for mask in (after, after & ~before, before & ~after))
    return Difference(name, what, met, alerts, won, lost)


def _count(outcomes: Sequence[Kind | None], alerts: Iterable[bool] | NDArray[np.bool_]) -> Count:
    flagged = [kind for kind, alert in zip(outcomes, alerts, strict=True) if alert]
    return Count(len(flagged), sum(kind in WORTH_A_LOOK for kind in flagged), flagged.count("genuine"))


def _warnings(rules: Sequence[Difference], model: Count, orders: int) -> list[str]:
    """What to look at before a rule acts."""
    unmet = [rule.name for rule in rules if not rule.met]
    told = [f"no order met {', '.join(unmet)}: is a name or a value misspelt?"] if unmet else []
    for rule in rules:
        if rule.met == orders:
            told.append(f"{rule.name} met every order: it separates nothing.")
        if model.alerts and rule.lost.alerts > CLEARS_TOO_MUCH * model.alerts:
            share = rule.lost.alerts / model.alerts
            told.append(f"{rule.name} would clear {share:.0%} of the model's alerts: nobody would look at them.")
        if rule.lost.right:
            told.append(f"{rule.name} would have cleared {rule.lost.right:,} alerts that were right.")
    return told
