"""The drift watch: recent orders against the reference statistics of the model that scored them."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.store_state import HistoriesAnswer
from orderguard.drift import SCORE, DriftReference, DriftReport, StoreState, VariableDrift
from orderguard.drift_counter import DriftCounter
from orderguard.features.labels import label

REPORT_SECONDS = 30.0
SNAPSHOTS = 240


class Snapshot(msgspec.Struct, frozen=True):
    """The PSI of each variable at one time."""

    time: str
    rows: int
    drifted: bool
    psi: dict[str, float]


class DriftAnswer(msgspec.Struct, frozen=True):
    """The state of the drift watch.

    `drifted` says that something moved for no expected cause, `expected` that something did for one (`cause`: the
    customers' history grows, the catalogue gets old); `kind` and `advice` say it of each variable. A variable's `limit`
    is the PSI that chance alone stays under at this number of rows. `presence` has the optional fields of an order, by
    whether they are told. `history` has the oldest snapshot first, one every half minute while orders come in;
    `histories` says what the customers' histories were like.
    """

    model_version: str
    rows: int
    enough: bool
    drifted: bool
    expected: bool
    variables: list[VariableDrift]
    presence: list[VariableDrift]
    history: list[Snapshot]
    histories: HistoriesAnswer


class DriftWatch:
    """Counts scored rows and keeps a series of reports."""

    def __init__(self, version_dir: Path) -> None:
        self.reference = DriftReference.read(version_dir)
        self._counter = DriftCounter(self.reference)
        self._history: deque[Snapshot] = deque(maxlen=SNAPSHOTS)
        self._added = self._recorded = 0

    def add_rows(self, features: NDArray[np.float32], scores: NDArray[np.float64], told: Sequence[int]) -> None:
        """Count many scored rows, and the optional fields that each order tells."""
        self._added += len(scores)
        self._counter.add_rows(features, scores, told)

    def report(self, state: StoreState) -> DriftReport:
        """Compare the recent rows with the reference, where the store of histories is in this state. Takes tens of
        milliseconds: call it outside the event loop.
        """
        return self._counter.report(state)

    def record(self, report: DriftReport, time: str) -> bool:
        """Append a report to the series, unless no order came in since the last. Returns whether it was appended."""
        if self._added == self._recorded:
            return False
        self._recorded = self._added
        psi = {variable.name: round(variable.psi, 5) for variable in (*report.variables, *report.presence)}
        self._history.append(Snapshot(time, report.rows, report.drifted, psi))
        return True

    def answer(self, report: DriftReport, version: str, histories: HistoriesAnswer) -> DriftAnswer:
        """The answer of /v1/drift."""
        history = list(self._history)
        variables, presence = _labelled(report.variables), _labelled(report.presence)
        state = (report.rows, report.enough, report.drifted, report.expected, variables, presence)
        return DriftAnswer(version, *state, history, histories)

    def score_distribution(self) -> dict[str, list[float]]:
        """The score's distribution in the reference set, as bin edges and counts."""
        bins = next(bins for bins in self.reference.bins if bins.name == SCORE)
        return {"edges": bins.edges, "counts": [float(count) for count in bins.counts[:-1]]}


def _labelled(variables: Sequence[VariableDrift]) -> list[VariableDrift]:
    return [msgspec.structs.replace(variable, label=label(variable.name)) for variable in variables]
