"""A feed in time order, cut in two: what training and the seed are made of, and what a service is asked about."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from ml.feature_engineering import build_features
from ml.reading import order_files
from orderguard.masking import Keyring, new_key_text
from orderguard.schema import OrderError, decode_order
from orderguard.scorer import Scorer

LATER = 0.15
"""The share of the orders, the last ones, that a service is asked about."""


class Feed(NamedTuple):
    """Orders in time order, as JSON lines, each once; `earlier` and `later` are folders with one order file each."""

    lines: list[bytes]
    cut: int
    everything: Path
    earlier: Path

    def cut_at(self, share: float, folder: Path) -> "Feed":
        """The same feed with another share of later orders."""
        cut = len(self.lines) - int(len(self.lines) * share)
        return self._replace(cut=cut, earlier=_written(folder, self.lines[:cut]))

    @property
    def later(self) -> list[bytes]:
        """The lines that a service is asked about."""
        return self.lines[self.cut :]


class _Id(msgspec.Struct):
    order_id: str


_id = msgspec.json.Decoder(_Id).decode


def order_id(line: bytes) -> str:
    """The id of the order in a line."""
    return _id(line).order_id


def feed_of(data: Path, folder: Path, share: float = LATER) -> Feed:
    """The orders that training takes of these files, in the order in which it takes them, written into `folder`."""
    keyring = Keyring.from_text(new_key_text())
    paths = order_files(data)
    line_of: dict[str, bytes] = {}
    for path in paths:
        for line in path.read_bytes().splitlines():
            try:
                token = keyring.token("order", decode_order(line).order_id)
            except OrderError:
                continue
            line_of.setdefault(token, line)
    # What only repair can read, which training does, is no order for a service.
    lines = [line_of[token] for token in build_features(paths, keyring).order_tokens if token in line_of]
    cut = len(lines) - int(len(lines) * share)
    return Feed(lines, cut, _written(folder / "everything", lines), _written(folder / "earlier", lines[:cut]))


def _written(folder: Path, lines: Sequence[bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orders.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    return folder


class Decisions(NamedTuple):
    """What is decided of orders (n,), and of how many a customer with earlier orders was known."""

    scores: np.ndarray[tuple[int], np.dtype[np.float64]]
    anomalies: np.ndarray[tuple[int], np.dtype[np.bool_]]
    known: int


def offline(feed: Feed, version_dir: Path, keyring: Keyring) -> Decisions:
    """What training's own code computes of the later orders: all orders at once, over columns, with the catalogue that
    is served.
    """
    scorer = Scorer.load(version_dir)
    table = build_features(order_files(feed.everything), keyring, catalogue=scorer.catalogue)
    later = table.X[feed.cut :]
    scores = scorer.score(later).score
    known = later[:, list(scorer.manifest.feature_names).index("orders_before")] > 0
    return Decisions(scores, scores >= scorer.threshold, int(known.sum()))
