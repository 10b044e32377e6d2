"""A model version on a worker: loaded once a process, checked file by file, and asked through Beam's RunInference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from apache_beam.ml.inference.base import ModelHandler
from apache_beam.utils.shared import Shared

from ml.backfill.beam.files import kept_at_hand
from ml.backfill.beam.pieces import Rows
from ml.backfill.drift import DriftCounts
from ml.backfill.scores import scores_of
from orderguard.scorer import Scorer


class Model:
    """A version by its folder. What is sent to workers is the folder's name."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._shared = Shared()

    def loaded(self) -> Scorer:
        """The version, which all threads of a worker share. Raises `ModelVersionError`."""
        scorer: Scorer = self._shared.acquire(self._load, tag=self._folder)
        return scorer

    def _load(self) -> Scorer:
        return Scorer.load(kept_at_hand(self._folder))


def _scored(rows: Rows, model: Scorer) -> Rows:
    scores = scores_of(model, rows.features)
    drift = DriftCounts.of(model.drift_reference, rows.features, scores.score, rows.told)
    return replace(rows, scores=scores, drift=drift, features=rows.features[:, :0])


class RowsHandler(ModelHandler):
    """Scores `Rows` by the session and the function that serve. Beam's own ONNX handler would open a session with other
    settings, and take and give back rows one at a time.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model

    def load_model(self) -> Scorer:
        return self._model.loaded()

    def run_inference(
        self, batch: Sequence[Rows], model: Scorer, inference_args: Mapping[str, Any] | None = None
    ) -> Iterable[Rows]:
        return [_scored(rows, model) for rows in batch]

    def batch_elements_kwargs(self) -> Mapping[str, Any]:
        """A group of rows is a batch already."""
        return {"min_batch_size": 1, "max_batch_size": 1}
