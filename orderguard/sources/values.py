"""Numbers and moments as people write them. What can't be read stays the text that it is: repair tells why."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orderguard.repair import Feed
from orderguard.repair.codes import country
from orderguard.repair.values import Notes, Unusable
from orderguard.schema import FIRST_YEAR, LAST_YEAR
from orderguard.sources.documents import number

REMEMBERED = 50_000
MOST_CLOCKS = 100_000
"""More than a day has seconds."""
_CURRENCY = re.compile(r"^[^\d+\-(.,]*|[^\d).,\-]*$")
_GROUPS = {
    False: re.compile(r"\d{1,3}(?:[,'’\s]\d{2,3})*[,'’\s]\d{3}(?:\.\d*)?|\.\d+"),
    True: re.compile(r"\d{1,3}(?:[.'’\s]\d{3})+(?:,\d*)?|,\d+"),
}
_PLAIN = {False: re.compile(r"\d+(?:\.\d*)?"), True: re.compile(r"\d+(?:,\d*)?")}
_HOURS = frozenset(f"{hour:02}:" for hour in range(24))
_MINUTES = frozenset(f"{minute:02}:{second:02}" for minute in range(60) for second in range(60))
_ISO_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")
_NOT_DIGITS = re.compile(r"[^\d.]")


class Numbers:
    """Reads numbers with one way of writing decimals, and remembers the latest."""

    def __init__(self, decimal_comma: bool = False, divide: float = 1.0) -> None:
        self._comma = decimal_comma
        self._divide = divide
        self._known: dict[object, object] = {}

    def __call__(self, value: object) -> object:
        """The number in a value, else the value."""
        try:
            return self._known[value]
        except KeyError:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            read = self._known[value] = self._read(value)
            return read
        except TypeError:
            return value

    def _read(self, value: object) -> object:
        read = amount_in(value, self._comma) if isinstance(value, str) else number(value)
        if read is None:
            return value
        return read if self._divide == 1.0 else read / self._divide


def amount_in(text: str, decimal_comma: bool = False) -> float | None:
    """The number in a text with a currency's sign or code, separators of thousands, brackets or a sign behind."""
    bare = text.strip()
    if not decimal_comma and (read := number(bare)) is not None:
        return read if bare.isascii() and "_" not in bare else None
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare[1:-1].strip() if negative else bare
    bare = _CURRENCY.sub("", bare)
    for sign in ("-", "+"):
        if bare.startswith(sign) or bare.endswith(sign):
            negative ^= sign == "-"
            bare = _CURRENCY.sub("", bare.strip(sign))
            break
    if not (_PLAIN[decimal_comma].fullmatch(bare) or _GROUPS[decimal_comma].fullmatch(bare)):
        return None
    plain = _NOT_DIGITS.sub("", bare.replace(".", "").replace(",", ".") if decimal_comma else bare)
    read = number(plain)
    return None if read is None else -read if negative else read


def country_named(value: object) -> object:
    """The code of a country that is written by name, else the value."""
    try:
        return country(value, Feed(), Notes())
    except Unusable:
        return value


