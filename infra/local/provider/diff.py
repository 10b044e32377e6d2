"""Diff: which inputs changed, and does the change replace the resource?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infra.local.facts import Facts
from infra.local.provider.check import DEFAULTS
from infra.local.provider.resource import Resource
from infra.local.provider.values import Unknown, at

Change = Literal["add", "update", "delete"]


@dataclass(frozen=True)
class Difference:
    """Property path → change, the paths among them that replace, and whether the old resource goes first."""

    changes: dict[str, Change]
    replaces: tuple[str, ...]
    delete_first: bool


def diff(facts: Facts, resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """Compares the old inputs with the new ones. An unknown counts as a change."""
    changes = dict(_changes(old, new, ""))
    forced = set(facts.replaces)
    replaces = tuple(
        path
        for path in changes
        if forced & set(_above(re.sub(r"\[\d+\]", "", path)))
        or (path in resource.replaced_where and resource.replaced_where[path](at(old, path), at(new, path)))
    )
    explicit = resource.name is not None and resource.name not in (new.get(DEFAULTS) or ())
    return Difference(changes, replaces, bool(replaces) and explicit)


def _above(path: str) -> Iterator[str]:
    """The path itself and everything above it."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count])


def _changes(old: Any, new: Any, path: str) -> Iterator[tuple[str, Change]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new} - {DEFAULTS}):
            inner = f"{path}.{key}" if path else key
            if old.get(key) is None and new.get(key) is not None:
                yield inner, "add"
            elif new.get(key) is None and old.get(key) is not None:
                yield inner, "delete"
            else:
                yield from _changes(old.get(key), new.get(key), inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            inner = f"{path}[{index}]"
            if index >= len(old):
                yield inner, "add"
            elif index >= len(new):
                yield inner, "delete"
            else:
                yield from _changes(old[index], new[index], inner)
    elif isinstance(new, Unknown) or old != new:
        yield path, "update"
