"""Gate: the drift watch tells a synthetic drift set from normal orders, in every kind and strength, and does not take
normal later orders for a fault.

It tests the detector. A fault is what shows in the scores, where decisions are made, without an expected cause
(customers come back, the catalogue gets old), and what orders no longer bring. What else moved in later orders, such as
prices that rose, is reported with cause and advice and stops nothing: the model still fits. Whether the alert rate
still holds is that gate's question.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.config import DriftGate
from ml.validation.anomalies import AnyModel
from ml.validation.gates import Figure, Gate, Table, gate
from ml.validation.held_out import Case, features_of
from ml.validation.injection import applicable_shifts
from orderguard.drift import SCORE, DriftReference, DriftReport, VariableDrift, compare_rows, days_spanned
from orderguard.presence import fields_told


class DriftRun(NamedTuple):
    """A set that was compared with the reference; `shifted` says what the verdict should be, `weak` that the shift may
    be too small for what these orders are like.
    """

    name: str
    shifted: bool
    report: DriftReport
    weak: bool = False


def drift_runs(model: AnyModel, reference: DriftReference, cases: list[Case], config: DriftGate) -> list[DriftRun]:
    """Windows of normal later cases (in time order), and each shift applied to the last window."""
    windows = [cases[start : start + config.rows] for start in range(0, len(cases) - config.rows + 1, config.rows)]
    windows = windows or [cases]
    generator = np.random.default_rng(config.seed)
    normal = [(f"normal orders, window {number}", False, window, False) for number, window in enumerate(windows, 1)]
    shifted = [
        (shift.name, True, shift.apply(windows[-1], generator), shift.strength == "weak")
        for shift in applicable_shifts(windows[-1])
    ]
    return [
        DriftRun(name, told, _report(model, reference, rows), weak) for name, told, rows, weak in (*normal, *shifted)
    ]


def _report(model: AnyModel, reference: DriftReference, cases: list[Case]) -> DriftReport:
    rows: NDArray[np.float32] = features_of(cases)
    moments = np.array([case.order.created_at.timestamp() for case in cases])
    told = np.array([fields_told(case.order) for case in cases], np.int64)
    return compare_rows(reference, rows, model.score(rows).score, told, days_spanned(moments))


def drift_gate(runs: list[DriftRun], minimum_rows: int) -> Gate:
    """All shifts are told, and no normal window is taken for a fault. Undecided where the windows are too small for a
    verdict. A weak shift that moves no feature enough to matter among these orders is named, and not asked for.
    """
    small = [run for run in runs if run.weak and not _moves_enough(run.report)]
    shifted = [run for run in runs if run.shifted and run not in small]
    normal = [run for run in runs if not run.shifted]
    rows = min(run.report.rows for run in runs)
    missed = [run for run in shifted if not _moved(run.report)]
    accused = [run for run in normal if _faults(run.report)]
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
            "these orders. If that is normal for this shop, lower `drift.minimum_effect`: smaller shifts then count.",
        ),
        Figure(
            name="normal windows taken for a fault",
            value=len(accused),
            bound="exactly",
            limit=0,
            margin=float(rows < minimum_rows),
            orders=rows,
            more=max(0, minimum_rows - rows),
            advice=" ".join(map(_accusation, accused)),
        ),
    ]
    few = f"{rows} later orders are fewer than drift.minimum_rows, so there is no verdict."
    return gate(
        "drift",
        "A synthetic drift set is told from normal orders; normal later orders are not taken for a fault.",
        figures,
        [_sets(runs)],
        " ".join([few] if rows < minimum_rows else [*_too_small(small), *_expected(normal), *_harmless(normal)]),
    )


def _moved(report: DriftReport) -> bool:
    return report.drifted or report.expected


def _faults(report: DriftReport) -> list[VariableDrift]:
    """What moved and is a fault by itself: the score, and what orders bring."""
    told = {variable.name for variable in report.presence}
    return [variable for variable in report.moved("unexpected") if variable.name == SCORE or variable.name in told]


def _sets(runs: list[DriftRun]) -> Table:
    rows = list[list[str | float]]()
    for run in runs:
        variables = [*run.report.variables, *run.report.presence]
        worst = max(variables, key=lambda variable: (variable.drifted, variable.psi / variable.limit))
        told = sum(variable.drifted for variable in variables)
        verdict = "drift" if run.report.drifted else "expected drift" if run.report.expected else "no drift"
        rows.append([run.name, run.report.rows, verdict, told, worst.name, worst.psi, worst.limit, worst.effect])
    columns = ["set", "orders", "verdict", "variables", "most drifted", "PSI", "noise limit", "effect"]
    return Table(title="Drift sets", columns=columns, rows=rows)


def _expected(normal: list[DriftRun]) -> list[str]:
    """What moved in normal windows for an expected cause, in words, by cause."""
    found: dict[str, dict[str, float]] = {}
    for run in normal:
        for variable in run.report.moved("expected"):
            effects = found.setdefault(f"{variable.cause}. {variable.advice}", {})
            effects[variable.name] = max(variable.effect, effects.get(variable.name, 0.0))
    lines = []
    for cause, effects in found.items():
        moved = ", ".join(f"`{name}` ({share:.0%} of the orders)" for name, share in effects.items())
        lines.append(f"Expected drift, from {cause} It moved {moved}.")
    return lines


def _harmless(normal: list[DriftRun]) -> list[str]:
    """What moved in normal windows and left the scores as they were, in words."""
    moved: dict[str, float] = {}
    advice: dict[str, None] = {}
    for run in normal:
        for variable in [] if _faults(run.report) else run.report.moved("unexpected"):
            moved[variable.name] = max(variable.effect, moved.get(variable.name, 0.0))
            advice[variable.advice] = None
    named = ", ".join(f"`{name}` ({share:.0%} of the orders)" for name, share in moved.items())
    return [f"Moved, though the scores did not: {named}. {' '.join(advice)}"] if moved else []


def _too_small(runs: list[DriftRun]) -> list[str]:
    names = ", ".join(run.name for run in runs)
    return [f"Not asked for, since these orders vary by more: {names}."] if runs else []


def _moves_enough(report: DriftReport) -> bool:
    return any(variable.effect >= variable.effect_limit for variable in (*report.variables, *report.presence))


def _rows_to_tell(report: DriftReport, minimum_rows: int) -> int:
    """How many rows would tell a shift that so few hide: 0 where more would not, since too few orders moved.

    The noise of a PSI shrinks as 1/rows.
    """
    variables = (*report.variables, *report.presence)
    hidden = [one.limit / one.psi for one in variables if one.effect >= one.effect_limit and one.psi < one.limit]
    rows = math.ceil(report.rows * min(hidden, default=0.0))
    return max(minimum_rows, rows) if report.rows < max(minimum_rows, rows) else 0


def _accusation(run: DriftRun) -> str:
    """What moved in a window of normal orders, in words."""
    moved = run.report.moved("unexpected")
    named = ", ".join(f"`{variable.name}` ({variable.effect:.0%} of the orders)" for variable in moved[:4])
    advice = " ".join(dict.fromkeys(variable.advice for variable in moved[:4]))
    return f"In {run.name} these have other values than among the reference orders: {named}. {advice}"
