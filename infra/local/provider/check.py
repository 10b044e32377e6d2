"""Check: are a resource's inputs what the provider and Google Cloud take? Names and defaults are filled in here too."""

import hashlib
from collections.abc import Mapping
from typing import Any

from infra.local.facts import AutomaticName, Block, Facts, Property
from infra.local.provider import judge
from infra.local.provider.given import DEFAULTS, Unparsed, converted, original
from infra.local.provider.program import lacks
from infra.local.provider.resource import Resource
from infra.local.provider.rules import Problem
from infra.local.refusals import of_inputs

REFUSED = "Google Cloud refuses this in `up`: "
"""Begins what the real provider does not find in preview."""


def check(
    facts: Facts,
    resource: Resource,
    name: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    seed: bytes,
    *,
    other_names: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The inputs with defaults and the automatic name, and what is wrong with them in the provider's words.

    With `other_names`, those of another SDK than ours, names that the facts do not have are taken as they are, and what
    the program's SDK does not have gets no default. Raises Unparsed where the real provider answers with an error.
    """
    values = converted(facts.properties, new, other_names=other_names)
    inputs = judge.Inputs(facts.properties, values, newer=bool(facts.says("pf")))
    added = {}
    for automatic in facts.automatic:
        prop = facts.properties[automatic.property]
        if prop.name not in values and not _excluded(inputs, prop, prop.name):
            added[prop.name] = _automatic_name(automatic, name, old, seed)
    values |= added
    problems = list(judge.problems(inputs))
    filled = _filled(inputs, facts.properties, values)
    if other_names:
        filled = {key: value for key, value in filled.items() if key in values or not lacks(facts.type, key)}
    added |= {key: value for key, value in filled.items() if key not in values}
    complete: dict[str, Any] = original(filled)
    refused: list[Problem] = []
    if not problems:
        problems = [problem for rule in resource.limits for problem in rule(complete)]
        refused = [problem for rule in resource.refuses for problem in rule(complete)]
        own = {path for path, _ in refused}  # a type's own rules go before those of all types
        refused += [problem for problem in of_inputs(facts.type, complete) if problem[0] not in own]
    if resource.complete_inputs and not problems:
        complete = resource.complete_inputs(complete)
    complete[DEFAULTS] = sorted(added)
    return complete, [
        *(told(says, name, path) for path, says in problems),
        *(told(REFUSED + says, name, path) for path, says in refused),
    ]


_BARE = "Missing required property"


def told(says: str, name: str, path: str) -> str:
    """A failure with the place of the value in the program's words."""
    return says if says.startswith(_BARE) else f"{says}. Examine values at '{name}.{path}'."


def _automatic_name(automatic: AutomaticName, name: str, old: Mapping[str, Any], seed: bytes) -> str:
    """The name that the old inputs have, or one made of the resource's. Raises Unparsed where that is too long."""
    kept = old.get(automatic.property)
    if isinstance(kept, str):
        return kept
    whole = name.lower() if automatic.lower else name
    if automatic.random:
        whole += automatic.separator
    if len(whole) + automatic.random > automatic.longest:
        raise Unparsed(
            f"could not make a default value for '{automatic.property}': name '{whole}' plus {automatic.random} random "
            f"chars is longer than maximum length {automatic.longest}"
        )
    return whole + hashlib.sha256(seed or name.encode()).hexdigest()[: automatic.random]


def _excluded(inputs: judge.Inputs, prop: Property, own: str) -> bool:
    """Whether another property that is given, or has a default, excludes the one at the path `own`."""
    others = [path for kind in ("conf", "exact") for path in prop.facts.get(kind, ()) if path != own]
    return any(inputs.given(path) is not False or _has_default(inputs.properties, path) for path in others)


def _has_default(block: Block | None, path: str) -> bool:
    head, _, rest = path.partition(".")
    prop = block.get(head) if block is not None else None
    if prop is None:
        return False
    return _has_default(prop.block, rest) if rest else bool(prop.default)


def _filled(inputs: judge.Inputs, block: Block, values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Values with defaults, in given blocks and lists too; `above` is the path of the block with a dot."""
    whole = dict(values)
    if not block.has_defaults:
        return whole
    for prop in block.defaults:
        if prop.name not in whole and not _excluded(inputs, prop, above + prop.name):
            whole[prop.name] = prop.default
    for name, value in values.items():
        inner = block[name].block if name in block and not block[name].output else None
        if inner is None or not inner.has_defaults:
            continue
        if isinstance(value, Mapping):
            whole[name] = _filled(inputs, inner, value, f"{above}{name}.")
        elif isinstance(value, list):
            whole[name] = [
                _filled(inputs, inner, one, f"{above}{name}[].") if isinstance(one, Mapping) else one for one in value
            ]
    return whole
