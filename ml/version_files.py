"""What goes into a version's folder. Each writer puts its own files there; all of them end up hashed in the
manifest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.attribution_graph import attribution_graph
from ml.expected_scores import expected_scores
from ml.feature_engineering import FeatureTable
from ml.labels import Labels
from ml.knowledge_index import knowledge_index
from ml.onnx_export import to_onnx
from ml.training import Trained
from orderguard.example_orders import EXPECTED
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.masking import Keyring
from orderguard.reference_orders import ReferenceOrders
from orderguard.retrieval import KNOWLEDGE_FOLDER
from orderguard.scorer import GRAPH, MODEL


@dataclass(frozen=True)
class Training:
    """What a writer may draw on. `paths` are the order files, which `keyring` masks."""

    paths: list[Path]
    keyring: Keyring
    table: FeatureTable
    trained: Trained
    data_sha256: str
    labels: Labels = Labels()


Writer = Callable[[Training, Path], None]


def write_model(training: Training, folder: Path) -> None:
    """model.onnx, with what a file that has lost its folder still has to say in its metadata."""
    properties = {
        "data_sha256": training.data_sha256,
        "feature_set_version": FEATURE_SET_VERSION,
        "threshold": repr(training.trained.threshold),
    }
    (folder / MODEL).write_bytes(to_onnx(training.trained.model, list(FEATURE_NAMES), properties))


def write_attribution(training: Training, folder: Path) -> None:
    """The graph that gives reasons with the scores."""
    (folder / GRAPH).write_bytes(attribution_graph(training.trained.model))


def write_reference(training: Training, folder: Path) -> None:
    """The reference set that drift is measured against."""
    training.trained.reference.write(folder)


def write_reference_orders(training: Training, folder: Path) -> None:
    """What scores and feature values are usual, so that a score's place and its reasons can be told in words."""
    parts = training.trained.slices
    rows = training.table.X[parts.train : parts.reference]
    scores = training.trained.model.scores(rows).score
    ReferenceOrders.of(rows, scores, FEATURE_NAMES).write(folder)


def write_catalogue(training: Training, folder: Path) -> None:
    """What is usual in this shop."""
    training.table.catalogue.write(folder)


def write_knowledge(training: Training, folder: Path) -> None:
    """The knowledge index that the service's answers come from. It holds no past cases: they belong to whoever has the
    key, see `ml.histories`.
    """
    parts = training.trained.slices
    knowledge_index(training.table.X[parts.first : parts.train], []).write(folder / KNOWLEDGE_FOLDER)


def write_expected_scores(training: Training, folder: Path) -> None:
    """What the model says of the example orders, which deployments ask a new revision about."""
    (folder / EXPECTED).write_bytes(expected_scores(folder, training.table.catalogue, training.keyring))


WRITERS: tuple[Writer, ...] = (
    write_model,
    write_attribution,
    write_reference,
    write_reference_orders,
    write_catalogue,
    write_knowledge,
    write_expected_scores,
)
