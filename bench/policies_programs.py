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
_SECONDS = 180
"""How long one program may take; most of it is importing the provider."""


def findings(program: Path) -> tuple[list[dict[str, Any]], int, str]:
    """What profile `generic` finds in a program, how many resources of Google Cloud it declares, and how it failed."""
    recorded = _recorded(program)
    resources = [item for item in recorded["resources"] if item["type"].startswith(("gcp:", "pulumi:providers:gcp"))]
    urns = [f"urn:pulumi:dev::foreign::{item['type']}::{item['name']}" for item in resources]
    state = {
        "deployment": {
            "resources": [
                {"urn": urn, "type": item["type"], "inputs": item["properties"], "outputs": item["properties"]}
                for urn, item in zip(urns, resources, strict=True)
            ]
        }
    }
    pack = Pack(selected(RULES, Selection(profile=GENERIC)), GENERIC, date.today())
    check(pack, read_state(json.dumps(state)))
    found = [finding for finding in pack.report.document()["findings"] if finding["state"] == "violated"]
    return found, len(resources), recorded["error"]


def _recorded(program: Path) -> dict[str, Any]:
    """What a program declares, kept beside it once it was run."""
    kept = program / ".declared.json"
    if not kept.exists():
        command = [sys.executable, str(RECORDER), "."]
        try:
            done = subprocess.run(command, cwd=program, capture_output=True, text=True, timeout=_SECONDS)
            kept.write_text(done.stdout.strip().rpartition("\n")[2] or '{"error": "nothing printed", "resources": []}')
        except subprocess.TimeoutExpired:
            kept.write_text('{"error": "timed out", "resources": []}')
    loaded: dict[str, Any] = json.loads(kept.read_text())
    return loaded


def measure(folder: Path) -> dict[str, float]:
    """Print what is found in each program below a folder, and how often by each rule."""
    by_rule: Counter[str] = Counter()
    programs = sorted({path.parent for path in folder.rglob("__main__.py")})
    resources = 0
    for program in programs:
        found, count, error = findings(program)
        resources += count
        by_rule.update(finding["rule"] for finding in found)
        names = ", ".join(sorted({finding["rule"] for finding in found})) or "nothing"
        print(f"    {program.name}: {count} resources{f' ({error[:60]})' if error else ''}: {names}")
    for rule, count in by_rule.most_common():
        print(f"    {count:4} {rule}")
    return {"programs": len(programs), "resources": resources, "findings": sum(by_rule.values())}
