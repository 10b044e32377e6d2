"""The former release's three stacks as states: recorded by the local cloud, without secrets, a resource a line
(`zcat tests/infra/former/prod.jsonl.gz` shows one).

`make former-state TAG=v1.0.0` writes them again from the tree of a tag. `make check-tag` refuses a tag while they are
not of the tag before.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delivery.commands import run
from delivery.errors import DeliveryError
from delivery.previews import base
from delivery.stack import Stack
from infra.local import pulumi
from infra.local.home import Home
from orderguard.model_version import CHAMPION
from tests.infra.conftest import VERSION, write_version
from tests.infra.recording import STACKS

FOLDER = Path(__file__).with_name("former")
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_KEPT = ("urn", "type", "custom", "id", "parent", "provider", "inputs", "outputs", "retainOnDelete")
"""What the engine needs for a difference. Which resource another was made of is none of it."""
_BULK = ("effectiveLabels", "pulumiLabels", "selfLink", "etag", "createTime", "updateTime", "timeCreated", "updated")
_OBJECT = "gcp:storage/bucketObject:BucketObject"


def record(reference: str) -> None:
    """Write `former/STACK.jsonl.gz` for each stack; the first line says which commit it was.

    The model is a small stand-in; its objects are left out, since every release has others.
    """
    commit = base.commit_of(reference)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = base.unpacked(commit, Path(folder) / "tree")
        models = Path(folder) / "models"
        write_version(models, VERSION)
        (models / CHAMPION).write_text(f"{VERSION}\n")
        variables = {**os.environ, "MODELS_DIR": str(models), base.COMMIT: commit}
        for stack in STACKS:
            home = Home(Path(folder) / stack)
            recorded = base.record(Stack(stack, {**variables, "LOCAL_CLOUD_HOME": str(home.root)}), tree)
            found = json.loads(_engine(["stack", "export", "--show-secrets"], home, stack))["deployment"]["resources"]
            lines = [{"commit": commit}, *(_line(one, recorded.protected) for one in found if one["type"] != _OBJECT)]
            text = "".join(f"{json.dumps(line, sort_keys=True, separators=(',', ':'))}\n" for line in lines)
            text = text.replace(str(home.root), "/recorded")
            (FOLDER / f"{stack}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
            print(f"{stack}: {len(lines) - 1} resources of {commit[:12]}, {len(text) / 1024:.0f} KiB")


def recorded_lines(stack: str) -> list[str]:
    return gzip.decompress((FOLDER / f"{stack}.jsonl.gz").read_bytes()).decode().splitlines()


def bring_up(home: Home, stack: str) -> None:
    """Make the recorded state that of a stack in a home. Nothing runs there, and nothing is protected: an engine that
    meets a protection breaks off.
    """
    _, *lines = recorded_lines(stack)
    whole = json.loads(_engine(["stack", "export"], home, stack))
    whole["deployment"]["resources"] = [_resource(json.loads(line)) for line in lines]
    path = home.root / "former.json"
    path.write_text(json.dumps(whole))
    _engine(["stack", "import", "--file", str(path)], home, stack)


def _engine(words: list[str], home: Home, stack: str) -> str:
    done = pulumi.run(words, home=home, stack=stack)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _line(found: Mapping[str, Any], protected: frozenset[str]) -> dict[str, Any]:
    """A resource without what its inputs say already, without secrets and bulk."""
    kept = {name: _cleared(value) for name, value in found.items() if name in _KEPT}
    inputs, outputs = kept.get("inputs", {}), kept.get("outputs", {})
    kept["outputs"] = {k: v for k, v in outputs.items() if k not in _BULK and (k not in inputs or inputs[k] != v)}
    return {**kept, **({"protect": True} if found["urn"] in protected else {})}


def _resource(line: dict[str, Any]) -> dict[str, Any]:
    line.pop("protect", None)
    return {**line, "outputs": {**line.get("inputs", {}), **line["outputs"]}}


def _cleared(value: Any, secret: bool = False) -> Any:
    """A value in which every text of a secret is replaced by a word; its shape and its last line's end stay."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return {_SIGNATURE: _SECRET, "plaintext": json.dumps(_cleared(json.loads(value["plaintext"]), True))}
        return {name: _cleared(one, secret) for name, one in value.items()}
    if isinstance(value, list):
        return [_cleared(one, secret) for one in value]
    return f"recorded{value[len(value.rstrip()):]}" if secret and isinstance(value, str) else value


def main(tag: str) -> int:
    """Exit codes: 0 written, 1 not, 2 where git knows no such tag."""
    tags = run(["git", "tag", "--list", "v*"]).split()
    if tag not in tags:
        print(f"TAG={tag} is no tag here; there are: {', '.join(tags) or 'none: git fetch --tags'}", file=sys.stderr)
        return 2
    try:
        record(tag)
    except DeliveryError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
