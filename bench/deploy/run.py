"""A deployment is killed at each of its steps, and the next one runs to its end, with callers all along.

`BENCH_DEPLOY_SEED` draws how long after a step's beginning it is killed.
"""

import json
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.deploy.stage import STEP, Ended, Kill, Stage, stage
from bench.deploy.watching import Watch, told, too_much
from infra.local.ports import free_port
from orderguard.model_version import champion

REPORT = Path("reports/bench/deploy.json")
STEPS = [1, 10, 50, 100]
LATEST_SECONDS = 6.0
"""A step of the engine takes about as long on this machine."""


@dataclass
class Row:
    """A killed deployment and the one after it: what callers saw, and who answered them."""

    killed: str
    after: float
    said: list[str]
    traffic: str
    requests: int
    failed: int
    too_much: int
    deployed: bool


def kill_and_repeat(made: Stage, watch: Watch, number: int, kill: Kill, **variables: str) -> Row:
    """Kill deployment `number` at a step, and let the next one run. Each is a revision of its own."""
    begun, answered = time.monotonic(), len(watch.statuses)
    proven = _serving(watch)
    made.configure(requestTimeoutSeconds=100 + 2 * number)
    killed = made.deploy(kill, **variables)
    if killed.code >= 0:
        raise RuntimeError(f"the deployment was to be killed at {kill.step!r} and ended by itself:\n{killed.text}")
    excess = too_much(watch.since(begun), proven, killed)
    if _finished(killed):
        proven = _serving(watch)
    between = time.monotonic()
    made.configure(requestTimeoutSeconds=101 + 2 * number)
    done = made.deploy()
    if "==> finished: " in done.text:
        proven = next(line.text.split()[2] for line in done.lines if line.text.startswith("==> finished: "))
    else:
        # What the killed one had given its canary stays until the next one has looked.
        looked = next((line.at for line in done.lines if line.text.startswith("==> undone")), between)
        between = looked + 0.5
    last = watch.since(between)
    ended_at = next((line.at for line in done.lines if line.text.startswith("==> all traffic")), time.monotonic())
    excess += too_much([split for split in last if split.at < ended_at], proven, done)
    seen = watch.statuses[answered:]
    return Row(
        killed=kill.step,
        after=round(kill.after, 1),
        said=[line.text.removeprefix(STEP) for line in done.lines if line.text.startswith(TELLING)],
        traffic=told(watch.since(begun)),
        requests=len(seen),
        failed=sum(status != 200 for _, status in seen),
        too_much=len(excess),
        deployed=done.code == 0 and made.record()["outcome"] == "deployed",
    )


TELLING = tuple(STEP + word for word in ("undone", "finished", "resumed"))


def _serving(watch: Watch) -> str:
    """The revision with the most traffic now."""
    while not watch.splits:
        time.sleep(0.05)
    return max(watch.splits[-1].shares.items(), key=lambda one: one[1])[0]


def _finished(ended: Ended) -> bool:
    return any(line.text.startswith("==> canary: 100 %") for line in ended.lines)


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
        for number, kill in enumerate(kills):
            rows.append(kill_and_repeat(made, watch, number, kill))
            print(_shown(rows[-1]), flush=True)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    failed, excess = sum(row.failed for row in rows), sum(row.too_much for row in rows)
    requests = sum(row.requests for row in rows)
    print(
        f"{len(rows)} deployments killed, {sum(row.deployed for row in rows)} after them deployed; {requests:,} "
        f"requests, {failed} failed; {excess} times an unproven revision had more than its step gave it"
    )


def _shown(row: Row) -> str:
    return (
        f"killed {row.after:3.1f} s into {row.killed!r}: {row.requests} requests, {row.failed} failed, next one "
        f"{'deployed' if row.deployed else 'FAILED'}{'' if not row.too_much else ', TOO MUCH TRAFFIC'}\n"
        f"    {row.traffic}\n" + "".join(f"    {line}\n" for line in row.said)
    )
