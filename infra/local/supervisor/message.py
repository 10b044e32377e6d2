"""HTTP/1 messages as the front reads them (RFC 9112): nothing that the front and an instance could read in two ways."""

import asyncio
import re
from dataclasses import dataclass

_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"}
_REQUEST = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+ [^\x00-\x20\x7f]+ HTTP/1\.[01]")
_ANSWER = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_FIELD = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]+):([^\x00-\x08\x0a-\x1f\x7f]*)")
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+;=%:\[\]-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_PIECE = 64 * 1024
_MOST_TRAILERS = 100


class Malformed(ValueError):
    """What is not HTTP/1, or could be read in two ways."""


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

    def cookie(self, name: bytes) -> bytes:
        """A cookie's value; nothing where there is none."""
        pairs = (pair.strip().partition(b"=") for pair in self.get(b"cookie").split(b";"))
        return next((value for key, _, value in pairs if key == name), b"")

    @property
    def method(self) -> bytes:
        """A request's method."""
        return self.first.split(b" ", 1)[0]

    @property
    def target(self) -> str:
        """A request's path with its query."""
        return self.first.split(b" ", 2)[1].decode("latin-1")

    @property
    def path(self) -> str:
        """A request's path, without its query."""
        return self.target.partition("?")[0]

    @property
    def status(self) -> bytes:
        """An answer's status."""
        return self.first.split(b" ", 2)[1]

    def written(self, *added: bytes) -> bytes:
        """The head for the other side, without what belongs to this connection."""
        kept = [name + b": " + value for name, value in self.headers if name.lower() not in _HOP_BY_HOP]
        return b"\r\n".join([self.first, *kept, *added]) + b"\r\n\r\n"


def parse_head(data: bytes) -> Head:
    """The head of a request or of an answer. Raises `Malformed`."""
    first, *lines = data[:-4].split(b"\r\n")
    request = not first.startswith(b"HTTP/")
    if not (_REQUEST if request else _ANSWER).fullmatch(first):
        raise Malformed("malformed first line")
    newest = (first.rpartition(b" ")[2] if request else first).startswith(b"HTTP/1.1")
    headers = [_field(line) for line in lines]

    def the_one(name: bytes) -> bytes | None:
        values = [value for key, value in headers if key.lower() == name]
        if len(values) > 1:
            raise Malformed(f"{name.decode()} twice")
        return values[0] if values else None

    length, coding = the_one(b"content-length"), the_one(b"transfer-encoding")
    if length is not None and (coding is not None or not _LENGTH.fullmatch(length)):
        raise Malformed("malformed Content-Length, or one beside a Transfer-Encoding")
    if coding is not None and (coding.lower() != b"chunked" or not newest):
        raise Malformed("unsupported Transfer-Encoding")
    if request:
        host = the_one(b"host")
        if not (_HOST.fullmatch(host) if host is not None else not newest):
            raise Malformed("no host, or none that is one")  # HTTP/1.0 may come without
    said = b",".join(value.lower() for key, value in headers if key.lower() == b"connection")
    keep = b"close" not in said and (newest or b"keep-alive" in said)
    return Head(first, headers, None if length is None else int(length), coding is not None, keep)


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise Malformed("malformed header")
    return match[1], match[2].strip(b" \t")


async def copy_body(head: Head, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass a body on, its chunks framed again. Raises `Malformed`, and what reading and writing raise."""
    if not head.chunked:
        await _copy(head.length or 0, source, sink)
        return
    while size := await _chunk_size(source):
        sink.write(b"%x\r\n" % size)
        await _copy(size, source, sink)
        if await source.readexactly(2) != b"\r\n":
            raise Malformed("a chunk that does not end where it says")
        sink.write(b"\r\n")
    for _ in range(_MOST_TRAILERS):
        if await _line(source) == b"\r\n":
            sink.write(b"0\r\n\r\n")  # nobody here has a use for trailers
            await sink.drain()
            return
    raise Malformed("too many trailers")


async def _chunk_size(source: asyncio.StreamReader) -> int:
    match = _CHUNK.fullmatch(await _line(source))
    if match is None:
        raise Malformed("malformed chunk size")
    return int(match[1], 16)


async def _line(source: asyncio.StreamReader) -> bytes:
    try:
        return await source.readuntil(b"\r\n")
    except asyncio.LimitOverrunError:
        raise Malformed("a line without end") from None


async def _copy(count: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while count:
        piece = await source.read(min(count, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", count)
        sink.write(piece)
        await sink.drain()
        count -= len(piece)


async def copy_to_end(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass on all that comes until the other side closes."""
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()
