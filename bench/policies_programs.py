"""The pack on other people's programs: what it finds in each, by rule."""

import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from policies.catalogue import RULES
from policies.pack import Pack
from policies.rule import GENERIC
from policies.selection import Selection, selected
from policies.state import check, read_state

RECORDER = Path(__file__).with_name("policies_recorder.py")
RECORDED = ".declared.json"


def findings(program: Path) -> tuple[list[dict[str, Any]], int, str]:
    """What profile `generic` finds in a program, how many resources of Google Cloud it declares, and how it failed."""
    recorded = json.loads((program / RECORDED).read_text())
    resources = [item for item in recorded["resources"] if item["type"].startswith(("gcp:", "pulumi:providers:gcp"))]
    entries = [
        {
            "urn": item["urn"],
            "type": item["type"],
            "inputs": item["properties"],
            "outputs": item["properties"],
            "propertyDependencies": item["behind"],
        }
        for item in resources
    ]
    state = {"deployment": {"resources": entries}}
    pack = Pack(selected(RULES, Selection(profile=GENERIC)), GENERIC, date.today())
    check(pack, read_state(json.dumps(state)))
    found = [finding for finding in pack.report.document()["findings"] if finding["state"] == "violated"]
    return found, len(resources), recorded["error"]


def _interpreter(program: Path) -> str:
    """A program's own, where it has an environment with an older provider; else this one."""
    own = program / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def measure(folder: Path) -> dict[str, float]:
    """Print what is found in each program below a folder, and how often by each rule."""
    by_rule: Counter[str] = Counter()
    programs = sorted({path.parent for path in folder.rglob("__main__.py")})
    resources = 0
    for python in sorted({_interpreter(program) for program in programs}):
        own = [str(program) for program in programs if _interpreter(program) == python]
        subprocess.run([python, str(RECORDER), *own], check=True, stdout=subprocess.DEVNULL)
    for program in programs:
        found, count, error = findings(program)
        resources += count
        by_rule.update(finding["rule"] for finding in found)
        names = ", ".join(sorted({finding["rule"] for finding in found})) or "nothing"
        print(f"    {program.name}: {count} resources{f' ({error[:60]})' if error else ''}: {names}")
    for rule, count in by_rule.most_common():
        print(f"    {count:4} {rule}")
    return {"programs": len(programs), "resources": resources, "findings": sum(by_rule.values())}
