"""A rule's configuration: its level, the stacks it holds for, its settings, and exceptions with a reason and an end.

The engine reads it from `--policy-pack-config FILE`, checks it against `schema(rule)`, and sets the level itself.
Dates and patterns are checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from policies.rule import Resource, Rule, matches_any


class ConfigurationError(ValueError):
    """A configuration that can't be used; the message names the rule, the entry and what to write instead."""


@dataclass(frozen=True)
class Exemption:
    """`resource` is a pattern over a resource's name, `type::name` or URN. It holds up to and including the day
    `until`.
    """

    resource: str
    reason: str
    until: date

    def covers(self, name: str, type_token: str, urn: str) -> bool:
        return any(matches_any(text, (self.resource,)) for text in (name, f"{type_token}::{name}", urn))


@dataclass(frozen=True)
class Configuration:
    """What holds for one rule in one run."""

    stacks: tuple[str, ...]
    settings: Mapping[str, Any]
    exceptions: tuple[Exemption, ...] = ()

    def holds_for(self, resource: Resource) -> bool:
        return self.stacks == ("*",) or matches_any(resource.stack, self.stacks)


def read(rule: Rule, given: Mapping[str, Any] | None) -> Configuration:
    """The rule's configuration, with its defaults for what is not given. Raises `ConfigurationError`."""
    given = given or {}
    unknown = sorted(set(given) - set(schema_properties(rule)))
    if unknown:
        raise ConfigurationError(
            f"{rule.name}: {unknown[0]!r} is no setting; there are {', '.join(schema_properties(rule))}"
        )
    return Configuration(
        stacks=tuple(given.get("stacks", rule.stacks)),
        settings={name: given.get(name, default) for name, default in rule.settings.items()},
        exceptions=tuple(_exemption(rule, index, entry) for index, entry in enumerate(given.get("exceptions", ()))),
    )


def schema_properties(rule: Rule) -> dict[str, dict[str, Any]]:
    """The JSON schema of what can be configured, property by property."""
    texts = {"type": "array", "items": {"type": "string"}}
    own = {
        name: {**(texts if isinstance(value, list) else _scalar(value)), "default": value}
        for name, value in rule.settings.items()
    }
    return {
        "exceptions": {
            "type": "array",
            "default": [],
            "items": {
                "type": "object",
                "properties": {
                    "resource": {"type": "string", "minLength": 1},
                    "reason": {"type": "string", "minLength": 10},
                    "until": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
                },
                "required": ["resource", "reason", "until"],
                "additionalProperties": False,
            },
        },
        "stacks": {**texts, "default": list(rule.stacks)},
        **own,
    }


def _scalar(value: Any) -> dict[str, Any]:
    return {"type": "number" if isinstance(value, int | float) else "string"}


def _exemption(rule: Rule, index: int, entry: Any) -> Exemption:
    where = f"{rule.name}: exceptions[{index}]"
    if not isinstance(entry, Mapping) or set(entry) != {"resource", "reason", "until"}:
        raise ConfigurationError(f"{where} must have exactly resource (a pattern), reason and until (YYYY-MM-DD)")
    if len(str(entry["reason"]).strip()) < 10:
        raise ConfigurationError(f"{where}.reason must say in a sentence why the rule may be broken")
    try:
        until = date.fromisoformat(str(entry["until"]))
    except ValueError:
        raise ConfigurationError(f"{where}.until must be a day of the calendar, YYYY-MM-DD") from None
    return Exemption(resource=str(entry["resource"]), reason=str(entry["reason"]).strip(), until=until)
