"""Drift: what somebody changed in the cloud beside the program, and what the program holds that was never deployed.

Two questions, both of the engine and both changing nothing: `refresh --preview-only` (does the cloud hold what the
state says?) and `preview` (does the program say what the state holds?).
"""

import json
import os
import tempfile
from pathlib import Path

from delivery import github, state_copy
from delivery.commands import REPOSITORY, run
from delivery.errors import DeliveryError
from delivery.previews.markdown import fenced, markdown
from delivery.previews.running import preview
from delivery.previews.steps import FORGET, UNCHANGED, changed_by_refresh
from delivery.stack import Stack

TITLE = "Drift in {stack}"
_WAYS = (
    "`pulumi up --stack {stack} --refresh` puts it right. To keep it, write it into the program; then "
    "`pulumi refresh --stack {stack}` takes it into the state."
)


def report(stack: Stack) -> str:
    """Look, and open an issue or write to the one that is open; what was done."""
    lines = found(stack)
    title = TITLE.format(stack=stack.name)
    if not lines:
        return f"{stack.name}: state, program and cloud agree"
    body = REPOSITORY / "reports" / "drift.md"
    body.parent.mkdir(exist_ok=True)
    seen = [f"The run: {github.run_page()}", ""] if "GITHUB_RUN_ID" in os.environ else []
    body.write_text("\n".join([*lines, "", *seen]), encoding="utf-8")
    github.summary("\n".join(lines))
    query = f'.[] | select(.title == "{title}") | .number'
    listed = run(["gh", "issue", "list", "--state", "open", "--limit", "200", "--json", "number,title", "--jq", query])
    if numbers := listed.split():
        run(["gh", "issue", "comment", numbers[0], "--body-file", str(body)])
        return f"{title}: issue {numbers[0]} has this run's findings"
    return run(["gh", "issue", "create", "--title", title, "--body-file", str(body)]).strip()


def found(stack: Stack) -> list[str]:
    """What differs, as Markdown; nothing where all agree. It is looked for with the copy of the state without secrets,
    where there is one.
    """
    if state_copy.is_kept(stack):
        with state_copy.opened(stack) as copy:
            return found(copy)
    beside = _beside(stack)
    lines = []
    if beside:
        lines += [f"## Changed in the cloud outside the program: {len(beside)}", "", *fenced(beside, "text"), ""]
        lines += [_WAYS.format(stack=stack.name), ""]
    undeployed = preview(stack)
    told = [step for step in undeployed.steps.steps if step.operation not in (UNCHANGED, FORGET) and not step.component]
    if told or undeployed.failure:
        lines += ["## In the program and not deployed", "", markdown(undeployed)]
    return lines


def _beside(stack: Stack) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.json"
        stack.refresh_preview(log)
        if not log.exists():
            raise DeliveryError("The engine left no account of its refresh.")
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return changed_by_refresh(events)
