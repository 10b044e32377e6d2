"""When a job of Cloud Scheduler falls due, and when an attempt that failed is made again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_FIELDS = re.compile(r"[0-9*,/A-Za-z-]+(?: +[0-9*,/A-Za-z-]+){4}")
_NO_NAME = re.compile(r"\bL\b|[0-9]L|\bW\b|[0-9]W", re.IGNORECASE)
"""What some crons know, and Google's doesn't: the last day, the nearest weekday."""
_INSTANT = timedelta(seconds=1)
# cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#retryconfig
_MIN_BACKOFF, _MAX_BACKOFF, _DOUBLINGS = "5s", "3600s", 5


class NoSchedule(ValueError):
    """What is no schedule in the form of cron, or no time zone; the message says which."""


@dataclass(frozen=True)
class Cron:
    """A schedule in the form of cron, in a time zone. A time that a clock change leaves out comes right after it, and
    one that it brings twice comes once, as Debian's cron has it.
    """

    text: str
    zone: ZoneInfo

    def latest(self, now: datetime) -> datetime | None:
        """The newest time at or before `now`; None where there is none."""
        local = (now + _INSTANT).astimezone(self.zone).replace(microsecond=0)
        return _first(CronSim(self.text, local, reverse=True))

    def next(self, now: datetime) -> datetime | None:
        """The first time after `now`; None where there is none."""
        return _first(CronSim(self.text, now.astimezone(self.zone)))


def _first(times: CronSim) -> datetime | None:
    found = next(times, None)
    return found.astimezone(UTC) if found else None


def cron(text: str, zone: str) -> Cron:
    """The schedule that a job declares; UTC where it names no time zone. Raises NoSchedule."""
    text = text.strip()
    try:
        if not _FIELDS.fullmatch(text) or _NO_NAME.search(text):
            raise NoSchedule(f"{text!r} is no schedule of five fields")
        made = Cron(text, ZoneInfo(zone or "Etc/UTC"))
        CronSim(text, datetime.now(UTC))
    except CronSimError as problem:
        raise NoSchedule(f"{text!r} is no schedule: {problem}") from None
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise problem if isinstance(problem, NoSchedule) else NoSchedule(f"{zone!r} is no time zone") from None
    return made


@dataclass(frozen=True)
class Retries:
    """How an attempt that failed is made again. `longest` counts from the first attempt."""

    count: int
    longest: timedelta
    min_backoff: timedelta
    max_backoff: timedelta
    doublings: int

    def pause(self, failed: int, since: timedelta) -> timedelta | None:
        """How long to wait after that many failed attempts, the first of them so long ago; None to give up.

        The pause doubles `doublings` times, then grows by the same step, up to `max_backoff`. Where both a count and a
        time limit it, it goes on until both are reached.
        """
        may = failed <= self.count or (self.longest > timedelta() and since < self.longest)
        if not may:
            return None
        steps = 1 << min(failed - 1, self.doublings)
        steps += max(0, failed - 1 - self.doublings) << self.doublings
        return min(steps * self.min_backoff, self.max_backoff)


def retries(config: Mapping[str, Any] | None) -> Retries:
    """The retries that a job declares; none where it declares none."""
    given = config or {}
    doublings = given.get("maxDoublings")
    return Retries(
        count=int(given.get("retryCount") or 0),
        longest=_span(given.get("maxRetryDuration") or "0s"),
        min_backoff=_span(given.get("minBackoffDuration") or _MIN_BACKOFF),
        max_backoff=_span(given.get("maxBackoffDuration") or _MAX_BACKOFF),
        doublings=_DOUBLINGS if doublings is None else int(doublings),
    )


def _span(text: Any) -> timedelta:
    return timedelta(seconds=float(str(text).rstrip("s")))
