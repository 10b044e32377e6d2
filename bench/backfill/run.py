"""`python -m bench backfill [DIR]`: a backfill beside what memory holds at once, order by order; its growth; what kills
leave; a service that it seeded; and the same as a Beam pipeline.

`BENCH_ORDERS` sets the largest size (1,000,000; 10,000,000 takes half an hour on two idle cores and 40 GB of disk).
`BENCH_PARTS` names some of the parts: equal, million, kills, seed, growth, beam, beam-kills. Each adds its figures to
the report as it ends. `DIR` has other people's feeds, as for `feeds`: Olist's orders are taken from there, besides
those made like them.
"""

import hashlib
import json
import math
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bench.backfill.beam import beam_beside_local, pipelines_killed
from bench.backfill.orders import CACHE, SEED, feed_of, olist_shaped, shop, write_shuffled
from bench.backfill.seeded import seeded_service
from bench.backfill.watched import Used, command, killed, watched
from ml.backfill.manifest import read_manifest
from ml.feature_engineering import FeatureConfig, build_features
from ml.histories import records_after
from ml.reading import masked_orders, order_files
from orderguard.features import FEATURE_NAMES
from orderguard.history.seed import read_entries
from orderguard.masking import Keyring, new_key_text
from orderguard.masking.codes import known_articles
from orderguard.model_version import champion
from orderguard.scorer import Scorer

REPORT = Path("reports/bench/backfill.json")
MODELS = Path("models")
LARGEST = int(os.environ.get("BENCH_ORDERS", 1_000_000))
MILLION = min(LARGEST, 1_000_000)
POINTS = 20
MOST_EXPONENT, MOST_MIB = 1.05, 2048.0
Figures = dict[str, Any]


def main(feeds: str = "") -> None:
    """Run the parts, print, and add to the report. Exits with 1 where a figure is not what it has to be."""
    wrong: list[str] = []
    chosen = os.environ.get("BENCH_PARTS", "equal,million,kills,seed,growth,beam,beam-kills").split(",")
    with tempfile.TemporaryDirectory(prefix="orderguard-backfill-") as name:
        folder = Path(name)
        key = folder / "key"
        key.write_text(new_key_text())
        parts: dict[str, Callable[[], tuple[Figures, list[str]]]] = {
            "equal": lambda: equal_all(small_feeds(folder, feeds), folder, key),
            "million": lambda: equal_all({f"{MILLION:,} generated": feed_of(MILLION)}, folder, key),
            "kills": lambda: kills(folder, key),
            "seed": lambda: seeded_service(folder, MODELS),
            "growth": growth,
            "beam": lambda: beam_beside_local(
                small_feeds(folder, feeds) | {f"{MILLION:,} generated": feed_of(MILLION)}, folder, key
            ),
            "beam-kills": lambda: pipelines_killed(some_orders(folder), folder, key, POINTS, SEED),
        }
        for part in chosen:
            figures, trouble = parts[part]()
            wrong += trouble
            report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
            REPORT.parent.mkdir(parents=True, exist_ok=True)
            REPORT.write_text(json.dumps(report | {part: figures}, indent=2) + "\n")
    if wrong:
        raise SystemExit("; ".join(wrong))


def small_feeds(folder: Path, feeds: str) -> dict[str, Path]:
    """Feeds of different kinds, by what to call them."""
    sample, olist = folder / "sample", folder / "olist-shaped"
    if not sample.is_dir():
        sample.mkdir()
        write_shuffled(sample, iter([shop(24_000)]))
        olist_shaped(olist, 60_000)
    data = {"the sample, shuffled": sample, "like Olist's": olist}
    return data | ({"Olist's": Path(feeds, "olist.ndjson")} if feeds else {})


def equal_all(data: dict[str, Path], folder: Path, key: Path) -> tuple[Figures, list[str]]:
    """The same orders through the backfill and in memory."""
    found: Figures = {}
    print(
        f"    {'orders':<22} {'orders':>9} {'repeats':>8} {'features differ':>15} {'flipped':>8} {'records differ':>14}"
    )
    for number, (name, path) in enumerate(data.items()):
        figures = found[name] = equal(path, folder / f"out-{number}", key)
        print(
            f"    {name:<22} {figures['orders']:>9,} {figures['repeats']:>8,} {figures['features_differ']:>15}"
            f" {figures['flipped']:>8} {figures['records_differ']!s:>14}",
            flush=True,
        )
    wrong = [
        f"{name}: differs"
        for name, figures in found.items()
        if figures["features_differ"] or figures["flipped"] or figures["records_differ"]
    ]
    return found, wrong


