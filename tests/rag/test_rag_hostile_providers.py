"""A provider's server that means harm, or has gone mad: the question gets the local answer, in time and in little
memory, and no word of what the server sent gets into the answer or the log.
"""

import asyncio
import dataclasses
import io
import json
import logging
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from app.logs import LogWriter, StandardLogging
from app.metrics import Metrics
from app.rag.answering import Answer, Answering
from app.rag.providers import PROVIDERS
from app.rag.providers.provider import OTHER_FORM, TOO_LONG, TOO_MUCH
from app.rag.recording import recorder
from app.rag.settings import RagSettings
from orderguard.retrieval import Search
from tests.rag.fake_servers import RESET, BytesServer, FakeServer, OpenAiDialect, Reply, VertexDialect, serving

DIALECTS: dict[str, type[OpenAiDialect] | type[VertexDialect]] = {"openai": OpenAiDialect, "vertex": VertexDialect}
QUESTION = "How long may an order be on hold?"
HOLD = "A hold lasts at most 24 hours, and 48 hours when the customer was asked a question."
CANARY = "canary4711"
KEY = f"sk-{CANARY}-key"
MOST_MEMORY = 8 * 2**20
"""Bytes: the half a mebibyte that is read, a few times over."""

Dialect = type[OpenAiDialect] | type[VertexDialect]
Bytes = Callable[[Dialect], Iterable[bytes]]


