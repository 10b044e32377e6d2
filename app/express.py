"""The express lane: whole requests to /v1/score, answered on the server's own event loop turn.

At the limit of one core, tasks, ASGI messages and one model call a request cost more than the model itself. So the
requests that arrive in turns of the event loop that follow each other at once are prepared one by one and scored with
one call of the model, and each answer is one write. What a request is checked for, answered with and logged as is the
edge's and the handlers' own; a request that is out of the ordinary (chunked, to be continued, with a store that has to
be waited for) goes their usual way.
"""

import asyncio
import time
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol

from app.direct import DirectHandlers
from app.edge import NO_STORE, SECURITY_HEADERS, DirectRoute, Edge
from app.exchange import Exchange, Reply
from app.models import Model
from app.scoring import Prepared, Scoring

MOST_TOGETHER = 64
MOST_SECONDS = 0.03
"""So long may a turn's requests be at work here; the next ones go the usual way, which gives others their turn."""
PATH = "/v1/score"

_STATUS_LINES = {int(status): f"HTTP/1.1 {status} {status.phrase}\r\n" for status in HTTPStatus}
_COMMON = "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in [NO_STORE, *SECURITY_HEADERS])
_GOOD = f"{_STATUS_LINES[200]}content-type: application/json\r\n{_COMMON}"


class Client(Protocol):
    """Whom an answer goes to."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Write an answer: `head` without the server's own headers and the empty line."""


class ExpressLane:
    """Collects the requests of a turn and answers them together."""

    def __init__(self, route: DirectRoute, edge: Edge, handlers: DirectHandlers, scoring: Scoring, most: int) -> None:
        self._route = route
        self._edge = edge
        self._handlers = handlers
        self._scoring = scoring
        self._most = most
        self._model: Model | None = None
        self._waiting: list[tuple[Client, Exchange, Prepared]] = []
        self._turn = 0
        """How many requests this turn has brought."""
        self._spent = 0.0
        self._turns = False
        """Whether the end of this turn is waited for."""

    @property
    def has_time(self) -> bool:
        """Whether this turn's requests have left others their time."""
        return self._spent < MOST_SECONDS

    def take(self, client: Client, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Take a whole request. It is answered after the first turn of the event loop that brings no other."""
        exchange = Exchange("POST", PATH, headers, PATH)
        if not self._turns:
            self._turns = True
            asyncio.get_running_loop().call_soon(self._end_of_turn)
        self._turn += 1
        try:
            self._edge.admit(exchange, shed=self._turn > self._most)
            self._edge.check(self._route, exchange)
            model = self._scoring.model()
            if model is not self._model:
                self.answer_all()
                self._model = model
            prepared = _at_once(self._handlers.prepare(exchange, body, at_once=True))
        except Exception as error:
            self._answer(client, exchange, self._edge.reply_to(error, exchange))
            return
        finally:
            self._spent += time.perf_counter() - exchange.started
        self._waiting.append((client, exchange, prepared))
        if len(self._waiting) == MOST_TOGETHER:
            self.answer_all()

    def _end_of_turn(self) -> None:
        """Look once more for others while they come: a call of the model costs much the same for one as for a few."""
        self._turns = self._turn > 0 and bool(self._waiting)
        self._turn, self._spent = 0, 0.0
        if self._turns:
            asyncio.get_running_loop().call_soon(self._end_of_turn)
        else:
            self.answer_all()

    def answer_all(self) -> None:
        """Answer what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        clients, exchanges, prepared = zip(*waiting, strict=True)
        assert self._model
        try:
            bodies = self._handlers.encoded(exchanges, prepared, self._scoring.answers(prepared, self._model))
        except Exception as error:
            for client, exchange in zip(clients, exchanges, strict=True):
                self._answer(client, exchange, self._edge.reply_to(error, exchange))
            return
        for client, exchange, body in zip(clients, exchanges, bodies, strict=True):
            client.answer(_head(_GOOD, exchange, body), body)
        self._edge.record_scored(exchanges)

    def _answer(self, client: Client, exchange: Exchange, reply: Reply) -> None:
        own = "".join([f"{name.decode()}: {value.decode()}\r\n" for name, value in reply.headers or ()])
        start = f"{_STATUS_LINES[reply.status]}content-type: {reply.media_type.decode()}\r\n{_COMMON}{own}"
        client.answer(_head(start, exchange, reply.body), reply.body)
        self._edge.record(exchange, reply)


def _head(start: str, exchange: Exchange, body: bytes) -> bytes:
    return (
        f"{start}x-request-id: {exchange.request_id}\r\ntraceparent: {exchange.traceparent}\r\n"
        f"content-length: {len(body)}\r\n"
    ).encode("latin-1")


def _at_once(work: Coroutine[Any, Any, Prepared]) -> Prepared:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Prepared = done.value
        return result
    work.close()
    raise RuntimeError("the express lane was given work that has to be waited for")
