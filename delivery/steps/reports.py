"""Steps that report: previews, summaries, release notes, traces, checks."""

import os
import sys
from pathlib import Path

from delivery import audit, github, records, release, summary, trace, workflow_rules
from delivery.commands import REPOSITORY, commit, run
from delivery.errors import DeliveryError
from delivery.previews import comment
from delivery.previews.markdown import markdown
from delivery.previews.preview import Preview, as_json
from delivery.previews.running import preview
from delivery.previews.text import text
from delivery.steps.inputs import required, stack


def show_preview() -> None:
    """Show what `up` would change in a stack, with the policies; a violation or a refusal is exit code 1. Inputs:
    STACK; BASE, the branch or commit that a change is compared with; JSON=1 prints JSON for machines."""
    for_machines = bool(os.environ.get("JSON"))
    if not for_machines:
        print(f"==> preview of {stack().name}; nothing is changed", file=sys.stderr)
    found = preview(stack())
    print(as_json(found) if for_machines else text(found), end="")
    _refused(found)


def preview_report() -> None:
    """Preview a stack and write its section of the comment; a violation or a refusal is exit code 1. Inputs: STACK;
    BASE, the commit that a change is compared with, without credentials."""
    found = preview(stack())
    github.summary(markdown(found), log=text(found))
    print(f"written to {comment.write(found).relative_to(REPOSITORY)}")
    _refused(found)


def _refused(found: Preview) -> None:
    if found.failure:
        raise DeliveryError(f"The preview of {found.stack} was refused; nothing was changed. The reasons are above.")


def preview_comment() -> None:
    """Write the pull request's comment, or update it. Inputs: PULL_REQUEST."""
    print(f"comment {comment.comment(required('PULL_REQUEST', 'the number of the pull request'))}")


def test_summary() -> None:
    """Put the test reports on the run's page."""
    github.summary(summary.tests(REPOSITORY / "reports"))


def gate_issue() -> None:
    """Open an issue with the report of a training run that a gate stopped, or that failed before."""
    report, body = (REPOSITORY / "reports" / name for name in ("model-summary.md", "issue.md"))
    told = report.read_text(encoding="utf-8") if report.exists() else "Training ended before its gates."
    body.write_text(f"{told}\n\nThe run: {github.run_page()}\n", encoding="utf-8")
    title = f"Training {'stopped by a gate' if report.exists() else 'failed'} at {commit()[:12]}"
    print(run(["gh", "issue", "create", "--title", title, "--body-file", str(body)]).strip())


def release_notes() -> None:
    """Write the release notes of the tag at HEAD and, in GitHub Actions, publish them."""
    print(release.release(publish=bool(os.environ.get("GITHUB_ACTIONS"))))


def check_tag() -> None:
    """Check that HEAD carries a version tag, is on main, was tried on the stacks of the tag before and, in GitHub
    Actions, that CI has passed there."""
    print(f"{release.check_tag()} is on main")
    release.check_way_up()
    if os.environ.get("GITHUB_ACTIONS"):
        release.check_ci()


def fetch_records() -> None:
    """Fetch what the releases keep for the trace."""
    print(f"records of {', '.join(records.fetch())}")


def show_trace() -> None:
    """Show where something comes from and where it went. Inputs: VERSION, TAG or IMAGE."""
    print(trace.trace({name: os.environ.get(name, "") for name in ("VERSION", "TAG", "IMAGE", "FILE")}))


def audit_requirements() -> None:
    """Look up the locked packages among known vulnerabilities."""
    audit.requirements(["run", "vertex", "dev"])


def scan_secrets() -> None:
    """Look for credentials in every file that git tracks."""
    audit.secrets()


def check_workflows() -> None:
    """Hold the workflow files against Checkov's rules. Inputs: CHECKOV."""
    passed = workflow_rules.check(Path(required("CHECKOV", "the program checkov")).absolute())
    for name, count in sorted(passed.items()):
        print(f"{name}: {count} rules passed")
