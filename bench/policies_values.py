"""Environment values of public compose files and manifests, as pairs of name and value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Pair = tuple[str, str]


def pairs(folder: Path) -> list[Pair]:
    """Each pair once, in the order of the files: of `.env` files, compose files and Kubernetes manifests below a
    folder.
    """
    found: dict[Pair, None] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found |= dict.fromkeys(_of_file(path))
    return list(found)


def _of_file(path: Path) -> Iterator[Pair]:
    text = path.read_text(errors="replace")
    if not path.name.endswith((".yml", ".yaml")):
        for line in text.splitlines():
            name, sign, value = line.partition("=")
            if sign and name.strip().isidentifier():
                yield name.strip(), value.strip().strip("\"'")
        return
    try:
        for document in yaml.safe_load_all(text):
            yield from _environments(document)
    except yaml.YAMLError:
        return  # Templates and broken files hold nothing that can be read.


def _environments(node: Any) -> Iterator[Pair]:
    if isinstance(node, dict):
        for key, below in node.items():
            if key in {"environment", "env"}:
                yield from _entries(below)
            else:
                yield from _environments(below)
    elif isinstance(node, list):
        for below in node:
            yield from _environments(below)


def _entries(environment: Any) -> Iterator[Pair]:
    if isinstance(environment, dict):
        for name, value in environment.items():
            if isinstance(value, str | int | float):
                yield str(name), str(value)
    for entry in environment if isinstance(environment, list) else ():
        if isinstance(entry, str) and "=" in entry:
            name, _, value = entry.partition("=")
            yield name.strip(), value.strip().strip("\"'")
        elif isinstance(entry, dict) and isinstance(entry.get("value"), str | int | float):
            yield str(entry.get("name", "")), str(entry["value"])
