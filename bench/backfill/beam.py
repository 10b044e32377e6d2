"""The backfill as a Beam pipeline beside the one on one machine: the bytes, what it costs, and what kills leave."""

import random
import shutil
from pathlib import Path
from typing import Any

from bench.backfill.watched import command, killed, watched
from ml.backfill.manifest import read_manifest

BEAM = Path(".venv/beam/bin/python")
WORKERS = 2
Figures = dict[str, Any]


def direct(data: Path, out: Path, *more: str) -> list[str]:
    """The pipeline on this machine's cores, as people call it."""
    return [str(BEAM), *command(data, out, "--runner", "direct", "--jobs", str(WORKERS), *more)[1:]]


def beam_beside_local(feeds: dict[str, Path], folder: Path, key: Path) -> tuple[Figures, list[str]]:
    """Both over the same orders, to features and to scores."""
    if not BEAM.exists():
        raise SystemExit(f"{BEAM} is not there: make environment-checks")
    found: Figures = {}
    print(
        f"    {'feed':<34} {'orders':>9} {'files differ':>12} {'per CPU second: local':>22} {'direct':>8} {'of it':>6}"
    )
    for name, data in feeds.items():
        for what, more in (("features", ()), ("scores", ("--model", "champion"))):
            local, beam = folder / "local", folder / "direct"
            usual = watched(command(data, local, "--jobs", str(WORKERS), *more), key)
            piped = watched(direct(data, beam, *more), key)
            orders = read_manifest(local).orders
            rates = [orders / used.cpu_seconds for used in (usual, piped)]
            differ = differing(local, beam)
            print(
                f"    {f'{name}: {what}':<34} {orders:>9,} {differ:>12} {rates[0]:>20,.0f} {rates[1]:>8,.0f}"
                f" {rates[1] / rates[0]:>6.2f}",
                flush=True,
            )
            found[f"{name}: {what}"] = {
                "orders": orders,
                "differ": differ,
                "local": usual._asdict(),
                "direct": piped._asdict(),
                "share": rates[1] / rates[0],
            }
            shutil.rmtree(local)
            shutil.rmtree(beam)
    return found, [f"{name}: other files" for name, figures in found.items() if figures["differ"]]


def differing(one: Path, other: Path) -> int:
    """How many files are in one folder alone, or differ."""
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    paths = [(one / name, other / name) for name in names]
    return sum(not (mine.exists() and its.exists() and mine.read_bytes() == its.read_bytes()) for mine, its in paths)


def pipelines_killed(data: Path, folder: Path, key: Path, points: int, seed: int) -> tuple[Figures, list[str]]:
    """Kill the pipeline, its workers too, at points drawn from its whole length, begin again, and compare."""
    rng, straight = random.Random(seed), folder / "piped"
    seconds = watched(direct(data, straight), key).seconds
    same = ended = 0
    for point in range(points):
        out = folder / f"piped-{point}"
        words = direct(data, out)
        ended += not killed(words, key, rng.uniform(0.1, 1.0) * seconds)
        watched(words, key)
        same += not differing(straight, out)
        shutil.rmtree(out)
    print(f"    the pipeline killed at {points} points ({ended} had ended): {same} times the same files byte for byte")
    figures = {"points": points, "ended_before": ended, "same": same}
    return figures, [] if same == points else ["a killed pipeline leaves other files"]
