"""Every statement of the fact files, put to Check and Diff: a value out of an enumeration is refused at its property, a
conflict at both of its sides, a change of what replaces replaces …

For each type an input that is accepted is made from its facts alone; each statement then changes one thing in it.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.fidelity.asker import Aborted, Asker
from infra.local.facts import Block, Facts, Property, facts_of, known_types
from infra.local.provider import judge
from infra.local.provider.values import UNKNOWN

_TEXTS = (
    "abc-def",
    "abcdef",
    "user:a@example.com",
    "10.0.0.0/24",
    "10.0.0.1",
    "100000s",
    "60s",
    "03:00",
    "e30=",
    "{}",
    "[]",
    "run.googleapis.com",
    "READER:allUsers",
    "projects/abc-def/global/networks/abc",
    "projects/abc-def/serviceAccounts/abc-def@abc-def.iam.gserviceaccount.com",
    "abc_def",
    "ABC",
    "/",
    "a",
)
_NUMBERS = (1, 2, 3, 10, 100, 443, 1000, 3600, 64512, 3_600_000, 0, 0.5)
_DEPTH = 4


@dataclass(frozen=True)
class Statement:
    """One statement that was put to the provider, and what disagreed; nothing where all agreed."""

    kind: str
    disagrees: str = ""


def fitting(prop: Property, depth: int = 0) -> Any:
    """A value that the facts of this property allow; None where none is found."""
    facts = prop.facts
    if prop.of == "map":
        return {"abc": "abc"} if prop.type == "string" else {}
    if prop.of:
        one = _one(prop, facts.get("each") or {}, depth)
        return None if one is None else [one] * max(1, facts.get("min", 1))
    return _one(prop, facts, depth)


def _one(prop: Property, facts: Mapping[str, Any], depth: int) -> Any:
    if prop.block is not None:
        return least(prop.block, depth + 1) if depth < _DEPTH else None
    if "enum" in facts:
        return next((one for one in facts["enum"] if one != ""), None)
    if prop.type == "boolean":
        return True
    if prop.type in ("integer", "number"):
        low = (facts.get("range") or [None, None])[0]
        tried: tuple[Any, ...] = (*_NUMBERS, *([low] if low is not None else []))
        tried = tuple(int(one) for one in tried) if prop.type == "integer" else tried
    else:
        tried = _TEXTS
    inputs = judge.Inputs(Block({}), {})
    return next((one for one in tried if not list(judge.scalar(inputs, facts, one, "k"))), None)


def least(block: Block, depth: int = 0) -> dict[str, Any]:
    """What has to be given of a block: required properties, and one of each group that asks for one."""
    values: dict[str, Any] = {}
    for name, prop in block.inputs.items():
        if prop.required:
            values[name] = fitting(prop, depth)
    for name, prop in block.inputs.items():
        for kind in ("exact", "least"):
            group = [path.rpartition(".")[2] for path in prop.facts.get(kind, ())]
            if group and name == min(group) and not set(group) & set(values):
                values[name] = fitting(prop, depth)
    return {name: value for name, value in values.items() if value is not None}


def statements(ask: Asker, token: str, chosen: random.Random, share: float = 1.0) -> Iterator[Statement]:
    """A share of the statements about one type, each put to the provider."""
    facts = facts_of(token)
    if facts is None:
        return
    base = least(facts.properties)
    accepted = _failures(ask, token, base)
    if accepted:
        return  # No input is found that the facts allow: nothing can be changed in it.
    for name, prop in facts.inputs.items():
        if chosen.random() < share:
            yield from _of_property(ask, facts, base, name, prop)
    yield _refused(ask, token, {**base, "noSuchInput": 1}, "unknown", "noSuchInput")


def _failures(ask: Asker, token: str, inputs: Mapping[str, Any]) -> list[str]:
    try:
        return ask.check(token, inputs)[1]
    except Aborted as problem:
        return [str(problem)]


def _refused(ask: Asker, token: str, inputs: Mapping[str, Any], kind: str, path: str) -> Statement:
    failures = _failures(ask, token, inputs)
    if any(f"Examine values at 'x.{path}" in failure or f"'{path}'" in failure for failure in failures):
        return Statement(kind)
    return Statement(kind, f"{token} {path}: {inputs} was answered {failures}")


def _of_property(ask: Asker, facts: Facts, base: Mapping[str, Any], name: str, prop: Property) -> Iterator[Statement]:
    token, said = facts.type, prop.facts
    if prop.required:
        without = {key: value for key, value in base.items() if key != name}
        yield _refused(ask, token, without, "missing", name)
    scalar = not prop.of and prop.block is None and prop.type != "any"
    if scalar and prop.type != "asset":
        yield _refused(ask, token, {**base, name: [["x"]]}, "mistyped", name)
    if "enum" in said:
        wrong = "NO SUCH" if prop.type == "string" else 987_654
        yield _refused(ask, token, {**base, name: wrong}, "enum", name)
    if "range" in said and (beyond := _beyond(said["range"])) is not None:
        yield _refused(ask, token, {**base, name: beyond}, "range", name)
    if "max" in said and prop.of:
        item = (fitting(prop) or [None])[0]
        yield _refused(ask, token, {**base, name: [item] * (said["max"] + 1)}, "items", name)
    for path in said.get("conf", ()):
        other = facts.inputs.get(path)
        if other is not None and (values := [fitting(prop), fitting(other)]) and None not in values:
            yield _refused(ask, token, {**base, name: values[0], path: values[1]}, "conflict", name)
    yield from _changed(ask, facts, base, name, prop)


def _beyond(limits: list[float | None]) -> float | None:
    least_allowed, most_allowed = limits
    if most_allowed is not None:
        return most_allowed + 1
    return None if least_allowed is None else least_allowed - 1


def _changed(ask: Asker, facts: Facts, base: Mapping[str, Any], name: str, prop: Property) -> Iterator[Statement]:
    """A known value that becomes unknown is a change, one that stays is none."""
    value = fitting(prop)
    given = {**base, name: value}
    if value is None or _failures(ask, facts.type, given):
        return
    try:
        stays, _ = ask.diff(facts.type, given, given)
        becomes, _ = ask.diff(facts.type, given, {**given, name: UNKNOWN})
    except Aborted:
        return  # What is only found while planning.
    yield Statement("same", "" if stays == "none" else f"{facts.type} {name}: {given} against itself is {stays}")
    none = prop.facts.get("eq") in ("always", "onceTrue", "contentHash", "offWhenDisabled", "filterOff", "ip")
    if prop.of == "" and prop.block is None and not none:
        due = "replace" if prop.new or facts.says("noupdate") else "update"
        agrees = becomes == due or (due == "update" and becomes == "replace" and facts.says("plan"))
        yield Statement("becomes unknown", "" if agrees else f"{facts.type} {name}: {becomes}, not {due}")


def sample(ask: Asker, seed: int, types: int, share: float) -> list[Statement]:
    """Statements about so many types, drawn by a seed."""
    chosen = random.Random(seed)  # which types, not a secret  # nosec B311
    tokens = [token for token in known_types() if token.startswith("gcp:")]
    return [
        one for token in chosen.sample(tokens, min(types, len(tokens))) for one in statements(ask, token, chosen, share)
    ]
