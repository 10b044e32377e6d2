"""What Checkov finds in the same programs: each resource as a Terraform plan has it, and whose finding is whose.

`checkov` has to be on the path, or in the folder's `checkov/bin`; `bridge-metadata.json` of pulumi-gcp, which says what
Terraform calls a type and its fields, in the folder. Both are the measurement's alone.
"""

import json
import re
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
"""A program, a resource's URN, and an id of Checkov."""


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


def checkov(programs: Mapping[str, Iterable[Mapping[str, Any]]], folder: Path) -> set[Named]:
    """What Checkov's checks for Google Cloud find in each program's resources."""
    bridge = Bridge.read(folder / "bridge-metadata.json")
    local = folder / "checkov" / "bin" / "checkov"
    found: set[Named] = set()
    with tempfile.TemporaryDirectory() as plans:
        urns: dict[tuple[str, str], str] = {}
        for name, items in programs.items():
            planned = [(item, bridge.planned(item, number)) for number, item in enumerate(items)]
            resources = [entry for _, entry in planned if entry]
            urns |= {(name, entry["address"]): item["urn"] for item, entry in planned if entry}
            Path(plans, f"{name}.json").write_text(json.dumps(_plan(resources)))
        command = [str(local) if local.exists() else "checkov", "--directory", plans, "--output", "json"]
        command += ["--framework", "terraform_plan", "--quiet", "--compact", "--skip-download"]
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    told = json.loads(said)
    for report in told if isinstance(told, list) else [told]:
        for check in report.get("results", {}).get("failed_checks", []):
            if "_GCP_" in check["check_id"]:
                name = Path(check["file_path"]).stem
                found.add((name, urns[name, check["resource"]], check["check_id"]))
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
    """The ids of Checkov that a rule names."""
    return {framework.reference for framework in rule.frameworks if framework.name == "Checkov"}


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
    "CKV_GCP_79": "The rule asks for a version that its makers still mend, Checkov for the newest.",
    "CKV_GCP_121": "The provider deletes no table unless it is told to; the rule refuses those that are.",
    "CKV2_GCP_18": "The firewall is there: a plan without references does not tie it to its network.",
}
"""Read on the public programs: what Checkov takes for a hole there."""
