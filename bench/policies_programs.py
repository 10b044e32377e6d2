"""The pack on other people's programs: what it finds in each, by rule, and whether Checkov and Trivy find the same."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bench import policies_peers as peers
from policies.catalogue import RULES
from policies.pack import Pack
from policies.rule import GENERIC, Rule
from policies.selection import Selection, selected
from policies.state import check, read_state

RECORDER = Path(__file__).with_name("policies_recorder.py")
RECORDED = ".declared.json"
PROVIDER = "pulumi:providers:gcp"
BRIDGE = "bridge-metadata.json"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "technical" / "policy-programs.md"
_STACK = re.compile(r"urn:pulumi:[^:]*::")
_BY_NAME: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


@dataclass(frozen=True)
class Read:
    """What a program declares in Google Cloud, how it failed, and what profile `generic` finds in it."""

    name: str
    resources: list[dict[str, Any]]
    error: str
    findings: list[dict[str, Any]]


def read(program: Path, stack: str = "dev") -> Read:
    """A recorded program, as a state of a stack of that name: some rules hold for production alone."""
    recorded = json.loads((program / RECORDED).read_text())
    default = f"urn:pulumi:{stack}::foreign::{PROVIDER}::default"
    resources = [
        {**item, "urn": _of_stack(item["urn"], stack)}
        for item in recorded["resources"]
        if item["type"].startswith(("gcp:", PROVIDER)) and ("/" in item["type"] or item["type"] == PROVIDER)
    ]
    entries: list[dict[str, Any]] = [
        {"urn": default, "type": PROVIDER, "inputs": recorded.get("provider", {}), "outputs": {}},
    ]
    entries += [
        {
            "urn": item["urn"],
            "type": item["type"],
            "inputs": item["properties"],
            "outputs": item["properties"],
            "propertyDependencies": {
                key: [_of_stack(urn, stack) for urn in urns] for key, urns in item["behind"].items()
            },
            "provider": f"{default}::id",
        }
        for item in resources
    ]
    pack = Pack(selected(RULES, Selection(profile=GENERIC)), GENERIC, date.today())
    check(pack, read_state(json.dumps({"deployment": {"resources": entries}})))
    found = [finding for finding in pack.report.document()["findings"] if finding["state"] == "violated"]
    return Read(program.name, resources, recorded["error"], found)


def _of_stack(urn: str, stack: str) -> str:
    return _STACK.sub(f"urn:pulumi:{stack}::", urn, count=1)


def measure(folder: Path) -> dict[str, float]:
    """Print what is found in each program of a folder, and how often by each rule; with what Terraform calls the types
    beside the folder, compare with Checkov and Trivy and write the page.
    """
    programs = sorted(path.parent for path in folder.glob("*/__main__.py"))
    for python in sorted({_interpreter(program) for program in programs}):
        own = [str(program) for program in programs if _interpreter(program) == python]
        subprocess.run([python, str(RECORDER), *own], check=True, stdout=subprocess.DEVNULL)
    by_rule: Counter[str] = Counter()
    found = [read(program) for program in programs]
    for one in found:
        by_rule.update(finding["rule"] for finding in one.findings)
        names = ", ".join(sorted({finding["rule"] for finding in one.findings})) or "nothing"
        print(f"    {one.name}: {len(one.resources)} resources{f' ({one.error[:60]})' if one.error else ''}: {names}")
    for rule, count in by_rule.most_common():
        print(f"    {count:4} {rule}")
    declaring = [one for one in found if one.resources]
    figures: dict[str, float] = {
        "programs": len(declaring),
        "resources": sum(len(one.resources) for one in declaring),
        "findings": sum(by_rule.values()),
    }
    if (folder.parent / BRIDGE).exists():
        figures |= _compared([read(program, "prod") for program in programs], folder.parent)
    return figures


def _interpreter(program: Path) -> str:
    """A program's own, where it has an environment with an older provider; else this one."""
    own = program / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def _compared(programs: list[Read], folder: Path) -> dict[str, float]:
    """Whose finding is whose, in stacks called prod, since the peers know no stacks."""
    found = peers.found_by({one.name: one.resources for one in programs}, folder)
    theirs: set[peers.Named] = set().union(*found.values())
    ours: set[peers.Named] = set()
    alone: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for one in programs:
        for finding in one.findings:
            named = {(one.name, finding["urn"], reference) for reference in peers.ids_of(_BY_NAME[finding["rule"]])}
            ours |= named
            (both if named & theirs else alone)[finding["rule"]] += 1
    excused = peers.reasons()
    figures: dict[str, float] = {"ours_alone": sum(alone.values())}
    for peer, listed in found.items():
        missed = Counter(reference for _, _, reference in listed - ours)
        lone = len(listed - ours)
        print(f"    {peer} finds {len(listed)}; {lone} of them have none of ours on the same resource:")
        for reference, count in missed.most_common():
            print(f"    {count:4} {reference} {excused.get(reference, '')}")
            for name, urn, _ in sorted(n for n in listed - ours if n[2] == reference)[:5]:
                print(f"           {name[:50]} {urn.rpartition('$')[2]}")
        figures |= {peer.lower(): len(listed), f"{peer.lower()}_missed": len(listed - ours)}
    PAGE.write_text(_page(programs, found, ours, both, alone))
    return figures


def _page(
    programs: list[Read],
    found: Mapping[str, set[peers.Named]],
    ours: set[peers.Named],
    both: Counter[str],
    alone: Counter[str],
) -> str:
    declaring = [one for one in programs if one.resources]
    official = [one for one in declaring if one.name.startswith(_OFFICIAL)]
    rows = [f"| `{name}` | {both[name]} | {count} |" for name, count in alone.most_common()]
    text = _PAGE.format(
        programs=len(declaring),
        official=len(official),
        others=len(declaring) - len(official),
        resources=sum(len(one.resources) for one in declaring),
        findings=sum(both.values()) + sum(alone.values()),
        peers=" and ".join(found),
        alone=sum(alone.values()),
        rows="\n".join(rows),
    )
    return text + "".join(_of_peer(peer, listed, ours) for peer, listed in found.items())


def _of_peer(peer: str, listed: set[peers.Named], ours: set[peers.Named]) -> str:
    by_id = Counter(reference for _, _, reference in listed)
    missed = Counter(reference for _, _, reference in listed - ours)
    excused = peers.reasons()
    ids = [
        f"| {reference} | {count} | {count - missed[reference]} | "
        f"{excused.get(reference, '') if missed[reference] else ''} |"
        for reference, count in by_id.most_common()
    ]
    return _PEER.format(peer=peer, count=len(listed), shared=len(listed & ours), ids="\n".join(ids))


_OFFICIAL = ("pulumi+examples+", "pulumi+templates+")
"""How the folders of Pulumi's own examples and templates are called."""

_PAGE = """# The pack on public programs

{programs} public Pulumi programs in Python that declare {resources} resources of Google Cloud: {official} of
pulumi/examples and pulumi/templates, {others} others. Each is a stack called `prod`, in the profile `generic`; {peers}
get the same resources as a Terraform plan. This page is written by `python -m bench policies DIR`, where DIR holds the
programs; none of them is part of this repository.

The pack has {findings} findings.

## What only the pack finds

{alone} findings have no finding of {peers} on the same resource beside them.

| rule | findings that the others have, too | findings of the pack alone |
|---|--:|--:|
{rows}
"""
_PEER = """
## What {peer} finds

{peer} has {count} findings; on {shared} of those a rule of the pack that names the same id speaks of the same resource.

| id | findings | found by the pack, too | why not |
|---|--:|--:|---|
{ids}
"""
