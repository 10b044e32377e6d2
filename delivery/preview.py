"""What a pull request would change in a stack, as Markdown: resources, violations, and what can't be decided before
`up`.

Read from the engine's event log rather than from its text, which is written for eyes.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.commands import REPOSITORY, run
from delivery.errors import DeliveryError
from delivery.stack import Stack, on_google_cloud

MARKER = "<!-- orderguard preview -->"
OPERATIONS = ("create", "update", "replace", "delete", "same")
UNDECIDED = "undecided"
LOCAL = "local cloud"
LONGEST_COMMENT = 65_000
"""GitHub takes 65,536 characters."""
CUT = "\n\n</details>\n\nThe rest is too long for a comment; it stands on the run's page, under Summary.\n"


@dataclass(frozen=True)
class Finding:
    """What a rule said of a resource. `level` is the rule's enforcement level, or `undecided`."""

    level: str
    rule: str
    resource: str
    message: str


@dataclass(frozen=True)
class Preview:
    """One stack's preview. `failure` holds the engine's words where it refused."""

    stack: str
    cloud: str
    changes: dict[str, list[str]]
    findings: tuple[Finding, ...]
    failure: str | None


def preview(stack: Stack) -> Preview:
    """Preview a stack with the policies. A violation is a finding here, not an exception."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.json"
        failure = None
        try:
            stack.preview(log)
        except DeliveryError as problem:
            failure = str(problem)
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
    cloud = "Google Cloud" if on_google_cloud(stack.environment) else LOCAL
    return Preview(stack.name, cloud, changes(events), findings(events), failure)


def changes(events: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Operation → the resources (type and name) that it would be done to."""
    found: dict[str, list[str]] = {operation: [] for operation in OPERATIONS}
    for event in events:
        step = event.get("resourcePreEvent", {}).get("metadata")
        if step and not step["type"].startswith("pulumi:") and step["op"] in found:
            found[step["op"]].append(f"{step['type']} {step['urn'].rpartition('::')[2]}")
    return found


def findings(events: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """What the policies said, in the engine's order, once each."""
    found = {}
    for event in events:
        if said := event.get("policyEvent"):
            message = " ".join(str(said["message"]).split())
            undecided = said["enforcementLevel"] == "advisory" and "can't be decided" in message
            level = UNDECIDED if undecided else str(said["enforcementLevel"])
            resource = str(said.get("resourceUrn", "")).rpartition("::")[2] or "stack"
            found[(said["policyName"], resource, message)] = Finding(level, said["policyName"], resource, message)
    return tuple(found.values())


def markdown(preview: Preview) -> str:
    """The preview as one section of a comment."""
    counts = Counter({operation: len(names) for operation, names in preview.changes.items()})
    total = ", ".join(f"{counts[operation]} to {operation}" for operation in OPERATIONS[:-1] if counts[operation])
    lines = [f"### `{preview.stack}` on {'the ' if preview.cloud == LOCAL else ''}{preview.cloud}", ""]
    violations = [finding for finding in preview.findings if finding.level == "mandatory"]
    undecided = [finding for finding in preview.findings if finding.level == UNDECIDED]
    lines += [f"{total or 'Nothing to change'}; {counts['same']} unchanged. "]
    lines[-1] += f"{len(violations)} violations, {len(undecided)} undecided until `up`."
    if preview.failure and not violations:
        said = [line.replace("```", "~~~") for line in preview.failure.splitlines()[-20:]]
        lines += ["", "The engine refused:", "", "```text", *said, "```"]
    lines += _table("Violations", violations) + _table("Undecided until `up`", undecided)
    lines += _table("Advice", [finding for finding in preview.findings if finding.level == "advisory"])
    lines += ["", "<details><summary>Resources</summary>", ""]
    for operation in OPERATIONS[:-1]:
        lines += [f"- {operation}: `{name}`" for name in preview.changes[operation]]
    return "\n".join([*lines, "", "</details>", ""])


def _table(title: str, found: Iterable[Finding]) -> list[str]:
    rows = [f"| `{finding.rule}` | `{finding.resource}` | {_cell(finding.message)} |" for finding in found]
    return ["", f"**{title}**", "", "| rule | resource | what it says |", "|---|---|---|", *rows] if rows else []


def _cell(text: str) -> str:
    """Text of a policy in a table: no markup of its own, and nobody is called by an @."""
    return text.replace("|", "/").replace("<", "&lt;").replace("@", "&#64;")


def write(found: Preview) -> Path:
    """Keep the section where the comment picks it up."""
    path = REPOSITORY / "reports" / f"preview-{found.stack}{'' if found.cloud == LOCAL else '-google-cloud'}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(markdown(found), encoding="utf-8")
    return path


def comment(pull_request: str) -> str:
    """Write the one comment of a pull request from the sections in `reports/`, or update it in place; returns what was
    done."""
    sections = sorted((REPOSITORY / "reports").glob("preview-*.md"))
    if not sections:
        raise DeliveryError("reports/ holds no preview: run `make preview-report` first.")
    body = REPOSITORY / "reports" / "comment.md"
    text = "\n".join([MARKER, "## Preview", *(path.read_text(encoding="utf-8") for path in sections)])
    body.write_text(text if len(text) <= LONGEST_COMMENT else text[:LONGEST_COMMENT] + CUT, encoding="utf-8")
    # Its own comment alone: anybody may write one that begins the same.
    query = f'.[] | select(.user.login == "github-actions[bot]") | select(.body | startswith("{MARKER}")) | .id'
    place = f"repos/{{owner}}/{{repo}}/issues/{int(pull_request)}/comments"
    existing = run(["gh", "api", "--paginate", place, "--jq", query]).split()
    if existing:
        run(
            [
                "gh",
                "api",
                "--method",
                "PATCH",
                f"repos/{{owner}}/{{repo}}/issues/comments/{existing[0]}",
                "--field",
                f"body=@{body}",
            ]
        )
        return "updated"
    run(["gh", "api", "--method", "POST", place, "--field", f"body=@{body}"])
    return "written"
