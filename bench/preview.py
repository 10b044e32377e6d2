"""How long a preview takes: of prod with the policy pack, of an empty program with an empty pack, of a large program.

Everything runs under the real engine on the local cloud, on stacks that were never deployed, in turns, so that what
else the machine does falls on all alike. Processor time is that of all processes of a run, and says on a busy machine
what elapsed time can't. `python -m bench preview` prints a table and writes reports/bench/preview.json.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.processes import MARK, Watch
from infra.local.pulumi import run

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "reports" / "bench" / "preview.json"
ROUNDS = int(os.environ.get("BENCH_PREVIEW_ROUNDS", "5"))
GOAL_RATIO = 1.5
SMALL, LARGE = 250, 1_000

KINDS = {
    "pulumi preview": "engine",
    "pulumi-language-python-exec": "program",
    "-m pulumi.policy": "pack",
    "relay.py": "plugins",
    "infra.local.fork_server": "plugins",
}
"""A part of a command line → what such a process is. The plugins are the providers and the language hosts."""

# The SDK refuses a pack without a rule, so this one has a rule that looks at nothing.
EMPTY_PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, StackValidationPolicy

PolicyPack(
    "empty",
    policies=[
        StackValidationPolicy(
            name="nothing", description="Nothing.", enforcement_level=EnforcementLevel.ADVISORY, validate=lambda *_:
            None
        )
    ],
)
"""
MANY_BUCKETS = """\
import pulumi_gcp as gcp

for number in range({count}):
    gcp.storage.Bucket(
        f"bucket-{{number}}",
        name=f"orderguard-bench-{{number}}",
        location="EU",
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={{"enabled": True}},
    )
"""


class Took(NamedTuple):
    """What one run took: seconds until it ended, and seconds of processor time of each kind of process."""

    elapsed: float
    by_process: dict[str, float]

    @property
    def processor(self) -> float:
        return sum(self.by_process.values())


def main() -> None:
    """Measure, print and write the report."""
    with tempfile.TemporaryDirectory(prefix="orderguard-bench-") as folder:
        root = Path(folder)
        nothing = empty_pack(root / "empty-pack")
        empty = _project(root / "empty", "")
        programs: dict[str, Callable[[], Took]] = {
            "empty program, empty pack": lambda: _preview(root / "home-empty", empty, "local", nothing),
            "prod, with the pack": lambda: _preview(root / "home-prod", ROOT, "prod", ROOT / "policies"),
        }
        for count in (SMALL, LARGE):
            project = _project(root / f"many-{count}", MANY_BUCKETS.format(count=count))
            programs[f"{count} buckets, with the pack"] = lambda project=project: _preview(  # type: ignore[misc]
                root / f"home-{project.name}", project, "local", ROOT / "policies"
            )
        runs = _in_turns(programs)
    _report(runs)


def _in_turns(programs: Mapping[str, Callable[[], Took]]) -> dict[str, list[Took]]:
    """What each program took, `ROUNDS` times after one unmeasured round that makes stacks and warms caches."""
    runs: dict[str, list[Took]] = {name: [] for name in programs}
    for turn in range(ROUNDS + 1):
        for name, measure in programs.items():
            took = measure()
            if turn:
                runs[name].append(took)
    return runs


def _preview(home: Path, project: Path, stack: str, pack: Path) -> Took:
    began = time.perf_counter()
    with Watch(home.name, KINDS) as watch:  # The engine's plugins are nobody's children when it ends.
        arguments = ["preview", "--policy-pack", str(pack)]
        done = run(arguments, home=home, stack=stack, project=project, extra={MARK: home.name})
    took = Took(time.perf_counter() - began, watch.seconds)
    if done.returncode:
        raise SystemExit(f"the preview of {project} did not run:\n{done.stdout}")
    return took


def _project(folder: Path, program: str) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: python\n")
    (folder / "Pulumi.local.yaml").write_text("config:\n  gcp:project: orderguard-bench\n  gcp:region: europe-west1\n")
    (folder / "__main__.py").write_text(program)
    return folder


def empty_pack(folder: Path) -> Path:
    """Write a pack that looks at nothing into a new folder."""
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (folder / "__main__.py").write_text(EMPTY_PACK)
    return folder


def _report(runs: Mapping[str, list[Took]]) -> None:
    medians = {name: _median(times) for name, times in runs.items()}
    empty, prod, small, large = medians.values()
    result = {
        "seconds": {name: [round(took.elapsed, 3) for took in times] for name, times in runs.items()},
        "median_seconds": {name: round(median.elapsed, 3) for name, median in medians.items()},
        "median_processor_seconds": {name: round(median.processor, 3) for name, median in medians.items()},
        "prod_over_empty": round(prod.elapsed / empty.elapsed, 3),
        "goal": GOAL_RATIO,
        "milliseconds_a_resource": {
            str(SMALL): round((small.elapsed - empty.elapsed) / SMALL * 1e3, 2),
            str(LARGE): round((large.elapsed - empty.elapsed) / LARGE * 1e3, 2),
        },
        "processor_milliseconds_a_resource": {
            str(SMALL): _each(small, empty, SMALL),
            str(LARGE): _each(large, empty, LARGE),
            f"{LARGE} after {SMALL}": _each(large, small, LARGE - SMALL),
        },
        "processors": os.cpu_count(),
    }
    for name, times in runs.items():
        elapsed = [took.elapsed for took in times]
        print(
            f"{name:32} median {medians[name].elapsed:6.2f} s   {min(elapsed):6.2f} – {max(elapsed):6.2f}"
            f"   processor {medians[name].processor:6.2f} s"
        )
    print(f"prod over empty: {result['prod_over_empty']} (goal: at most {GOAL_RATIO})")
    print(f"milliseconds a resource: {result['milliseconds_a_resource']}")
    kinds = [*dict.fromkeys(KINDS.values()), "others", "all"]
    print(f"{'processor time':32}" + "".join(f"{kind:>10}" for kind in kinds))
    for name, median in medians.items():
        all_kinds = {**median.by_process, "all": median.processor}
        print(f"{name + ', s':32}" + "".join(f"{all_kinds.get(kind, 0.0):10.2f}" for kind in kinds))
    for name, each in result["processor_milliseconds_a_resource"].items():  # type: ignore[attr-defined]
        print(f"{name + ', ms a resource':32}" + "".join(f"{each.get(kind, 0.0):10.2f}" for kind in kinds))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(result, indent=2) + "\n")


def _median(times: list[Took]) -> Took:
    kinds = {kind for took in times for kind in took.by_process}
    by_process = {kind: statistics.median(took.by_process.get(kind, 0.0) for took in times) for kind in kinds}
    return Took(statistics.median(took.elapsed for took in times), by_process)


def _each(more: Took, less: Took, resources: int) -> dict[str, float]:
    """Milliseconds of processor time that a resource takes, by kind of process, from one run to a larger one."""
    whole = {kind: more.by_process.get(kind, 0.0) - less.by_process.get(kind, 0.0) for kind in more.by_process}
    return {
        kind: round(seconds / resources * 1e3, 2)
        for kind, seconds in {**whole, "all": more.processor - less.processor}.items()
    }


if __name__ == "__main__":
    main()
