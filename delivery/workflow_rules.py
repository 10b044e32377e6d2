"""Checkov's rules over the workflow files.

Checkov passes over a workflow that its own schema of GitHub's syntax does not fit, without a word, and that schema is
older than the right `attestations` and than expressions in `cancel-in-progress`. So it reads copies in which these two
are written as it knows them, on the same lines, and each file has to be among those that it says it has checked.
"""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from delivery.commands import REPOSITORY, run
from delivery.errors import DeliveryError

WORKFLOWS = Path(".github") / "workflows"
_UNKNOWN_RIGHT = re.compile(r"^( *)attestations: (?:read|write)", re.MULTILINE)
_UNKNOWN_EXPRESSION = re.compile(r"^( *cancel-in-progress:) \$\{\{.*\}\}$", re.MULTILINE)


def readable(workflow: str) -> str:
    """The text of a workflow file as Checkov can read it, line by line."""
    return _UNKNOWN_EXPRESSION.sub(r"\1 true", _UNKNOWN_RIGHT.sub(r"\1# attestations", workflow))


def check(checkov: Path, workflows: Path = REPOSITORY / WORKFLOWS) -> Counter[str]:
    """The number of rules that each workflow file passed.

    Raises `DeliveryError` with every finding, or with the files that Checkov passed over.
    """
    files = sorted(workflows.glob("*.yml"))
    with tempfile.TemporaryDirectory(prefix="orderguard-workflows-") as folder:
        copies = Path(folder) / WORKFLOWS
        copies.mkdir(parents=True)
        for file in files:
            (copies / file.name).write_text(readable(file.read_text(encoding="utf-8")), encoding="utf-8")
        command = [str(checkov), "--directory", str(WORKFLOWS), "--framework", "github_actions", "--skip-download"]
        report = json.loads(run([*command, "--soft-fail", "--output", "json"], folder=Path(folder)))
    results = report.get("results", {})
    failed = [_told(one) for one in results.get("failed_checks", [])]
    if failed:
        raise DeliveryError("Checkov's rules are broken:\n" + "\n".join(failed))
    passed = Counter(Path(one["file_path"]).name for one in results.get("passed_checks", []))
    if passed_over := [file.name for file in files if file.name not in passed]:
        raise DeliveryError(
            f"Checkov passed over {', '.join(passed_over)}: something in it does not fit Checkov's schema. "
            "Write it as Checkov knows it in delivery/workflow_rules.py."
        )
    return passed


def _told(finding: dict[str, Any]) -> str:
    name = Path(finding["file_path"]).name
    return f"  {name}:{finding['file_line_range'][0]}: {finding['check_id']} {finding['check_name']}"
