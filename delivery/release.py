"""Release notes of a tag: what is served now, and the way back to where it comes from."""

import json

from delivery.commands import REPOSITORY, run, tag
from delivery.deploy import REPORT, Deployment
from delivery.errors import DeliveryError


def read_deployment() -> Deployment:
    """The record of the deployment that this pipeline made. Raises `DeliveryError` where there is none."""
    try:
        return Deployment(**json.loads(REPORT.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise DeliveryError(f"{REPORT} is not the record of a deployment: {problem}") from None


def notes(deployment: Deployment, changes: list[str]) -> str:
    """The notes as Markdown."""
    rows = {
        "Image": f"`{deployment.image}`",
        "Model version": f"`{deployment.model_version}`",
        "Manifest": f"`sha256:{deployment.manifest_sha256}`, which holds the hash of every order file",
        "Commit": f"`{deployment.commit}`",
    }
    table = ["| what | which |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return (
        "\n".join([f"# {deployment.tag}", "", *table, "", "## Changes", "", *(f"- {change}" for change in changes)])
        + "\n"
    )


def changes_since_last_tag(name: str) -> list[str]:
    """The subjects of the commits since the version tag before this one."""
    older = [
        found
        for found in run(["git", "tag", "--list", "v*", "--merged", name, "--sort=-version:refname"]).split()
        if found != name
    ]
    span = f"{older[0]}..{name}" if older else name
    return run(["git", "log", "--no-merges", "--format=%s", span]).splitlines()


def release(publish: bool) -> str:
    """Write reports/release-notes.md for the tag at HEAD and, where asked, publish it as GitHub's release."""
    name = tag()
    if name is None:
        raise DeliveryError("HEAD carries no version tag (v*): release notes belong to a tag.")
    text = notes(read_deployment(), changes_since_last_tag(name))
    path = REPOSITORY / "reports" / "release-notes.md"
    path.write_text(text, encoding="utf-8")
    if publish:
        run(["gh", "release", "create", name, "--verify-tag", "--title", name, "--notes-file", str(path)])
    return text
