"""The forest's path attribution as an ONNX graph, so that explaining a score costs the service microseconds.

One tree ensemble with a target for each feature: a leaf adds, for every feature on its path, what the splits on that
feature moved the expected path length by. `Attribution.contributions` walks the same trees in numpy and is the
reference.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ml.onnx_export import round_down
from orderguard.attribution import Attribution

# The newest TreeEnsemble has one target a leaf; this older operator has as many as are wanted.
_OPSETS = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 9


def attribution_graph(attribution: Attribution) -> bytes:
    """A serialised graph: input `features` float32 (n, d), output `moves` float32 (n, d), each feature's part in the
    sum of the leaf values. The same bytes for the same forest.
    """
    width = len(attribution.upper)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["moves"],
        domain="ai.onnx.ml",
        n_targets=width,
        aggregate_function="SUM",
        **_attributes(attribution),
    )
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]) for name in ("features", "moves")]
    graph = helper.make_graph([node], "attribution", [rows[0]], [rows[1]])
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="orderguard")
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _attributes(attribution: Attribution) -> dict[str, Any]:
    """The node's attributes, tree by tree. A node's id is its place in its tree."""
    node_names = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    nodes: dict[str, list[Any]] = {f"nodes_{name}": [] for name in (*node_names, "missing_value_tracks_true")}
    targets: dict[str, list[Any]] = {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    ends = [*attribution.roots.tolist()[1:], len(attribution.feature)]
    for tree, (root, end) in enumerate(zip(attribution.roots.tolist(), ends, strict=True)):
        moved: dict[int, dict[int, float]] = {root: {}}
        for place in range(root, end):  # children come after their parent
            left, right = int(attribution.left[place]), int(attribution.right[place])
            leaf, feature, path = left == place, int(attribution.feature[place]), moved.pop(place)
            row = (
                tree,
                place - root,
                feature,
                "LEAF" if leaf else "BRANCH_LEQ",
                float(np.float32(round_down(float(attribution.threshold[place])))),
                0 if leaf else left - root,
                0 if leaf else right - root,
                int(attribution.missing_left[place]),
            )
            for values, value in zip(nodes.values(), row, strict=True):
                values.append(value)
            if leaf:
                for target, weight in sorted(path.items()) or [(0, 0.0)]:
                    for values, value in zip(targets.values(), (tree, place - root, target, weight), strict=True):
                        values.append(value)
                continue
            for child in (left, right):
                step = float(attribution.value[child] - attribution.value[place])
                moved[child] = {**path, feature: path.get(feature, 0.0) + step}
    return {**nodes, **targets}
