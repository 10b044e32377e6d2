"""Example orders that a new revision is scored with before it has any traffic, and what a model version says of them.

They were recorded and masked under a key that nobody has: `data/probe-orders/own.ndjson` (`make probe-orders` records
it from orders of yours), else `sample.ndjson`, one JSON object a line. Training scores them as orders of customers of
whom nothing is known, as the service will, and keeps the scores in the version: `expected-scores.json`, whose SHA-256
is in the manifest. So whoever asks a revision can tell whether it serves that model.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path("data/probe-orders")
OWN, SAMPLE = "own.ndjson", "sample.ndjson"
EXPECTED = "expected-scores.json"


class ExpectedScores(msgspec.Struct, frozen=True):
    """`scores` maps each order's key to its score."""

    scores: dict[str, float]


def example_file(root: Path) -> Path:
    """The file of example orders in a clone, or in what an image has of one."""
    own = root / FOLDER / OWN
    return own if own.exists() else root / FOLDER / SAMPLE


def read_orders(path: Path) -> list[dict[str, Any]]:
    """The orders of a file. Raises `OSError` where it can't be read, `ValueError` where a line is no JSON."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def key_of(order: Mapping[str, Any]) -> str:
    """The SHA-256 of an order's JSON with sorted keys and without blanks."""
    return hashlib.sha256(json.dumps(order, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
