"""Running a preview: on Google Cloud against what is deployed; on the local cloud against the base of a change, what is
up there, or nothing.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from delivery import state_copy
from delivery.errors import DeliveryError
from delivery.models import models_folder
from delivery.previews import base
from delivery.previews.preview import GOOGLE_CLOUD, LOCAL, Preview
from delivery.previews.steps import FORGET, read
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.commands.alerts import alert_settings
from infra.local.commands.store import engine_settings
from infra.local.home import home_from

BASE = "BASE"
"""The environment variable that names the base of a change: a branch, a tag or a commit."""


def preview(stack: Stack) -> Preview:
    """Preview a stack with the policies. A violation is a finding here, not an exception. Nothing is changed: a stack
    that is not up on this machine is previewed in a folder that is removed again.

    Raises `DeliveryError` where the stack can't be previewed at all.
    """
    if on_google_cloud(stack.environment):
        return _on_google_cloud(stack)
    home = home_from(stack.environment)
    settings = engine_settings(Cloud(home, stack.name))
    if reference := stack.environment.get(BASE):
        return _against_base(stack, reference, settings)
    if any((home.state / ".pulumi" / "stacks").glob(f"*/{stack.name}.json")):
        return _previewed(stack, LOCAL, "what is up here", [*settings, *alert_settings(Cloud(home, stack.name))])
    with elsewhere(stack) as apart:
        return _previewed(apart, LOCAL, "nothing, since it is not up here", settings)


def _on_google_cloud(stack: Stack) -> Preview:
    """Against the copy of the state without secrets, where the state lies in a bucket: it takes no right to any key."""
    if state_copy.is_kept(stack):
        with state_copy.opened(stack) as copy:
            return _on_google_cloud(copy)
    found = _previewed(stack, GOOGLE_CLOUD, "what is deployed", _deployed(stack))
    return found if stack.setting("imageDigest") else _with_built_images(found)


def _deployed(stack: Stack) -> list[str]:
    """The engine's arguments for the images and the model that are deployed: a preview is of the platform, and it is
    the pipeline that gives it the images and the model of a commit.
    """
    outputs = stack.outputs()
    version = str(outputs.get("model_version", ""))
    if not version or (models_folder(stack.environment) / version).is_dir():
        return _images(outputs)
    model = ["--config", f"orderguard:modelVersion={version}", "--config", "orderguard:modelSource=bucket"]
    return [*_images(outputs), *model]


def _images(outputs: Mapping[str, Any]) -> list[str]:
    """The images by digest; empty where none is deployed by one."""
    address, scorer = str(outputs.get("image", "")).rpartition("/")[0], str(outputs.get("image", "")).partition("@")[2]
    trainer = str(outputs.get("trainer_image", "")).partition("@")[2]
    if not scorer or not trainer:
        return []
    backfill = str(outputs.get("backfill_image", "")).partition("@")[2]
    found = {"imageDigest": scorer, "trainerImageDigest": trainer, "imageRegistry": address}
    found |= {"backfillImageDigest": backfill} if backfill else {}
    return [word for name, value in found.items() for word in ("--config", f"orderguard:{name}={value}")]


def _against_base(stack: Stack, reference: str, settings: Sequence[str]) -> Preview:
    """What this change alone would do: the base's program is recorded as the state of a stack that runs nowhere.

    Both sides name their images with the base's commit, so that an image changes where its content does.
    """
    commit = base.commit_of(reference)
    with elsewhere(stack) as apart, tempfile.TemporaryDirectory(prefix="orderguard-base-") as folder:
        same = replace(apart, environment={**apart.environment, base.COMMIT: commit})
        try:
            recorded = base.record(same, base.unpacked(commit, Path(folder) / "tree"), settings)
        except DeliveryError as problem:
            note = f"The base's own program can't be run, so all of this change counts as created. It says: {problem}"
            with elsewhere(stack) as empty:
                return replace(_previewed(empty, LOCAL, "nothing", settings), notes=(note,))
        found = _previewed(same, LOCAL, f"the base {commit[:7]}", settings)
        steps = recorded.marked(found.steps)
        refused = found.failure or "\n".join(steps.problems) or None
        return replace(found, steps=steps, failure=refused, notes=tuple(filter(None, [recorded.note])))


def _with_built_images(found: Preview) -> Preview:
    """A preview that names the deployed images by digest, without what Docker has built of them: that only the program
    of an `up` that builds declares it is no change, and no image would be removed.
    """
    built = [step for step in found.steps.steps if step.type.startswith("docker:")]
    if not built or any(step.operation not in ("delete", FORGET) for step in built):
        return found
    steps = tuple(step for step in found.steps.steps if step not in built)
    note = f"The deployed images were built by `up`. They are taken as they are (resources of Docker: {len(built)})."
    return replace(found, steps=replace(found.steps, steps=steps), notes=(*found.notes, note))


@contextmanager
def elsewhere(stack: Stack) -> Iterator[Stack]:
    """The stack on a local cloud of its own that is removed again."""
    with tempfile.TemporaryDirectory(prefix="orderguard-preview-") as folder:
        yield replace(stack, environment={**stack.environment, "LOCAL_CLOUD_HOME": folder})


def _previewed(stack: Stack, cloud: str, against: str, settings: Sequence[str] = ()) -> Preview:
    with tempfile.TemporaryDirectory() as folder:
        log, reports = Path(folder) / "events.json", Path(folder) / "policies"
        failure = None
        try:
            stack.preview(log, reports, settings)
        except DeliveryError as problem:
            failure = str(problem)
        events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        report = reports / "report.json"
        said = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    return Preview(stack.name, cloud, against, read(events), said, failure)
