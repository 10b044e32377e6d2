"""Scores feature vectors with a model version: onnxruntime and numpy, nothing of the training side."""

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from orderguard.attribution import GRAPH, Attribution
from orderguard.catalogue import Catalogue
from orderguard.drift import DriftReference
from orderguard.model_version import Manifest, verify

MODEL = "model.onnx"
OUTPUTS = ("score", "forest_score", "guard_score")


class Scores(NamedTuple):
    """Scores of n rows, float64 (n,) each: `score` is the larger of the forest's and the guard's; all are in 0..1,
    higher is more anomalous.
    """

    score: NDArray[np.float64]
    forest: NDArray[np.float64]
    guard: NDArray[np.float64]


class RowScore(NamedTuple):
    """The scores of one row."""

    score: float
    forest: float
    guard: float


class Scorer:
    """A loaded model version. Safe to share between threads.

    Buffers for a single row are bound to the session once: that is quicker than a plain `session.run` of a bare tree
    ensemble.
    """

    def __init__(self, version_dir: Path, manifest: Manifest, threads: int = 1) -> None:
        self.version_dir = version_dir
        self.manifest = manifest
        self.threshold = manifest.threshold
        self.catalogue = Catalogue.read(version_dir)
        self._session = session((version_dir / MODEL).read_bytes(), threads)
        self._row = np.zeros((1, len(manifest.feature_names)), np.float32)
        self._results = np.zeros((len(OUTPUTS), 1, 1), np.float64)
        self._binding = self._session.io_binding()
        self._binding.bind_input("features", "cpu", 0, np.float32, self._row.shape, self._row.ctypes.data)
        for name, result in zip(OUTPUTS, self._results, strict=True):
            self._binding.bind_output(name, "cpu", 0, np.float64, result.shape, result.ctypes.data)
        self._attribution = Attribution.read(version_dir)
        self._explainer = session((version_dir / GRAPH).read_bytes(), threads)
        self._moves = np.zeros(self._row.shape, np.float32)
        self._explaining = self._explainer.io_binding()
        self._explaining.bind_input("features", "cpu", 0, np.float32, self._row.shape, self._row.ctypes.data)
        self._explaining.bind_output("moves", "cpu", 0, np.float32, self._moves.shape, self._moves.ctypes.data)
        self._lock = Lock()

    @classmethod
    def load(cls, version_dir: Path, *, threads: int = 1) -> "Scorer":
        """Load a version after checking it file by file; raises `ModelVersionError`.

        `threads` is set rather than left to onnxruntime, which would count the host's cores and not the container's.
        One is best for single rows.
        """
        return cls(version_dir, verify(version_dir), threads)

    @cached_property
    def drift_reference(self) -> DriftReference:
        return DriftReference.read(self.version_dir)

    def score(self, features: NDArray[np.float32]) -> Scores:
        """Score rows (n, d) of features in the order of `manifest.feature_names`."""
        return score_rows(self._session, features)

    def score_row(self, row: NDArray[np.float32]) -> RowScore:
        """Score one row (d,)."""
        with self._lock:
            self._row[0] = row
            self._session.run_with_iobinding(self._binding)
            return RowScore(*self._results[:, 0, 0].tolist())

    def explain(self, features: NDArray[np.float32]) -> tuple[Scores, NDArray[np.float64]]:
        """Score rows (n, d), and what each feature adds to their scores (n, d); a row's sum is its score −
        `manifest.baseline`.
        """
        if len(features) == 1:
            scores, moves = self._explain_row(features)
        else:
            scores = self.score(features)
            (moves,) = self._explainer.run(["moves"], {"features": features})
        return scores, self._attribution.shared_out(moves, features, scores.forest, scores.guard)

    def _explain_row(self, row: NDArray[np.float32]) -> tuple[Scores, NDArray[np.float32]]:
        with self._lock:
            self._row[:] = row
            self._session.run_with_iobinding(self._binding)
            self._explainer.run_with_iobinding(self._explaining)
            return Scores(*self._results[:, :, 0].copy()), self._moves.copy()

    def contributions(self, row: NDArray[np.float32]) -> list[tuple[str, float]]:
        """What each feature adds to the score of `row` (d,), largest first; the sum is score − `manifest.baseline`. See
        `attribution`.
        """
        values = self.explain(row[None])[1][0].tolist()
        return sorted(zip(self.manifest.feature_names, values, strict=True), key=lambda pair: -pair[1])


def session(model: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a serialised model on `threads` processor threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score_rows(model: onnxruntime.InferenceSession, features: NDArray[np.float32]) -> Scores:
    """The scores of rows (n, d) by a session of an exported model."""
    if len(features) == 0:
        return Scores(np.empty(0), np.empty(0), np.empty(0))
    return Scores(*(output[:, 0] for output in model.run(OUTPUTS, {"features": features})))
