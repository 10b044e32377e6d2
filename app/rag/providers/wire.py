"""The wire to a provider. What comes over it is bounded before anything reads it: how many bytes and lines, how many
at a time, and in which form. How long it may take is bounded by who asks (app/rag/asking.py).
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from functools import cache
from typing import Any

import httpcore
import httpx

from app.rag.providers.provider import OTHER_FORM, TOO_MUCH, ProviderError

MOST_BYTES = 512 * 1024
"""Of one answer, with its heads and frames: a chunk of a streamed answer has about a hundred bytes, and each of the 600
tokens that are asked for comes in one.
"""
MOST_LINES = 8_192
"""Of one answer: an event, a chunk and a header have one or two. What is done for each of them takes longer than what
is done for its bytes.
"""
PIECE = 1_024
"""Bytes between two turns of other requests: parsed in some milliseconds, whatever they are."""
LONGEST_LINE = 65_536
UTF_8 = frozenset({None, "utf-8", "utf8", "us-ascii", "ascii"})


@cache
def _trusting() -> ssl.SSLContext:
    """Made once a process: to read the certificate authorities takes longer than to ask."""
    return httpx.create_ssl_context(trust_env=False)


class _Stream(httpcore.AsyncNetworkStream):
    """Counts what was read since the last request was written."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._bytes = self._lines = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(min(max_bytes, PIECE), timeout)
        self._bytes += len(data)
        self._lines += data.count(b"\n")
        if self._bytes > MOST_BYTES or self._lines > MOST_LINES:
            raise ProviderError(TOO_MUCH, retry=False)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._bytes = self._lines = 0
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *arguments: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._stream.start_tls(*arguments, **named))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.AnyIOBackend):
    async def connect_tcp(self, *arguments: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await super().connect_tcp(*arguments, **named))


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, on a network that counts. It takes no answer that is compressed or in another charset than UTF-8,
    which is what server-sent events are in (https://html.spec.whatwg.org/#parsing-an-event-stream).
    """

    def __init__(self) -> None:
        self._pool = httpcore.AsyncConnectionPool(ssl_context=_trusting(), network_backend=_Network())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        coding = response.headers.get("Content-Encoding", "identity").lower()
        if coding != "identity" or response.charset_encoding not in UTF_8:
            await response.aclose()
            raise ProviderError(OTHER_FORM, retry=False)
        return response


def client(timeout_seconds: float, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    """A client that can't be hurt by what a server sends. Its answers raise `ProviderError` where they are too long or
    of another form.

    It uses no proxy of the environment and follows no redirect: key and question go to the configured server only.
    """
    return httpx.AsyncClient(
        transport=_Transport(), headers=headers, timeout=timeout_seconds, trust_env=False, follow_redirects=False
    )


async def lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a body, without their ends. Raises `ProviderError` where one is longer than `LONGEST_LINE`."""
    rest = bytearray()
    async for piece in pieces:
        whole: Iterable[bytes]
        if b"\n" in piece:
            *whole, tail = bytes(rest + piece).split(b"\n")
            rest = bytearray(tail)
            for line in whole:
                yield line.removesuffix(b"\r")
        else:
            rest += piece
        if len(rest) > LONGEST_LINE:
            raise ProviderError(TOO_MUCH, retry=False)
    if rest:
        yield bytes(rest)
