"""The express lane: whole requests to /v1/score, answered on the server's own event loop turn.

At the limit of one core, tasks, ASGI messages and one model call a request cost more than the model itself. So the
requests that arrive in one turn of the event loop are prepared one by one and scored with one call of the model, and
each answer is one write. What a request is checked for, answered with and logged as is the edge's and the handlers'
own; a request that is out of the ordinary (chunked, to be continued, with a store that has to be waited for) goes their
usual way.
"""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Protocol

from app.direct import DirectHandlers
from app.edge import NO_STORE, SECURITY_HEADERS, DirectRoute, Edge
from app.exchange import Exchange, Reply, Scope
from app.models import Model
from app.scoring import Prepared, Scoring

MOST_TOGETHER = 64
PATH = "/v1/score"

_STATUS_LINES = {int(status): b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}
_COMMON = b"".join(b"%s: %s\r\n" % header for header in [NO_STORE, *SECURITY_HEADERS])


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

    def take(self, client: Client, scope: Scope, body: bytes) -> None:
        """Take a whole request. It is answered at the end of this turn of the event loop at the latest."""
        exchange = Exchange(scope)
        exchange.route = PATH
        if self._turn == 0:
            asyncio.get_running_loop().call_soon(self._end_of_turn)
        self._turn += 1
        try:
            self._edge.admit(exchange, shed=self._turn > self._most)
            self._edge.check(self._route, exchange)
            model = self._scoring.model()
            if model is not self._model:
                self.answer_all()
                self._model = model
            prepared = _at_once(self._handlers.prepare(exchange, body))
        except Exception as error:
            self._answer(client, exchange, self._edge.reply_to(error, exchange))
            return
        self._waiting.append((client, exchange, prepared))
        if len(self._waiting) == MOST_TOGETHER:
            self.answer_all()

    def _end_of_turn(self) -> None:
        self._turn = 0
        self.answer_all()

    def answer_all(self) -> None:
        """Answer what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        assert self._model
        try:
            answers = self._scoring.answers([prepared for _, _, prepared in waiting], self._model)
        except Exception as error:
            for client, exchange, _ in waiting:
                self._answer(client, exchange, self._edge.reply_to(error, exchange))
            return
        for (client, exchange, prepared), answer in zip(waiting, answers, strict=True):
            self._answer(client, exchange, self._handlers.reply(exchange, prepared, answer))

    def _answer(self, client: Client, exchange: Exchange, reply: Reply) -> None:
        own = b"".join(b"%s: %s\r\n" % header for header in reply.headers) if reply.headers else b""
        head = b"%scontent-type: %s\r\nx-request-id: %s\r\ntraceparent: %s\r\ncontent-length: %d\r\n%s%s" % (
            _STATUS_LINES[reply.status],
            reply.media_type,
            exchange.request_id.encode(),
            exchange.traceparent.encode(),
            len(reply.body),
            _COMMON,
            own,
        )
        client.answer(head, reply.body)
        self._edge.record(exchange, reply)


def _at_once(work: Coroutine[Any, Any, Prepared]) -> Prepared:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Prepared = done.value
        return result
    work.close()
    raise RuntimeError("the express lane was given work that has to be waited for")
