"""A client's connection: uvicorn's, with limits on how long and how much a client may keep the service waiting."""

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.edge import NO_STORE, SECURITY_HEADERS
from app.exchange import Application, Receive, Scope, Send
from app.joined_writes import JoinedWrites
from app.problems import MEDIA_TYPE, Problem

KEEP_ALIVE_SECONDS = 75
LINGER_SECONDS = 1.0
TURN_SECONDS = 0.01
STREAM = "/v1/score/stream"
MAX_HEAD_BYTES = 65_536
NOT_HTTP = Problem("invalid-request", "this is not HTTP/1.1 as RFC 9112 has it")


class Connection(HttpToolsProtocol):
    """It knows since when it has been waiting for the client, and parts from one whose request can't be read.

    Times are the event loop's. `waiting_since` is None while it is the service that is at work.
    """

    patience = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoinedWrites(transport, self.loop))
        self.waiting_since: float | None = self.loop.time()
        self.allowance = self.patience
        self.refused = False
        self.head_size = 0
        """How many bytes have arrived since the last that were of use: of a head, of trailers, around a chunk."""

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
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
                self._refuse(Problem("headers-too-large"))

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

    def _refuse(self, problem: Problem) -> None:
        """Part from a client whose request can't be read on: with this answer, unless another one comes first."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                cycle.keep_alive = False  # an earlier request: its answer closes the connection
                return
            if cycle.response_started:
                self.transport.close()
                return
            cycle.disconnected = True  # whoever waits for the rest of its body learns that there is none
            cycle.message_event.set()
        self.refused = True
        self.cycle = RequestResponseCycle(
            scope={"type": "http", "method": "POST", "http_version": "1.1"},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, _refusing(problem))  # type: ignore[arg-type]

    def eof_received(self) -> bool:  # type: ignore[override]
        # A client may end its side as soon as it has asked. The answer still goes out, and closes the connection.
        answered = self.cycle is None or self.cycle.response_complete
        if answered or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.waiting_since, self.allowance = self.loop.time(), self.patience

    def on_headers_complete(self) -> None:
        self.head_size = 0
        if self.parser.should_upgrade():
            return  # `_stay` brings it again
        super().on_headers_complete()
        # The parser reports trailers like headers, and the scope has the list of these: an API key in a trailer would
        # come after what it lets in (RFC 9110, 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self.head_size = 0
        super().on_body(body)
        if self.scope["path"] == STREAM:
            # A stream may last. What counts is that something arrives.
            self.waiting_since, self.allowance = self.loop.time(), self.patience

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.head_size, self.waiting_since = 0, None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        # As uvicorn's, without a timer for each answer: the server's sweep ends connections that nobody uses.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self.flow.write_paused:
            self.waiting_since, self.allowance = self.loop.time(), KEEP_ALIVE_SECONDS

    def pause_writing(self) -> None:
        super().pause_writing()
        self.waiting_since, self.allowance = self.loop.time(), self.patience

    def resume_writing(self) -> None:
        super().resume_writing()
        self.waiting_since, self.allowance = self.loop.time(), KEEP_ALIVE_SECONDS

    def shutdown(self) -> None:
        """Part from the client: with the answer it waits for, else with that of a request that may be on its way."""
        if self.cycle is not None and not self.cycle.response_complete:
            super().shutdown()
        else:
            self.loop.call_later(LINGER_SECONDS, self._close_soon)

    def _close_soon(self) -> None:
        # Timers come before reading: what arrived while this process got no turn has to be read first.
        self.loop.call_later(TURN_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def forgive(self, lost: float, now: float) -> None:
        """Count `lost` seconds not as the client's."""
        if self.waiting_since is not None:
            self.waiting_since = min(now, self.waiting_since + lost)

    def check_patience(self, now: float) -> None:
        """End a connection whose client has kept the service waiting for too long."""
        if self.waiting_since is None or now - self.waiting_since < self.allowance:
            return
        if self.flow.write_paused:
            self.transport.abort()
        elif self.cycle is not None and not self.cycle.response_complete and not self.refused:
            self._refuse(Problem("timeout"))
        else:
            self.transport.close()


def _refusing(problem: Problem) -> Application:
    """An application that answers anything with this problem: nobody can know an id or a trace of it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        document = problem.document("none")
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(document)),
            NO_STORE,
            *SECURITY_HEADERS,
        ]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": document})

    return answer