class Moments:
    """Reads moments in some formats, or as ISO 8601 writes them; a time without a zone is in `zone`, UTC for want of
    one. `without_zone` counts those.
    """

    def __init__(self, formats: tuple[str, ...] = (), zone: str | None = None, dates_only: bool = False) -> None:
        self._formats = [tuple(text.split(" ", 1)) for text in formats]
        self._named_zone = zone is not None
        self._zone = ZoneInfo(zone or "UTC")
        self._dates_only = dates_only
        self._days: dict[tuple[str, str], datetime | None] = {}
        self._iso_clocks = all(len(one) == 2 and one[1] in _ISO_CLOCKS for one in self._formats)
        self._quick_days: dict[str, tuple[str, str]] = {}
        self._quick_clocks: dict[str, str] = {}
        self.without_zone = 0

    def __call__(self, text: str) -> tuple[str, bool]:
        """RFC 3339 and whether the hour is known; a text that can't be read, as it is."""
        found = self._read(text.strip())
        if found is None:
            return text, True
        moment, hour_known = found
        try:
            local = moment
            if local.tzinfo is None:
                self.without_zone += not self._named_zone
                moment = moment.replace(tzinfo=self._zone)
            if self._dates_only:
                hour_known = False
                moment = datetime.combine(moment.date(), time(), moment.tzinfo)
            if moment.utcoffset() % timedelta(minutes=1):  # type: ignore[operator]
                return text, True
            read = moment.isoformat()
            if local.tzinfo is None and hour_known:
                self._learn(text, local, read)
            return read, hour_known
        except (ValueError, OverflowError):
            return text, True

    def quick(self, text: str) -> str | None:
        """The same for a day that was met before with a time of day that means the same on any; None for all else."""
        day, _, clock = text.partition(" ")
        known = self._quick_days.get(day)
        if known is None:
            return None
        if not (self._iso_clocks and len(clock) == 8 and clock[:3] in _HOURS and clock[3:] in _MINUTES):
            found = self._quick_clocks.get(clock)
            if found is None:
                return None
            clock = found
        self.without_zone += not self._named_zone
        return known[0] + clock + known[1]

    def _learn(self, text: str, local: datetime, read: str) -> None:
        """Remember day and time of day of a time without zone, where one format reads both, each alone. A day on
        which the clocks are changed is left out.
        """
        day, blank, clock = text.partition(" ")
        if not self._formats:
            apart = len(day) == 10
        else:
            written, *more = self._formats
            apart = not more and len(written) == 2 and not _tells_a_day(written[1]) and bool(self._in(written, text))
        if not apart:
            return
        begin, end = (datetime.combine(local.date(), at, self._zone).utcoffset() for at in (time.min, time.max))
        if not blank or begin != end or not FIRST_YEAR <= local.year <= LAST_YEAR:
            return
        if len(self._quick_days) >= REMEMBERED or len(self._quick_clocks) >= MOST_CLOCKS:
            self._quick_days.clear()
            self._quick_clocks.clear()
        whole = local.isoformat()
        self._quick_days[day] = (whole[:11], read[len(whole) :])
        self._quick_clocks[clock] = whole[11:]

    def _read(self, text: str) -> tuple[datetime, bool] | None:
        for written in self._formats:
            if found := self._in(written, text):
                return found
        return _iso(text)

    def _in(self, written: tuple[str, ...], text: str) -> tuple[datetime, bool] | None:
        """A moment in a format. Day and time of day are remembered apart, since days come again."""
        parts = text.split(" ", 1)
        if len(parts) != len(written):
            return None
        day = self._part(written[0], parts[0])
        if day is None:
            return None
        if len(parts) == 1:
            return day, "%H" in written[0] or "%I" in written[0]
        if written[1] in _ISO_CLOCKS:
            try:
                return datetime.combine(day, time.fromisoformat(parts[1].strip())), True
            except ValueError:
                return None
        clock = self._part(written[1], parts[1].strip())
        if clock is None:
            return None
        if _tells_a_day(written[1]):
            return self._whole(" ".join(written), text)
        return datetime.combine(day.date(), clock.timetz()), True

    def _part(self, written: str, text: str) -> datetime | None:
        key = (written, text)
        if key in self._days:
            return self._days[key]
        if len(self._days) >= REMEMBERED:
            self._days.clear()
        try:
            read: datetime | None = datetime.strptime(text, written)
        except ValueError:
            read = None
        self._days[key] = read
        return read

    @staticmethod
    def _whole(written: str, text: str) -> tuple[datetime, bool] | None:
        try:
            return datetime.strptime(text, written), "%H" in written or "%I" in written
        except ValueError:
            return None


def _tells_a_day(written: str) -> bool:
    return "%d" in written or "%Y" in written or "%y" in written


def _iso(text: str) -> tuple[datetime, bool] | None:
    """A moment as ISO 8601 writes it, also with a blank before the offset or "UTC" behind."""
    if len(text) == 10:
        try:
            return datetime.combine(date.fromisoformat(text), time()), False
        except ValueError:
            return None
    if len(text) > 20 and text[19] == " ":
        text = text[:19] + text[20:].replace("UTC", "Z")
    try:
        return datetime.fromisoformat(text), True
    except ValueError:
        return None
