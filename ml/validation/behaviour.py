"""Gate: the model behaves as somebody who knows orders expects (after Ribeiro and others, "Beyond Accuracy:
CheckList", 2020).
"""

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.config import BehaviourGate
from ml.validation.anomalies import LOOKS, AnyModel, described, largest_z, lower
from ml.validation.gates import Figure, Gate, Table, gate, margin_of_share
from ml.validation.held_out import Case, features_of
from ml.validation.injection import ANOMALIES, applicable
from orderguard.schema import MaskedOrder

_OPTIONAL = {
    field.name: field.default
    for field in msgspec.structs.fields(MaskedOrder)
    if field.default is not msgspec.NODEFAULT and field.name != "hour_known"  # its default says more, not less
}

_OTHER = "other"


def _renamed(case: Case, generator: np.random.Generator) -> Case:
    return case._replace(order=msgspec.structs.replace(case.order, order_token=_OTHER, customer_token=_OTHER))


def _shuffled(case: Case, generator: np.random.Generator) -> Case:
    items = [case.order.items[index] for index in generator.permutation(len(case.order.items))]
    return case._replace(order=msgspec.structs.replace(case.order, items=items))


def _other_note(case: Case, generator: np.random.Generator) -> Case:
    return case._replace(order=msgspec.structs.replace(case.order, note="another note", gift_message=None))


def _less_told(case: Case, generator: np.random.Generator) -> Case:
    """One optional field that the order has is left out."""
    told = [name for name, absent in _OPTIONAL.items() if getattr(case.order, name) != absent]
    if not told:
        return case
    name = told[int(generator.integers(len(told)))]
    return case._replace(order=msgspec.structs.replace(case.order, **{name: _OPTIONAL[name]}))


INVARIANCES: dict[str, Callable[[Case, np.random.Generator], Case]] = {
    "other order and customer token": _renamed,
    "lines in another sequence": _shuffled,
    "another note": _other_note,
}
RAISING = ("price_slip", "price_tenfold", "bulk_quantity", "deep_discount", "burst", "takeover")


def behaviour_gate(
    model: AnyModel, threshold: float, train: NDArray[np.float32], cases: Sequence[Case], config: BehaviourGate
) -> Gate:
    """What must not matter changes no feature; what must raise the score does, or does as often as it raises a plain
    largest |z| by the training rows (n, d); absent optional fields raise no alarm.
    """
    generator = np.random.default_rng(config.seed)
    cases = [cases[index] for index in generator.permutation(len(cases))[: config.rows]]
    told = applicable(cases)
    before = features_of(cases)
    scores = model.score(before).score
    figures, rows = [], list[list[str | float]]()
    for name, change in INVARIANCES.items():
        after = features_of([change(case, generator) for case in cases])
        apart = float(np.max(np.abs(after - before) / np.maximum(np.abs(before), 1)))
        figures.append(
            Figure(
                name=f"{name}: largest change of a feature",
                value=apart,
                bound="at most",
                limit=1e-6,
                advice="A feature of this clone depends on what it must not see: a defect in `orderguard/features`, not"
                " in the orders.",
            )
        )
        rows.append([name, "changes nothing", apart])
    for name in [name for name in RAISING if name in told]:
        after = features_of([ANOMALIES[name].change(case, generator) for case in cases])
        raised = float(np.mean(model.score(after).score > scores))
        plain = float(np.mean(largest_z(train, after) > largest_z(train, before)))
        least = min(config.minimum_share, plain)
        figures.append(
            Figure(
                name=f"{name}: share raised",
                value=raised,
                bound="at least",
                limit=least,
                margin=margin_of_share(least, len(cases)),
                orders=len(cases),
                advice=f"{described(name)} leaves the score of {1 - raised:.0%} of the orders where it was. "
                f"{LOOKS[name]} {lower('gates.behaviour.minimum_share', raised)}",
            )
        )
        rows.append([name, "raises the score", raised])
    less = model.score(features_of([_less_told(case, generator) for case in cases])).score
    newly = float(np.mean((less >= threshold) & (scores < threshold)))
    limit = config.maximum_flagged
    figures.append(
        Figure(
            name="an optional field left out: share newly flagged",
            value=newly,
            bound="at most",
            limit=limit,
            margin=margin_of_share(limit, len(cases)),
            orders=len(cases),
            advice="Nearly all orders bring every field, so that one without it looks odd: train on a period that "
            f"holds some, or set `gates.behaviour.maximum_flagged` to {math.ceil(newly * 100) / 100:g}.",
        )
    )
    rows.append(["an optional field left out", "raises no alarm", newly])
    table = Table(title="Expectations", columns=["change", "expectation", "found"], rows=rows)
    return gate("behaviour", "What must not matter doesn't, and what must raise the score does.", figures, [table])
