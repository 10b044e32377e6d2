"""The stable URL of a service: an HTTP/1.1 front that passes requests to a ready revision, bodies streamed.

Everything has an end: a head has to arrive within `Patience.head` seconds, a whole exchange takes the service's
time-out at most, and a connection that says nothing is closed after `Patience.idle`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra.local.supervisor.invoker import TurnedAway
from infra.local.supervisor.message import Head, Malformed, copy_body, copy_to_end, parse_head
from infra.local.supervisor.upstream import LARGEST_HEAD, Connection, NotListening, Pool

_REPEATABLE = 256 * 1024
"""Bodies up to this size are read whole first, so that a request can be sent again where an idle connection was just
closed.
"""
_IDEMPOTENT = {b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"}
_MOST_CONNECTIONS = 1_000
"""As many as one instance of Cloud Run takes at once."""

NONE_READY = "The request failed because no instance of the service is ready."
AFFINITY = b"GAESA"
"""The cookie by which Cloud Run's session affinity finds an instance again."""


@dataclass(frozen=True)
class Refusal:
    """An answer of the front's own."""

    status: int
    text: str


Admission = Callable[[Head], TurnedAway | None]
"""Why a request is not let in, or None; what it changes in the head goes on."""
Route = Callable[[Head, Pool | None], Awaitable[Pool | Refusal]]
"""A request's head, and the instance that it was sent to before, in vain → the instance that answers it, at which it
has a place from now on, or why none does.
"""


@dataclass(frozen=True)
class Patience:
    """How long a client is waited for, in seconds: for the rest of a head, for the next request."""

    head: float = 30.0
    idle: float = 600.0


class _Broken(Exception):
    """The instance's connection broke; `silent`: before any byte of an answer had come."""

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.silent = silent


class _Late(Exception):
    """The client did not send its request in time."""


