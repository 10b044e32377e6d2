"""Telling how the needs stand, and leading through what is missing. Nothing is written down: each run looks again, so
one that was interrupted goes on where it was.
"""

import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence

from delivery.commands import REPOSITORY
from delivery.doctor.need import Finding, Machine, Need, examine

SIGNS = {"here": "✓", "missing": "✗", "unknown": "?"}


def report(needs: Sequence[Need], found: Mapping[str, Finding]) -> str:
    """All needs with their state, and the command of each that is missing."""
    lines = []
    for need in needs:
        finding = found[need.name]
        note = f"  ({finding.note})" if finding.note else ""
        advised = ", advised" if need.advised and finding.state == "missing" else ""
        lines.append(f"  {SIGNS[finding.state]} {need.name}{advised}{note}")
        if finding.state == "missing":
            lines += [f"      {line}" for line in need.command.splitlines()]
    missing, unknown = len(stopping(needs, found)), sum(one.state == "unknown" for one in found.values())
    waits = f", {unknown} can't be checked yet" if unknown else ""
    total = f"{missing} missing{waits}" if missing or unknown else "nothing is missing"
    return "\n".join(
        [*lines, "", f"{total}; {sum(one.state == 'here' for one in found.values())} of {len(needs)} are here"]
    )


def stopping(needs: Sequence[Need], found: Mapping[str, Finding]) -> list[Need]:
    """The needs that are missing and that a deployment can't do without."""
    return [need for need in needs if found[need.name].state == "missing" and not need.advised]


def lead(needs: Sequence[Need], machine: Machine, agree: Callable[[str], bool]) -> Need | None:
    """Bring what is missing, one after the other, each command shown and agreed to first; what is advised is offered
    once. Returns the need that nobody brought, None where nothing is missing.
    """
    offered: set[str] = set()
    while waiting := _open(needs, examine(needs, machine), offered):
        need = waiting[0]
        offered.add(need.name)
        print(f"==> {need.name}\n" + "\n".join(f"    {line}" for line in need.command.splitlines()), flush=True)
        if need.by_hand or not agree("Run this?"):
            if need.advised:
                continue
            return need
        script = ["bash", "-euo", "pipefail", "-c", need.command]
        done = subprocess.run(script, cwd=REPOSITORY, env=dict(machine.environment), check=False)
        brought = done.returncode == 0 and examine(needs, machine)[need.name].state != "missing"
        if not brought and not need.advised:
            return need
    return None


def _open(needs: Sequence[Need], found: Mapping[str, Finding], offered: Collection[str]) -> list[Need]:
    missing = [need for need in needs if found[need.name].state == "missing"]
    return [need for need in missing if not need.advised or need.name not in offered]
