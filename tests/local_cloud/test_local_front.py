"""The front keeps HTTP's rules: bodies of every kind, connections that stay or close, nothing ambiguous let through."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from infra.local.supervisor.front import NONE_READY, Front, Patience, Refusal, listen
from infra.local.supervisor.message import Head, parse_head
from infra.local.supervisor.upstream import Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Instance:
    """An instance that notes what reaches it, and answers with what it is given; after the last answer it waits for
    more, or closes the connection.
    """

    def __init__(self, answers: list[bytes], closes: bool) -> None:
        self.answers = answers
        self.closes = closes
        self.seen = b""
        self.connections = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while piece := await reader.read(65536):
                self.seen += piece
                if not self.answers:
                    break
                writer.write(self.answers.pop(0))
                await writer.drain()
                if self.closes and not self.answers:
                    break
        finally:
            writer.close()


def through(
    sent: bytes,
    *answers: bytes,
    timeout: float = 60.0,
    closes: bool = False,
    patience: Patience = Patience(),
    later: bytes = b"",
) -> tuple[bytes, Instance]:
    """Send bytes through a front to an instance, and `later` once a part of an answer is there; what came back until
    the front closed the connection.
    """

    async def run() -> tuple[bytes, Instance]:
        instance = Instance(list(answers), closes)
        upstream = await asyncio.start_server(instance.connected, "127.0.0.1", 0)
        pool = Pool(upstream.sockets[0].getsockname()[1])

        async def route(head: Head, before: Pool | None) -> Pool | Refusal:
            if head.get(b"host") == b"nobody":
                return Refusal(503, NONE_READY)
            pool.enter()
            return pool

        server = await listen(Front(route, lambda: timeout, patience), 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(sent)
        received = b""
        async with asyncio.timeout(60.0):
            if later:
                received = await reader.read(65_536)
                writer.write(later)
            try:
                while piece := await reader.read(65_536):
                    received += piece
            except ConnectionResetError:
                pass
        writer.close()
        pool.close()
        server.close()
        upstream.close()
        await asyncio.sleep(0)
        return received, instance

    return asyncio.run(run())


def request(method: str = "GET", *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} /path HTTP/1.1", "Host: service", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_request_arrives_with_who_sent_it_and_without_the_clients_connection_headers() -> None:
    received, instance = through(request("GET", "Connection: close", "X-Own: 1"), OK)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n") and received.endswith(b"\r\n\r\nok")
    assert b"Connection: close" in received
    assert b"GET /path HTTP/1.1\r\nHost: service\r\nX-Own: 1\r\nX-Forwarded-For: 127.0.0.1\r\n" in instance.seen
    assert b"onnection" not in instance.seen


def test_two_requests_on_one_connection_use_one_connection_behind() -> None:
    received, instance = through(request() + request("GET", "Connection: close"), OK, OK)
    assert received.count(b"200 OK") == 2
    assert instance.connections == 1


def test_a_chunked_body_passes_both_ways() -> None:
    chunks = b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    received, instance = through(
        request("POST", "Transfer-Encoding: chunked", "Connection: close", body=chunks), answer
    )
    assert instance.seen.endswith(chunks)
    assert received.endswith(chunks)


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"204 No Content"), ("GET", b"304 Not Modified")]
)
def test_an_answer_without_a_body_does_not_wait_for_one(method: str, status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n"
    received, _ = through(request(method, "Connection: close"), answer)
    assert received.startswith(b"HTTP/1.1 " + status)


def test_an_answer_that_ends_with_its_connection_is_passed_whole() -> None:
    received, _ = through(request("GET", "Connection: close"), b"HTTP/1.0 200 OK\r\n\r\nall of it", closes=True)
    assert b"200 OK" in received and received.endswith(b"all of it")


def posted(*headers: str, body: bytes = b"abc") -> bytes:
    return request("POST", *headers, body=body)


def chunked(body: bytes) -> bytes:
    return posted("Transfer-Encoding: chunked", body=body)


AMBIGUOUS = {
    "a length and chunks": posted("Content-Length: 3", "Transfer-Encoding: chunked"),
    "two lengths": posted("Content-Length: 3", "Content-Length: 4"),
    "two equal lengths": posted("Content-Length: 3", "Content-Length: 3"),
    **{
        f"the length {length!r}": posted(f"Content-Length: {length}")
        for length in ("+3", "-3", "1_0", "0x3", "3,3", "3.0", "", "1 2", "\xb2", "9" * 30)
    },
    **{
        f"the coding {coding!r}": posted(f"Transfer-Encoding: {coding}")
        for coding in ("gzip, chunked", "chunked, gzip", "xchunked", "identity", "\x0bchunked", "")
    },
    "chunks twice": posted("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "chunks in HTTP/1.0": chunked(b"3\r\nabc\r\n0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "no colon": request("GET", "No colon"),
    "a space before the colon": request("GET", "Space : 1"),
    "a space in a name": request("GET", "Sp ace: 1"),
    "a folded line": request("GET", "A: b\r\n c: d"),
    "a bare line feed": request("GET", "A: b\nC: d"),
    "a bare carriage return": request("GET", "A: b\rC: d"),
    "NUL": request("GET", "A: b\0c"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": request("GET", "Host: other"),
    "a host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "no version": b"GET /\r\nHost: service\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: service\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: service\r\n\r\n",
    "a space in the path": b"GET /a b HTTP/1.1\r\nHost: service\r\n\r\n",
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_two_servers_could_read_differently_is_refused(what: str) -> None:
    received, instance = through(AMBIGUOUS[what], OK)
    assert received.startswith(b"HTTP/1.1 400 ") and received.count(b"HTTP/1.1 ") == 1
    assert instance.seen == b""


@pytest.mark.parametrize(
    "body",
    [
        *(
            size + b"\r\n" + b"x" * 16
            for size in (b"1_0", b"+10", b" 10", b"0x10", b"-1", b"", b"g", b"\xb2", b"1" * 17)
        ),
        b"3\nabc\r\n0\r\n\r\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\n0\n\r\n",
        b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 101,
    ],
)
def test_a_chunk_that_is_none_is_refused_and_the_instance_sees_no_end_of_the_body(body: bytes) -> None:
    received, instance = through(chunked(body))
    assert received.startswith(b"HTTP/1.1 400 ") and received.count(b"HTTP/1.1 ") == 1
    assert not instance.seen.endswith(b"0\r\n\r\n")


def test_chunks_are_framed_anew_without_extensions_and_trailers() -> None:
    sent = b"003;a=b\r\nabc\r\n0;c\r\nX-API-Key: late\r\n\r\n"
    _, instance = through(chunked(sent) + request("GET", "Connection: close"), OK, OK)
    assert b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n" in instance.seen and b"late" not in instance.seen


def test_a_head_without_end_is_refused() -> None:
    received, _ = through(request("GET", "X-Long: " + "x" * 70_000))
    assert received.startswith(b"HTTP/1.1 431 ")


def test_with_no_instance_ready_the_answer_is_503() -> None:
    received, _ = through(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 503 ")


def test_an_instance_that_says_nothing_in_time_is_a_504() -> None:
    received, _ = through(request(), b"", timeout=0.2)
    assert received.startswith(b"HTTP/1.1 504 ")


STARTED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.mark.parametrize(
    "started", [STARTED, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 200 OK\r\n\r\nabc"]
)
def test_a_time_out_never_writes_into_an_answer_that_has_begun(started: bytes) -> None:
    received, _ = through(request(), started, timeout=0.3)
    assert received.count(b"HTTP/1.1 ") == 1 and received.endswith(b"abc") or received.endswith(b"abc\r\n")
    assert b"504" not in received


@pytest.mark.parametrize("broken", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\n", STARTED + b"x"])
def test_an_instance_that_breaks_off_never_gets_a_second_answer_written(broken: bytes) -> None:
    received, _ = through(request(), broken, closes=True)
    assert received.count(b"HTTP/1.1 ") == 1 and b"503" not in received


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"220 ESMTP\r\n\r\n", b"\0\r\n\r\n"]
)
def test_an_instance_that_does_not_speak_http_is_a_503(answer: bytes) -> None:
    received, _ = through(request(), answer)
    assert received.startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize(
    "half",
    [b"G", b"GET / HT", b"GET / HTTP/1.1\r\nHost: service\r\nX-A: ", posted("Content-Length: 3", body=b"a"), b"\r\n"],
)
def test_a_half_sent_request_is_not_kept_for_ever(half: bytes) -> None:
    received, instance = through(half, OK, timeout=0.2)
    assert received.startswith(b"HTTP/1.1 408 ") and received.count(b"HTTP/1.1 ") == 1
    assert instance.seen == b""


def test_a_head_that_drips_has_one_time_for_the_whole() -> None:
    async def run() -> bytes:
        async def route(head: Head, before: Pool | None) -> Pool | Refusal:
            return Refusal(503, NONE_READY)

        server = await listen(Front(route, lambda: 60.0, Patience(head=0.3)), 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])

        async def drip() -> None:
            writer.write(b"GET / HTTP/1.1\r\nX: ")
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(60.0):
            received = await reader.read()
        dripping.cancel()
        writer.close()
        server.close()
        return received

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_half_way_is_a_504_where_it_was_passed_on_while_it_came() -> None:
    received, instance = through(chunked(b"3\r\nab"), b"", b"", timeout=0.2)
    assert received.startswith(b"HTTP/1.1 504 ")
    assert instance.seen.endswith(b"ab")


def test_a_connection_that_asks_for_nothing_more_is_closed_without_a_word() -> None:
    received, _ = through(request(), OK, patience=Patience(idle=0.2))
    assert received.count(b"HTTP/1.1 ") == 1 and received.endswith(b"ok")
    assert through(b"", patience=Patience(idle=0.2))[0] == b""


def test_there_are_only_so_many_connections() -> None:
    async def run() -> tuple[bytes, bytes]:
        async def route(head: Head, before: Pool | None) -> Pool | Refusal:
            return Refusal(503, NONE_READY)

        server = await listen(Front(route, lambda: 60.0, most_connections=1), 0)
        address = server.sockets[0].getsockname()[:2]
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"G")
        refused, other = await asyncio.open_connection(*address)
        received = await refused.read()
        other.close()
        writer.write(b"ET / HTTP/1.1\r\nHost: service\r\n\r\n")
        first = await reader.read()
        writer.close()
        server.close()
        return received, first

    received, first = asyncio.run(run())
    assert b"too many connections" in received and b"no instance" in first


def test_the_body_of_a_request_may_come_while_its_answer_does() -> None:
    received, instance = through(chunked(b"3\r\nabc\r\n"), STARTED, later=b"0\r\n\r\n")
    assert received.endswith(b"3\r\nabc\r\n") and instance.seen.endswith(b"3\r\nabc\r\n0\r\n\r\n")


def test_an_instance_that_breaks_off_is_a_503_and_a_post_is_not_sent_twice() -> None:
    received, instance = through(request("POST", "Content-Length: 2", body=b"ab"))
    assert received.startswith(b"HTTP/1.1 503 ")
    assert instance.seen.count(b"POST") == 1


def test_heads_tell_how_long_their_connection_lives() -> None:
    assert parse_head(b"HTTP/1.1 200 OK\r\n\r\n").keep
    assert not parse_head(b"HTTP/1.0 200 OK\r\n\r\n").keep
    assert parse_head(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep


def streamed(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    instance: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    """A client that talks through a front to an instance."""

    async def run() -> None:
        upstream = await asyncio.start_server(instance, "127.0.0.1", 0)
        pool = Pool(upstream.sockets[0].getsockname()[1])

        async def route(head: Head, before: Pool | None) -> Pool | Refusal:
            pool.enter()
            return pool

        server = await listen(Front(route, lambda: 60.0), 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        async with asyncio.timeout(60.0):
            await talk(reader, writer)
            writer.close()
            await pool.idle(60.0)
        assert pool.active == 0
        pool.close()
        server.close()
        upstream.close()

    asyncio.run(run())


def test_an_event_arrives_before_the_next_one_is_made_and_a_part_of_a_body_before_the_rest_is_sent() -> None:
    async def instance(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (size := int(await reader.readuntil(b"\r\n"), 16)) and (piece := await reader.readexactly(size + 2)):
            event = b"data: %s\n\n" % piece[:-2]
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(posted("Transfer-Encoding: chunked", "Connection: close", body=b""))
        for number in range(20):
            word = b"%d" % number
            writer.write(b"%x\r\n%s\r\n" % (len(word), word))
            received = await reader.readuntil(b"data: %s\n\n" % word)
            assert number or received.startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(b"0\r\n\r\n")
        assert (await reader.read()).endswith(b"0\r\n\r\n")

    streamed(talk, instance)


MUCH, PIECE = 64 * 1024 * 1024, b"x" * 65_536


async def blocked(writer: asyncio.StreamWriter) -> bool:
    """Send pieces until the other side takes no more, or all of them are sent; whether it was the first."""
    for _ in range(MUCH // len(PIECE)):
        writer.write(PIECE)
        drained = asyncio.create_task(writer.drain())
        if not (await asyncio.wait({drained}, timeout=1.0))[0]:
            drained.cancel()
            return True
        drained.result()
    return False


def test_an_instance_waits_for_a_client_that_does_not_read_and_is_told_when_that_goes() -> None:
    full: asyncio.Queue[bool] = asyncio.Queue()

    async def instance(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * MUCH))
        await full.put(await blocked(writer))
        with suppress(ConnectionError):
            while True:
                writer.write(PIECE)
                await writer.drain()
        await full.put(True)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(request())
        assert await full.get()
        writer.transport.abort()
        assert await full.get()

    streamed(talk, instance)


def test_a_client_waits_for_an_instance_that_does_not_read() -> None:
    async def instance(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await gone.wait()
        writer.close()

    gone = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(posted(f"Content-Length: {MUCH}", body=b""))
        assert await blocked(writer)
        gone.set()
        writer.transport.abort()

    streamed(talk, instance)
