"""From NDJSON to masked features: time, memory, growth, and the ratio to merely parsing the same file.

Makes samples of growing size (kept in a cache) and runs each measurement in a process of its own. `BENCH_ORDERS` sets
the largest size (1,000,000). The bare cost of parsing is that of the fastest of four readers: msgspec into the typed
schema, orjson, polars and pyarrow, the last two on all cores.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.environments import python_with
from data.generator.__main__ import main as generate
from ml.feature_engineering import FeatureConfig, build_features
from ml.reading import masked_orders
from orderguard.features.scalar import order_features
from orderguard.features.pasts import Pasts
from orderguard.history import after
from orderguard.masking import Keyring, new_key_text

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
LARGEST = int(os.environ.get("BENCH_ORDERS", SIZES[-1]))
REPORT = Path("reports/bench/features.json")
READING = Path(__file__).with_name("reading")
SEED = 7


def sample(count: int) -> Path:
    """One file of about `count` orders, without broken lines (some readers can't pass over them), from the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "orderguard" / "bench"
    path = cache / f"orders-{count}-seed-{SEED}.ndjson"
    if not path.exists():
        making = cache / f"{path.name}.new"
        folders = [f"--{name}={making / name}" for name in ("out", "truth", "score")]
        generate([*folders, f"--orders={count}", f"--seed={SEED}", "--faultless"])
        with (making / "whole").open("wb") as whole:
            for part in sorted((making / "out").iterdir()):
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole)
        (making / "whole").replace(path)
        shutil.rmtree(making)
    return path


def measured(program: str, path: Path, runs: int = 2) -> dict[str, float]:
    """The faster of some runs of a program of `bench.reading.run`."""
    command = [sys.executable, "-m", "bench.reading.run", program, str(path)]
    results = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(runs)]
    best: dict[str, float] = min(results, key=lambda result: result["seconds"])
    return best


def readers(path: Path) -> dict[str, dict[str, float]]:
    """What merely parsing the file takes, by reader: seconds, and processor seconds over all cores."""
    python = python_with(READING / "requirements.txt")
    done = subprocess.run([python, READING / "readers.py", path], check=True, capture_output=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    for program in ("msgspec", "msgspec on all cores"):
        found[program] = measured(program, path)
    return found


def serving(path: Path) -> dict[str, float]:
    """Median microseconds of what serving does for one order: its vector, and its customer's next history."""
    keyring = Keyring.from_text(new_key_text())
    catalogue = build_features([path], keyring, FeatureConfig(workers=1)).catalogue
    pasts = Pasts.empty()
    vector, update = [], []
    for order in (order for chunk in masked_orders([path], keyring, free_text=False) for order in chunk):
        known = pasts.of(order)
        begun = time.perf_counter()
        order_features(order, known, catalogue)
        between = time.perf_counter()
        pasts.keep(order, after(known, order))
        update.append(time.perf_counter() - between)
        vector.append(between - begun)
    return {"vector_us": statistics.median(vector) * 1e6, "history_us": statistics.median(update) * 1e6}


def main() -> None:
    """Measure, print a table and write the report."""
    curve: list[dict[str, Any]] = []
    print("  orders      MB  seconds  orders/s  µs/order  peak MiB  fastest reader        seconds  ratio  of CPU time")
    for path in (sample(size) for size in SIZES if size <= LARGEST):
        built, parsed = measured("build", path), readers(path)
        name = min(parsed, key=lambda reader: parsed[reader]["seconds"])
        ratio, cpu_ratio = (built[unit] / parsed[name][unit] for unit in ("seconds", "cpu_seconds"))
        size = path.stat().st_size
        curve.append(built | {"bytes": size, "readers": parsed, "ratio": ratio, "cpu_ratio": cpu_ratio})
        print(
            f"{built['orders']:>8} {size / 1e6:>7.0f} {built['seconds']:>8.2f}"
            f" {built['orders'] / built['seconds']:>9.0f} {built['seconds'] / built['orders'] * 1e6:>9.1f}"
            f" {built['peak_mib']:>9.0f}  {name:20} {parsed[name]['seconds']:>8.2f} {ratio:>6.2f} {cpu_ratio:>12.2f}",
            flush=True,
        )
    one = serving(sample(SIZES[0]))
    print(f"serving one order: vector {one['vector_us']:.1f} µs, history {one['history_us']:.1f} µs (median)")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"curve": curve, "serving": one}, indent=2) + "\n")


if __name__ == "__main__":
    main()
