"""The model's speed, its agreement with scikit-learn, and what it finds: `python -m bench model`.

Speed is measured beside its own floor: a session that holds the forest's one node and nothing else, on the same rows
and thread. Detection is measured on the sample's truth, which no training reads; on real orders by `bench feeds`.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
from joblib import parallel_config
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ml.config import read_config
from ml.feature_engineering import FeatureTable, build_features
from ml.onnx_export import TREE_ENSEMBLE_OPSET
from ml.job import Job
from ml.pipeline import train_version
from ml.reading import order_files
from ml.training import train
from ml.validation.anomalies import detection, largest_z
from ml.validation.parity import compare
from ml.validation.run import ExportedModel
from orderguard.features import FEATURE_NAMES
from orderguard.masking import Keyring, new_key_text, pseudonym
from orderguard.scorer import MODEL, Scorer, session

SAMPLE, TRUTH = Path("data/sample"), Path("data/truth/anomalies.ndjson")
REPORT = Path("reports/bench/model.json")
BATCHES = (1, 1_024, 100_000)
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    """Measure, print tables, and write the report."""
    keyring = Keyring.from_text(new_key_text())
    with tempfile.TemporaryDirectory() as folder:
        job = Job(data=SAMPLE, models=Path(folder), config=read_config(), keyring=keyring, version="bench", jobs=CORES)
        start = time.perf_counter()
        outcome = train_version(job)
        seconds = time.perf_counter() - start
        scorer = Scorer.load(job.models / "bench")
        table = build_features(order_files(SAMPLE), keyring)
        figures = {
            "training": {"seconds": seconds, **outcome.seconds, "gates passed": outcome.validation.passed},
            "speed": _speed(scorer, table),
            "parity": _parity(job, table),
            "truth": _truth(scorer, table.X, table.order_tokens, keyring),
        }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    for name, values in figures.items():
        _show(name, values)


def _speed(scorer: Scorer, table: FeatureTable) -> dict[str, float]:
    """Microseconds a call, the best of several rounds; ratios to the bare node, and to scikit-learn on as many
    cores.
    """
    rows, row = table.X, table.X[:1]
    bare, wide = _bare_session(scorer.version_dir / MODEL), row.astype(np.float64)
    found = _interleaved(
        {
            "bare node, session.run": lambda: bare.run(None, {"wide": wide}),
            "score_row": lambda: scorer.score_row(row[0]),
            "score of one row": lambda: scorer.score(row),
            "score_row with contributions": lambda: scorer.explain(row),
        },
        1_000,
    )
    found["score_row ÷ bare node"] = found["score_row"] / found["bare node, session.run"]
    forest = train(rows, table.created_at, list(FEATURE_NAMES), read_config(), first=table.first).model.forest
    parallel = Scorer.load(scorer.version_dir, threads=CORES)
    for size in BATCHES:
        batch = np.resize(rows, (size, rows.shape[1]))
        calls = max(1, 20_000 // size // 50)

        def on_all_cores() -> None:
            # scikit-learn scores on one core unless it is told otherwise in this way.
            with parallel_config("threading", n_jobs=CORES):
                forest.score_samples(batch)

        contenders = {
            "ours": lambda: parallel.score(batch),
            "one core": lambda: forest.score_samples(batch),
            "all cores": on_all_cores,
        }
        ours, *theirs = _interleaved(contenders, calls).values()
        found |= {
            f"{size:,} rows, rows a second": size / ours * 1e6,
            f"{size:,} rows, scikit-learn ÷ ours": min(theirs) / ours,
        }
    return found


def _bare_session(path: Path) -> onnxruntime.InferenceSession:
    """The forest's node alone: the floor that no graph around it can beat by much."""
    node = next(node for node in onnx.load(path).graph.node if node.op_type == "TreeEnsemble" and "forest" in node.name)
    width = len(FEATURE_NAMES)
    graph = helper.make_graph(
        [node],
        "bare",
        [helper.make_tensor_value_info(node.input[0], TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info(node.output[0], TensorProto.DOUBLE, [None, 1])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", TREE_ENSEMBLE_OPSET)]
    return session(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def _interleaved(calls: dict[str, Callable[[], object]], times: int, rounds: int = 9) -> dict[str, float]:
    """Microseconds a call, the best of several rounds; by turns, so that what else the machine does meets all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(times):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / times * 1e6)
    return best


def _parity(job: Job, table: FeatureTable) -> dict[str, Any]:
    """Rows compared, the largest difference of a score, and flipped decisions, by kind of row."""
    trained = train(table.X, table.created_at, list(FEATURE_NAMES), job.config, first=table.first)
    model = ExportedModel(job.models / "bench" / MODEL)
    later = table.X[trained.slices.reference :]
    return {
        kind: f"{found.rows:,} rows, difference {found.difference:.1e}, flipped {found.flipped}"
        for kind, found in compare(trained.model, [model], trained.threshold, later, seed=1).items()
    }


def _truth(scorer: Scorer, rows: NDArray[np.float32], tokens: list[str], keyring: Keyring) -> dict[str, Any]:
    """ROC-AUC, average precision and recall at the same number of alerts, on the generator's own truth."""
    if not TRUTH.is_file():
        return {"skipped": f"{TRUTH} is not there"}
    truth = [json.loads(line) for line in TRUTH.read_text("utf-8").splitlines()]
    kinds = {pseudonym("order", entry["order_id"], keyring): entry["kind"] for entry in truth}
    anomalous = np.array([token in kinds for token in tokens])
    scores = scorer.score(rows)
    alerts = float(np.mean(scores.score >= scorer.threshold))
    columns = {
        "both": scores.score,
        "forest": scores.forest,
        "guard": scores.guard,
        "largest |z|": largest_z(rows, rows),
    }
    return {name: _found(values, anomalous, float(np.quantile(values, 1 - alerts))) for name, values in columns.items()}


def _found(values: NDArray[np.float64], anomalous: NDArray[np.bool_], threshold: float) -> str:
    found = detection(values[~anomalous], values[anomalous], threshold)
    return f"ROC-AUC {found.roc_auc:.4f}, average precision {found.average_precision:.3f}, recall {found.recall:.2f}"


def _show(name: str, values: dict[str, Any]) -> None:
    print(f"\n{name}")
    for key, value in values.items():
        print(f"  {key:44} {value if isinstance(value, str | bool) else f'{value:,.2f}'}")


if __name__ == "__main__":
    main()
