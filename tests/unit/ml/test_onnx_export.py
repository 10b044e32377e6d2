"""The exported graph: what scikit-learn says, on every row that could tell the two apart, in one node for the
forest.
"""

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from ml.attribution_graph import attribution_graph
from ml.config import Config
from ml.evidence import Kind
from ml.guarded_forest import GuardedForest, fit
from ml.onnx_export import round_down, to_onnx
from ml.alert_threshold import amid
from ml.validation.anomalies import AnyModel
from ml.validation.parity import compare
from orderguard.scorer import Scores, score_rows, session

pytestmark = pytest.mark.no_cover

NAMES = ["amount", "lines", "flag", "gap", "constant", "rare"]
KINDS = [
    Kind("both", 0.1),
    Kind("high", 0.1),
    Kind("high", 0.15),
    Kind("low", 0.1),
    Kind("both", 0.1),
    Kind("none", 0.1),
]


def orders(rows: int, seed: int, missing: float) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    values = random.lognormal(sigma=2, size=(rows, len(NAMES))).astype(np.float32)
    values[:, 2] = random.random(rows) < 0.3
    values[:, 4] = 7
    values[:, 5] = random.random(rows) < 0.002
    values[random.random(values.shape) < missing] = np.nan
    return values


class Exported:
    """A graph that scores."""

    def __init__(self, model: bytes, threads: int = 1) -> None:
        self._session = session(model, threads)

    def score(self, features: NDArray[np.float32]) -> Scores:
        return score_rows(self._session, features)


@pytest.fixture(scope="module", params=[0.0, 0.1], ids=["complete", "with missing values"])
def model(request: pytest.FixtureRequest, config: Config) -> GuardedForest:
    return fit(orders(3_000, 1, request.param), KINDS, config.forest, config.guard)


def test_not_one_decision_differs_from_scikit_learns(model: GuardedForest) -> None:
    clean = orders(2_000, 3, 0.0)
    threshold = amid(model.scores(clean).score, float(np.quantile(model.scores(clean).score, 0.99)))
    graphs: list[AnyModel] = [Exported(to_onnx(model, NAMES, {})), Exported(attribution_graph(model))]
    found = compare(model, graphs, threshold, clean, seed=4)
    assert set(found) >= {"clean", "missing", "infinite", "extreme", "either side of every split"}
    assert found["either side of every split"].rows > 10_000
    assert {kind: row.flipped for kind, row in found.items() if row.flipped} == {}
    assert max(row.difference for row in found.values()) < 1e-12


def test_of_several_graphs_the_one_that_is_furthest_off_counts(model: GuardedForest) -> None:
    clean, right = orders(200, 3, 0.0), Exported(to_onnx(model, NAMES, {}))
    threshold = amid(model.scores(clean).score, float(np.quantile(model.scores(clean).score, 0.95)))

    class Off:
        def score(self, features: NDArray[np.float32]) -> Scores:
            return Scores(*(1.0 - scores for scores in right.score(features)))

    both_ways: list[list[AnyModel]] = [[right, Off()], [Off(), right]]
    for graphs in both_ways:
        found = compare(model, graphs, threshold, clean, seed=4)["clean"]
        assert found.rows == 200
        assert found.flipped > 100 and found.difference > 0.1


def test_a_batch_scores_as_its_rows_do_on_any_number_of_threads(model: GuardedForest) -> None:
    graph, rows = to_onnx(model, NAMES, {}), orders(150, 5, 0.05)
    one = Exported(graph)
    alone = np.concatenate([one.score(rows[place : place + 1]).score for place in range(len(rows))])
    for threads in (1, 2):
        assert np.abs(Exported(graph, threads).score(rows).score - alone).max() < 1e-14


def test_the_forest_is_one_node(model: GuardedForest) -> None:
    graph = onnx.load_from_string(to_onnx(model, NAMES, {})).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("TreeEnsemble") == 2  # and the guard's
    assert len(kinds) == 13
    assert [output.name for output in graph.output] == ["score", "forest_score", "guard_score"]


def test_the_same_model_gives_the_same_bytes(model: GuardedForest) -> None:
    assert to_onnx(model, NAMES, {"data": "1"}) == to_onnx(model, NAMES, {"data": "1"})


def test_metadata_says_what_the_columns_are(model: GuardedForest) -> None:
    proto = onnx.load_from_string(to_onnx(model, NAMES, {"threshold": "0.6"}))
    assert {entry.key: entry.value for entry in proto.metadata_props} == {
        "feature_names": ",".join(NAMES),
        "threshold": "0.6",
    }


@pytest.mark.parametrize("value", [0.1, -0.1, 1 / 3, 1e-50, 1e30, -1e-50, 2.0])
def test_a_threshold_rounded_down_parts_the_same_float32_values(value: float) -> None:
    rounded = round_down(value)
    assert float(rounded) <= value
    assert float(np.nextafter(rounded, np.float32(np.inf))) > value
