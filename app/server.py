"""The HTTP server: uvicorn, with limits on how long a client may keep a connection waiting, and a drain that fails no
request.
"""

import asyncio
import socket
from http import HTTPStatus
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.edge import NO_STORE, PROTECTED, SECURITY_HEADERS, SHED, Edge
from app.express import PATH, ExpressLane
from app.problems import MEDIA_TYPE, Problem
from app.settings import Settings
from app.trailers import WithoutTrailers

KEEP_ALIVE_SECONDS = 75
LINGER_SECONDS = 1.0
TURN_SECONDS = 0.01
GRACEFUL_SECONDS = 8
SWEEPS_PER_TIMEOUT = 8
STREAM = "/v1/score/stream"
EXPRESS_URL = PATH.encode()
MOST_EXPRESS_BYTES = 4_096
"""The largest body in the express lane, which reads it before it asks for the key, and works on it in one go. Orders
have some thousand bytes.
"""
MAX_HEAD_BYTES = 65_536
CLOSE = (b"connection", b"close")


def _last_answer(problem: Problem) -> bytes:
    """The whole answer to a request that can't be read to its end: nobody can know an id or a trace of it."""
    document = problem.document("none")
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(document)),
        CLOSE,
        NO_STORE,
        *SECURITY_HEADERS,
    ]
    status = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n".encode()
    return status + b"".join([b"%s: %s\r\n" % header for header in headers]) + b"\r\n" + document


TOO_LATE = _last_answer(Problem("timeout"))
NOT_HTTP = _last_answer(Problem("invalid-request", "this is not HTTP/1.1 as RFC 9112 has it"))
HEAD_TOO_LARGE = _last_answer(Problem("headers-too-large"))