@dataclass
class _Client:
    """A client's connection. `answered`: the head of the answer is written, so that no other answer may be."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answered: bool = False

    async def say(self, status: int, text: str) -> bool:
        """Answer in the front's own words and part, or part without a word where an answer is under way."""
        if self.answered:
            self.writer.transport.abort()
            return False
        body = f"{text}\n".encode()
        self.answered = True
        self.writer.write(
            f"HTTP/1.1 {status} {text if status < 450 else 'Unavailable'}\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        await self.writer.drain()
        return False

    async def turn_away(self, how: TurnedAway, head: Head) -> bool:
        """Turn somebody away who may not call, and part."""
        self.answered = True
        self.writer.write(how.written(head.path))
        await self.writer.drain()
        return False


class Front:
    """Serves one listening socket."""

    def __init__(
        self,
        route: Route,
        timeout: Callable[[], float],
        patience: Patience = Patience(),
        most_connections: int = _MOST_CONNECTIONS,
        admits: Admission = lambda head: None,
        scheme: bytes = b"http",
    ) -> None:
        self._route = route
        self._timeout = timeout
        self._patience = patience
        self._most_connections = most_connections
        self._admits = admits
        self._scheme = scheme
        self._connections = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection, request after request."""
        self._connections += 1
        client = _Client(reader, writer)
        try:
            if self._connections > self._most_connections:
                await client.say(503, "The request failed because there are too many connections.")
                return
            while await self._request(client):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _request(self, client: _Client) -> bool:
        """One request and its answer; whether another may follow."""
        client.answered = False
        try:
            head = await self._next_head(client)
            if head is None:
                return False
            if how := self._admits(head):
                return await client.turn_away(how, head)
            deadline = asyncio.get_running_loop().time() + self._timeout()
            body = await self._whole_body(head, client, deadline)
            async with asyncio.timeout_at(deadline):
                return await self._pass_on(head, body, client)
        except _Late:
            return await client.say(408, "Request Timeout")
        except asyncio.LimitOverrunError:
            return await client.say(431, "Request Header Fields Too Large")
        except Malformed:
            return await client.say(400, "Bad Request")
        except TimeoutError:
            return await client.say(
                504, "The request has been terminated because it has reached the maximum request timeout."
            )

    async def _next_head(self, client: _Client) -> Head | None:
        """None where the client asks for nothing more. Raises `_Late` where it stops in the middle of a head."""
        first = b""
        try:
            async with asyncio.timeout(self._patience.idle):
                first = await client.reader.read(1)
        except TimeoutError:
            pass
        if not first:
            return None
        try:
            async with asyncio.timeout(min(self._patience.head, self._timeout())):
                return parse_head((first + await client.reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n"))
        except TimeoutError:
            raise _Late from None

    async def _whole_body(self, head: Head, client: _Client, deadline: float) -> bytes | None:
        """The body of a request that could be sent again; None where it is passed on while it comes. Raises `_Late`."""
        if head.chunked or (head.length or 0) > _REPEATABLE or head.get(b"expect"):
            return None
        try:
            async with asyncio.timeout_at(deadline):
                return await client.reader.readexactly(head.length or 0)
        except TimeoutError:
            raise _Late from None

    async def _pass_on(self, head: Head, body: bytes | None, client: _Client) -> bool:
        peer = client.writer.get_extra_info("peername", ("unknown",))[0].encode()
        request = head.written(b"X-Forwarded-For: " + peer, b"X-Forwarded-Proto: " + self._scheme)
        pool: Pool | None = None
        for attempt in range(3):
            found = await self._route(head, pool)
            if isinstance(found, Refusal):
                return await client.say(found.status, found.text)
            pool, reusable = found, False
            try:
                connection, used = await pool.take(fresh=attempt > 0)
                try:
                    reusable, keep = await self._exchange(
                        connection, request, head, body, client, _affinity(head, pool)
                    )
                    return keep
                finally:
                    pool.give_back(connection, reusable=reusable)
            except NotListening:
                await asyncio.sleep(0.05 * (attempt + 1))
            except _Broken as broken:
                # A connection that had been idle may have been closed before the request reached the instance. It is
                # sent again where doing a thing twice is as good as once (RFC 9110, 9.2.2).
                if not (used and broken.silent and head.method in _IDEMPOTENT) or body is None or client.answered:
                    return await client.say(
                        503, "The request failed because the connection to the instance had an error."
                    )
            finally:
                pool.leave()
        return await client.say(503, NONE_READY)

    async def _exchange(
        self,
        connection: Connection,
        request: bytes,
        head: Head,
        body: bytes | None,
        client: _Client,
        added: list[bytes],
    ) -> tuple[bool, bool]:
        """Sends the request and passes the answer back, with the headers `added`; whether each side's connection can go
        on.
        """
        upstream, sink = connection
        sink.write(request + (body or b""))
        sending = asyncio.create_task(_send_body(head, client, sink)) if body is None else None
        try:
            return await self._answer(connection, head, sending, client, added)
        except _Broken:
            # It was this side that broke the connection, where the client's body was none.
            if sending and sending.done() and isinstance(sending.exception(), Malformed):
                raise Malformed("the body") from None
            raise
        finally:
            if sending:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _answer(
        self,
        connection: Connection,
        head: Head,
        sending: "asyncio.Task[None] | None",
        client: _Client,
        added: list[bytes],
    ) -> tuple[bool, bool]:
        upstream, _ = connection
        answer = await _answer_head(upstream)
        while answer.status.startswith(b"1"):
            if answer.status == b"101":
                return await _tunnel(answer, connection, client)
            client.writer.write(answer.written())
            await client.writer.drain()
            answer = await _answer_head(upstream)
        empty = head.method == b"HEAD" or answer.status in (b"204", b"304")
        delimited = empty or answer.chunked or answer.length is not None
        keep = head.keep and delimited
        client.answered = True
        client.writer.write(answer.written(*added, b"Connection: keep-alive" if keep else b"Connection: close"))
        try:
            if not empty and delimited:
                await copy_body(answer, upstream, client.writer)
            elif not empty:
                await copy_to_end(upstream, client.writer)
            await client.writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, Malformed):
            raise _Broken from None
        if sending and not sending.done():
            return False, False  # answered before the body was read: neither side is at a request's start
        return answer.keep and delimited, keep


def _affinity(head: Head, pool: Pool) -> list[bytes]:
    """The cookie that brings a client back to this instance, where it has none of it."""
    if not pool.identity or head.cookie(AFFINITY) == pool.identity.encode():
        return []
    return [b"Set-Cookie: %s=%s; Max-Age=2592000; Path=/; HttpOnly" % (AFFINITY, pool.identity.encode())]


async def _answer_head(upstream: asyncio.StreamReader) -> Head:
    try:
        return parse_head(await upstream.readuntil(b"\r\n\r\n"))
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Malformed) as problem:
        partial = isinstance(problem, asyncio.IncompleteReadError) and not problem.partial
        raise _Broken(silent=partial or isinstance(problem, ConnectionError)) from None


async def _send_body(head: Head, client: _Client, sink: asyncio.StreamWriter) -> None:
    """Pass the client's body on. Where it breaks off or is none, the instance must not wait for its rest."""
    try:
        await copy_body(head, client.reader, sink)
    except (ConnectionError, asyncio.IncompleteReadError, Malformed):
        sink.transport.abort()
        raise


async def _tunnel(answer: Head, connection: Connection, client: _Client) -> tuple[bool, bool]:
    """After an upgrade (a web socket) both sides talk freely."""
    upstream, sink = connection
    lines = [name + b": " + value for name, value in answer.headers]
    client.answered = True
    client.writer.write(b"\r\n".join([answer.first, *lines]) + b"\r\n\r\n")
    tasks = [
        asyncio.create_task(copy_to_end(client.reader, sink)),
        asyncio.create_task(copy_to_end(upstream, client.writer)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return False, False


async def listen(front: Front, port: int) -> asyncio.Server:
    """Listens on 127.0.0.1 alone. Raises OSError where the port is taken."""
    return await asyncio.start_server(front.connected, "127.0.0.1", port, limit=LARGEST_HEAD)
