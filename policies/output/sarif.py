"""A report as SARIF 2.1.0 (OASIS Standard, 27 March 2020), as code scanning takes it.

A resource is a logical location; the physical one is the program's project file, since a state knows no lines. What is
undecided is a result of the kind `open`, what is let pass has a suppression with its reason.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from policies.output.folding import Finding
from policies.report import Document

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""`security-severity` as code scanning sorts by it: over 9 critical, over 7 high, over 4 medium."""
_MOST_TAGS = 20
"""With more of them on a rule code scanning refuses the file."""


def sarif(document: Document, *, file: str = "Pulumi.yaml") -> str:
    """The report as JSON text. `file` is what results point at, relative to the repository."""
    places = {rule["name"]: index for index, rule in enumerate(document["rules"])}
    run = {
        "tool": {
            "driver": {
                "name": document["tool"]["name"],
                "semanticVersion": document["tool"]["version"],
                "rules": [_rule(rule) for rule in document["rules"]],
            }
        },
        "columnKind": "unicodeCodePoints",
        "properties": {"profile": document["profile"], "project": document["project"], "stack": document["stack"]},
        "results": [_result(finding, places, file) for finding in document["findings"]],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Any) -> dict[str, Any]:
    asked_by = [" ".join(part for part in framework.values() if part) for framework in rule["frameworks"]]
    return {
        "id": rule["name"],
        "shortDescription": {"text": rule["description"]},
        "fullDescription": {"text": f"{rule['description']} {rule['fix']}"},
        "help": {"text": rule["fix"]},
        "defaultConfiguration": {"level": _LEVELS[rule["severity"]]},
        "properties": {
            "tags": ["security", *asked_by][:_MOST_TAGS],
            "frameworks": asked_by,
            "security-severity": _SCORES[rule["severity"]],
        },
    }


def _result(finding: Finding, places: dict[str, int], file: str) -> dict[str, Any]:
    where = f"{finding['path']}: " if finding["path"] and finding["state"] != "undecided" else ""
    undecided = finding["state"] == "undecided"
    identity = "\n".join((finding["rule"], finding["urn"], finding["path"], finding["message"]))
    result: dict[str, Any] = {
        "ruleId": finding["rule"],
        "ruleIndex": places[finding["rule"]],
        "kind": "open" if undecided else "fail",
        "level": "none" if undecided else _LEVELS[finding["severity"]],
        "message": {"text": f"{finding['name']}: {where}{finding['message']}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": 1}},
                "logicalLocations": [
                    {"name": finding["name"], "fullyQualifiedName": finding["urn"], "kind": "resource"}
                ],
            }
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
    if finding["state"] in {"excepted", "accepted"}:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding["note"]}]
    return result
