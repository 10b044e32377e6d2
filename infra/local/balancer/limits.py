"""Rate limits of Cloud Armor, counted exactly: in no interval does a client get more than its number.

Google's own count is approximate, and each of its places counts for itself.
"""

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.balancer.request import Request

_LONGEST_KEY = 128
"""Bytes of a header's, cookie's or path's value that are looked at."""
_MOST_CLIENTS = 100_000
Key = tuple[str, ...]


@dataclass(frozen=True)
class Threshold:
    """So many requests in so many seconds."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Limit:
    """What a rule says of a rate. `keys` says what tells clients apart: kind and name. With `banned_for` a client that
    exceeds it, or that exceeds it more often than `ban`, is out for so many seconds.
    """

    threshold: Threshold
    keys: tuple[tuple[str, str], ...]
    ban: Threshold | None = None
    banned_for: float = 0.0


def limit_of(options: Mapping[str, Any]) -> Limit:
    """The limit of a rule's `rateLimitOptions`."""
    configs = options.get("enforceOnKeyConfigs") or ()
    keys = tuple((str(one.get("enforceOnKeyType")), str(one.get("enforceOnKeyName") or "")) for one in configs)
    alone = (str(options.get("enforceOnKey") or "ALL"), str(options.get("enforceOnKeyName") or ""))
    ban = options.get("banThreshold")
    return Limit(
        _threshold(options["rateLimitThreshold"]),
        keys or (alone,),
        _threshold(ban) if ban else None,
        float(options.get("banDurationSec") or 0),
    )


def _threshold(given: Mapping[str, Any]) -> Threshold:
    return Threshold(int(given["count"]), float(given["intervalSec"]))


def key_of(limit: Limit, request: Request) -> Key:
    """Which client a request is of. One that lacks what tells clients apart is of all, or of its address."""
    return tuple(_part(kind, name.lower(), request) for kind, name in limit.keys)


def _part(kind: str, name: str, request: Request) -> str:
    match kind:
        case "IP" | "USER_IP":
            return request.address
        case "XFF_IP":
            first = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
            return first if _is_address(first) else request.address
        case "HTTP_HEADER":
            return _cut(request.headers.get(name))
        case "HTTP_COOKIE":
            cookies = {known.lower(): value for known, value in request.cookies.items()}
            return _cut(cookies.get(name))
        case "HTTP_PATH":
            return _cut(request.path)
        case "SNI":
            return _cut(request.host)
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _cut(value: str | None) -> str:
    return "" if value is None else f"={value.encode()[:_LONGEST_KEY].decode(errors='replace')}"


class Counter:
    """How often each client of one rule has been let through, by the seconds of a clock."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._taken: OrderedDict[Key, deque[float]] = OrderedDict()
        self._exceeded: OrderedDict[Key, deque[float]] = OrderedDict()
        self._banned: OrderedDict[Key, float] = OrderedDict()

    def conforms(self, key: Key, now: float) -> bool:
        """Whether a request of a client may pass, which then counts."""
        if (until := self._banned.get(key)) is not None:
            if now < until:
                return False
            del self._banned[key]
        if _counted(self._taken, key, self.limit.threshold, now):
            return True
        if self.limit.banned_for and (self.limit.ban is None or not _counted(self._exceeded, key, self.limit.ban, now)):
            self._banned[key] = now + self.limit.banned_for
            _bound(self._banned)
        return False


def _counted(times: "OrderedDict[Key, deque[float]]", key: Key, threshold: Threshold, now: float) -> bool:
    """Count one more, unless there are as many already as there may be."""
    own = times.setdefault(key, deque())
    times.move_to_end(key)
    _bound(times)
    while own and (own[0] <= now - threshold.seconds or own[0] > now):  # a clock may have gone back
        own.popleft()
    if len(own) >= threshold.count:
        return False
    own.append(now)
    return True


def _bound(known: "OrderedDict[Key, Any]") -> None:
    """Forget the client that was heard of longest ago, where there are too many."""
    while len(known) > _MOST_CLIENTS:
        known.popitem(last=False)
