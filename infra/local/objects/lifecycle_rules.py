"""A bucket's lifecycle rules, and what they say of one version at a moment.

https://cloud.google.com/storage/docs/lifecycle
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from infra.local.objects.failure import invalid

DELETE, SET_CLASS, ABORT = "Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"
_CHEAPEST_FIRST = ("ARCHIVE", "COLDLINE", "NEARLINE", "STANDARD", "REGIONAL", "MULTI_REGIONAL")
_DAYS = {"age": "timeCreated", "daysSinceCustomTime": "customTime", "daysSinceNoncurrentTime": "timeDeleted"}
"""A number of days → the time since when they are counted. A version that lacks the time doesn't meet the condition."""
_BEFORE = {"createdBefore": "timeCreated", "customTimeBefore": "customTime", "noncurrentTimeBefore": "timeDeleted"}
_LISTS = ("matchesPrefix", "matchesSuffix", "matchesStorageClass")
_KNOWN = {*_DAYS, *_BEFORE, *_LISTS, "isLive", "numNewerVersions"}


@dataclass(frozen=True)
class Seen:
    """What the rules look at in a version."""

    name: str
    document: Mapping[str, Any]
    is_live: bool
    newer: int
    """How many newer versions of the object there are."""


@dataclass(frozen=True)
class Rule:
    """An action, and all the conditions that have to be met for it."""

    action: str
    storage_class: str
    condition: Mapping[str, Any]

    def holds(self, seen: Seen, now: datetime) -> bool:
        """Whether every condition is met."""
        return all(_met(word, value, seen, now) for word, value in self.condition.items())


def rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a bucket as the JSON API shows it. Raises Failure for one that Google Cloud would not take."""
    found = []
    for one in (document.get("lifecycle") or {}).get("rule") or ():
        action, condition = dict(one.get("action") or {}), dict(one.get("condition") or {})
        kind, storage_class = str(action.get("type")), str(action.get("storageClass") or "")
        if kind not in (DELETE, SET_CLASS, ABORT):
            raise invalid(f"A lifecycle action has to be {DELETE}, {SET_CLASS} or {ABORT}, not {kind!r}.")
        if kind == SET_CLASS and storage_class not in _CHEAPEST_FIRST:
            raise invalid(f"A lifecycle action can't set the storage class {storage_class!r}.")
        if unknown := set(condition) - _KNOWN:
            raise invalid(f"A lifecycle rule has no condition {sorted(unknown)[0]!r}.")
        if not condition:
            raise invalid("A lifecycle rule needs a condition.")
        found.append(Rule(kind, storage_class, _typed(condition)))
    return tuple(found)


def _typed(condition: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {
            word: (
                int(value)
                if word in _DAYS or word == "numNewerVersions"
                else (
                    datetime.combine(date.fromisoformat(str(value)), datetime.min.time(), UTC)
                    if word in _BEFORE
                    else value
                )
            )
            for word, value in condition.items()
        }
    except ValueError as problem:
        raise invalid(f"A lifecycle condition can't be read: {problem}") from None


def _met(word: str, value: Any, seen: Seen, now: datetime) -> bool:
    if word in _DAYS:
        since = seen.document.get(_DAYS[word])
        return bool(since) and datetime.fromisoformat(str(since)) + timedelta(days=value) <= now
    if word in _BEFORE:
        since = seen.document.get(_BEFORE[word])
        return bool(since) and datetime.fromisoformat(str(since)) < value
    if word == "isLive":
        return seen.is_live == bool(value)
    if word == "numNewerVersions":
        return bool(seen.newer >= value)
    if word == "matchesStorageClass":
        return seen.document.get("storageClass") in value
    return any(seen.name.startswith(one) if word == "matchesPrefix" else seen.name.endswith(one) for one in value)


def due(found: tuple[Rule, ...], seen: Seen, now: datetime) -> Rule | None:
    """What is to be done with a version: to delete it goes before a change of its class, the cheapest class before the
    others.
    """
    actions = [one for one in found if one.action != ABORT and one.holds(seen, now)]
    if delete := next((one for one in actions if one.action == DELETE), None):
        return delete
    current = _rank(str(seen.document.get("storageClass")))
    cheaper = [one for one in actions if _rank(one.storage_class) < current]
    return min(cheaper, key=lambda one: _rank(one.storage_class), default=None)


def _rank(storage_class: str) -> int:
    return _CHEAPEST_FIRST.index(storage_class) if storage_class in _CHEAPEST_FIRST else len(_CHEAPEST_FIRST)
