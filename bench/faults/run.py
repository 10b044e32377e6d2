"""`make bench AREA=faults`: kill -9 at seeded points of `up`, update and `down`, and the other faults, as tables.

`BENCH_FAULTS_SEED` draws the points, `BENCH_FAULTS_POINTS` says how many (200).
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench.faults import others
from bench.faults.kills import OPERATIONS, Outcome, killed, points
from bench.faults.stage import stage

REPORT = Path("reports/bench/faults.json")
_POINTS = 200


def main() -> None:
    """Prints the tables and writes the report."""
    seed = int(os.environ.get("BENCH_FAULTS_SEED", "18"))
    count = int(os.environ.get("BENCH_FAULTS_POINTS", str(_POINTS)))
    seen: list[Outcome] = []

    def progress(outcome: Outcome) -> None:
        seen.append(outcome)
        if sys.stdout.isatty():
            wrong = sum(bool(one.wrong) for one in seen)
            print(f"\r    {len(seen)} of {count} kills, {wrong} not healed", end="", flush=True)

    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as made:
        outcomes = killed(made, list(points(seed, count)), progress)
    if sys.stdout.isatty():
        print("\r", end="")
    print(table(outcomes))
    for outcome in outcomes:
        if outcome.wrong:
            print(f"    {outcome.point}: {'; '.join(outcome.wrong)}\n{outcome.healing.text}")
    print("\n    other faults")
    found = {"seed": seed, "kills": [asdict(one) for one in outcomes], "others": others.main()}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1))


def table(outcomes: list[Outcome]) -> str:
    """Kills by operation: how many met it, how many the next command healed, how long that took."""
    lines = [f"    {'killed':<10}{'kills':>7}{'met it':>8}{'healed':>8}{'answers':>9}{'lost':>6}{'longest heal':>14}"]
    for operation in (*OPERATIONS, "all"):
        chosen = [one for one in outcomes if operation in (one.point.operation, "all")]
        if not chosen:
            continue
        met = sum(one.killed for one in chosen)
        healed = sum(one.healing.code == 0 for one in chosen)
        answers = sum(not any("says" in says or "left" in says for says in one.wrong) for one in chosen)
        lost = sum(any("lost" in says for says in one.wrong) for one in chosen)
        longest = max(one.healing.seconds for one in chosen)
        lines.append(f"    {operation:<10}{len(chosen):>7}{met:>8}{healed:>8}{answers:>9}{lost:>6}{longest:>12.0f} s")
    return "\n".join(lines)
