"""The one comment of a pull request, made of a section for each stack."""

from pathlib import Path

from delivery.commands import REPOSITORY, run
from delivery.errors import DeliveryError
from delivery.previews.markdown import markdown
from delivery.previews.preview import LOCAL, Preview

MARKER = "<!-- orderguard preview -->"
LONGEST_COMMENT = 65_000
"""GitHub takes 65,536 characters."""
CUT = "\n```\n\n</details>\n\nThe rest is too long for a comment; it is on the run's page, under Summary.\n"


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
