"""What Checkov and Trivy find in the same programs: each resource as a Terraform plan has it, and whose finding is
whose.

`checkov` has to be on the path, or in the folder's `checkov/bin`; `trivy`, likewise, is left out where it is
not there. `bridge-metadata.json` of pulumi-gcp, which says what Terraform calls a type and its fields, is in the
folder. All of it is the measurement's alone.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.frameworks import requirements
from policies.rule import Rule

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WITHOUT_FIELDS: Mapping[str, Any] = {}
Named = tuple[str, str, str]
"""A program, a resource's URN, and an id of Checkov or Trivy."""


@dataclass(frozen=True)
class Bridge:
    """What Terraform calls each type of the provider, and its fields."""

    resources: Mapping[str, tuple[str, Mapping[str, Any]]]

    @classmethod
    def read(cls, path: Path) -> "Bridge":
        listed = json.loads(path.read_text())["auto-aliasing"]["resources"]
        return cls({entry["current"]: (name, entry.get("fields") or {}) for name, entry in listed.items()})

    def planned(self, item: Mapping[str, Any], number: int) -> dict[str, Any] | None:
        """A resource as a plan lists it, or None where Terraform has no such type."""
        if item["type"] not in self.resources:
            return None
        kind, fields = self.resources[item["type"]]
        address = f"{kind}.r{number}"
        values = _converted(item["properties"], fields)
        return {
            "address": address, "mode": "managed", "type": kind, "name": f"r{number}", "values": values,
        }  # fmt: skip


