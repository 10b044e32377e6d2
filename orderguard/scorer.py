"""Scores feature vectors with a model version: onnxruntime and numpy, nothing of the training side."""

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from orderguard.attribution import Attribution
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

    @cached_property
    def _attribution(self) -> Attribution:
        return Attribution.read(self.version_dir)

    def score(self, features: NDArray[np.float32]) -> Scores:
        """Score rows (n, d) of features in the order of `manifest.feature_names`."""
        if len(features) == 0:
            return Scores(np.empty(0), np.empty(0), np.empty(0))
        outputs = self._session.run(OUTPUTS, {"features": features})
        return Scores(*(output[:, 0] for output in outputs))

    def score_row(self, row: NDArray[np.float32]) -> RowScore:
        """Score one row (d,)."""
        with self._lock:
            self._row[0] = row
            self._session.run_with_iobinding(self._binding)
            return RowScore(*self._results[:, 0, 0].tolist())

    def contributions(self, row: NDArray[np.float32]) -> list[tuple[str, float]]:
        """What each feature adds to the score of `row` (d,), largest first; the sum is score − `manifest.baseline`. See
        `attribution`.
        """
        values = self._attribution.contributions(row).tolist()
        return sorted(zip(self.manifest.feature_names, values, strict=True), key=lambda pair: -pair[1])


def session(model: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a serialised model on `threads` processor threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
