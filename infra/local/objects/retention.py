"""What keeps an object from being deleted or replaced: holds, the bucket's retention policy, the object's own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.objects.bucket import Settings
from infra.local.objects.failure import forbidden


def stamp(moment: datetime) -> str:
    """RFC 3339 with microseconds, as the times of objects are kept."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def expires(settings: Settings, document: Mapping[str, Any]) -> datetime | None:
    """Until when the version is retained, None where it isn't. An event-based hold starts the period anew when it is
    released.
    """
    ends = []
    if settings.retention_seconds:
        since = datetime.fromisoformat(str(document.get("holdReleased") or document["timeCreated"]))
        ends.append(since + timedelta(seconds=settings.retention_seconds))
    if until := (document.get("retention") or {}).get("retainUntilTime"):
        ends.append(datetime.fromisoformat(str(until)))
    return max(ends, default=None)


def require_free(settings: Settings, name: str, document: Mapping[str, Any], now: datetime, *, stays: bool) -> None:
    """Raise Failure where a version may not go. With `stays` it becomes noncurrent, which only a hold forbids."""
    for word, kind in (("temporaryHold", "Temporary"), ("eventBasedHold", "Event-Based")):
        if document.get(word):
            raise forbidden(
                "objectUnderActiveHold",
                f"Object '{settings.name}/{name}' is under active {kind} hold and cannot be deleted, overwritten or"
                " archived until hold is removed.",
            )
    until = expires(settings, document)
    if until and now < until and not stays:
        raise forbidden(
            "retentionPolicyNotMet",
            f"Object '{settings.name}/{name}' is subject to bucket's retention policy or object retention and cannot be"
            f" deleted or overwritten until {stamp(until)}",
        )
