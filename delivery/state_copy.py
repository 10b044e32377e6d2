"""A copy of a stack's state that holds no secret, for whoever only previews.

What Memorystore made up as a password stands in the state, and in former states the stack's keys. They are sealed
there, but whoever previews would need the seal's key. A preview compares the program with the state and needs the
values for nothing: so a deployment leaves a copy in which each text of a secret is one word, and whoever previews may
read that copy and neither the state nor the key.
"""

import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from delivery.errors import DeliveryError
from delivery.stack import PROJECT, Stack
from delivery.tokens import google_headers
from infra import former_versions
from infra.local.files import write_whole

STORAGE = "https://storage.googleapis.com"
FOLDER = "previews/"
"""Where the copies lie in the bucket of the state; infra/bootstrap lets the preview identity read what is there."""
WORD = "cleared"
_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"  # nosec B105
"""How the engine marks a value as a secret (sdk/go/common/resource/sig)."""
_SEALED = ("secretsprovider", "encryptedkey", "encryptionsalt")
NOTHING_TO_KEEP = "nothing to keep"  # of a copy without secrets  # nosec B105


def is_kept(stack: Stack) -> bool:
    """Whether the stack's state lies where copies do: in a bucket."""
    return stack.environment.get("PULUMI_BACKEND_URL", "").startswith("gs://")


def leave(stack: Stack) -> str:
    """Put a copy of the stack's state, as it is now, where previews read it; returns where. It is for who deploys."""
    bucket, name = _place(stack)
    text = json.dumps(cleared(json.loads(stack.exported())), sort_keys=True).encode()
    query = urllib.parse.urlencode({"uploadType": "media", "name": name})
    _ask(f"{STORAGE}/upload/storage/v1/b/{bucket}/o?{query}", text)
    return f"gs://{bucket}/{name}"


@contextmanager
def opened(stack: Stack) -> Iterator[Stack]:
    """The stack on a backend of its own that holds the copy, for as long as the block. Nothing reaches the deployed
    one. Where no deployment has left a copy yet the backend is empty.
    """
    bucket, name = _place(stack)
    copy = _ask(f"{STORAGE}/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}?alt=media")
    if copy is None:
        print(f"==> gs://{bucket}/{name} is not there yet: a deployment leaves it, or `make state-copy`", flush=True)
    with tempfile.TemporaryDirectory(prefix="orderguard-state-") as folder:
        yield _set_up(stack, copy, Path(folder))


def _set_up(stack: Stack, copy: bytes | None, folder: Path) -> Stack:
    """The copy as the state of a stack in `folder`, beside its settings with a word for each that is sealed."""
    (folder / "state").mkdir()
    settings = folder / f"Pulumi.{stack.name}.yaml"
    plain, sealed = _settings(stack.file)
    write_whole(settings, yaml.safe_dump(plain).encode())
    write_whole(folder / "Pulumi.yaml", yaml.safe_dump({"name": PROJECT, "runtime": "python"}).encode())
    own = {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PULUMI_CONFIG_PASSPHRASE": NOTHING_TO_KEEP}
    apart = replace(stack, environment={**stack.environment, **own}, settings=settings)
    apart.command(["stack", "init"], folder)
    if copy is not None:
        # Its resources alone: what else an export holds says how the secrets of that backend are sealed.
        whole = json.loads(apart.command(["stack", "export"], folder))
        whole["deployment"]["resources"] = json.loads(copy)["deployment"].get("resources", [])
        former_versions.take_out(whole["deployment"])  # as a deployment begins
        write_whole(folder / "copy.json", json.dumps(whole).encode())
        apart.command(["stack", "import", "--file", str(folder / "copy.json")], folder)
    for key in sealed:
        apart.command(["config", "set", "--secret", key, WORD], folder)
    return apart


def _settings(path: Path) -> tuple[dict[str, Any], list[str]]:
    """A stack's settings without those that are sealed, and the keys of these."""
    whole = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    config = whole.get("config") or {}
    sealed = [key for key, value in config.items() if isinstance(value, dict) and "secure" in value]
    plain = {key: value for key, value in config.items() if key not in sealed}
    return {**{key: value for key, value in whole.items() if key not in _SEALED}, "config": plain}, sealed


def cleared(exported: Mapping[str, Any]) -> dict[str, Any]:
    """An exported state in which each text inside a secret is `WORD`; the secrets' shape and all else stays, so that
    the program compares as it would.
    """
    deployment = {name: value for name, value in exported["deployment"].items() if name != "secrets_providers"}
    return {**exported, "deployment": _cleared(deployment, False)}


def _cleared(value: Any, secret: bool) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            # What was exported sealed can't be read, nor told apart by shape: a word stands for all of it.
            inside = json.loads(value["plaintext"]) if "plaintext" in value else WORD
            return {_SIGNATURE: _SECRET, "plaintext": json.dumps(_cleared(inside, True))}
        return {name: _cleared(one, secret) for name, one in value.items()}
    if isinstance(value, list):
        return [_cleared(one, secret) for one in value]
    # The end of a last line stays: some are put together from others, each with one.
    return f"{WORD}{value[len(value.rstrip()):]}" if secret and isinstance(value, str) else value


def _place(stack: Stack) -> tuple[str, str]:
    backend = stack.environment.get("PULUMI_BACKEND_URL", "")
    if not is_kept(stack):
        raise DeliveryError(f"PULUMI_BACKEND_URL is {backend!r}: a copy of the state is kept in a bucket, gs://BUCKET.")
    bucket, _, folder = backend.removeprefix("gs://").partition("?")[0].partition("/")
    return bucket, f"{f'{folder}/' if folder else ''}{FOLDER}{PROJECT}/{stack.name}.json"


def _ask(address: str, content: bytes | None = None) -> bytes | None:
    """The answer; None for something that is not there."""
    request = urllib.request.Request(address, content, {**google_headers(), "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # nosec B310  # Google's own address, or a test's
            return bytes(answer.read())
    except urllib.error.HTTPError as problem:
        with problem:
            if problem.code == 404 and content is None:
                return None
            words = problem.read(2000).decode(errors="replace")
            raise DeliveryError(f"The copy of the state can't be reached: {problem.code} {words}") from None
    except OSError as problem:
        raise DeliveryError(f"The copy of the state can't be reached: {problem}") from None