def head(*lines: str, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", *lines, "", ""]).encode("latin-1")


def endless(start: bytes, again: bytes) -> Bytes:
    """A start, and then the same for ever, in pieces of some size."""
    return lambda dialect: chain([start], repeat(again * max(1, 65_536 // len(again))))


def answer_of(*pieces: bytes) -> Bytes:
    """A well-formed answer's head, these bytes, and the end of the connection."""
    return lambda dialect: (head(), *pieces)


def well_said(dialect: Dialect, before_the_mark: str = "", end: bytes | None = None) -> bytes:
    """A whole answer, which the guard lets pass."""
    pieces = (dialect.piece(f"{HOLD[:-1]}{before_the_mark} [{number}].\n") for number in range(1, 6))
    return b"".join(pieces) + (dialect.end if end is None else end)


def compressed(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return packer.compress(data) + packer.flush()


ZEROS = bytes(2**20)


def bomb() -> Iterator[bytes]:
    """Gzip that becomes a thousand times as much, without end."""
    packer = zlib.compressobj(9, wbits=31)
    yield packer.compress(b"data: ")
    while True:
        yield packer.compress(ZEROS) + packer.flush(zlib.Z_SYNC_FLUSH)


def event(content: Any) -> Bytes:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return answer_of(b"data: " + data + b"\n\n")


CHUNKED = head("Transfer-Encoding: chunked")
ENDLESS: dict[str, Bytes] = {
    "line": endless(head(), b"x"),
    "line of an event": endless(head() + b"data: ", b"x"),
    "string": endless(head() + b'data: {"choices": [{"delta": {"content": "', b"x"),
    "spaces": endless(head() + b"data: ", b" "),
    "empty events": endless(head(), b"\n\n"),
    "empty data": endless(head(), b"data:\n\n"),
    "data of nothing": endless(head(), b"data: {}\n\n"),
    "comments": endless(head(), b": still thinking\n\n"),
    "braces": endless(head(), b"{\n"),
    "header": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "status line": endless(b"HTTP/1.1 200 ", b"x"),
    "informational answers": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "empty lines before the answer": endless(b"", b"\r\n"),
    "chunks of a byte": endless(CHUNKED, b"1\r\nx\r\n"),
    "chunk size": endless(CHUNKED, b"0"),
    "chunk extension": endless(CHUNKED + b"1;", b"x"),
    "trailers": endless(CHUNKED + b"0\r\n", b"X: y\r\n"),
    "refusal": endless(head(status="400 Bad Request", kind="application/json") + b'{"error": "', b"x"),
    "refusal of brackets": endless(head(status="400 Bad Request", kind="application/json"), b"["),
    "gzip": lambda dialect: chain([head("Content-Encoding: gzip")], bomb()),
    "gzip of a refusal": lambda dialect: chain([head("Content-Encoding: gzip", status="429 Slow")], bomb()),
}


WRONG: dict[str, Bytes] = {
    "100,000 brackets": event(b"[" * 100_000),
    "100,000 brackets that close": event(b"[" * 100_000 + b"]" * 100_000),
    "brackets in what is not read": event(b'{"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "brackets in an error": event(b'{"error": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "braces": event(b'{"error": ' * 5_000),
    "brackets in place of events": answer_of(b"[" * 100_000),
    "not JSON": event(b"{not json}"),
    "nothing": answer_of(),
    "no object": event(7),
    "null": event(None),
    "a list": event([]),
    "choices of another type": event({"choices": {"a": 1}, "candidates": {"a": 1}}),
    "a choice of another type": event({"choices": [CANARY], "candidates": [CANARY]}),
    "content of another type": event({"choices": [{"delta": {"content": [1]}}], "candidates": [{"content": [1]}]}),
    "text of another type": event(
        {"choices": [{"delta": {"content": {}}}], "candidates": [{"content": {"parts": [{"text": {}}]}}]}
    ),
    "a number that is too large": event(b'{"choices": [{"delta": {"content": 1e999}}], "candidates": 1e999}'),
    "digits without end": event(b'{"choices": ' + b"9" * 60_000 + b"}"),
    "bytes that are not UTF-8": event(b'{"choices": [{"delta": {"content": "\xff\xfe"}}]}'),
    "an error": event({"error": {"message": CANARY, "code": 503}}),
    "an error whose code is a word": event({"error": {"message": CANARY, "code": CANARY}}),
    "an error whose code is a list": event({"error": {"message": CANARY, "code": [CANARY]}}),
    "an error whose code is a card number": event({"error": {"message": CANARY, "code": 4111111111111111}}),
    "an error that is a word": event({"error": CANARY}),
    "not HTTP": lambda dialect: [b"220 mail.canary4711.example ESMTP\r\n"],
    "HTTP/2": lambda dialect: [b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64"],
    "a status that is none": lambda dialect: [b"HTTP/1.1 4711 canary4711\r\n\r\n"],
    "a switch of protocols": lambda dialect: [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"data: {}\n"],
    "no answer": lambda dialect: [],
    "a reset": lambda dialect: [RESET],
    "a reset in the head": lambda dialect: [b"HTTP/1.1 200 OK\r\nX: canary4711", RESET],
    "a reset in the stream": lambda dialect: [head(), b"data: {", RESET],
    "a content length that is too long": lambda dialect: [head("Content-Length: 5000"), b"data: {}\n\n"],
    "a content length that is too short": lambda dialect: [head("Content-Length: 20"), well_said(dialect)],
    "two content lengths": lambda dialect: [head("Content-Length: 7", "Content-Length: 8"), b"data: {}\n"],
    "a content length of no digits": lambda dialect: [head("Content-Length: 1_0"), b"data: {}\n\n"],
    "a chunk size of no digits": lambda dialect: [CHUNKED, b"1_0\r\ndata: {}\n"],
    "a chunk size below zero": lambda dialect: [CHUNKED, b"-5\r\ndata: {}\n"],
    "a huge chunk": lambda dialect: [CHUNKED, b"ffffffffffffffff\r\ndata: {}\n"],
    **{
        f"the charset {charset}": (lambda line: lambda dialect: [head(kind=line), well_said(dialect)])(
            f"text/event-stream; charset={charset}"
        )
        for charset in ("rot13", "utf-16", "utf-7", "zlib_codec", "base64", "idna", "unicode_escape", CANARY)
    },
    **{
        f"the coding {coding}": (
            lambda line, wbits: lambda dialect: [head(line), compressed(well_said(dialect), wbits)]
        )(f"Content-Encoding: {coding}", wbits)
        for coding, wbits in (("gzip", 31), ("deflate", 15), ("gzip, gzip", 31), ("br", 31), (CANARY, 31))
    },
}


class Asking:
    """One provider of a dialect, asked again and again about what a server of bytes sends it, on one event loop."""

    def __init__(self, dialect: str, server: BytesServer, search: Search, runner: asyncio.Runner) -> None:
        self.name = dialect
        self.dialect = DIALECTS[dialect]
        self._server = server
        self._search = search
        self._runner = runner
        self._settings = RagSettings(
            provider=dialect,  # type: ignore[arg-type]
            model="model-of-test",
            base_url=f"{server.url}/v1" if dialect == "openai" else server.url,
            api_key=KEY,
            project="project-of-test",
            location="europe-west1",
            timeout_seconds=60.0,
            attempts=1,
        )
        self._provider = PROVIDERS[dialect](self._settings)

    def answer(self, sent: Iterable[bytes], timeout: float = 60.0) -> tuple[Answer, str]:
        """The answer to the question, and all that was logged meanwhile, by libraries too."""
        self._server.answer = lambda: sent
        stream = io.BytesIO()
        logs = LogWriter("DEBUG", stream)
        root, handler = logging.getLogger(), StandardLogging(logs)
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            settings = dataclasses.replace(self._settings, timeout_seconds=timeout)
            answering = Answering(settings, self._provider, recorder(Metrics(), logs))
            answer = self._runner.run(answering.answer(self._search, QUESTION, None))
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        logs.flush()
        return answer, stream.getvalue().decode()


@pytest.fixture(scope="module", params=list(DIALECTS))
def asking(request: pytest.FixtureRequest, search: Search) -> Iterator[Asking]:
    server = BytesServer()
    try:
        with asyncio.Runner() as runner:
            asking = Asking(request.param, server, search, runner)
            asking.answer([head(), well_said(asking.dialect)])  # makes what is kept from then on
            yield asking
    finally:
        server.close()


def stood_in(answer: Answer, log: str) -> bool:
    """Whether the local answer stood in, and nothing of the server's is in answer or log."""
    whole = f"{answer}{log}"
    return answer.provider == "local" and HOLD in answer.answer and bool(answer.fallback) and CANARY not in whole


THROUGH_VERTEX_S_CLIENT = ("line", "braces", "refusal of brackets", "gzip of a refusal", "trailers")
"""What that client reads by itself. The rest both providers leave to the same transport."""


@pytest.mark.parametrize(
    ("asking", "what"),
    [*(("openai", what) for what in ENDLESS), *(("vertex", what) for what in THROUGH_VERTEX_S_CLIENT)],
    indirect=["asking"],
)
def test_what_never_ends_is_given_up_in_little_memory(asking: Asking, what: str) -> None:
    tracemalloc.start()
    try:
        answer, log = asking.answer(ENDLESS[what](asking.dialect))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stood_in(answer, log), answer
    assert answer.fallback != TOO_LONG
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_answer_of_the_api_is_replaced(asking: Asking, what: str) -> None:
    answer, log = asking.answer(WRONG[what](asking.dialect))
    assert stood_in(answer, log), answer


def dripping(piece: bytes) -> Iterator[bytes]:
    """The same for ever, each long before the time between two would be over."""
    pause = threading.Event()
    while not pause.wait(0.02):
        yield piece


DRIPS: dict[str, Bytes] = {
    "nothing": lambda dialect: dripping(b""),
    "a head": lambda dialect: chain([b"HTTP/1.1 200 OK\r\nX: "], dripping(b"x")),
    "informational answers": lambda dialect: dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": lambda dialect: chain([head()], dripping(b"d")),
    "comments": lambda dialect: chain([head()], dripping(b": thinking\n\n")),
    "unsupported text": lambda dialect: chain([head()], dripping(dialect.piece("hm "))),
    "chunks": lambda dialect: chain([CHUNKED], dripping(b"1\r\nx\r\n")),
    "a refusal": lambda dialect: chain([head(status="503 Busy")], dripping(b"x")),
}


@pytest.mark.parametrize("what", DRIPS)
def test_what_drips_is_given_up_when_the_time_is_over(asking: Asking, what: str) -> None:
    answer, log = asking.answer(DRIPS[what](asking.dialect), timeout=0.3)
    assert stood_in(answer, log), answer
    # Vertex's client knows no comments; of a refusal, the status alone is waited for.
    sooner = {"comments": OTHER_FORM, "a refusal": "it answered 503"}.get(what)
    assert answer.fallback in (TOO_LONG, sooner)


WAITS = ["\xb2", "1\xb2", "9" * 400, "1e9", "-1", "nan", "inf", "0x1", "1_0", "Fri, 31 Dec 9999 23:59:59 GMT", CANARY]


@pytest.mark.parametrize("wait", WAITS)
def test_no_wait_that_is_asked_for_can_hurt(asking: Asking, wait: str) -> None:
    answer, log = asking.answer([head(f"Retry-After: {wait}", "Content-Length: 0", status="429 Slow down")])
    assert stood_in(answer, log) and answer.fallback == "it answered 429"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_nobody_is_sent_elsewhere(asking: Asking, status: int, scheme: str) -> None:
    """The key and the question go to the configured server alone."""
    with serving(FakeServer(asking.dialect, [Reply(("UNKNOWN",))])) as elsewhere:
        address = f"{elsewhere.url}/v1" if scheme == "http" else "file:///etc/hostname"
        moved = head(f"Location: {address}", "Content-Length: 0", status=f"{status} Moved")
        answer, log = asking.answer([moved])
    assert stood_in(answer, log) and elsewhere.requests == []


@pytest.mark.parametrize("text", ["\ud800", "\udcff", "[\udfff]"])
def test_text_that_cannot_be_written_is_replaced(asking: Asking, text: str) -> None:
    answer, log = asking.answer([head(), asking.dialect.piece(f"{HOLD[:-1]} {text} [1].\n"), asking.dialect.end])
    assert stood_in(answer, log), answer


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\ue000"])
def test_characters_that_nobody_sees_do_not_get_out(asking: Asking, character: str) -> None:
    answer, log = asking.answer([head(), well_said(asking.dialect, character), asking.dialect.end])
    assert HOLD[:-1] in answer.answer and character not in f"{answer.answer}{log}"


def test_an_answer_without_end_is_cut_off_and_what_was_supported_is_kept(asking: Asking) -> None:
    spoken = asking.dialect.piece("and so on " * 20)
    answer, log = asking.answer(chain([head(), well_said(asking.dialect, end=b"")], repeat(spoken)))
    assert answer.provider == asking.name and answer.interrupted and answer.fallback == TOO_MUCH
    assert answer.answer.startswith(HOLD[:-1]) and "and so on" not in f"{answer}{log}"


@pytest.mark.parametrize(
    "kind", ["text/event-stream", 'text/event-stream; charset="UTF-8"', "text/event-stream;charset=us-ascii"]
)
def test_an_answer_in_a_spelling_of_utf_8_is_read(asking: Asking, kind: str) -> None:
    answer, _ = asking.answer([head(kind=kind), well_said(asking.dialect)])
    assert answer.provider == asking.name and answer.fallback is None


def test_an_answer_in_pieces_of_a_byte_is_read(asking: Asking) -> None:
    whole = head() + well_said(asking.dialect)
    answer, _ = asking.answer(whole[place : place + 1] for place in range(len(whole)))
    assert answer.provider == asking.name and answer.fallback is None
