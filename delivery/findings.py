"""Security findings of tools that don't write SARIF, written as SARIF 2.1.0, so that every finding ends on one page."""

import json
from pathlib import Path
from typing import Any


def pip_audit(report: Path, lock: str, subject: str = "") -> dict[str, Any]:
    """pip-audit's JSON report on `lock` as SARIF: one result a vulnerability, on the line of the lock file that pins
    the package."""
    lines = Path(lock).read_text(encoding="utf-8").splitlines()
    results = [
        _result(
            flaw["id"],
            f"{package['name']} {package['version']}: fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}",
            lock,
            next((number for number, line in enumerate(lines, 1) if line.startswith(f"{package['name']}==")), 1),
        )
        for package in json.loads(report.read_text(encoding="utf-8"))["dependencies"]
        for flaw in package.get("vulns", [])
    ]
    return sarif("pip-audit", results, subject)


def secrets(report: Path) -> dict[str, Any]:
    """detect-secrets' JSON report as SARIF: the place and the kind, never the value."""
    found = json.loads(report.read_text(encoding="utf-8"))["results"]
    return sarif(
        "detect-secrets",
        [_result(one["type"], one["type"], file, one["line_number"]) for file in found for one in found[file]],
    )


def sarif(tool: str, results: list[dict[str, Any]], subject: str = "") -> dict[str, Any]:
    """A SARIF document of one run. `subject` tells runs of one tool apart: GitHub refuses two of one category."""
    rules = [{"id": name} for name in sorted({str(result["ruleId"]) for result in results})]
    category = "/".join(filter(None, (tool, subject))) + "/"
    run = {
        "automationDetails": {"id": category},
        "tool": {"driver": {"name": tool, "rules": rules}},
        "results": results,
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(rule: str, message: str, file: str, line: int) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": line}}}
    return {"ruleId": rule, "level": "error", "message": {"text": message}, "locations": [place]}
