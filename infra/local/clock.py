"""The clock of one stack's cloud: the real time, until somebody moves it or makes it stand still.

Schedules, lifecycles, retentions and expiries of the stack go by it. It is a file in the stack's folder, so it outlives
whatever is killed and goes with `down`. Who waits for a moment looks at it again several times a second, and so goes on
at once when it is moved.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.files import locked, read_object, write_json

LOOK_SECONDS = 0.1
"""How often one who waits looks at the clock. It is bound to be within a second of it."""
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_MOST = timedelta(days=100 * 365)


@dataclass(frozen=True)
class Clock:
    """How far ahead of the real time it is, or the moment at which it stands still."""

    ahead: timedelta = timedelta()
    held: datetime | None = None

    @property
    def is_real(self) -> bool:
        """Whether it shows the real time."""
        return self.held is None and not self.ahead

    def now(self) -> datetime:
        """The time on it, in UTC."""
        return self.held or datetime.now(UTC) + self.ahead


def clock(cloud: Cloud) -> Clock:
    """The stack's clock as it is now. One whose file is damaged shows the real time."""
    found = read_object(_path(cloud), "ahead", "held") or {"ahead": 0.0, "held": ""}
    try:
        return Clock(timedelta(seconds=found["ahead"]), moment(found["held"]) if found["held"] else None)
    except (TypeError, ValueError, OverflowError):
        return Clock()


def now(cloud: Cloud) -> datetime:
    """The time in the stack's cloud, in UTC."""
    return clock(cloud).now()


def stamp(cloud: Cloud) -> str:
    """The time in the stack's cloud in RFC 3339 with microseconds, as Google Cloud states times."""
    return now(cloud).isoformat(timespec="microseconds").replace("+00:00", "Z")


def set_to(cloud: Cloud, wanted: datetime, *, hold: bool = False) -> None:
    """Let the clock show `wanted`, and run on from there, or stand still there. Raises ValueError for a time more than
    a hundred years away.
    """
    ahead = wanted - datetime.now(UTC)
    if abs(ahead) > _MOST:
        raise ValueError(f"{wanted:%Y-%m-%d} is more than a hundred years away")
    _write(cloud, Clock(held=wanted.astimezone(UTC)) if hold else Clock(ahead))


def advance(cloud: Cloud, by: timedelta, *, hold: bool = False) -> None:
    """Move the clock on, and let it run or stand still there. Raises ValueError as `set_to` does."""
    with locked(cloud.root / ".clock.lock"):
        set_to(cloud, now(cloud) + by, hold=hold)


def go_by_real_time(cloud: Cloud) -> None:
    """Let the clock show the real time again."""
    _path(cloud).unlink(missing_ok=True)


def wait_until(cloud: Cloud, wanted: datetime) -> None:
    """Return once the stack's clock shows `wanted` or more."""
    while (left := (wanted - now(cloud)).total_seconds()) > 0:
        time.sleep(min(left, LOOK_SECONDS))


def duration(text: str) -> timedelta:
    """A duration such as `3h`, `90m` or `1d12h`. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration: write 3h, 90m, 45s or 1d12h")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"{text!r} is more than a hundred years") from None


def in_words(span: timedelta) -> str:
    """A duration as `duration` reads it; parts of a second are dropped."""
    minutes, seconds = divmod(span.seconds, 60)
    parts = zip((span.days, *divmod(minutes, 60), seconds), "dhms")
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def moment(text: str) -> datetime:
    """A moment such as `2026-12-24T03:00Z`. Raises ValueError for one without a time zone, and for anything else."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{text!r} is not a moment: write 2026-12-24T03:00Z, or +01:00 for the Z")


def _path(cloud: Cloud) -> Path:
    return cloud.root / "clock.json"


def _write(cloud: Cloud, wanted: Clock) -> None:
    held = wanted.held.isoformat() if wanted.held else ""
    write_json(_path(cloud), {"ahead": wanted.ahead.total_seconds(), "held": held})
