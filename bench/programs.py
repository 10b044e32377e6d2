"""Other people's programs on the local cloud: `python -m bench programs DIR`.

Each folder of DIR that holds a Pulumi.yaml is copied, brought up, brought up again, and taken down, as its owner would
by `orderguard-cloud`; the first line that stops one is told. A template is made a project of, and a setting that is
asked for gets a value.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_CLI = [sys.executable, "-m", "infra.local.programs.cli"]
_ASKED = re.compile(r"--config (\S+?)=VALUE")
_VALUES = {"bool": "true", "int": "8080"}
_SECONDS = 900
REPORT = Path("reports") / "bench" / "programs.json"


@dataclass
class Outcome:
    """One program: whether it came up, stayed as it was, and went; what stopped it first; resources by kind."""

    program: str
    up: bool = False
    unchanged: bool = False
    down: bool = False
    stopped_by: str = ""
    resources: str = ""
    settings: int = 0
    seconds: float = 0.0

    @property
    def said(self) -> str:
        """In a word."""
        if self.up and self.unchanged and self.down:
            return "up"
        return "stopped" if not self.up else "changes again" if not self.unchanged else "stays up"


def main(folder: str = "") -> None:
    """Run each program below `folder`, and print the table."""
    programs = sorted(path.parent for path in Path(folder).glob("*/Pulumi.y*ml"))
    if not folder or not programs:
        print("    no programs: name their folder, python -m bench programs DIR")
        return
    outcomes = []
    for program in programs:
        outcomes.append(tried(program))
        one = outcomes[-1]
        print(
            f"    {one.said:<14} {one.program:<60} {one.seconds:4.0f} s  {one.resources or one.stopped_by}", flush=True
        )
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(json.dumps([asdict(each) for each in outcomes], indent=1))
    came = sum(one.said == "up" for one in outcomes)
    print(f"    {came} of {len(outcomes)} come up, stay unchanged and go down")


def tried(program: Path) -> Outcome:
    """One program, in a copy of its folder and a home of its own."""
    outcome, begun = Outcome(program.name), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="programs-") as place:
        copy = Path(place) / "project"
        shutil.copytree(program, copy, ignore=shutil.ignore_patterns(".declared.json", "venv", ".venv", "node_modules"))
        _instantiate(copy, program.name)
        environment = {**os.environ, "XDG_DATA_HOME": f"{place}/data"}
        given: list[str] = []
        while True:
            code, told = _run(["up", *given], copy, environment)
            asked = _ASKED.findall(told)
            if not code or not asked or f"{asked[0]}=" in " ".join(given):
                break
            kind = next((kind for kind in _VALUES if re.search(rf"\b{kind}\b", told.rpartition(asked[0])[2])), "")
            given += ["--config", f"{asked[0]}={_VALUES.get(kind, 'a-value')}"]
        outcome.settings = len(given) // 2
        outcome.up = code == 0
        if code:
            outcome.stopped_by = _first_line(told)
        else:
            outcome.resources = (re.findall(r"resources: (.*) \(", told) or [""])[0]
            code, told = _run(["up"], copy, environment)
            outcome.unchanged = not code and "no resource changes" in told
            if not outcome.unchanged:
                outcome.stopped_by = _first_line(told) if code else _changed(told)
        code, told = _run(["down"], copy, environment)
        outcome.down = code == 0
        if code and "are protected" in told:
            outcome.down = True  # as it should: Google Cloud would refuse, too
            outcome.resources += "; down is refused until a protection is lifted"
            _run(["down", "--force"], copy, environment)
        elif code:
            outcome.stopped_by = outcome.stopped_by or _first_line(told)
            _run(["down", "--force"], copy, environment)
    outcome.seconds = round(time.monotonic() - begun, 1)
    return outcome


def _run(words: list[str], project: Path, environment: dict[str, str]) -> tuple[int, str]:
    command = [*_CLI, *words, "--project", str(project), "--stack", "dev"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"error: no end after {_SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def _instantiate(copy: Path, name: str) -> None:
    """What `pulumi new` does to a template."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    file = next(copy.glob("Pulumi.y*ml"))
    file.write_text(file.read_text().replace("${PROJECT}", plain).replace("${DESCRIPTION}", plain))


def _first_line(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if re.search(r"error: (?!update failed|preview failed)", line)]
    errors = [line for line in told.splitlines() if re.match(r"\s+\w*(Error|Exception)\b", line)]
    chosen = [line for line in lines if "unhandled exception" not in line and "was refused or failed" not in line]
    return " ".join((chosen or errors or lines or told.strip().splitlines()[-1:])[0].split())[:200]


def _changed(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if re.match(r" [-+~]", line)]
    return f"changes again: {'; '.join(lines[:3])}"[:200]
