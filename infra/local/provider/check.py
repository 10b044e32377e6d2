"""Check: are a resource's inputs what the provider and Google Cloud take? Names and defaults are filled in here too."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local.facts import Facts
from infra.local.provider.resource import Resource
from infra.local.provider.rules import Problem, terraform_name
from infra.local.provider.values import Asset, Unknown
from infra.local.refusals import of_inputs

DEFAULTS = "__defaults"
"""Where the real provider notes which inputs it filled in; an automatic name is told from an explicit one by it."""

REFUSED = "Google Cloud refuses this in `up`: "
"""Begins what the real provider does not find in preview."""


def check(
    facts: Facts,
    resource: Resource,
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    seed: bytes,
) -> tuple[dict[str, Any], list[str]]:
    """The inputs with defaults and the automatic name, and what is wrong with them in the provider's words."""
    inputs = {key: value for key, value in new.items() if key != DEFAULTS}
    problems = list(_shape(inputs, facts.inputs, facts, ""))
    filled = dict(resource.defaults)
    if resource.name and inputs.get(resource.name) is None:
        filled[resource.name] = _automatic_name(resource, name, old, seed)
    added = {key: value for key, value in filled.items() if inputs.get(key) is None}
    inputs |= added
    # A rule may count on the shapes that the SDK promises.
    refused: list[Problem] = []
    if not problems:
        problems = [problem for rule in resource.rules for problem in rule(inputs)]
        problems = [problem for rule in resource.limits for problem in rule(inputs)] if not problems else problems
        refused = [problem for rule in resource.refuses for problem in rule(inputs)]
        refused += of_inputs(facts.type, inputs)
    if resource.complete_inputs and not problems:
        inputs = resource.complete_inputs(inputs)
    if added:
        inputs[DEFAULTS] = sorted(added)
    return inputs, [
        *(f"{says}. Examine values at '{name}.{path}'." for path, says in problems),
        *(f"{REFUSED}{says}. Examine values at '{name}.{path}'." for path, says in refused),
    ]


def _automatic_name(resource: Resource, name: str, old: Mapping[str, Any], seed: bytes) -> str:
    assert resource.name  # for the type checker  # nosec B101
    if resource.name in (old.get(DEFAULTS) or ()) and isinstance(old.get(resource.name), str):
        return str(old[resource.name])
    suffix = hashlib.sha256(seed or name.encode()).hexdigest()[:7]
    return f"{name[:resource.name_limit - 8].lower()}-{suffix}"


def _shape(values: Mapping[str, Any], shape: Mapping[str, str], facts: Facts, prefix: str) -> Iterator[Problem]:
    """Unknown, missing and mistyped properties, at every depth."""
    for key, kind in shape.items():
        if kind.endswith("!") and values.get(key) is None:
            argument = terraform_name(key)
            yield (
                prefix + key,
                f'Missing required argument. The argument "{argument}" is required, but no definition was found.',
            )
    for key, value in values.items():
        if key.startswith("__"):
            continue
        if key not in shape:
            yield prefix + key, "Invalid or unknown key"
        elif value is not None:
            yield from _kind(value, shape[key].removesuffix("!"), facts, prefix + key)


def _kind(value: Any, kind: str, facts: Facts, path: str) -> Iterator[Problem]:
    if isinstance(value, Unknown) or kind == "any":
        return
    if kind.startswith("#") and isinstance(value, Mapping):
        yield from _shape(value, facts.objects[kind[1:]], facts, f"{path}.")
    elif kind.startswith("[") and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _kind(one, kind[1:-1], facts, f"{path}[{index}]")
    elif kind.startswith("{") and isinstance(value, Mapping):
        for key, one in value.items():
            yield from _kind(one, kind[1:-1], facts, f"{path}.{key}")
    elif not _fits(value, kind):
        yield path, f"expected {_NAMES.get(kind[0], kind)} type, got {_called(value)} type"


_NAMES = {"#": "object", "[": "list", "{": "map"}


def _fits(value: Any, kind: str) -> bool:
    """As the real provider, which turns texts into numbers and truths and back."""
    if kind == "asset":
        return isinstance(value, (Asset, str))
    if kind == "string":
        return isinstance(value, (str, bool, int, float))
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if kind in ("integer", "number") and not isinstance(value, bool):
        try:
            return isinstance(value, (str, int, float)) and (float(value).is_integer() or kind == "number")
        except ValueError:
            return False
    return False


def _called(value: Any) -> str:
    names = {bool: "boolean", str: "string", int: "number", float: "number", list: "list", Asset: "asset"}
    return names.get(type(value), "object")
