"""A stack's resources in a file: of `pulumi stack export`, of a file backend, or of `pulumi preview --json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from policies.pack import Pack
from policies.rule import GOOGLE_PROVIDER, Resource
from policies.value import Value
from policies.wire import plain


class StateError(ValueError):
    """A file that holds no state; the message says what it should be."""


@dataclass(frozen=True)
class State:
    """Each resource, the Google Cloud provider among them, with its inputs, as rules on single resources see it, and by
    URN with its outputs, as rules over the whole stack do.
    """

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Resource]
    dependencies: Mapping[str, Mapping[str, list[str]]]


def read_state(text: str) -> State:
    """Read a state from JSON text. Raises `StateError`. What is about to be deleted, or belongs to another stack, is
    left out; an encrypted secret is unknown.
    """
    try:
        entries = list(_entries(json.loads(text)))
    except json.JSONDecodeError as problem:
        raise StateError(f"is not JSON (line {problem.lineno}): give what `pulumi stack export` writes") from None
    try:
        providers = {entry["urn"]: plain(entry.get("inputs") or {}) for entry in entries if _is_provider(entry)}
        kept = [entry for entry in entries if _is_judged(entry)]
        resources = tuple(_resource(entry, providers) for entry in kept)
        outputs = {
            entry["urn"]: replace(resource, properties=Value(plain(entry.get("outputs") or entry.get("inputs") or {})))
            for entry, resource in zip(kept, resources, strict=True)
        }
        dependencies = {entry["urn"]: entry.get("propertyDependencies") or {} for entry in kept}
    except (KeyError, TypeError, AttributeError) as problem:
        raise StateError(f"has a resource that can't be read ({type(problem).__name__}: {problem})") from None
    return State(resources, outputs, dependencies)


def check(pack: Pack, state: State) -> None:
    """Apply the pack to a state; its report holds what it says."""
    for resource in state.resources:
        for _ in pack.judge(resource):
            pass
    for _ in pack.judge_stack(state.outputs, state.dependencies):
        pass


def _entries(content: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(content, Mapping):
        raise StateError("is no state: give what `pulumi stack export` writes")
    if "steps" in content:  # a preview: what will be there
        yield from (step["newState"] for step in content["steps"] if step.get("newState"))
        return
    found = content.get("deployment") or (content.get("checkpoint") or {}).get("latest") or content
    if not isinstance(found, Mapping) or not isinstance(found.get("resources"), list):
        if found is not content:  # a stack with nothing in it
            return
        raise StateError("is no state, it has no resources: give what `pulumi stack export` writes")
    yield from found["resources"]


def _is_judged(entry: Mapping[str, Any]) -> bool:
    """Whether rules look at it: it is there, it is this stack's, and it is no provider but Google Cloud's."""
    gone = entry.get("delete") or entry.get("external")
    return not gone and (not _is_provider(entry) or entry["type"] == GOOGLE_PROVIDER)


def _is_provider(entry: Mapping[str, Any]) -> bool:
    return str(entry["type"]).startswith("pulumi:providers:")


def _resource(entry: Mapping[str, Any], providers: Mapping[str, Any]) -> Resource:
    urn = str(entry["urn"])
    provider = providers.get(str(entry.get("provider") or "").rpartition("::")[0])
    project = (entry.get("outputs") or {}).get("project")
    if isinstance(project, str) and not (provider or {}).get("project"):
        provider = {**(provider or {}), "project": project}  # What the environment named when it was made.
    return Resource(
        type=str(entry["type"]),
        name=urn.rpartition("::")[2],
        urn=urn,
        properties=Value(plain(entry.get("inputs") or {})),
        protected=bool(entry.get("protect")),
        provider=Value(provider),
    )
