"""PyOD's detectors at their defaults on the same rows, in an environment of their own.

`python peers.py ROWS.npz SCORES.npz`: ROWS has `train` (n, d), `later` (m, d) and the anomalies of each kind; SCORES
gets `PEER|KIND`, the scores of the later rows and, after them, of the anomalies. ECOD and COPOD rank new rows among
each other, so each kind is scored together with the later rows, and with no other kind. It imports nothing of the
repository.
"""

import importlib
import sys
import warnings
from typing import Any

import numpy as np

PEERS = {"ECOD": {}, "COPOD": {}, "HBOS": {}, "IForest": {"random_state": 1}}


def main(rows: str, scores: str) -> None:
    """Fit each on the training rows and score the others."""
    warnings.filterwarnings("ignore")
    found: dict[str, Any] = {}
    with np.load(rows) as arrays:
        train, later = arrays["train"], arrays["later"]
        kinds = {name: arrays[name] for name in arrays.files if name not in ("train", "later")}
    for name, settings in PEERS.items():
        detector: Any = getattr(importlib.import_module(f"pyod.models.{name.lower()}"), name)(**settings)
        detector.fit(train)
        for kind, anomalous in kinds.items():
            found[f"{name}|{kind}"] = detector.decision_function(np.concatenate([later, anomalous]))
    np.savez(scores, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