def equal(data: Path, out: Path, key: Path) -> Figures:
    """In how many values a backfill of these orders differs from what memory makes of them."""
    keyring, paths = Keyring.from_text(key.read_text()), order_files(data)
    watched(command(data, out), key)
    table = build_features(paths, keyring, FeatureConfig())
    manifest, rows = read_manifest(out), pq.read_table(out / "features")
    if rows["order"].to_pylist() != table.order_tokens:
        raise SystemExit(f"{data}: other orders, or in another sequence")
    found = np.stack([rows[name].to_numpy() for name in FEATURE_NAMES], axis=1)
    differ = int((found != table.X).sum()) + int((rows["told"].to_numpy() != table.told).sum())
    records = None
    if manifest.orders < 200_000:
        doubt = known_articles(table.catalogue.articles)
        chunks = masked_orders(paths, keyring, free_text=False, doubt=doubt, feed=table.feed)
        expected = records_after(chunks, table.order_tokens)
        seed = {entry.key: entry.record for entry in read_entries(out / "histories")}
        records = sum(seed.get(name) != expected.get(name) for name in seed.keys() | expected.keys())
    shutil.rmtree(out)
    del rows, found, table
    scorer = Scorer.load(MODELS / str(champion(MODELS)))
    watched(command(data, out, "--model", "champion"), key)
    scores = scorer.score(build_features(paths, keyring, FeatureConfig(), catalogue=scorer.catalogue).X).score
    anomaly = pq.read_table(out / "scores", columns=["anomaly"])["anomaly"].to_numpy()
    shutil.rmtree(out)
    return {
        "orders": manifest.orders,
        "repeats": manifest.report.duplicates,
        "features_differ": differ,
        "flipped": int((anomaly != (scores >= scorer.threshold)).sum()),
        "flagged": int(anomaly.sum()),
        "records_differ": records,
    }


def kills(folder: Path, key: Path) -> tuple[Figures, list[str]]:
    """Kill a backfill at points drawn from its whole length, begin it again, and compare what it leaves."""
    data, rng = some_orders(folder), random.Random(SEED)
    straight = watched(command(data, folder / "straight"), key)
    expected = digest_of(folder / "straight")
    same = ended = showed = 0
    for point in range(POINTS):
        out = folder / f"killed-{point}"
        words = command(data, out)
        ended += not killed(words, key, rng.uniform(0.2, 1.0) * straight.seconds)
        showed += not (out / "manifest.json").exists() and any(out.glob("*/date=*"))
        watched(words, key)
        same += digest_of(out) == expected
        shutil.rmtree(out)
    print(f"    killed at {POINTS} points ({ended} had ended): {same} times the same files byte for byte")
    figures = {"points": POINTS, "ended_before": ended, "same": same, "seconds": straight.seconds, "in_place": showed}
    return figures, [] if same == POINTS else ["a killed backfill leaves other files"]


def some_orders(folder: Path) -> Path:
    """A small shop's orders, to be worked on while something is killed."""
    data = folder / "to-be-killed"
    if not data.is_dir():
        data.mkdir()
        write_shuffled(data, iter([shop(24_000)[:8_000]]))
    return data


def digest_of(folder: Path) -> str:
    """The hash of all files of a folder and their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def growth() -> tuple[Figures, list[str]]:
    """Time and memory from 100,000 orders on, ten times as many at a time.

    The output stands in the cache until it is whole: where this was ended, the next run goes on, and the figures of
    that size are those of the rest.
    """
    key = CACHE / "backfill.key"
    if not key.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        key.write_text(new_key_text())
    curve: dict[int, Figures] = {}
    sizes = [size for size in (100_000, 1_000_000, 10_000_000) if size <= LARGEST]
    print("      orders  seconds  CPU seconds  orders per CPU second  peak MiB")
    for size in sizes:
        data, out = feed_of(size), CACHE / f"growth-{size}"
        used: Used = watched(command(data, out), key)
        orders = read_manifest(out).orders
        shutil.rmtree(out)
        curve[size] = used._asdict() | {"orders": orders}
        rate = orders / used.cpu_seconds
        print(
            f"{orders:>12,} {used.seconds:>8.0f} {used.cpu_seconds:>12.0f} {rate:>22,.0f} {used.peak_mib:>9.0f}",
            flush=True,
        )
    first, last = curve[sizes[0]], curve[sizes[-1]]
    exponent = math.nan
    if len(sizes) > 1:
        ratio = last["cpu_seconds"] / first["cpu_seconds"]
        exponent = math.log(ratio) / math.log(last["orders"] / first["orders"])
        print(f"    processor time grows by orders to the power of {exponent:.3f}")
    peak = max(figures["peak_mib"] for figures in curve.values())
    wrong = [f"grows by {exponent:.3f}"] if exponent > MOST_EXPONENT else []
    wrong += [f"takes {peak:.0f} MiB"] if peak > MOST_MIB else []
    return {"curve": curve, "exponent": exponent}, wrong
