"""What a rule is: a check, what it applies to, how bad a violation is, which frameworks ask for it, and how to put it
right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from policies.value import Findings, Value


class Level(Enum):
    """What a violation does: it stops the run, is put right where `remediation` can, is told, or is not looked for."""

    MANDATORY = "mandatory"
    REMEDIATE = "remediate"
    ADVISORY = "advisory"
    DISABLED = "disabled"


class Severity(Enum):
    """How bad a violation is, the least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


MANDATORY, ADVISORY = Level.MANDATORY, Level.ADVISORY
CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW

EVERY_GOOGLE_TYPE = "gcp:*"
"""In a rule's `types`: every resource type of the Google Cloud provider."""
GOOGLE_PROVIDER = "pulumi:providers:gcp"
"""In a rule's `types`: the Google Cloud provider itself, whose properties are its arguments."""
EVERY_GRANT_TYPE = "gcp:*Iam{Member,Binding,Policy}"
"""In a rule's `types`: every IAM member, binding and policy of every service, however its token is cased."""

PLATFORM, GENERIC = "platform", "generic"
"""Profiles that a rule names: this platform's own, and any program's. `policies.selection` has the others."""

SETTINGS = "pulumi:pulumi:Settings"
"""In a stack rule's `types`: the stack's settings in clear, as if they were the properties of a resource."""

_GROUPS = {
    EVERY_GOOGLE_TYPE: re.compile(r"gcp:.+"),
    EVERY_GRANT_TYPE: re.compile(r"gcp:.+:\w*iam(?:member|binding|policy)", re.IGNORECASE),
}

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")


@dataclass(frozen=True)
class Framework:
    """One requirement of a published standard, such as `Framework("CIS Google Cloud Foundations", "5.0.0", "5.1")`."""

    name: str
    version: str
    reference: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.version, self.reference) if part)


def cis(reference: str) -> Framework:
    """A recommendation of the CIS Google Cloud Foundations Benchmark. Numbers shift between versions, so the version
    is part of it.
    """
    return Framework("CIS Google Cloud Foundations", "5.0.0", reference)


def checkov(reference: str) -> Framework:
    return Framework("Checkov", "3.3", reference)


def org_policy(constraint: str) -> Framework:
    """An organisation policy constraint of Google Cloud that enforces the same thing at the API."""
    return Framework("Organization policy", "", constraint)


def prowler(check: str) -> Framework:
    return Framework("Prowler", "5", check)


def trivy(check: str) -> Framework:
    return Framework("Trivy", "", check)


def gdpr(article: str) -> Framework:
    return Framework("GDPR", "2016/679", article)


@dataclass(frozen=True)
class Resource:
    """A resource as a rule sees it. `properties` are its inputs (outputs in a stack rule), `settings` the rule's own
    configuration.
    """

    type: str
    name: str
    urn: str
    properties: Value
    settings: Mapping[str, Any] = field(default_factory=dict)
    protected: bool = False
    provider: Value = field(default_factory=lambda: Value(None))
    dependencies: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)
    """Stack rules only: for each property the resources whose outputs it is made of, known even where the property
    itself is not.
    """

    def __getitem__(self, key: str) -> Value:
        return self.properties[key]

    def at(self, dotted: str) -> Value:
        return self.properties.at(dotted)

    def each(self, dotted: str) -> list[Value]:
        return self.properties.each(dotted)

    def linked(self, dependencies: Mapping[str, Iterable[Resource]]) -> Resource:
        """The same resource with what its properties depend on."""
        return replace(self, dependencies={key: tuple(resources) for key, resources in dependencies.items()})

    @property
    def stack(self) -> str:
        """The stack's name, from the URN (`urn:pulumi:STACK::PROJECT::…`)."""
        return self.urn.split("::")[0].removeprefix("urn:pulumi:")


@dataclass(frozen=True)
class Stack:
    """All resources that a stack rule reads, in the order of the program."""

    resources: tuple[Resource, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def of(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]


@dataclass(frozen=True)
class Rule:
    """A rule of the pack. `settings` are its own configuration values with their defaults; a list of text or a number
    each. `generic` are the defaults that differ for a program that is not this platform. `since` is the first major
    version of pulumi-gcp that has the inputs which the rule asks for.
    """

    name: str
    description: str
    check: Callable[[Any], Findings]
    types: tuple[str, ...]
    severity: Severity
    level: Level
    fix: str
    frameworks: tuple[Framework, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    stacks: tuple[str, ...] = ("*",)
    whole_stack: bool = False
    profiles: tuple[str, ...] = (PLATFORM, GENERIC)
    generic: Mapping[str, Any] = field(default_factory=dict)
    since: int = 0

    def applies_to(self, type_token: str) -> bool:
        return any(
            type_token == token or (token in _GROUPS and _GROUPS[token].fullmatch(type_token)) for token in self.types
        )


def rule(
    name: str,
    description: str,
    *,
    types: Iterable[str],
    fix: str,
    severity: Severity = HIGH,
    level: Level = MANDATORY,
    frameworks: Iterable[Framework] = (),
    settings: Mapping[str, Any] | None = None,
    stacks: Iterable[str] = ("*",),
    whole_stack: bool = False,
    profiles: Iterable[str] = (PLATFORM, GENERIC),
    generic: Mapping[str, Any] | None = None,
    since: int = 0,
) -> Callable[[Callable[[Any], Findings]], Rule]:
    """Make a rule of a check, a generator of findings over a `Resource` (or, with `whole_stack`, over a `Stack`).

    `stacks` are patterns of stack names that the rule holds for. A rule that fits this platform alone has
    `profiles=[PLATFORM]`; one that fits any program under other defaults has those in `generic`; one that asks for what
    older providers don't have says `since` which. Raises ValueError for a name that is not lower-case words with
    hyphens.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"a rule's name is lower-case words with hyphens, not {name!r}")

    def made(check: Callable[[Any], Findings]) -> Rule:
        return Rule(
            name=name,
            description=description,
            check=check,
            types=tuple(dict.fromkeys(types)),
            severity=severity,
            level=level,
            fix=fix,
            frameworks=tuple(frameworks),
            settings=settings or {},
            stacks=tuple(stacks),
            whole_stack=whole_stack,
            profiles=tuple(profiles),
            generic=generic or {},
            since=since,
        )

    return made


def rules_of(module: ModuleType) -> list[Rule]:
    """The rules that a module defines, in the order of their definition."""
    return [value for value in vars(module).values() if isinstance(value, Rule)]


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether a shell pattern (`prod*`) fits, capitals and small letters apart."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)
