"""Gate: a synthetic drift set is told from normal orders, in every kind and strength, and normal later orders are
not.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.config import DriftGate
from ml.validation.anomalies import AnyModel
from ml.validation.gates import Figure, Gate, Table, gate
from ml.validation.held_out import Case, features_of
from ml.validation.injection import SHIFTS
from orderguard.catalogue import Catalogue
from orderguard.drift import DriftReference, DriftReport, compare_rows, days_spanned


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


def drift_gate(runs: list[DriftRun]) -> Gate:
    """All shifts are told, and no normal window is."""
    shifted = [run for run in runs if run.shifted]
    normal = [run for run in runs if not run.shifted]
    figures = [
        Figure(
            name="share of the drift sets told",
            value=float(np.mean([run.report.drifted for run in shifted])),
            bound="at least",
            limit=1.0,
        ),
        Figure(
            name="normal windows taken for drift",
            value=sum(run.report.drifted for run in normal),
            bound="exactly",
            limit=0,
        ),
    ]
    rows: list[list[str | float]] = []
    for run in runs:
        worst = max(run.report.variables, key=lambda variable: (variable.drifted, variable.psi / variable.limit))
        told = sum(variable.drifted for variable in run.report.variables)
        verdict = "drift" if run.report.drifted else "no drift"
        rows.append([run.name, run.report.rows, verdict, told, worst.name, worst.psi, worst.limit, worst.effect])
    columns = ["set", "orders", "verdict", "variables", "most drifted", "PSI", "noise limit", "effect"]
    fewest = min(run.report.rows for run in runs)
    few = not all(run.report.enough for run in runs)
    return gate(
        "drift",
        "A synthetic drift set is told from normal orders; normal later orders are not taken for drift.",
        figures,
        [Table(title="Drift sets", columns=columns, rows=rows)],
        f"{fewest} later orders are fewer than drift.minimum_rows, so there is no verdict." if few else "",
    )
