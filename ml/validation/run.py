"""All gates of one training but the champion's, and the evidence that card and report are drawn from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.config import Config
from ml.feature_engineering import ReadingReport
from ml.validation.alert_rate import alert_rate_gate
from ml.validation.anomalies import Evaluation, Injected, anomaly_gate, evaluate, inject
from ml.validation.behaviour import behaviour_gate
from ml.validation.drift import DriftRun, drift_gate, drift_runs
from ml.validation.gates import Gate, Validation, worst
from ml.validation.held_out import features_of, orders_around, replay
from ml.validation.masking import masking_gate
from ml.validation.parity import compare, parity_gate
from ml.version_files import Training
from orderguard.scorer import GRAPH, MODEL, Scores, score_rows, session

_OFF = "Switched off in the configuration."


def off(gate: Gate) -> Gate:
    """A gate that is switched off, as it is listed."""
    return Gate(name=gate.name, meaning=gate.meaning, verdict="passed", figures=[], note=_OFF)


class ExportedModel:
    """A graph that isn't part of a version yet: `MODEL`, or `GRAPH`, which serving scores with."""

    def __init__(self, path: Path) -> None:
        self._session = session(path.read_bytes())

    def score(self, features: NDArray[np.float32]) -> Scores:
        """Score rows (n, d)."""
        return score_rows(self._session, features)


@dataclass(frozen=True)
class Evidence:
    """What was measured. `reference`, `later` and `injected` are scores of those rows; `injected_rows` are the
    features of the last. `reading` is what became of the lines of the order files.
    """

    validation: Validation
    evaluation: Evaluation
    drift: list[DriftRun]
    reference: NDArray[np.float64]
    later: NDArray[np.float64]
    injected: NDArray[np.float64]
    injected_rows: NDArray[np.float32]
    cases: Injected
    reading: ReadingReport


def validate(training: Training, folder: Path, config: Config, progress: bool = False) -> Evidence:
    """Put the exported model in `folder` through every gate. A gate that is switched off is listed as such."""
    table, trained, gates = training.table, training.trained, config.gates
    parts, threshold = trained.slices, trained.threshold
    model = ExportedModel(folder / MODEL)
    bar = tqdm(total=7, desc="validate", unit="gate", disable=not progress)

    def done(gate: Gate, enabled: bool) -> Gate:
        bar.update()
        return gate if enabled else off(gate)

    with bar:
        later_rows = table.X[parts.reference :]
        step = 1 + (parts.rows - parts.reference) // gates.orders
        chosen = {table.order_tokens[row]: table.catalogue_of(row) for row in range(parts.reference, parts.rows, step)}
        cases = replay(orders_around(table, training.paths, training.keyring, chosen.keys()), chosen)
        bar.update()
        train_rows = table.X[parts.first : parts.train]
        injected = inject(cases, gates.anomalies)
        evaluation = evaluate(model, threshold, train_rows, injected, config.alert.rate)
        results = [done(anomaly_gate(evaluation, gates.anomalies), gates.anomalies.enabled)]
        drift = drift_runs(model, trained.reference, cases, gates.drift)
        results.append(done(drift_gate(drift, config.drift.minimum_rows), gates.drift.enabled))
        later = model.score(later_rows).score
        rate = config.alert.rate
        results.append(done(alert_rate_gate(later, threshold, rate, gates.alert_rate), gates.alert_rate.enabled))
        graphs = [model, ExportedModel(folder / GRAPH)]
        parity = compare(trained.model, graphs, threshold, later_rows, config.forest.seed)
        results.append(done(parity_gate(parity, gates.parity), gates.parity.enabled))
        masking = masking_gate(training.paths, training.keyring, table.catalogue, gates.masking, table.feed)
        results.append(done(masking, gates.masking.enabled))
        behaviour = behaviour_gate(model, threshold, train_rows, cases, gates.behaviour)
        results.append(done(behaviour, gates.behaviour.enabled))
    injected_rows = features_of([case for kind in injected.kinds.values() for case in kind])
    report = table.report
    data = {"lines": report.lines, "blank lines": report.blank_lines, "orders": report.orders}
    data |= {"duplicates": report.duplicates, "repaired orders": report.repaired}
    data |= {"orders drawn from these": len(table.X)} if table.tails else {}
    for one in report.apart:
        data[f"set apart: {one.reason}"] = data.get(f"set apart: {one.reason}", 0) + one.orders
    data |= {f"quarantined: {reason}": count for reason, count in report.quarantined.items()}
    data |= {f"unknown fields, in every 50th line: {place}": count for place, count in report.unknown_fields.items()}
    return Evidence(
        validation=Validation(verdict=worst(gate.verdict for gate in results), gates=results, data=data),
        evaluation=evaluation,
        drift=drift,
        reference=model.score(table.X[parts.train : parts.reference]).score,
        later=later,
        injected=model.score(injected_rows).score,
        injected_rows=injected_rows,
        cases=injected,
        reading=report,
    )