class Connection(WithoutTrailers):
    """A client's connection. It knows since when it has been waiting for the client, and sends whole requests to the
    express lane.

    Times are the event loop's. `waiting_since` is None while it is the service that is at work.
    """

    max_concurrency = 256
    express: ExpressLane | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting_since: float | None = self.loop.time()
        self.allowance = self.patience
        self.body: list[bytes] | None = None
        self.in_lane = self.ended = False
        self.head_size = 0
        """How many bytes have arrived since the last that were of use: of a head, of trailers, around a chunk."""

    patience = 10.0

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self._refuse(NOT_HTTP)
        else:
            if self.head_size > MAX_HEAD_BYTES:
                # The parser itself has no limit, and keeps all of it before anybody can ask for a key.
                self.logger.warning("The head of a request is too large.")
                self._refuse(HEAD_TOO_LARGE)

    def _stay(self, rest: bytes) -> None:
        """Answer a request that asks for another protocol in this one, as RFC 9110 allows. Java's client asks with
        each first request.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(NOT_HTTP)
            return
        kept = b"".join([b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"])
        self.data_received(b"%s %s HTTP/%s\r\n%s\r\n%s" % (method, self.url, version, kept, rest))

    def _refuse(self, answer: bytes) -> None:
        """Part from a client whose request can't be read on: with this answer, unless another one comes first."""
        if self.in_lane and self.express:
            self.express.answer_all()
        if self.cycle is not None and not self.cycle.response_complete:
            if not self.cycle.more_body:
                self.cycle.keep_alive = False  # an earlier request: its answer closes the connection
                return
            if self.cycle.response_started:
                answer = b""
        self.transport.write(answer)
        self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]
        # A client may end its side as soon as it has asked. The answer still goes out, and closes the connection.
        self.ended = self.in_lane
        return self.ended

    def on_message_begin(self) -> None:
        # What the express lane has no use for is made once it is known that the request goes another way.
        self.url, self.expect_100_continue, self.headers = b"", False, []
        self.waiting_since, self.allowance = self.loop.time(), self.patience

    def on_headers_complete(self) -> None:
        self.head_size = 0
        if self.parser.should_upgrade():
            return  # `_stay` brings it again
        if self.in_lane and self.express:
            # A pipelined request: the one before it is answered first.
            self.express.answer_all()
        if self._goes_express():
            self.body = []
            return
        url, expected, headers = self.url, self.expect_100_continue, self.headers
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expected
        self.headers += headers
        super().on_headers_complete()

    def _goes_express(self) -> bool:
        if self.express is None or self.url != EXPRESS_URL or self.expect_100_continue or not self.express.has_time:
            return False
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        for name, value in self.headers:
            if name == b"content-length":
                return value.isdigit() and int(value) <= self.most_bytes and self.parser.should_keep_alive()
        return False

    most_bytes = 0

    def on_body(self, body: bytes) -> None:
        self.head_size = 0
        if self.body is not None:
            self.body.append(body)
            return
        super().on_body(body)
        if self.scope["path"] == STREAM:
            # A stream may last. What counts is that something arrives.
            self.waiting_since, self.allowance = self.loop.time(), self.patience

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.head_size, self.waiting_since = 0, None
        if self.body is None:
            super().on_message_complete()
            return
        body, self.body = self.body[0] if len(self.body) == 1 else b"".join(self.body), None
        assert self.express
        self.in_lane = True
        self.express.take(self, self.headers, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Write the answer of a request that went through the express lane."""
        self.in_lane = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        own = self.server_state.default_headers
        self.transport.write(b"%s%s%s" % (head, _own_lines(own), body))
        if self.ended or CLOSE in own:
            self.transport.close()
        self.waiting_since, self.allowance = self.loop.time(), KEEP_ALIVE_SECONDS

    def pause_writing(self) -> None:
        super().pause_writing()
        self.waiting_since, self.allowance = self.loop.time(), self.patience

    def resume_writing(self) -> None:
        super().resume_writing()
        self.waiting_since, self.allowance = self.loop.time(), KEEP_ALIVE_SECONDS

    def shutdown(self) -> None:
        """Part from the client: with the answer it waits for, else with that of a request that may be on its way."""
        if self.in_lane:
            return  # its answer closes the connection
        if self.cycle is not None and not self.cycle.response_complete:
            super().shutdown()
        else:
            self.loop.call_later(LINGER_SECONDS, self._close_soon)

    def _close_soon(self) -> None:
        # Timers come before reading: what arrived while this process got no turn has to be read first.
        self.loop.call_later(TURN_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self.in_lane and self.body is None and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if len(self.tasks) >= self.max_concurrency and cycle.scope["path"].startswith(PROTECTED):
            cycle.scope[SHED] = True  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    def forgive(self, lost: float, now: float) -> None:
        """Count `lost` seconds not as the client's."""
        if self.waiting_since is not None:
            self.waiting_since = min(now, self.waiting_since + lost)

    def check_patience(self, now: float) -> None:
        """End a connection whose client has kept the service waiting for too long."""
        if self.waiting_since is None or now - self.waiting_since < self.allowance:
            return
        sending = self.body is not None or (self.cycle is not None and not self.cycle.response_started)
        if sending:
            self.transport.write(TOO_LATE)
        if self.flow.write_paused:
            self.transport.abort()
        else:
            self.transport.close()


_known_headers: list[tuple[bytes, bytes]] = []
_known_lines = b""


def _own_lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The server's own headers (the date above all) and the empty line: the same for all answers of a second."""
    global _known_headers, _known_lines
    if headers is not _known_headers:
        _known_headers, _known_lines = headers, b"".join([b"%s: %s\r\n" % header for header in headers]) + b"\r\n"
    return _known_lines


class Server(uvicorn.Server):
    """uvicorn's server, which also sweeps out connections that wait for their client, and drains in two steps."""

    def __init__(self, config: uvicorn.Config, timeout: float) -> None:
        super().__init__(config)
        self._timeout = timeout
        self._sweeper: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._timeout / SWEEPS_PER_TIMEOUT
        while True:
            due = loop.time() + pause
            await asyncio.sleep(pause)
            self.sweep(loop.time(), due)

    def sweep(self, now: float, due: float) -> None:
        """Part from clients that have kept the service waiting for too long. `due` is when this sweep was meant to be.

        Where it comes much later, it is this process that got no turn (a throttled or overloaded processor), and what
        clients sent meanwhile is still unread: no client is judged by that time, nor before the next sweep.
        """
        lost = now - due
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                if lost > self._timeout / SWEEPS_PER_TIMEOUT:
                    connection.forgive(lost, now)
                else:
                    connection.check_patience(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # From here on every answer tells its client to use another connection. One that were closed at once, while its
        # next request is on the way, would lose that request.
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        await super().shutdown(sockets)
        if self._sweeper:
            self._sweeper.cancel()


def server(application: Edge, settings: Settings) -> Server:
    """The server for an application, ready to `run()`."""
    told = {
        "max_concurrency": settings.max_concurrency,
        "most_bytes": min(settings.max_body_bytes, MOST_EXPRESS_BYTES),
        "patience": settings.request_timeout_seconds,
        "express": application.express,
    }
    protocol = type("ServiceConnection", (Connection,), told)
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    return Server(config, settings.request_timeout_seconds)
