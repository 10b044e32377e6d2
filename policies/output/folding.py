"""What all outputs for people share: findings by resource, and what is undecided counted by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from policies.report import Document, worst_first

Finding = Mapping[str, Any]


def by_resource(document: Document, state: str = "violated") -> list[tuple[Finding, list[Finding]]]:
    """The findings in a state, grouped by resource: the resource with the worst first, and in it the worst first."""
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(in_state(document, state), key=worst_first):
        groups.setdefault(finding["urn"], []).append(finding)
    return [(group[0], group) for group in groups.values()]


def in_state(document: Document, state: str) -> list[Finding]:
    return [finding for finding in document["findings"] if finding["state"] == state]


def by_rule(document: Document, state: str) -> list[tuple[str, int]]:
    """How many findings in a state each rule has, the most first."""
    return Counter(finding["rule"] for finding in in_state(document, state)).most_common()


def fixes(document: Document) -> dict[str, str]:
    """What to write instead, by rule."""
    return {rule["name"]: rule["fix"] for rule in document["rules"]}


def shown_type(type_token: str) -> str:
    """A type as the engine displays it: `gcp:storage:Bucket`."""
    module, _, name = type_token.rpartition(":")
    return f"{module.partition('/')[0]}:{name}"


def summary(document: Document) -> str:
    """One line: how many of what."""
    counts, violated = document["summary"], len(by_resource(document))
    stopping, told = counts["mandatory"], counts["violated"] - counts["mandatory"]
    parts = [f"{_counted(stopping, 'violation')}, {told} advisory, on {_counted(violated, 'resource')}"]
    if not counts["violated"]:
        parts = ["0 violations"]
    parts += [f"{counts['undecided']} undecided"] if counts["undecided"] else []
    parts += [f"{counts['excepted']} excepted"] if counts["excepted"] else []
    parts += [f"{counts['accepted']} in the baseline"] if counts["accepted"] else []
    return "; ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
