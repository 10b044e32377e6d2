"""The model as ONNX: skl2onnx with a converter of our own, because its own graph for an Isolation Forest has 27 nodes a
tree and is wrong on missing values.

The graph is: Cast to double → TreeEnsemble (SUM: the forest) → Exp = forest_score; TreeEnsemble (SUM: the guard's
evidence). The forest's evidence is added, and both sums become scores. All is in double precision (ai.onnx.ml 5), in
which scikit-learn compares as well: each row takes the same path, and scores agree to 1e-15.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import IsolationForest

from ml.guard import POWER
from ml.guarded_forest import GuardedForest, exponent_scale, leaf_path_lengths

TREE_ENSEMBLE_OPSET = 5
_SKL2ONNX_OPSETS = {"": 18, "ai.onnx.ml": 3}
SUM = 1
_OUTPUTS = ("score", "forest_score", "guard_score")

Node = tuple[str, list[str], str]
"""An operator, the names of its inputs and of its output."""


def to_onnx(model: GuardedForest, feature_names: list[str], properties: dict[str, str]) -> bytes:
    """The model as a serialised ONNX graph, the same bytes for the same model. `properties` go into its metadata.

    Input `features` float32 (n, d); outputs `score`, `forest_score`, `guard_score` float64 (n, 1).
    """
    _register()
    inputs = [("features", FloatTensorType([None, len(feature_names)]))]
    proto = convert_sklearn(model, "orderguard", inputs, target_opset=_SKL2ONNX_OPSETS)
    # skl2onnx lists them in the order of a set of strings, which is another one under another hash seed.
    proto.opset_import.sort(key=lambda opset: opset.domain)
    for opset in proto.opset_import:
        # skl2onnx knows ai.onnx.ml up to 3 and would refuse the nodes that our converter adds.
        if opset.domain == "ai.onnx.ml":
            opset.version = TREE_ENSEMBLE_OPSET
    onnx.helper.set_model_props(proto, {**properties, "feature_names": ",".join(feature_names)})
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString(deterministic=True))


@dataclass
class Ensemble:
    """The attributes of one TreeEnsemble node (ai.onnx.ml 5), gathered tree by tree; its output is (n, width)."""

    width: int = 1
    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    true_nodes: list[int] = field(default_factory=list)
    false_nodes: list[int] = field(default_factory=list)
    true_leaves: list[int] = field(default_factory=list)
    false_leaves: list[int] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def add_leaf(self, weight: float, target: int = 0) -> tuple[int, int]:
        self.weights.append(weight)
        self.targets.append(target)
        return len(self.weights) - 1, 1

    def add_split(self, feature: int, split: float, missing_true: bool) -> int:
        """Add a node "feature ≤ split" whose children are still to be set."""
        self.features.append(feature)
        self.splits.append(split)
        self.missing_true.append(int(missing_true))
        for children in (self.true_nodes, self.false_nodes, self.true_leaves, self.false_leaves):
            children.append(0)
        return len(self.features) - 1

    def set_children(self, node: int, true: tuple[int, int], false: tuple[int, int]) -> None:
        """Children are (number, is a leaf)."""
        self.true_nodes[node], self.true_leaves[node] = true
        self.false_nodes[node], self.false_leaves[node] = false

    def add_root(self, node: tuple[int, int]) -> None:
        """ONNX needs a split at the root: a tree of one leaf becomes a split with that leaf on both sides."""
        number, is_leaf = node
        if is_leaf:
            number = self.add_split(0, 0.0, True)
            self.set_children(number, node, node)
        self.roots.append(number)

    def attributes(self) -> dict[str, Any]:
        """Leaves of the same target add up."""
        return {
            "n_targets": self.width,
            "aggregate_function": SUM,
            "post_transform": 0,
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_splits": numpy_helper.from_array(np.array(self.splits, np.float64), "nodes_splits"),
            "nodes_modes": numpy_helper.from_array(np.zeros(len(self.splits), np.uint8), "nodes_modes"),
            "nodes_truenodeids": self.true_nodes,
            "nodes_falsenodeids": self.false_nodes,
            "nodes_trueleafs": self.true_leaves,
            "nodes_falseleafs": self.false_leaves,
            "nodes_missing_value_tracks_true": self.missing_true,
            "leaf_targetids": self.targets,
            "leaf_weights": numpy_helper.from_array(np.array(self.weights, np.float64), "leaf_weights"),
        }


def _forest_ensemble(forest: IsolationForest) -> Ensemble:
    ensemble = Ensemble()
    scale = exponent_scale(forest)
    for estimator, chosen, lengths in zip(
        forest.estimators_, forest.estimators_features_, leaf_path_lengths(forest), strict=True
    ):
        tree = estimator.tree_

        def add(node: int) -> tuple[int, int]:
            if tree.children_left[node] < 0:
                return ensemble.add_leaf(scale * lengths[node])
            # scikit-learn compares float32 values with a float64 threshold. Rounded down to float32 it parts the same
            # values, in any precision.
            split = float(round_down(tree.threshold[node]))
            number = ensemble.add_split(int(chosen[tree.feature[node]]), split, bool(tree.missing_go_to_left[node]))
            ensemble.set_children(number, add(tree.children_left[node]), add(tree.children_right[node]))
            return number, 0

        ensemble.add_root(add(0))
    return ensemble


def round_down(threshold: float) -> np.float32:
    """The largest float32 that is not above `threshold`."""
    rounded = np.float32(threshold)
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded


def guard_ensemble(model: GuardedForest, *, apart: bool = False) -> Ensemble:
    """One tree a feature: first whether the value is an ordinary one, as it is mostly, then a binary search over the
    values at which its evidence changes. A missing value is ordinary. All add up, or are kept `apart` by feature.

    Evidence is in units of the forest's slope, which saves a node.
    """
    guard = model.guard
    ensemble = Ensemble(width=len(guard.upper) if apart else 1)
    cubes = guard.cubes / model.slope**POWER
    for feature, (upper, lower) in enumerate(zip(guard.upper, guard.lower, strict=True)):
        below, above = np.isfinite(lower), np.isfinite(upper)  # an infinite limit is never passed
        # "x < limit" is "not limit ≤ x", so a lower limit is the float32 just below it.
        limits = np.concatenate([np.nextafter(lower[below][::-1], np.float32(-np.inf)), upper[above]])
        values = np.concatenate([cubes[below][::-1], [0.0], cubes[above]])
        ordinary = int(below.sum())
        target = feature if apart else 0
        if not len(limits) and feature + 1 < len(guard.upper):
            continue  # it never speaks; but ONNX needs one tree

        def add(first: int, last: int) -> tuple[int, int]:
            if first == last:
                return ensemble.add_leaf(float(values[first]), target)
            middle = (first + last) // 2
            if first <= ordinary < last:
                middle = ordinary
            elif last == ordinary:
                middle = ordinary - 1
            number = ensemble.add_split(feature, float(limits[middle]), middle >= ordinary)
            ensemble.set_children(number, add(first, middle), add(middle + 1, last))
            return number, 0

        ensemble.add_root(add(0, len(limits)))
    return ensemble


def _parse(scope: Any, model: GuardedForest, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    operator = scope.declare_local_operator("OrderguardGuardedForest", model)
    operator.inputs = inputs
    for name in _OUTPUTS:
        operator.outputs.append(scope.declare_local_variable(name, DoubleTensorType()))
    return list(operator.outputs)


def _one_column_each(operator: Any) -> None:
    for output in operator.outputs:
        output.type = DoubleTensorType([None, 1])


def score_nodes(model: GuardedForest, forest: str, guard: str) -> tuple[list[Node], dict[str, float]]:
    """The element-wise nodes from the forest's score and the guard's evidence (n, 1), by name, to what they make, and
    their constants: `cube` is the forest's evidence to the power of `POWER`, `even` the divisor of the score.
    """
    constants = {"start": model.start, "half": (model.half / model.slope) ** POWER}
    nodes: list[Node] = [
        ("Sub", [forest, "start"], "above"),
        ("Relu", ["above"], "evidence"),
        ("Mul", ["evidence", "evidence"], "square"),
        ("Mul", ["square", "evidence"], "cube"),
        ("Add", ["cube", guard], "total"),
        ("Add", ["total", "half"], "even"),
        ("Div", ["total", "even"], "score"),
        ("Add", [guard, "half"], "guard_even"),
        ("Div", [guard, "guard_even"], "guard_score"),
    ]
    return nodes, constants


def _convert_guarded_forest(scope: Any, operator: Any, container: Any) -> None:
    """Forest and guard as a node each, and what makes scores of both."""
    model, names = operator.raw_operator, dict(zip(_OUTPUTS, operator.outputs, strict=True))
    forest_score, guard = names["forest_score"].full_name, "guard"
    container.add_node("Cast", operator.inputs[0].full_name, "wide", to=TensorProto.DOUBLE, name="cast")
    _add_ensemble(container, _forest_ensemble(model.forest), "wide", "exponent", "forest")
    container.add_node("Exp", "exponent", forest_score, op_version=13, name="exp")
    _add_ensemble(container, guard_ensemble(model), "wide", guard, "guard")
    nodes, constants = score_nodes(model, forest_score, guard)
    for name, value in constants.items():
        container.add_initializer(name, TensorProto.DOUBLE, [1], [value])
    for kind, inputs, output in nodes:
        target = names[output].full_name if output in names else output
        container.add_node(kind, inputs, target, op_version=14, name=output)


def _add_ensemble(container: Any, ensemble: Ensemble, source: str, target: str, name: str) -> None:
    container.add_node(
        "TreeEnsemble",
        source,
        target,
        op_domain="ai.onnx.ml",
        op_version=_SKL2ONNX_OPSETS["ai.onnx.ml"],
        name=name,
        **ensemble.attributes(),
    )


def _register() -> None:
    update_registered_converter(
        GuardedForest,
        "OrderguardGuardedForest",
        _one_column_each,
        _convert_guarded_forest,
        parser=_parse,
        overwrite=True,
    )
