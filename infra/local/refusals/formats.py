"""Ports, ranges, address blocks, schedules and time zones, as Google Cloud reads them. Each returns what is wrong."""

import ipaddress
import re
from functools import cache
from zoneinfo import available_timezones

LAST_PORT = 65535
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 7, _DAYS))
_FULL_DAYS = "(sun|mon|tues?|wed(nes)?|thu(rs)?|fri|satur?)(day)?"
_FULL_MONTHS = (
    "jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(tember)?|oct(ober)?|nov(ember)?"
    "|dec(ember)?"
)
_TIME = r"([01]?\d|2[0-3]):[0-5]\d"
_ORDINAL = r"(1st|first|2nd|second|3rd|third|4th|fourth|5th|fifth|\d{1,2})"
_EVERY = re.compile(
    rf"every ([1-9]\d*) (minutes?|mins?|hours?)( from {_TIME} to {_TIME}| synchronized)?"
    rf"|(every day|every {_FULL_DAYS}(,{_FULL_DAYS})*|{_ORDINAL}(,{_ORDINAL})* ({_FULL_DAYS}|day)(,{_FULL_DAYS})* of"
    rf" (month|quarter|({_FULL_MONTHS})(,({_FULL_MONTHS}))*)|{_ORDINAL}(,{_ORDINAL})* of (month|({_FULL_MONTHS})"
    rf"(,({_FULL_MONTHS}))*)) {_TIME}"
)
"""App Engine's form: `every 5 minutes`, `every monday 09:00`, `1st monday of month 08:00`."""


def port_range(value: object) -> str | None:
    """`80` or `80-90`."""
    written = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(value).strip())
    if not written:
        return "is not a port or a range of ports"
    first, last = int(written[1]), int(written[2] or written[1])
    if max(first, last) > LAST_PORT:
        return f"is past {LAST_PORT}"
    return "begins after its end" if first > last else None


def port(value: object) -> str | None:
    """A number from 0 (the default) to 65535."""
    try:
        number = float(str(value))
    except ValueError:
        return None  # the shape's business
    return None if 0 <= number <= LAST_PORT else f"is not from 1 to {LAST_PORT}"


def network(value: object) -> str | None:
    """An address block that begins with its first address."""
    try:
        ipaddress.ip_network(str(value), strict=True)
    except ValueError as problem:
        return f"is not an address block: {problem}"
    return None if "/" in str(value) else "is not an address block: it has no prefix length"


def block(value: object) -> str | None:
    """An address block, or one address."""
    try:
        ipaddress.ip_network(str(value), strict=False)
    except ValueError as problem:
        return f"is not an address block: {problem}"
    return None


def sized_network(value: object) -> str | None:
    """An address block, one address, or a size alone (`/24`), of which Google chooses the place."""
    sized = re.fullmatch(r"/(\d{1,2})", str(value))
    return None if sized and 8 <= int(sized[1]) <= 32 or value == "" else block(value)


def schedule(value: object) -> str | None:
    """unix-cron with five fields, or App Engine's words."""
    text = " ".join(str(value).split()).lower()
    fields = text.split(" ")
    if text.startswith("@"):
        return None if text in ("@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually") else "is not a time"
    if len(fields) == 5 and all(_fits(*one) for one in zip(fields, _FIELDS)):
        return None
    return None if _EVERY.fullmatch(text) else "is neither unix-cron (five fields) nor `every 5 minutes`"


def _fits(field: str, limits: tuple[int, int, object]) -> bool:
    low, high, names = limits
    for part in field.split(","):
        whole, slash, step = part.partition("/")
        if slash and not (step.isdigit() and int(step) > 0):
            return False
        if whole == "*":
            continue
        ends = [_number(end, low, names) for end in whole.split("-")]
        if len(ends) > 2 or any(end is None or not low <= end <= high for end in ends):
            return False
        if len(ends) == 2 and (ends[0] or 0) > (ends[1] or 0):
            return False
    return True


def _number(text: str, low: int, names: object) -> int | None:
    if isinstance(names, list) and text in names:
        return int(names.index(text)) + low
    return int(text) if text.isascii() and text.isdigit() else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone(value: object) -> str | None:
    """A name of the time zone database; anything where this machine has none."""
    return None if not _zones() or value in _zones() or value in ("", "UTC") else "is no time zone of the tz database"
