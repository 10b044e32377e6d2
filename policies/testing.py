"""A harness for rules: runs one on exactly what the engine would hand it, in a preview as well as in an update.

    from policies.testing import UNKNOWN, check, with_unknown_at, paths

    verdict = check(my_rule, "gcp:storage/bucket:Bucket", {"location": "EU", "versioning": UNKNOWN})
    assert verdict.state == "undecided"

Properties are written as plain Python with the engine's camelCase names. They pass the way from the wire to the rule:
protobuf, and the decoding that marks what is unknown and what is secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from google.protobuf import json_format, struct_pb2

from policies.configuration import read
from policies.evaluation import Verdict, evaluate
from policies.pack import stack_for
from policies.rule import Resource, Rule
from policies.sdk import decoded
from policies.value import Value
from policies.wire import SECRET_SIGNATURE, SIGNATURE, UNKNOWN_TEXT

UNKNOWN = UNKNOWN_TEXT
"""Put it where a value is not known in the preview. The engine sends this very text."""

TODAY = date(2026, 1, 15)
"""The day of all checks that name none, so that exceptions in tests don't end."""

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Declared:
    """A resource of a test's stack. `depends` names, by property, the other resources that the property's value comes
    from.
    """

    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    depends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    protected: bool = False


@dataclass(frozen=True)
class Examples:
    """For one rule and one type: properties that keep the rule and properties that break it, all in the stack `prod`.

    A rule that forbids a type as such has nothing that keeps it. With `protected`, those that keep it are protected.
    """

    rule: str
    type: str
    holds: Sequence[Mapping[str, Any]]
    violated: Sequence[Mapping[str, Any]]
    configuration: Mapping[str, Any] | None = None
    provider: Mapping[str, Any] | None = None
    protected: bool = False

    def subjects(self, holding: bool) -> list[Subject]:
        """What a harness runs: the properties to vary, and how to get the rule's verdict on them."""

        def verdict(rule: Rule, properties: Any) -> Verdict:
            return check(
                rule,
                self.type,
                properties,
                configuration=self.configuration,
                provider=self.provider,
                protected=self.protected and holding,
            )

        return [Subject(properties, verdict) for properties in (self.holds if holding else self.violated)]


@dataclass(frozen=True)
class StackExamples:
    """For one stack rule: stacks that keep it and stacks that break it."""

    rule: str
    holds: Sequence[Sequence[Declared]]
    violated: Sequence[Sequence[Declared]]

    def subjects(self, holding: bool) -> list[Subject]:
        """As for a resource; what varies are the properties of all resources, by the resource's place in the stack."""
        return [self._subject(declared) for declared in (self.holds if holding else self.violated)]

    @staticmethod
    def _subject(declared: Sequence[Declared]) -> Subject:
        def verdict(rule: Rule, properties: Any) -> Verdict:
            return check_stack(rule, [replace(item, properties=properties[str(n)]) for n, item in enumerate(declared)])

        return Subject({str(n): item.properties for n, item in enumerate(declared)}, verdict, fixed=1)


@dataclass(frozen=True)
class Subject:
    """Properties, and how a rule judges them or a variation of them. The first `fixed` steps of a path can't vary."""

    properties: Mapping[str, Any]
    verdict: Callable[[Rule, Any], Verdict]
    fixed: int = 0

    def paths(self) -> list[Path]:
        """Every place where another value, or an unknown, can stand."""
        return [path for path in paths(self.properties) if len(path) > self.fixed]


def secret(content: Any) -> dict[str, Any]:
    """What the engine sends for a value that is marked as a secret."""
    return {SIGNATURE: SECRET_SIGNATURE, "value": content}


def as_the_engine_sends(properties: Mapping[str, Any]) -> Value:
    """These properties as a rule sees them."""
    message = struct_pb2.Struct()
    json_format.ParseDict(dict(properties), message)
    return decoded(message)


def check(
    rule: Rule,
    type_token: str,
    properties: Mapping[str, Any],
    *,
    name: str = "tested",
    stack: str = "prod",
    configuration: Mapping[str, Any] | None = None,
    protected: bool = False,
    provider: Mapping[str, Any] | None = None,
    today: date = TODAY,
) -> Verdict:
    """What a rule says of one resource. Raises `ValueError` when the rule does not apply to this type: such a test
    would prove nothing.
    """
    if not rule.applies_to(type_token):
        raise ValueError(f"{rule.name} does not apply to {type_token}")
    resource = Resource(
        type=type_token,
        name=name,
        urn=f"urn:pulumi:{stack}::project::{type_token}::{name}",
        properties=as_the_engine_sends(properties),
        protected=protected,
        provider=as_the_engine_sends(provider) if provider is not None else Value(None),
    )
    return evaluate(rule, resource, read(rule, configuration), today)


def check_stack(
    rule: Rule,
    declared: Sequence[Declared],
    *,
    stack: str = "prod",
    configuration: Mapping[str, Any] | None = None,
    today: date = TODAY,
) -> Verdict:
    """What a stack rule says of these resources; it sees those of its own types, and what they depend on."""
    urns = {item.name: f"urn:pulumi:{stack}::project::{item.type}::{item.name}" for item in declared}
    known = {
        urns[item.name]: Resource(
            type=item.type,
            name=item.name,
            urn=urns[item.name],
            properties=as_the_engine_sends(item.properties),
            protected=item.protected,
        )
        for item in declared
    }
    dependencies = {urns[item.name]: {k: [urns[n] for n in on] for k, on in item.depends.items()} for item in declared}
    return evaluate(rule, stack_for(rule, known, dependencies), read(rule, configuration), today)


def paths(properties: Any, start: Path = ()) -> Iterator[Path]:
    """Every place in these properties where an unknown can stand: each property, each element, and each map and list
    as a whole.
    """
    if start:
        yield start
    if isinstance(properties, Mapping):
        for key in properties:
            yield from paths(properties[key], (*start, key))
    elif isinstance(properties, list):
        for index, element in enumerate(properties):
            yield from paths(element, (*start, index))


def with_value_at(properties: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy with another value at this path."""
    changed: Any = deepcopy(dict(properties))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    result: dict[str, Any] = changed
    return result


def with_unknown_at(properties: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy in which what stands at this path is not known yet."""
    return with_value_at(properties, path, UNKNOWN)
