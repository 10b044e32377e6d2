"""The base of a change as a state: what its program declares, recorded by the local cloud without that anything runs.

So a preview needs neither credentials nor a deployed stack to say what this change alone would do.
"""

import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from delivery.commands import run
from delivery.errors import DeliveryError, UsageError
from delivery.models import models_folder
from delivery.previews.steps import Steps
from delivery.stack import Stack
from infra.local import pulumi as local_pulumi
from infra.local.files import write_whole
from infra.local.home import RECORDING, Home, home_from
from orderguard.model_version import champion

COMMIT = "ORDERGUARD_COMMIT"
"""The environment variable by which the program names images with another commit than HEAD's."""

_UP = ("up", "--yes", "--skip-preview")


def commit_of(reference: str) -> str:
    """The commit that the change begins at: where HEAD left `reference` (a branch, a tag, a commit).

    Raises `DeliveryError` where git knows no such thing.
    """
    try:
        return run(["git", "merge-base", reference, "HEAD"]).strip()
    except DeliveryError as problem:
        raise UsageError(
            f"BASE={reference} is not a commit in this clone: fetch it first (git fetch origin main).\n{problem}"
        ) from None


def unpacked(commit: str, folder: Path) -> Path:
    """The tree of a commit in a folder of its own, beside the clone: nothing of the clone is touched."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    run(["git", "archive", "--output", str(archive), commit])
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    archive.unlink()
    return folder


@dataclass(frozen=True)
class Recorded:
    """What a base's state leaves to be said: which resources its program protects (URNs), and a note where the record
    is not whole (else empty).
    """

    protected: frozenset[str]
    note: str

    def marked(self, steps: Steps) -> Steps:
        """The steps with the protections that the state itself no longer has, and with what `up` would say to them."""
        marked = [replace(step, protected=step.protected or step.urn in self.protected) for step in steps.steps]
        refused = [step.name for step in marked if step.destroys and step.protected]
        says = f"`up` refuses to destroy what is protected: {', '.join(refused)}"
        return replace(steps, steps=tuple(marked), problems=(*steps.problems, *([says] if refused else ())))


def record(stack: Stack, tree: Path, settings: Sequence[str] = ()) -> Recorded:
    """Record what the program in `tree` declares as the state of `stack`.

    Raises `DeliveryError` with the engine's words where the program can't be run.
    """
    note = _declared(stack, tree, settings)
    stack.let_go_of_versions()  # as a deployment of this change would begin
    return Recorded(_unprotected(home_from(stack.environment), stack.name), note)


def _declared(stack: Stack, tree: Path, settings: Sequence[str]) -> str:
    try:
        _up(stack, tree, settings)
        return ""
    except DeliveryError as problem:
        if "can't be deployed" not in str(problem):
            raise
    version = champion(models_folder(stack.environment)) or ""
    elsewhere = {"modelSource": "bucket", "modelVersion": version}
    _up(stack, tree, [*settings, *(word for key in elsewhere.items() for word in _config(*key))])
    return "The base's code can't serve the model of this change, so the model's files count as created."


def _unprotected(home: Home, stack: str) -> frozenset[str]:
    """Take the protections out of the state, and return whose they were: where the program destroys what is
    protected, the engine breaks off and names one resource; a reader has to see all that the change would do.
    """
    (path,) = (home.state / ".pulumi" / "stacks").glob(f"*/{stack}.json")
    state = json.loads(path.read_text(encoding="utf-8"))
    found = [one for one in state["checkpoint"]["latest"]["resources"] if one.pop("protect", False)]
    write_whole(path, json.dumps(state).encode())
    return frozenset(one["urn"] for one in found)


def _up(stack: Stack, tree: Path, settings: Sequence[str]) -> None:
    home = home_from(stack.environment)
    variables = {**stack.environment, "MODELS_DIR": str(models_folder(stack.environment))}
    done = local_pulumi.run(
        [*_UP, *settings], home=home, stack=stack.name, project=tree, variables=variables, extra={RECORDING: "1"}
    )
    if done.returncode:
        raise DeliveryError("\n".join(done.stdout.strip().splitlines()[-20:]))


def _config(name: str, value: str) -> tuple[str, str]:
    return "--config", f"orderguard:{name}={value}"