def _converted(properties: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs by Terraform's names: one that it knows as a list of blocks is one, also where there is one alone."""
    names = {_pulumi_name(name, about): name for name, about in fields.items()}
    found: dict[str, Any] = {}
    for key, value in properties.items():
        name = names.get(key) or _CAPITAL.sub("_", key).lower()
        about = fields.get(name, _WITHOUT_FIELDS)
        below = (about.get("elem") or _WITHOUT_FIELDS).get("fields")
        plain = value["value"] if isinstance(value, dict) and {"value"} < set(value) and len(value) == 2 else value
        if isinstance(plain, dict) and (below is not None or about.get("maxItemsOne")):
            plain = [_converted(plain, below or {})]
        elif isinstance(plain, list):
            plain = [_converted(item, below or {}) if isinstance(item, dict) else item for item in plain]
        found[name] = plain
    return found


def _pulumi_name(name: str, about: Mapping[str, Any]) -> str:
    """The name of a field in Pulumi: in camel case, and in the plural where there may be several."""
    first, *others = name.split("_")
    camel = first + "".join(word.capitalize() for word in others)
    if about.get("maxItemsOne") is not False or (camel.endswith("s") and not camel.endswith("ss")):
        return camel
    return f"{camel[:-1]}ies" if camel.endswith("y") else f"{camel}es" if camel.endswith(("x", "ss")) else f"{camel}s"


@dataclass(frozen=True)
class Plans:
    """The programs as Terraform plans in a folder, a file each, and whose address is which URN."""

    folder: Path
    urns: Mapping[tuple[str, str], str]

    @classmethod
    def write(cls, programs: Mapping[str, Iterable[Mapping[str, Any]]], bridge: Bridge, folder: Path) -> "Plans":
        urns: dict[tuple[str, str], str] = {}
        for name, items in programs.items():
            planned = [(item, bridge.planned(item, number)) for number, item in enumerate(items)]
            resources = [entry for _, entry in planned if entry]
            urns |= {(name, entry["address"]): item["urn"] for item, entry in planned if entry}
            Path(folder, f"{name}.json").write_text(json.dumps(_plan(resources)))
        return cls(folder, urns)


def found_by(programs: Mapping[str, Iterable[Mapping[str, Any]]], folder: Path) -> dict[str, set[Named]]:
    """What each peer's checks for Google Cloud find in each program's resources, by the peer's name."""
    bridge = Bridge.read(folder / "bridge-metadata.json")
    with tempfile.TemporaryDirectory() as made:
        plans = Plans.write(programs, bridge, Path(made))
        found = {"Checkov": _checkov(plans, _tool(folder, "checkov") or "checkov")}
        if (trivy := _tool(folder, "trivy")) is not None:
            found["Trivy"] = _trivy(plans, trivy)
    return found


def _tool(folder: Path, name: str) -> str | None:
    local = folder / name / "bin" / name
    return str(local) if local.exists() else shutil.which(name)


def _checkov(plans: Plans, tool: str) -> set[Named]:
    command = [tool, "--directory", str(plans.folder), "--output", "json"]
    command += ["--framework", "terraform_plan", "--quiet", "--compact", "--skip-download"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    found: set[Named] = set()
    told = json.loads(said)
    for report in told if isinstance(told, list) else [told]:
        for check in report.get("results", {}).get("failed_checks", []):
            if "_GCP_" in check["check_id"]:
                name = Path(check["file_path"]).stem
                found.add((name, plans.urns[name, check["resource"]], check["check_id"]))
    return found


def _trivy(plans: Plans, tool: str) -> set[Named]:
    """A plan at a time: of several, Trivy tells no more whose a finding is. It names a part of a resource
    (`google_compute_firewall.r3.source_ranges`).
    """
    command = [tool, "config", "--quiet", "--format", "json", "--skip-check-update"]
    command += ["--misconfig-scanners", "terraformplan-json"]
    found: set[Named] = set()
    for plan in sorted(plans.folder.glob("*.json")):
        said = subprocess.run(
            [*command, str(plan)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout
        for report in json.loads(said).get("Results", []):
            for failed in report.get("Misconfigurations", []):
                address = ".".join(failed["CauseMetadata"].get("Resource", "").split(".")[:2])
                if failed["ID"].startswith("GCP-") and (plan.stem, address) in plans.urns:
                    found.add((plan.stem, plans.urns[plan.stem, address], failed["ID"]))
    return found


def _plan(resources: list[dict[str, Any]]) -> dict[str, Any]:
    changes = [
        {**entry, "change": {"actions": ["create"], "before": None, "after": entry["values"], "after_unknown": {}}}
        for entry in resources
    ]
    return {
        "format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes,
        "planned_values": {"root_module": {"resources": resources}},
        "configuration": {"root_module": {"resources": []}},
    }  # fmt: skip


def ids_of(rule: Rule) -> set[str]:
    """The ids of Checkov and Trivy that a rule names."""
    return {framework.reference for framework in rule.frameworks if framework.name in {"Checkov", "Trivy"}}


def reasons() -> dict[str, str]:
    """Why the pack does not find what an id of Checkov finds: no rule decides it, or it was read and is no hole."""
    undecided = {item.framework.reference: item.why for item in requirements() if item.standing != "decided"}
    return {**undecided, **_READ}


_READ = {
    "CKV_GCP_9": "Nodes of a pool are repaired unless it says otherwise; the rule refuses those that do.",
    "CKV_GCP_10": "Nodes of a pool are upgraded unless it says otherwise; the rule refuses those that do.",
    "CKV_GCP_12": "An Autopilot cluster, and one with Dataplane V2, keeps network policies by itself.",
    "CKV_GCP_13": "A cluster issues no client certificate unless it is asked to; the rule refuses those that ask.",
    "CKV_GCP_23": "A new cluster is VPC-native unless it says otherwise; the rule refuses those that do.",
    "CKV_GCP_61": "An Autopilot cluster sees flows within a node by itself.",
    "CKV_GCP_69": "The nodes of a removed default pool, and those of Autopilot, are not the cluster's to set.",
    "CKV_GCP_70": "A new cluster follows the regular channel unless it says otherwise.",
    "CKV_GCP_79": "The rule asks for a version that its makers still maintain, Checkov for the newest.",
    "CKV_GCP_121": "The provider deletes no table unless it is told to; the rule refuses those that are.",
    "CKV_GCP_122": "The provider deletes no instance unless it is told to; the rule refuses those that are.",
    "GCP-0007": "A role on one bucket or secret administers no project.",
    "GCP-0013": "The zone is private.",
    "GCP-0017": "There is no public address: Trivy does not read the nested block of a plan.",
    "GCP-0024": "It is backed up: Trivy does not read the nested block of a plan.",
    "GCP-0036": "What a machine does not set follows the project; the rule refuses those that switch OS Login off.",
    "GCP-0048": "A cluster of today has no old endpoints; the rule refuses those that ask for them.",
    "GCP-0049": "A new cluster is VPC-native unless it says otherwise; the rule refuses those that do.",
    "GCP-0068": "Pulumi Cloud's audience binds the provider to one organisation.",
    "GCP-0071": "The rule lets in machines with a tag, not the internet.",
    "GCP-0072": "ICMP has no ports.",
    "GCP-0073": "The rule lets in machines with a tag, not the internet.",
    "GCP-0074": "ICMP has no ports.",
    "CKV2_GCP_18": "The firewall is there: a plan without references does not tie it to its network.",
}
"""Read on the public programs: what Checkov and Trivy take for a hole there."""
