"""Rules as tables: which settings a resource has to have, or must not have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from policies.rule import Framework, Level, MANDATORY, MEDIUM, Resource, Rule, Severity, rule
from policies.value import ABSENT, Finding, Findings, Predicate, Undecided, Value, forbid, require

Applies = Callable[[Resource], "bool | Value"]
"""Whether a rule is about a resource; the unknown value that decides it where that can't be told yet."""


@dataclass(frozen=True)
class Want:
    """One setting. In `path`, `[]` stands for each element of a list: `networkInterfaces[].accessConfigs`.

    `default` is what Google Cloud takes where it is not set. What is `refused` may be absent; anything else has to be
    there and fit.
    """

    path: str
    fits: Predicate
    message: str
    default: Any = ABSENT
    refused: bool = False

    def findings(self, properties: Value) -> Iterable[Finding]:
        for value in spread(properties, self.path):
            if self.refused:
                yield forbid(value, self.fits, self.message)
            else:
                yield require(value, self.fits, self.message, default=self.default)


def refuse(path: str, fits: Predicate, message: str) -> Want:
    """A setting that must not be there with such a content."""
    return Want(path, fits, message, refused=True)


def settings(
    name: str,
    description: str,
    *,
    types: Iterable[str],
    wants: Iterable[Want],
    fix: str,
    frameworks: Iterable[Framework] = (),
    severity: Severity = MEDIUM,
    level: Level = MANDATORY,
    applies: Applies = lambda _: True,
    stacks: Iterable[str] = ("*",),
) -> Rule:
    """A rule of a table of settings."""
    table = tuple(wants)

    def check(resource: Resource) -> Findings:
        about = applies(resource)
        if about is False:
            return
        for want in table:
            for finding in want.findings(resource.properties):
                yield Undecided(about.path) if isinstance(about, Value) and finding is not None else finding

    return rule(
        name,
        description,
        types=types,
        fix=fix,
        frameworks=frameworks,
        severity=severity,
        level=level,
        stacks=stacks,
    )(check)


def where(path: str, fits: Predicate, *, default: Any = "") -> Applies:
    """About the resources with such a setting."""

    def applies(resource: Resource) -> bool | Value:
        value = resource.at(path)
        return value if value.unknown else fits(default if value.absent else value.content)

    return applies


def spread(value: Value, path: str) -> list[Value]:
    """Every value at a path with `[]` in it."""
    head, several, rest = path.partition("[]")
    if not several:
        return [value.at(path)]
    elements = value.each(head)
    return [found for element in elements for found in spread(element, rest.lstrip("."))] if rest else elements


def one_of(*contents: str) -> Predicate:
    return lambda content: str(content) in contents


def begins(*texts: str) -> Predicate:
    return lambda content: str(content).startswith(texts)


def is_true(content: object) -> bool:
    """Whether a flag is on, also one that is written as text, as in the metadata of machines."""
    return content is True or str(content).strip().lower() in {"true", "1", "yes", "y", "on"}


def is_false(content: object) -> bool:
    return content is False or str(content).strip().lower() in {"false", "0", "no", "n", "off"}
