"""What one request carries through the service: its id, its trace, its headers, its answer's outline."""

import random
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_SAFE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_OPAQUE_ID = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[47][0-9a-f]{3}\1[89ab][0-9a-f]{3}\1[0-9a-f]{12}"
    r"|0[1-3](?!.*\d{12})[0-9A-HJKMNP-TV-Z]{24}"
)
"""What is random by its own construction, so that nobody's data can be in it: a UUID of version 4 or 7 (RFC 9562; of
the other versions, 1, 2 and 6 hold a machine's address or a user's number, 3 and 5 the hash of a name, 8 anything), and
a ULID whose time lies between 2004 and 2109."""
_LETTERS = re.compile(r"(?:[^a-z]*[a-z]){3}", re.IGNORECASE)
"""Of 10,000 random ids one has fewer letters. Numbers that somebody put into the form of an id have none."""
_OWN_LETTERS = 0xA << 188 | 0xA << 60
"""Bits that begin a trace id and a span id with a letter: an id of this service's own is never a string of digits."""
_TRACEPARENT = re.compile(
    rb"(?:00(?=.{53}\Z)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?"
)
"""What W3C calls valid: version 00 is of one length, later ones may have more, and no id is all zeros."""


class ClientGone(Exception):
    """The client closed the connection in the middle of its request."""


class Exchange:
    """One request and what is known about its answer so far. `fields` are its header lines, `headers` the last of each
    name, `version` is HTTP's, `record` says whether its orders are to be counted, `source` whose form they have.

    A caller's X-Request-ID is repeated in the answer; in the log it only stands if it is opaque by construction, since
    anything else might be a name or a number of somebody: `loggable_id` is what may, else a fresh id. `trace_id` is the
    caller's W3C trace, or a new one, also where the caller's may not be logged (the standard calls that a restart);
    `span_id` is this service's own part of it. So the answer's `traceparent` finds the log line in every case.
    """

    __slots__ = (
        "started",
        "method",
        "path",
        "fields",
        "headers",
        "version",
        "route",
        "request_id",
        "loggable_id",
        "trace_id",
        "span_id",
        "trace_flags",
        "streaming",
        "record",
        "source",
    )

    def __init__(
        self, method: str, path: str, fields: Sequence[tuple[bytes, bytes]], route: str = "other", version: str = "1.1"
    ) -> None:
        self.started = time.perf_counter()
        self.method = method
        self.path = path
        self.fields = fields
        self.headers = dict(fields)
        self.version = version
        self.route = route
        self.streaming = False
        self.record = True
        self.source = ""
        given = self.headers.get(b"x-request-id")
        fresh = "%x" % (random.getrandbits(192) | _OWN_LETTERS)
        self.trace_id, self.span_id, self.trace_flags = fresh[:32], fresh[32:], "00"
        if given and _SAFE_ID.fullmatch(given):
            self.request_id = given.decode("ascii")
            self.loggable_id = self.request_id if _is_opaque(self.request_id) else self.trace_id
        else:
            self.request_id = self.loggable_id = self.trace_id
        parent = self.headers.get(b"traceparent")
        if parent and (match := _TRACEPARENT.fullmatch(parent)) and _is_random(trace_id := match[1].decode()):
            self.trace_id, self.trace_flags = trace_id, match[2].decode()

    @property
    def traceparent(self) -> str:
        """The W3C header for the answer."""
        return f"00-{self.trace_id}-{self.span_id}-{self.trace_flags}"


def _is_opaque(request_id: str) -> bool:
    return _OPAQUE_ID.fullmatch(request_id) is not None and _LETTERS.match(request_id) is not None


def _is_random(trace_id: str) -> bool:
    """Whether 32 hexadecimal digits are neither a number nor the bytes of a text, filled up with zeros or not."""
    if _LETTERS.match(trace_id) is None:
        return False
    try:
        bytes.fromhex(trace_id).decode()
    except UnicodeDecodeError:
        return True
    return False


class Reply:
    """A whole answer. `problem` is the kind of problem document it is, if it is one; the rest is for the request's
    log line. `size` is for an answer that was sent already, in bytes.
    """

    __slots__ = (
        "status",
        "body",
        "media_type",
        "headers",
        "size",
        "problem",
        "orders",
        "bad_orders",
        "anomalies",
        "logged",
    )

    def __init__(
        self,
        status: int,
        body: bytes,
        media_type: bytes = b"application/json",
        headers: list[tuple[bytes, bytes]] | None = None,
        *,
        size: int | None = None,
        problem: str | None = None,
        orders: int | None = None,
        bad_orders: int | None = None,
        anomalies: int | None = None,
        logged: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.media_type = media_type
        self.headers = headers
        self.size = len(body) if size is None else size
        self.problem = problem
        self.orders = orders
        self.bad_orders = bad_orders
        self.anomalies = anomalies
        self.logged = logged
