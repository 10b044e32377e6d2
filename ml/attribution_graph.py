"""The model with its reasons as one ONNX graph, so that the service walks the trees once for both.

A tree ensemble with a target for each tree names the leaf that a row ends in. What a leaf adds to the exponent of the
forest's score, and what each feature's splits on the way to it added to that, are looked up and summed; the guard
stands beside it as in model.onnx, with whose scores this graph's agree to 1e-14. `Attribution.contributions` walks the
same trees in numpy and is the reference for the reasons.
"""

import math
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ml.guard import Guard
from ml.onnx_export import MAXIMUM, SUM, TREE_ENSEMBLE_OPSET, Ensemble, guard_ensemble, round_down
from orderguard.attribution import Attribution

_OPSETS = {"": 18, "ai.onnx.ml": TREE_ENSEMBLE_OPSET}
_IR_VERSION = 9
_PIECES = 3
_FLOAT32_BITS = 24
_SMALLEST = 1e-9


def attribution_graph(attribution: Attribution) -> bytes:
    """A serialised graph, the same bytes for the same model.

    Input `features` float32 (n, d); outputs `score`, `forest_score` and `guard_score` float64 (n, 1), and `moves`
    float32 (n, d), each feature's part in the exponent of the forest's score less that of the baseline.
    """
    width = len(attribution.upper)
    leaves, values = _leaves(attribution, width)
    guard = guard_ensemble(Guard(attribution.upper, attribution.lower, attribution.levels))
    nodes = [
        _ensemble(leaves, "features", "numbers", "forest"),
        helper.make_node("Cast", ["numbers"], ["leaves"], to=TensorProto.INT32),
        helper.make_node("Gather", ["leaf_values", "leaves"], ["by_tree"]),
        helper.make_node("ReduceSum", ["by_tree", "second"], ["sums"], keepdims=0),
        helper.make_node("Split", ["sums", "widths"], ["moves", "pieces"], axis=1),
        helper.make_node("Cast", ["pieces"], ["wide_pieces"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceSum", ["wide_pieces", "second"], ["exponent"], keepdims=1),
        helper.make_node("Exp", ["exponent"], ["forest_score"]),
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        _ensemble(guard.attributes(MAXIMUM), "wide", "guard_score", "guard"),
        helper.make_node("Max", ["forest_score", "guard_score"], ["score"]),
    ]
    constants = {"leaf_values": values, "second": np.array([1]), "widths": np.array([width, _PIECES])}
    scores = ("score", "forest_score", "guard_score")
    graph = helper.make_graph(
        nodes,
        "attribution",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, width])],
        [
            *(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in scores),
            helper.make_tensor_value_info("moves", TensorProto.FLOAT, [None, width]),
        ],
        initializer=[numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="orderguard")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _ensemble(attributes: dict[str, Any], source: str, target: str, name: str) -> onnx.NodeProto:
    return helper.make_node("TreeEnsemble", [source], [target], name=name, domain="ai.onnx.ml", **attributes)


def _leaves(attribution: Attribution, width: int) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The attributes of the node that gives the number of the leaf in each tree, and for each leaf (m, d + _PIECES)
    what moved its part in the exponent, and that part in pieces.
    """
    ensemble = Ensemble()
    trees: list[int] = []
    parts: list[float] = []
    moves: list[NDArray[np.float64]] = []

    def add(node: int, moved: NDArray[np.float64]) -> tuple[int, int]:
        left, right = int(attribution.left[node]), int(attribution.right[node])
        if left == node:
            trees.append(len(ensemble.roots))
            parts.append(float(attribution.value[node]))
            moves.append(moved)
            return ensemble.add_leaf(len(parts) - 1)
        feature = int(attribution.feature[node])
        split = float(round_down(float(attribution.threshold[node])))
        number = ensemble.add_split(feature, split, bool(attribution.missing_left[node]))
        steps = np.zeros((2, width))
        steps[:, feature] = attribution.value[[left, right]] - attribution.value[node]
        ensemble.set_children(number, add(left, moved + steps[0]), add(right, moved + steps[1]))
        return number, 0

    for root in attribution.roots.tolist():
        number, is_leaf = add(root, np.zeros(width))
        if is_leaf:  # ONNX needs a split at the root
            leaf, number = number, ensemble.add_split(0, 0.0, True)
            ensemble.set_children(number, (leaf, 1), (leaf, 1))
        ensemble.roots.append(number)
    attributes = {
        **ensemble.attributes(SUM),
        "n_targets": len(ensemble.roots),
        "leaf_targetids": trees,
        "nodes_splits": numpy_helper.from_array(np.array(ensemble.splits, np.float32), "nodes_splits"),
        "leaf_weights": numpy_helper.from_array(np.array(ensemble.weights, np.float32), "leaf_weights"),
    }
    return attributes, np.concatenate(
        [np.array(moves), _pieces(np.array(parts), len(ensemble.roots))], 1, dtype=np.float32
    )


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
