"""The door of the page: a link with a code, which works once and for ten minutes, in place of the API key.

`POST /v1/door` gives a code to who has the key; `make open` makes a link of it. The page exchanges the code for the key
by `POST /door`. Codes are kept as SHA-256, in this process alone, and never logged.
"""

import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from app import openapi
from app.access import HEADER
from app.problems import FieldError, Problem
from app.settings import Settings

LASTS_SECONDS = 600.0
MOST_CODES = 16
"""A further one takes the place of the oldest."""
MOST_FAILURES, FAILURES_SECONDS = 10, 60.0
"""So many wrong codes in so many seconds, and no code is looked at for a while."""


class DoorState(msgspec.Struct, frozen=True):
    """Whether the routes under /v1/ ask for an API key."""

    key_required: bool


class DoorCode(msgspec.Struct, frozen=True):
    """A code that works once, for so long."""

    code: str
    lasts_seconds: int


class DoorRequest(msgspec.Struct, frozen=True):
    """A code to exchange."""

    code: Annotated[str, Meta(max_length=128)]


class DoorKey(msgspec.Struct, frozen=True):
    """The API key that the code stood for."""

    api_key: str


class Door:
    """The codes that are open. `clock` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[bytes, tuple[float, str]] = {}
        self._failures: deque[float] = deque(maxlen=MOST_FAILURES)

    def code(self, key: str) -> str:
        """A new code for a key."""
        self._close_old()
        while len(self._open) >= MOST_CODES:
            del self._open[next(iter(self._open))]
        code = secrets.token_urlsafe(32)
        self._open[_digest(code)] = self._clock() + LASTS_SECONDS, key
        return code

    def key(self, code: str) -> str:
        """The key for a code, which is spent with that. Raises `Problem` for one that is wrong, used or too old, and
        where there were too many of those.
        """
        now = self._clock()
        if len(self._failures) == MOST_FAILURES and now - self._failures[0] < FAILURES_SECONDS:
            wait = int(FAILURES_SECONDS - (now - self._failures[0])) + 1
            raise Problem("too-many-requests", "too many wrong codes", headers={"Retry-After": str(wait)})
        self._close_old()
        presented, match = _digest(code), None
        for known in self._open:
            # every one is compared, so that the time doesn't tell which
            if hmac.compare_digest(known, presented):
                match = known
        if match is None:
            self._failures.append(now)
            reason = "this code was used, is older than ten minutes, or is none; `make open` prints a new link"
            raise Problem("invalid-request", reason, (FieldError("code", "not a code that is open"),))
        return self._open.pop(match)[1]

    def _close_old(self) -> None:
        now = self._clock()
        self._open = {code: (until, key) for code, (until, key) in self._open.items() if until > now}


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()


def routes(settings: Settings) -> APIRouter:
    """The router of the door."""
    router, door = APIRouter(), Door()

    @router.get("/door", **openapi.answers(DoorState, "Whether an API key is needed", "door"))
    async def state() -> Response:
        return _json(DoorState(bool(settings.api_key_hashes)))

    @router.post("/v1/door", **openapi.answers(DoorCode, "A code that opens the page once, for ten minutes", "model"))
    async def code(request: Request) -> Response:
        key = request.scope["state"]["exchange"].headers.get(HEADER, b"").decode("latin-1")
        return _json(DoorCode(door.code(key), int(LASTS_SECONDS)))

    declared = openapi.answers(DoorKey, "The API key that a code of /v1/door stands for; spends the code", "door")

    @router.post("/door", **openapi.request_body(DoorRequest, {"openapi_extra": {}, **declared}))
    async def exchange(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=DoorRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Problem("invalid-request", 'send {"code": "…"}', (FieldError("code", "a text"),)) from None
        return _json(DoorKey(door.key(asked.code)))

    return router


def _json(content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers={"cache-control": "no-store"})
