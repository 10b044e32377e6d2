"""Moments as shops write them. Only what can be meant in one way is read: `03/04/2026` is March or April."""

import math
import re
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

from orderguard.repair.feed import Feed
from orderguard.repair.values import Notes, Unusable
from orderguard.schema import FIRST_YEAR, LAST_YEAR

_LONGEST = 64
_DAY = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{8}", re.ASCII)
_PARTS = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)(.*)", re.ASCII | re.DOTALL)
_ZONE_WORD = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)", re.ASCII)
_LEAP = re.compile(r"(:\d\d):60(?!\d)", re.ASCII)
_FRACTION = re.compile(r"(\.\d{6})\d+", re.ASCII)
_NUMERIC_MONTH_LAST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", re.ASCII)
_SECONDS = range(10**8, 10**11)
_MILLISECONDS = range(10**11, 10**14)

NO_ZONE = "without a time zone, read as UTC"
NO_HOUR = "a day without time"


class Moment(NamedTuple):
    """A moment with its offset, and whether its hour is known; else it is the day's midnight."""

    at: datetime
    hour_known: bool


def moment(value: Any, feed: Feed, notes: Notes) -> Moment:
    """A moment, read in the one way in which it can be meant."""
    try:
        found = _moment(value, feed, notes)
        if not FIRST_YEAR <= found.at.year <= LAST_YEAR:
            raise Unusable(f"not in the years {FIRST_YEAR} to {LAST_YEAR}")
        found.at.timestamp()
        return found
    except (ValueError, OverflowError, OSError):
        raise Unusable("not a moment that can be read in one way") from None


def plain_moment(value: Any, feed: Feed, notes: Notes) -> datetime:
    """The same where it does not matter whether the hour is known."""
    return moment(value, feed, notes).at


def _moment(value: Any, feed: Feed, notes: Notes) -> Moment:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Moment(_of_epoch(value, notes), True)
    if not isinstance(value, str):
        raise Unusable("not a moment")
    try:
        # Nearly all that comes here: a moment as in ISO 8601, but for its zone.
        if len(value) > 18 and value[4] == value[7] == "-" and value[10] in " T":
            found = datetime.fromisoformat(value)
            return Moment(found if found.tzinfo else _with_zone(found, feed, notes), True)
    except ValueError:
        pass
    text = value.strip()
    if not text or len(text) > _LONGEST:
        raise Unusable("not a moment" if text else "blank")
    if _DAY.fullmatch(text):
        notes.add(NO_HOUR)
        return Moment(_with_zone(datetime.combine(_iso(text).date(), time()), feed, notes), False)
    text = _BEFORE_OFFSET.sub("", _ZONE_WORD.sub("+00:00", text))
    if _LEAP.search(text):
        notes.add("a leap second")
        text = _LEAP.sub(r"\1:59", text, count=1)
    found = _iso(text) if _PARTS.match(text) or text[:8].isdecimal() else _of_mail(text, notes)
    if found.tzinfo is None:
        return Moment(_with_zone(found, feed, notes), True)
    if found.tzinfo is not UTC and found.utcoffset() is None:
        raise Unusable("not a moment")
    return Moment(found, True)


def _iso(text: str) -> datetime:
    """A moment in one of the forms of ISO 8601, with slashes or dots for hyphens, or digits too few."""
    text = _FRACTION.sub(r"\1", text)
    if parts := _PARTS.fullmatch(text):
        year, month, day, rest = parts.groups()
        text = f"{year}-{month:0>2}-{day:0>2}{_time(rest)}"
    return datetime.fromisoformat(text)


def _time(rest: str) -> str:
    rest = rest.lstrip(", ") if rest[:1] in ", " else rest
    return f"T{rest.lstrip('Tt')}" if rest else ""


def _of_mail(text: str, notes: Notes) -> datetime:
    """A moment as in e-mail (RFC 5322): `Wed, 04 Mar 2026 10:00:00 +0100`."""
    from email.utils import parsedate_to_datetime

    if _NUMERIC_MONTH_LAST.match(text):
        raise Unusable("a date that can be read in two ways")
    found = parsedate_to_datetime(text)
    notes.add("a date as in e-mail")
    return found


def _of_epoch(value: float, notes: Notes) -> datetime:
    if not math.isfinite(value):
        raise Unusable("not a moment")
    whole = int(value)
    if whole in _SECONDS:
        notes.add("seconds since 1970")
        return datetime.fromtimestamp(value, UTC)
    if whole in _MILLISECONDS:
        notes.add("milliseconds since 1970")
        return datetime.fromtimestamp(value / 1000, UTC)
    raise Unusable("not a moment")


def _with_zone(local: datetime, feed: Feed, notes: Notes) -> datetime:
    """A time without zone in the feed's. Of an hour that the clocks show twice, it is the first."""
    if feed.zone is None:
        notes.add(NO_ZONE)
    if feed.tzinfo is UTC:
        return local.replace(tzinfo=UTC)
    found = local.replace(tzinfo=feed.tzinfo)
    # The offset itself, so that nothing behind asks the zone again.
    return datetime.fromisoformat(found.isoformat())
