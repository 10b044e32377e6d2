"""`make bench AREA=faults`: kill -9 at seeded points of `up`, update and `down`, and the other faults, as tables.

BENCH_FAULTS_KILLS says which of the 200 points, `1-200` where it is not given; BENCH_FAULTS_OTHERS=off leaves out the
other faults; BENCH_FAULTS_SEED draws the points. Each kill is noted as soon as its outcome is known: the same command
goes on where one was ended, and parts add up to one table as long as the local cloud's code stays the same. Ends with
1 where something was not healed.
"""

import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.faults import others
from bench.faults.kills import OPERATIONS, Killing, Outcome, Point, points
from bench.faults.stage import stage
from infra.local.supervisor.control import code_version

REPORT = Path("reports/bench/faults.json")
NOTED = REPORT.with_name("faults-kills.ndjson")
POINTS = 200
_TOLD_EVERY = 10

Row = dict[str, Any]


def main() -> None:
    """Print the tables and write the report."""
    seed = int(os.environ.get("BENCH_FAULTS_SEED", "18"))
    wanted = chosen(list(points(seed, POINTS)), os.environ.get("BENCH_FAULTS_KILLS", f"1-{POINTS}"))
    version = code_version()[:12]
    done = {row["number"] for row in noted(NOTED, seed, version)}
    left = [point for point in wanted if point.number not in done]
    print(f"    {len(left)} of {len(wanted)} kills to do; each is noted in {NOTED}", flush=True)
    _kill(left, {"seed": seed, "version": version})
    rows = noted(NOTED, seed, version)
    print(table(rows))
    for row in rows:
        if row["wrong"]:
            print(f"    kill {row['number']}, {row['operation']}: {'; '.join(row['wrong'])}\n{row['said']}")
    found: Row = {"seed": seed, "version": version, "kills": rows}
    if os.environ.get("BENCH_FAULTS_OTHERS") != "off":
        print("\n    other faults")
        found["others"] = others.main()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1))
    others_wrong = [row for row in found.get("others", ()) if not (row["clear"] and row["healed"])]
    if wrong := sum(bool(row["wrong"]) for row in rows) + len(others_wrong):
        raise SystemExit(f"error: {wrong} faults were not healed, or not told clearly")


def chosen(all_points: list[Point], which: str) -> list[Point]:
    """The points `from-to`, both included."""
    first, _, last = which.partition("-")
    return all_points[int(first) - 1 : int(last or first)]


def noted(path: Path, seed: int, version: str) -> list[Row]:
    """The kills that were done with this seed and code, by number; a line that a killed run left unfinished is none."""
    rows: dict[int, Row] = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if (row["seed"], row["version"]) == (seed, version):
            rows[row["number"]] = row
    return [rows[number] for number in sorted(rows)]


def _kill(left: list[Point], common: Row) -> None:
    if not left:
        return
    NOTED.parent.mkdir(parents=True, exist_ok=True)
    begun, wrong = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as made, NOTED.open("a") as notes:
        killing = Killing(made)
        for count, point in enumerate(left, 1):
            outcome = killing.at(point)
            wrong += bool(outcome.wrong)
            notes.write(json.dumps(common | as_row(outcome)) + "\n")
            notes.flush()
            if outcome.wrong or count % _TOLD_EVERY == 0:
                each = (time.monotonic() - begun) / count
                minutes = each * (len(left) - count) / 60
                print(
                    f"    {count} of {len(left)} kills, {wrong} not healed; {each:.0f} s each, {minutes:.0f} min to go",
                    flush=True,
                )


def as_row(outcome: Outcome) -> Row:
    """What is kept of a kill: its output only where something is wrong."""
    said = outcome.healing.text if outcome.wrong else ""
    healing = {"code": outcome.healing.code, "seconds": round(outcome.healing.seconds, 1)}
    return {
        **asdict(outcome.point),
        "after": round(outcome.after, 2),
        "killed": outcome.killed,
        **healing,
        "wrong": outcome.wrong,
        "said": said,
    }


def table(rows: list[Row]) -> str:
    """Kills by operation: how many met it, how many the next command healed, how long that took."""
    lines = [f"    {'killed':<10}{'kills':>7}{'met it':>8}{'healed':>8}{'answers':>9}{'lost':>6}{'longest heal':>14}"]
    for operation in (*OPERATIONS, "all"):
        of_it = [row for row in rows if operation in (row["operation"], "all")]
        if not of_it:
            continue
        met = sum(row["killed"] for row in of_it)
        healed = sum(row["code"] == 0 for row in of_it)
        answers = sum(not any("says" in says or "left" in says for says in row["wrong"]) for row in of_it)
        lost = sum(any("lost" in says for says in row["wrong"]) for row in of_it)
        longest = max(row["seconds"] for row in of_it)
        lines.append(f"    {operation:<10}{len(of_it):>7}{met:>8}{healed:>8}{answers:>9}{lost:>6}{longest:>12.0f} s")
    return "\n".join(lines)
