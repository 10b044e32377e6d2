"""Release notes of a tag: what is served now, and the way back to where it comes from.

The release also keeps what the trace needs for good; artifacts of a run are gone after some months.
"""

import gzip
import json
import tarfile
import time
from pathlib import Path

from delivery.commands import REPOSITORY, commit, run, tag
from delivery.deployment import JOB, REPORTS, Deployment, report
from delivery.errors import DeliveryError
from delivery.models import models_folder
from delivery.provenance import MAIN, on_main
from orderguard.model_version import Manifest, read_manifest
from orderguard.private_files import kept_private
from orderguard.version import VERSION

PRODUCTION = "prod"
CI = "ci.yml"
CI_SECONDS, POLL_SECONDS = 2700.0, 30.0
"""How long a release waits for the checks of its commit, and how often it looks."""
FORMER = REPOSITORY / "tests" / "infra" / "former"
"""The former release's stacks as states, which the tests hold this commit to."""
MOST_CHANGES = 200
"""GitHub takes 125,000 characters; a first release would list the whole history."""


def read_deployment() -> Deployment:
    """The record of the deployment that this pipeline made. Raises `DeliveryError` where there is none."""
    path = report(PRODUCTION)
    try:
        return Deployment(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise DeliveryError(f"{path} is not the record of a deployment: {problem}") from None


def check_tag() -> str:
    """The version tag at HEAD. Raises `DeliveryError` where there is none, it is not the version of this commit, or
    HEAD is no commit of main: a tag may stand on any commit, on one in the middle of a merged branch, too, and what no
    review has seen must not be deployed.
    """
    name, here = _tag(), commit()
    if name != f"v{VERSION}":
        raise DeliveryError(
            f"The tag is {name}, and this commit is version {VERSION}. Write {name[1:]} into orderguard/VERSION, commit"
            f" it and tag that commit, or tag this one v{VERSION}."
        )
    if here not in on_main():
        raise DeliveryError(
            f"{name} stands on {here[:12]}, which is not on {MAIN}, or came with a merge: tag a commit of main."
        )
    return name


def check_way_up() -> None:
    """Raise `DeliveryError` where the tests hold this commit against other stacks than those of the tag before: then
    nobody has tried what this release makes of them."""
    name = _tag()
    before = _tag_before(name)
    if before is None:
        return
    expected = run(["git", "rev-list", "-n", "1", before]).strip()
    for path in sorted(FORMER.glob("*.gz")):
        first = gzip.decompress(path.read_bytes()).partition(b"\n")[0]
        found = json.loads(first)["commit"]
        if found != expected:
            raise DeliveryError(
                f"The way up from {before} was not tried: {path.name} holds the stack of {found[:12]}. "
                f"`make former-state TAG={before}` records it; commit that, and tag once CI has passed there."
            )


def check_ci() -> None:
    """Raise `DeliveryError` where CI's newest run at HEAD has not passed: a failure after a success counts. Waits
    while it runs, since a tag may be pushed with its commit."""
    here = commit()
    query = 'sort_by(.createdAt) | reverse | .[] | if .status == "completed" then .conclusion else "running" end'
    told = "createdAt,status,conclusion"
    listing = ["gh", "run", "list", "--workflow", CI, "--commit", here, "--json", told, "--jq", query]
    end = time.monotonic() + CI_SECONDS
    while (found := run(listing).split())[:1] != ["success"]:
        if found[:1] != ["running"] or time.monotonic() > end:
            raise DeliveryError(
                f"CI has not passed at {here[:12]} ({', '.join(found) or 'it never ran'}). "
                f"`gh workflow run {CI} --ref {_tag()}` runs it there; then run this job again."
            )
        print(f"==> CI still runs at {here[:12]}; waiting", flush=True)
        time.sleep(POLL_SECONDS)


def _tag() -> str:
    name = tag()
    if name is None:
        raise DeliveryError("HEAD carries no version tag (v*): release notes belong to a tag.")
    return name


def _tag_before(name: str) -> str | None:
    tags = run(["git", "tag", "--list", "v*", "--merged", name, "--sort=-version:refname"]).split()
    return next((found for found in tags if found != name), None)


def notes(deployment: Deployment, manifest: Manifest | None, changes: list[str]) -> str:
    """The notes as Markdown. Without a `manifest` the model is of the stack's own training job, and stays there."""
    rows = {
        "Image": f"`{deployment.image}`",
        "Model version": f"`{deployment.model_version}`",
        "Manifest": f"`sha256:{deployment.manifest_sha256}`, which holds the hash of every order file",
        "Orders": (
            _orders(manifest) if manifest else "production's own, in its raw bucket; its training job made the model"
        ),
        "Commit": f"`{deployment.commit}`",
    }
    if deployment.training_run:
        rows["Training run"] = deployment.training_run
    table = ["| what | which |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    listed = [f"- {change}" for change in changes[:MOST_CHANGES]]
    if len(changes) > MOST_CHANGES:
        listed.append(f"- and {len(changes) - MOST_CHANGES} before these")
    return "\n".join([f"# {deployment.tag}", "", *table, "", "## Changes", "", *listed]) + "\n"


def changes_since_last_tag(name: str) -> list[str]:
    """The subjects of the commits since the version tag before this one, the newest first."""
    before = _tag_before(name)
    span = f"{before}..{name}" if before else name
    return run(["git", "log", "--no-merges", "--format=%s", span]).splitlines()


def release(publish: bool) -> str:
    """Write reports/release-notes.md for the tag at HEAD and, where asked, publish it as GitHub's release with the
    records attached. A run that is repeated brings the release up to date."""
    name = _tag()
    deployment = read_deployment()
    own = deployment.model_source == JOB
    manifest = None if own else read_manifest(models_folder() / deployment.model_version)
    text = notes(deployment, manifest, changes_since_last_tag(name))
    path = REPOSITORY / "reports" / "release-notes.md"
    path.write_text(text, encoding="utf-8")
    if publish:
        known = run(["gh", "release", "list", "--limit", "1000", "--json", "tagName", "--jq", ".[].tagName"]).split()
        command = ["gh", "release", "edit" if name in known else "create", name, "--verify-tag"]
        run([*command, "--title", name, "--notes-file", str(path)])
        run(["gh", "release", "upload", name, "--clobber", *map(str, records(deployment))])
    return text


def keep_promotions() -> str:
    """Attach the records of a promotion's run to the releases that its stacks run, beside those of their deployments;
    what to say of it."""
    known = run(["gh", "release", "list", "--limit", "1000", "--json", "tagName", "--jq", ".[].tagName"]).split()
    said = []
    for path in sorted(REPORTS.glob("deployment-*.json")):
        found = Deployment(**json.loads(path.read_text(encoding="utf-8")))
        if found.tag not in known:
            said.append(f"{found.stack} runs {found.tag or found.commit[:12]}, of which there is no release: not kept")
            continue
        kept = path.with_name(f"promotion-{found.stack}-{found.model_version}-{found.outcome.replace(' ', '-')}.json")
        kept.write_bytes(path.read_bytes())
        run(["gh", "release", "upload", str(found.tag), "--clobber", str(kept)])
        said.append(f"{kept.name} is kept with {found.tag}")
    return "\n".join(said)


def _orders(manifest: Manifest) -> str:
    count = sum(file.orders for file in manifest.data)
    files = f"{len(manifest.data)} file{'' if len(manifest.data) == 1 else 's'}"
    return f"`sha256:{manifest.data_sha256}`: {count:,} in {files}, {manifest.first_order} to {manifest.last_order}"


def records(deployment: Deployment) -> list[Path]:
    """What the release keeps: each stack's deployment, what is in the images, and the model version itself; one of
    production's own orders stays in its bucket."""
    kept = [*sorted(REPORTS.glob("deployment-*.json")), *sorted(REPORTS.glob("*.spdx.json"))]
    if deployment.model_source == JOB:
        return kept
    folder = models_folder() / deployment.model_version
    model = REPORTS / f"model-{deployment.model_version}.tar.gz"
    with kept_private(), tarfile.open(model, "w:gz") as archive:
        archive.add(folder, deployment.model_version)
    return [*kept, model]
