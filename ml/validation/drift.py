"""Gate: a synthetic drift set is told from normal orders, in every kind and strength, and normal later orders are
not.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.config import DriftGate
from ml.validation.anomalies import AnyModel
from ml.validation.gates import Figure, Gate, Table, gate
from ml.validation.held_out import Case, features_of
from ml.validation.injection import SHIFTS
from orderguard.catalogue import Catalogue
from orderguard.drift import DriftReference, DriftReport, VariableDrift, compare_rows, days_spanned


class DriftRun(NamedTuple):
    """A set that was compared with the reference; `shifted` says what the verdict should be."""

    name: str
    shifted: bool
    report: DriftReport


def drift_runs(
    model: AnyModel, reference: DriftReference, catalogue: Catalogue, cases: list[Case], config: DriftGate
) -> list[DriftRun]:
    """Windows of normal later cases (in time order), and each shift applied to the last window."""
    windows = [cases[start : start + config.rows] for start in range(0, len(cases) - config.rows + 1, config.rows)]
    windows = windows or [cases]
    generator = np.random.default_rng(config.seed)
    sets = [(f"normal orders, window {number}", False, window) for number, window in enumerate(windows, 1)]
    sets += [(shift.name, True, shift.apply(windows[-1], generator)) for shift in SHIFTS]
    return [DriftRun(name, shifted, _report(model, reference, catalogue, rows)) for name, shifted, rows in sets]


def _report(model: AnyModel, reference: DriftReference, catalogue: Catalogue, cases: list[Case]) -> DriftReport:
    rows: NDArray[np.float32] = features_of(cases, catalogue)
    moments = np.array([case.order.created_at.timestamp() for case in cases])
    return compare_rows(reference, rows, model.score(rows).score, days_spanned(moments))


def drift_gate(runs: list[DriftRun], minimum_rows: int) -> Gate:
    """All shifts are told, and no normal window is. Undecided where the windows are too small for a verdict."""
    shifted = [run for run in runs if run.shifted]
    normal = [run for run in runs if not run.shifted]
    rows = min(run.report.rows for run in runs)
    missed = [run for run in shifted if not run.report.drifted]
    accused = [run for run in normal if run.report.drifted]
    hidden = [run for run in missed if _rows_to_tell(run.report, minimum_rows)]
    figures = [
        Figure(
            name="share of the drift sets told",
            value=1 - len(missed) / len(shifted),
            bound="at least",
            limit=1.0,
            margin=len(hidden) / len(shifted),
            orders=rows,
            more=max([0, *(_rows_to_tell(run.report, minimum_rows) - rows for run in hidden)]),
            advice=f"Not told: {', '.join(run.name for run in missed)}. What they change varies as much by itself in "
            "these orders. Where that is how this shop is, lower `drift.minimum_effect`: smaller shifts then count.",
        ),
        Figure(
            name="normal windows taken for drift",
            value=len(accused),
            bound="exactly",
            limit=0,
            margin=float(rows < minimum_rows),
            orders=rows,
            more=max(0, minimum_rows - rows),
            advice=" ".join(map(_accusation, accused)),
        ),
    ]
    table = list[list[str | float]]()
    for run in runs:
        worst = _most_drifted(run.report)
        told = sum(variable.drifted for variable in run.report.variables)
        verdict = "drift" if run.report.drifted else "no drift"
        table.append([run.name, run.report.rows, verdict, told, worst.name, worst.psi, worst.limit, worst.effect])
    columns = ["set", "orders", "verdict", "variables", "most drifted", "PSI", "noise limit", "effect"]
    return gate(
        "drift",
        "A synthetic drift set is told from normal orders; normal later orders are not taken for drift.",
        figures,
        [Table(title="Drift sets", columns=columns, rows=table)],
        (
            f"{rows} later orders are fewer than drift.minimum_rows, so there is no verdict."
            if rows < minimum_rows
            else ""
        ),
    )


def _most_drifted(report: DriftReport) -> VariableDrift:
    return max(report.variables, key=lambda variable: (variable.drifted, variable.psi / variable.limit))


def _rows_to_tell(report: DriftReport, minimum_rows: int) -> int:
    """How many rows would tell a shift that so few hide: 0 where no number would, since too few orders moved.

    The noise of a PSI shrinks as 1/rows.
    """
    moved = [variable for variable in report.variables if variable.effect >= variable.effect_limit]
    if not moved:
        return 0
    return max(minimum_rows, math.ceil(report.rows * min(variable.limit / variable.psi for variable in moved)))


def _accusation(run: DriftRun) -> str:
    """What moved in a window of normal orders, in words."""
    moved = sorted((v for v in run.report.variables if v.drifted), key=lambda v: -v.effect)
    named = ", ".join(f"`{v.name}` ({v.effect:.0%} of the orders)" for v in moved[:4])
    return f"In {run.name} other values than among the reference orders have {named}."
