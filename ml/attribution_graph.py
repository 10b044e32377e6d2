"""The model with its reasons as one ONNX graph, so that the service walks the trees once for both.

A score is T / (T + half³), where T is the sum of all evidence, cubed (`ml.guard`). So each feature's contribution
is its own part of T, over T + half³, and all of them sum exactly to the score. The forest's part of T is shared out by
path attribution (Saabas, "Interpreting random forests", 2014): on a row's way down a tree each split moves the expected
path length from the parent's to the child's, and the split's feature gets that difference, as a share of all moves.

A tree ensemble with a target for each tree names the leaf that a row ends in. What a leaf adds to the exponent of the
forest's score, and what each feature's splits on the way to it added to that, are looked up and summed. Scores agree
with those of model.onnx to 1e-14.
"""

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import IsolationForest

from ml.guarded_forest import LEAST_RISE, GuardedForest, exponent_scale, leaf_path_lengths
from ml.onnx_export import TREE_ENSEMBLE_OPSET, Ensemble, guard_ensemble, round_down, score_nodes

_OPSETS = {"": 18, "ai.onnx.ml": TREE_ENSEMBLE_OPSET}
_IR_VERSION = 9
_PIECES = 3
_FLOAT32_BITS = 24
_SMALLEST = 1e-9


def attribution_graph(model: GuardedForest) -> bytes:
    """A serialised graph, the same bytes for the same model.

    Input `features` float32 (n, d); outputs `score`, `forest_score` and `guard_score` float64 (n, 1), and
    `contributions` float64 (n, d), whose rows sum to the score.
    """
    width = len(model.guard.upper)
    leaves, values = _leaves(model.forest, width)
    to_scores, numbers = score_nodes(model, "forest_score", "guard")
    nodes = [
        _ensemble(leaves, "features", "numbers", "forest"),
        helper.make_node("Cast", ["numbers"], ["leaves"], to=TensorProto.INT32),
        helper.make_node("Gather", ["leaf_values", "leaves"], ["by_tree"]),
        helper.make_node("ReduceSum", ["by_tree", "second"], ["sums"], keepdims=0),
        helper.make_node("Cast", ["sums"], ["wide_sums"], to=TensorProto.DOUBLE),
        helper.make_node("Split", ["wide_sums", "widths"], ["moves", "pieces"], axis=1),
        helper.make_node("ReduceSum", ["pieces", "second"], ["exponent"], keepdims=1),
        helper.make_node("Exp", ["exponent"], ["forest_score"]),
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        _ensemble(guard_ensemble(model, apart=True).attributes(), "wide", "parts", "guard"),
        helper.make_node("ReduceSum", ["parts", "second"], ["guard"], keepdims=1),
        *(helper.make_node(kind, inputs, [output]) for kind, inputs, output in to_scores),
        # Where the forest has evidence its moves rise by more than `least`; elsewhere nothing is shared out.
        helper.make_node("ReduceSum", ["moves", "second"], ["moved"], keepdims=1),
        helper.make_node("Max", ["moved", "least"], ["rise"]),
        helper.make_node("Div", ["cube", "rise"], ["per_move"]),
        helper.make_node("Mul", ["moves", "per_move"], ["forest_parts"]),
        helper.make_node("Add", ["parts", "forest_parts"], ["all_parts"]),
        helper.make_node("Div", ["all_parts", "even"], ["contributions"]),
    ]
    constants = {"leaf_values": values, "second": np.array([1]), "widths": np.array([width, _PIECES])}
    constants |= {name: np.array([value]) for name, value in (numbers | {"least": LEAST_RISE / 2}).items()}
    scores = ("score", "forest_score", "guard_score")
    graph = helper.make_graph(
        nodes,
        "attribution",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [
            *(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in scores),
            helper.make_tensor_value_info("contributions", TensorProto.DOUBLE, [None, width]),
        ],
        initializer=[numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="orderguard")
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString(deterministic=True))


def _ensemble(attributes: dict[str, Any], source: str, target: str, name: str) -> onnx.NodeProto:
    return helper.make_node("TreeEnsemble", [source], [target], name=name, domain="ai.onnx.ml", **attributes)


def _leaves(forest: IsolationForest, width: int) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The attributes of the node that gives the number of the leaf in each tree, and for each leaf (m, d + _PIECES)
    what moved its part in the exponent, and that part in pieces.
    """
    ensemble = Ensemble(width=len(forest.estimators_))
    parts: list[float] = []
    moves: list[NDArray[np.float64]] = []
    scale = exponent_scale(forest)
    for estimator, chosen, lengths in zip(
        forest.estimators_, forest.estimators_features_, leaf_path_lengths(forest), strict=True
    ):
        tree, values = estimator.tree_, scale * expected_lengths(estimator.tree_, lengths)
        target = len(ensemble.roots)

        def add(node: int, moved: NDArray[np.float64]) -> tuple[int, int]:
            if tree.children_left[node] < 0:
                parts.append(float(values[node]))
                moves.append(moved)
                return ensemble.add_leaf(len(parts) - 1, target)
            feature, children = int(chosen[tree.feature[node]]), [tree.children_left[node], tree.children_right[node]]
            split = float(round_down(tree.threshold[node]))
            number = ensemble.add_split(feature, split, bool(tree.missing_go_to_left[node]))
            steps = np.zeros((2, width))
            steps[:, feature] = values[children] - values[node]
            ensemble.set_children(number, *(add(child, moved + step) for child, step in zip(children, steps)))
            return number, 0

        ensemble.add_root(add(0, np.zeros(width)))
    attributes = {
        **ensemble.attributes(),
        "nodes_splits": numpy_helper.from_array(np.array(ensemble.splits, np.float32), "nodes_splits"),
        "leaf_weights": numpy_helper.from_array(np.array(ensemble.weights, np.float32), "leaf_weights"),
    }
    pieces = _pieces(np.array(parts), len(ensemble.roots))
    return attributes, np.concatenate([np.array(moves), pieces], axis=1, dtype=np.float32)


def expected_lengths(tree: Any, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of the path lengths (nodes,) of the leaves under each node, weighted by training rows."""
    values = lengths.copy()
    rows = tree.n_node_samples
    for node in range(tree.node_count - 1, -1, -1):  # children come after their parent
        left, right = tree.children_left[node], tree.children_right[node]
        if left >= 0:
            values[node] = (rows[left] * values[left] + rows[right] * values[right]) / rows[node]
    return values


def _pieces(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Float64 `values` (m,) in columns of float32 (m, _PIECES): one table and one sum for these and the moves.

    Sums of up to `count` of a column are exact, but for the last, where it no longer matters.
    """
    pieces = []
    largest = float(np.abs(values).max())
    for _ in range(_PIECES - 1):
        step = 2.0 ** (math.ceil(math.log2(count * max(largest, _SMALLEST))) - _FLOAT32_BITS)
        pieces.append(np.round(values / step) * step)
        values = values - pieces[-1]
        largest = step / 2
    return np.stack([*pieces, values], axis=1)
