"""A deployment is killed at each of its steps, and the next one runs to its end, with callers all along.

`BENCH_DEPLOY_SEED` draws how long after a step's beginning it is killed.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.deploy.stage import FAULTS, STEP, Ended, Kill, Stage, stage
from bench.deploy.watching import Watch, told, too_much
from infra.local.ports import free_port
from orderguard.model_version import champion

REPORT = Path("reports/bench/deploy.json")
STEPS = [1, 10, 50, 100]
LATEST_SECONDS = 6.0
"""A step of the engine takes about as long on this machine."""


@dataclass
class Row:
    """Killed deployments and the one after them: what callers saw, and who answered them."""

    killed: list[str]
    said: list[str]
    traffic: str
    requests: int
    failed: int
    too_much: int
    deployed: bool


def killed_and_repeated(made: Stage, watch: Watch, kills: Sequence[Kill]) -> Row:
    """Run one deployment after the other, each a revision of its own, and kill each at its step; then one to its
    end."""
    begun, answered, excess = time.monotonic(), len(watch.statuses), 0
    proven = serving(watch)
    done = Ended()
    for kill in (*kills, None):
        made.next_release(kill.fault if kill else "")
        started = time.monotonic()
        done = made.deploy(kill)
        if kill and done.code >= 0:
            raise RuntimeError(f"the deployment was to be killed at {kill.step!r} and ended by itself:\n{done.text}")
        finished = next((line.text.split()[2] for line in done.lines if line.text.startswith("==> finished: ")), None)
        proven = finished or proven
        # What the one before had given its canary stays until this one has taken it back.
        undone = next((line.at + SEEN_SECONDS for line in done.lines if line.text.startswith("==> undone")), started)
        given = next((line.at for line in done.lines if line.text.startswith("==> canary: 100 %")), time.monotonic())
        seen = [split for split in watch.since(undone) if split.at < given]
        excess += len(too_much(seen, proven, done))
    statuses = watch.statuses[answered:]
    return Row(
        killed=[
            f"{kill.after:.1f} s into {kill.step!r}{' of one that ' * bool(kill.fault)}{kill.fault}" for kill in kills
        ],
        said=[line.text.removeprefix(STEP) for line in done.lines if line.text.startswith(TELLING)],
        traffic=told(watch.since(begun)),
        requests=len(statuses),
        failed=sum(status != 200 for _, status in statuses),
        too_much=excess,
        deployed=done.code == 0 and made.record()["outcome"] == "deployed",
    )


def refused(made: Stage, watch: Watch, fault: str) -> dict[str, object]:
    """Deploy a release with a fault: what the record says of it, and what callers saw meanwhile."""
    begun, answered, before = time.monotonic(), len(watch.statuses), serving(watch)
    made.next_release(fault)
    code = made.deploy().code
    statuses = watch.statuses[answered:]
    found = {
        "fault": fault,
        "refused": code != 0 and made.record()["outcome"] == "went back" and serving(watch) == before,
        "canary": made.record()["canary"],
        "traffic": told(watch.since(begun)),
        "requests": len(statuses),
        "failed": sum(status != 200 for _, status in statuses),
    }
    print(f"a release that {fault}: {'refused' if found['refused'] else 'NOT REFUSED'}; {found}", flush=True)
    return found


TELLING = tuple(STEP + word for word in ("undone", "finished", "resumed"))
SEEN_SECONDS = 3.0
"""Until the supervisor has moved the traffic back."""


def serving(watch: Watch) -> str:
    """The revision with the most traffic now."""
    while not watch.splits:
        time.sleep(0.05)
    return max(watch.splits[-1].shares.items(), key=lambda one: one[1])[0]


def points(steps: list[int]) -> list[str]:
    """How the steps of a deployment begin, in order."""
    shares = [f"canary: {percent} %" for percent in steps]
    return ["local: the new revision", "local was not seeded", *shares, "all traffic of local"]


def main() -> None:
    """Kill, repeat, print; writes reports/bench/deploy.json."""
    if champion(Path(os.environ.get("MODELS_DIR", "models"))) is None:
        sys.exit("there is no champion: `make train` makes one")
    draw = random.Random(int(os.environ.get("BENCH_DEPLOY_SEED", "16")))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, stage(Path(name), free_port(), STEPS) as made, Watch(made) as watch:
        kills = [Kill(step, after) for step in points(STEPS) for after in (0.0, draw.uniform(0.3, LATEST_SECONDS))]
        kills += [Kill("local is unhealthy", after, "answers 500") for after in (0.0, draw.uniform(0.1, 1.0))]
        for kill in kills:
            rows.append(killed_and_repeated(made, watch, [kill]))
            print(_shown(rows[-1]), flush=True)
        refusals = [refused(made, watch, fault) for fault in FAULTS]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = {"killed": [asdict(row) for row in rows], "refused": refusals}
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    failed, excess = sum(row.failed for row in rows), sum(row.too_much for row in rows)
    requests = sum(row.requests for row in rows)
    print(
        f"{len(rows)} deployments killed, {sum(row.deployed for row in rows)} after them deployed; {requests:,} "
        f"requests, {failed} failed; {excess} times an unproven revision had more than its step gave it"
    )


def _shown(row: Row) -> str:
    return (
        f"killed {', then '.join(row.killed)}: {row.requests} requests, {row.failed} failed, next one "
        f"{'deployed' if row.deployed else 'FAILED'}{'' if not row.too_much else ', TOO MUCH TRAFFIC'}\n"
        f"    {row.traffic}\n" + "".join(f"    {line}\n" for line in row.said)
    )
