"""What the real providers say about their resource types, one JSON file a service; read, never guessed, by the stand-
in.

A file holds `resources` (type token → the fields of `Facts`) and `objects` (nested input types). `python -m
infra.local.facts.distil` brings the shapes up to date with the installed SDKs; what the real provider told of
replacement and secrecy is kept.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Facts:
    """One resource type.

    Types are written `string`, `boolean`, `integer`, `number`, `asset`, `any`, `[T]` (list), `{T}` (map) or `#Name`
    (an object of `objects`); a `!` at the end marks a required property.
    """

    type: str
    inputs: dict[str, str]
    computed: tuple[str, ...]
    secret: frozenset[str]
    replaces: tuple[str, ...]
    objects: dict[str, dict[str, str]]


@cache
def _service(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"resources": {}, "objects": {}}
    return content


def service_of(token: str) -> str:
    """A type token's service: `gcp:storage/bucket:Bucket` → `storage`; all of pulumi-docker is `docker`."""
    package, _, rest = token.partition(":")
    return "docker" if package == "docker" else rest.partition("/")[0].lower()


@cache
def facts_of(token: str) -> Facts | None:
    """The facts of a resource type, or None where there are none."""
    service = _service(service_of(token))
    found = service["resources"].get(token)
    if found is None:
        return None
    return Facts(
        type=token,
        inputs=found["inputs"],
        computed=tuple(found["computed"]),
        secret=frozenset(found["secret"]),
        replaces=tuple(found["replaces"]),
        objects=service["objects"],
    )


def known_types() -> list[str]:
    """Every type token that has facts."""
    return sorted(token for path in FOLDER.glob("*.json") for token in _service(path.stem)["resources"])
