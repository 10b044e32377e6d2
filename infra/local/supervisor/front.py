"""The stable URL of a service: an HTTP/1.1 front that passes requests to a ready revision, bodies streamed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from infra.local.supervisor.upstream import LARGEST_HEAD, Connection, Pool

_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"}
_REPEATABLE = 256 * 1024
"""Bodies up to this size are read whole first, so that a request can be sent again where an idle connection was just
closed.
"""
_PIECE = 64 * 1024
_IDEMPOTENT = {b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"}

Route = Callable[[str], Awaitable[Pool | None]]
"""Host → the connections of the instance that is to answer; None where none got ready in time."""


class _Broken(Exception):
    """The instance's connection broke: after the client had got a part of the answer, or before any byte of one had
    come.
    """

    def __init__(self, *, answered: bool, silent: bool = False) -> None:
        super().__init__()
        self.answered = answered
        self.silent = silent


@dataclass
class Head:
    """The first line and headers of a request or an answer, and how its body is delimited."""

    first: bytes
    headers: list[tuple[bytes, bytes]]
    length: int | None
    chunked: bool
    keep: bool

    def get(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")


def parse_head(data: bytes) -> Head:
    """Raises ValueError for what is not HTTP/1."""
    first, *lines = data[:-4].split(b"\r\n")
    headers: list[tuple[bytes, bytes]] = []
    length: int | None = None
    chunked, connection = False, b""
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or name != name.strip():
            raise ValueError("malformed header")
        value = value.strip()
        lower = name.lower()
        if lower == b"content-length":
            if not value.isdigit() or (length is not None and length != int(value)):
                raise ValueError("malformed Content-Length")
            length = int(value)
        elif lower == b"transfer-encoding":
            chunked = value.lower() == b"chunked"
            if not chunked:
                raise ValueError("unsupported Transfer-Encoding")
        elif lower == b"connection":
            connection = value.lower()
        headers.append((name, value))
    if chunked and length is not None:
        raise ValueError("both Content-Length and Transfer-Encoding")
    version = first if first.startswith(b"HTTP/") else first.rpartition(b" ")[2]
    keep = b"close" not in connection and (version.startswith(b"HTTP/1.1") or b"keep-alive" in connection)
    return Head(first, headers, length, chunked, keep)


def _written(head: Head, *added: bytes) -> bytes:
    kept = [name + b": " + value for name, value in head.headers if name.lower() not in _HOP_BY_HOP]
    return b"\r\n".join([head.first, *kept, *added]) + b"\r\n\r\n"


class Front:
    """Serves one listening socket."""

    def __init__(self, route: Route, timeout: Callable[[], float]) -> None:
        self._route = route
        self._timeout = timeout

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection, request after request."""
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = parse_head(await reader.readuntil(b"\r\n\r\n"))
            method = head.first.split(b" ", 2)[0]
        except asyncio.LimitOverrunError:
            return await _say(writer, 431, "Request Header Fields Too Large")
        except ValueError:
            return await _say(writer, 400, "Bad Request")
        body: bytes | None = b""
        if head.chunked or (head.length or 0) > _REPEATABLE or head.get(b"expect"):
            body = None
        elif head.length:
            body = await reader.readexactly(head.length)
        try:
            async with asyncio.timeout(self._timeout()):
                return await self._pass_on(head, method, body, reader, writer)
        except TimeoutError:
            return await _say(
                writer, 504, "The request has been terminated because it has reached the maximum request timeout."
            )

    async def _pass_on(
        self, head: Head, method: bytes, body: bytes | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        peer = writer.get_extra_info("peername")[0].encode()
        request = _written(head, b"X-Forwarded-For: " + peer, b"X-Forwarded-Proto: http")
        for attempt in range(3):
            pool = await self._route(head.get(b"host").decode("latin-1"))
            if pool is None:
                return await _say(writer, 503, "The request failed because no instance of the service is ready.")
            try:
                connection, used = await pool.take(fresh=attempt > 0)
            except OSError:
                await asyncio.sleep(0.05 * (attempt + 1))
                continue
            reusable = False
            try:
                reusable, keep = await self._exchange(connection, request, head, method, body, reader, writer)
                return keep
            except _Broken as broken:
                # A connection that had been idle may have been closed before the request reached the instance. It is
                # sent again where doing a thing twice is as good as once (RFC 9110, 9.2.2).
                if broken.answered:
                    return False
                if not (used and broken.silent and method in _IDEMPOTENT) or body is None:
                    return await _say(
                        writer, 503, "The request failed because the connection to the instance had an error."
                    )
            finally:
                pool.give_back(connection, reusable=reusable)
        return await _say(writer, 503, "The request failed because no instance of the service is ready.")

    async def _exchange(
        self,
        connection: Connection,
        request: bytes,
        head: Head,
        method: bytes,
        body: bytes | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> tuple[bool, bool]:
        """Sends the request and passes the answer back; whether each side's connection can go on."""
        upstream, sink = connection
        sink.write(request + (body or b""))
        sending = asyncio.create_task(_copy_body(head, reader, sink)) if body is None else None
        try:
            answer = await self._head(upstream)
            while answer.first.split(b" ", 2)[1].startswith(b"1"):
                if answer.first.split(b" ", 2)[1] == b"101":
                    return await _tunnel(answer, connection, reader, writer)
                writer.write(_written(answer))
                answer = await self._head(upstream)
            keep = head.keep
            status = answer.first.split(b" ", 2)[1]
            empty = method == b"HEAD" or status in (b"204", b"304")
            delimited = empty or answer.chunked or answer.length is not None
            writer.write(_written(answer, b"Connection: keep-alive" if keep and delimited else b"Connection: close"))
            try:
                if not empty and delimited:
                    await _copy_body(answer, upstream, writer)
                elif not empty:
                    while piece := await upstream.read(_PIECE):
                        writer.write(piece)
                        await writer.drain()
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError):
                raise _Broken(answered=True) from None
            if sending and not sending.done():
                return False, False  # answered before the body was read: neither side is at a request's start
            return answer.keep and delimited, keep and delimited
        finally:
            if sending:
                sending.cancel()

    async def _head(self, upstream: asyncio.StreamReader) -> Head:
        try:
            return parse_head(await upstream.readuntil(b"\r\n\r\n"))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as problem:
            partial = isinstance(problem, asyncio.IncompleteReadError) and not problem.partial
            raise _Broken(answered=False, silent=partial or isinstance(problem, ConnectionError)) from None


async def _copy_body(head: Head, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    if not head.chunked:
        await _copy(head.length or 0, source, sink)
        return
    while True:
        line = await source.readuntil(b"\r\n")
        sink.write(line)
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break
        await _copy(size + 2, source, sink)
    while (line := await source.readuntil(b"\r\n")) != b"\r\n":
        sink.write(line)
    sink.write(b"\r\n")
    await sink.drain()


async def _copy(count: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while count:
        piece = await source.read(min(count, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", count)
        sink.write(piece)
        await sink.drain()
        count -= len(piece)


async def _tunnel(
    answer: Head, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[bool, bool]:
    """After an upgrade (a web socket) both sides talk freely."""
    upstream, sink = connection
    lines = [name + b": " + value for name, value in answer.headers]
    writer.write(b"\r\n".join([answer.first, *lines]) + b"\r\n\r\n")

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()

    tasks = [asyncio.create_task(pump(reader, sink)), asyncio.create_task(pump(upstream, writer))]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return False, False


async def _say(writer: asyncio.StreamWriter, status: int, text: str) -> bool:
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status} {text if status < 450 else 'Unavailable'}\r\nContent-Type: text/plain\r\nContent-Length:"
        f" {len(body)}"
    )
    writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()
    return False


async def listen(front: Front, port: int) -> asyncio.Server:
    """Listens on 127.0.0.1 alone. Raises OSError where the port is taken."""
    return await asyncio.start_server(front.connected, "127.0.0.1", port, limit=LARGEST_HEAD)
