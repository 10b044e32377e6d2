"""What a pull request would change in a stack, as Markdown: resources, violations, and what can't be decided before
`up`.

Read from the engine's event log and from the policies' own report rather than from the engine's text, which is written
for eyes.
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
from policies.output.folding import summary
from policies.output.markdown import markdown as policies
from policies.report import Document

MARKER = "<!-- orderguard preview -->"
OPERATIONS = ("create", "update", "replace", "delete", "same")
LOCAL = "local cloud"
LONGEST_COMMENT = 65_000
"""GitHub takes 65,536 characters."""
CUT = "\n\n</details>\n\nThe rest is too long for a comment; it stands on the run's page, under Summary.\n"


@dataclass(frozen=True)
class Preview:
    """One stack's preview. `said` is the policies' report, None where they were not asked; `failure` holds the engine's
    words where it refused.
    """

    stack: str
    cloud: str
    changes: dict[str, list[str]]
    said: Document | None
    failure: str | None


def preview(stack: Stack) -> Preview:
    """Preview a stack with the policies. A violation is a finding here, not an exception."""
    with tempfile.TemporaryDirectory() as folder:
        log, reports = Path(folder) / "events.json", Path(folder) / "policies"
        failure = None
        try:
            stack.preview(log, reports)
        except DeliveryError as problem:
            failure = str(problem)
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        report = reports / "report.json"
        said = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    cloud = "Google Cloud" if on_google_cloud(stack.environment) else LOCAL
    return Preview(stack.name, cloud, changes(events), said, failure)


def changes(events: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Operation → the resources (type and name) that it would be done to."""
    found: dict[str, list[str]] = {operation: [] for operation in OPERATIONS}
    for event in events:
        step = event.get("resourcePreEvent", {}).get("metadata")
        if step and not step["type"].startswith("pulumi:") and step["op"] in found:
            found[step["op"]].append(f"{step['type']} {step['urn'].rpartition('::')[2]}")
    return found


def markdown(preview: Preview) -> str:
    """The preview as one section of a comment."""
    counts = Counter({operation: len(names) for operation, names in preview.changes.items()})
    total = ", ".join(f"{counts[operation]} to {operation}" for operation in OPERATIONS[:-1] if counts[operation])
    lines = [f"### `{preview.stack}` on {'the ' if preview.cloud == LOCAL else ''}{preview.cloud}", ""]
    lines += [f"{total or 'Nothing to change'}; {counts['same']} unchanged. "]
    violated = 0
    if preview.said is not None:
        violated = preview.said["summary"]["mandatory"]
        lines[-1] += f"Policies: {summary(preview.said)}."
    if preview.failure and not violated:
        said = [line.replace("```", "~~~") for line in preview.failure.splitlines()[-20:]]
        lines += ["", "The engine refused:", "", "```text", *said, "```"]
    lines += [policies(preview.said)] if preview.said is not None else []
    lines += ["", "<details><summary>Resources</summary>", ""]
    for operation in OPERATIONS[:-1]:
        lines += [f"- {operation}: `{name}`" for name in preview.changes[operation]]
    return "\n".join([*lines, "", "</details>", ""])


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
