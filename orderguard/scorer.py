"""Scores feature vectors with a model version: onnxruntime and numpy, nothing of the training side."""

from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.drift import DriftReference
from orderguard.model_version import Manifest, verify
from orderguard.reference_orders import ReferenceOrders

MODEL = "model.onnx"
GRAPH = "attribution.onnx"
OUTPUTS = ("score", "forest_score", "guard_score")
EXPLAINED = (*OUTPUTS, "contributions")


class Scores(NamedTuple):
    """Scores of n rows, float64 (n,) each, in 0..1; higher is more anomalous. `score` is never below `guard`, which is
    what it would be without the forest; `forest` is the Isolation Forest's own.
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
    """A loaded model version. Safe to share between threads."""

    def __init__(self, version_dir: Path, manifest: Manifest, threads: int = 1) -> None:
        self.version_dir = version_dir
        self.manifest = manifest
        self.threshold = manifest.threshold
        self.catalogue = Catalogue.read(version_dir)
        self.reference_orders = ReferenceOrders.read(version_dir)
        self._threads = threads
        self._row = np.zeros((1, len(manifest.feature_names)), np.float32)
        self._results = np.zeros((len(OUTPUTS), 1, 1), np.float64)
        self._explainer = session(version_dir / GRAPH, threads)
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

    def share_from(self, score: float) -> float:
        """The share of reference orders that score at least as high; by tenths in a version that keeps only those."""
        return (self.reference_orders or self.drift_reference).share_from(score)

    @cached_property
    def _plain(self) -> tuple[onnxruntime.InferenceSession, onnxruntime.IOBinding]:
        """model.onnx, which is loaded when scores without reasons are asked for: a service always gives reasons. The
        buffers for a single row are bound once, which is quicker than a plain `session.run` of a bare tree ensemble.
        """
        plain = session(self.version_dir / MODEL, self._threads)
        binding = plain.io_binding()
        binding.bind_input("features", "cpu", 0, np.float32, self._row.shape, self._row.ctypes.data)
        for name, result in zip(OUTPUTS, self._results, strict=True):
            binding.bind_output(name, "cpu", 0, np.float64, result.shape, result.ctypes.data)
        return plain, binding

    def score(self, features: NDArray[np.float32]) -> Scores:
        """Score rows (n, d) of features in the order of `manifest.feature_names`."""
        return score_rows(self._plain[0], features)

    def score_row(self, row: NDArray[np.float32]) -> RowScore:
        """Score one row (d,)."""
        with self._lock:
            plain, binding = self._plain
            self._row[0] = row
            plain.run_with_iobinding(binding)
            return RowScore(*self._results[:, 0, 0].tolist())

    def explain(self, features: NDArray[np.float32]) -> tuple[Scores, NDArray[np.float64]]:
        """Score rows (n, d), and what each feature adds to their scores (n, d); a row's sum is its score."""
        return explain_rows(self._explainer, features)

    def contributions(self, row: NDArray[np.float32]) -> list[tuple[str, float]]:
        """What each feature adds to the score of `row` (d,), largest first; the sum is its score."""
        values = self.explain(row[None])[1][0].tolist()
        return sorted(zip(self.manifest.feature_names, values, strict=True), key=lambda pair: -pair[1])


def session(model: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """An onnxruntime session for a serialised model, or the file of one, on `threads` processor threads.

    Of bytes it keeps a copy for as long as it lives; a file it reads and lets go.
    """
    options = onnxruntime.SessionOptions()
    # An arena would keep what the largest group took, for nothing: single rows and groups are as quick without.
    options.enable_cpu_mem_arena = False
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score_rows(model: onnxruntime.InferenceSession, features: NDArray[np.float32]) -> Scores:
    """The scores of rows (n, d) by a session of an exported model."""
    if len(features) == 0:
        return Scores(np.empty(0), np.empty(0), np.empty(0))
    return Scores(*(output[:, 0] for output in model.run(OUTPUTS, {"features": features})))


def explain_rows(
    model: onnxruntime.InferenceSession, features: NDArray[np.float32]
) -> tuple[Scores, NDArray[np.float64]]:
    """The scores of rows (n, d) by a session of the graph `GRAPH`, and what each feature adds to them (n, d)."""
    score, forest, guard, contributions = model.run(EXPLAINED, {"features": features})
    return Scores(score[:, 0], forest[:, 0], guard[:, 0]), contributions
