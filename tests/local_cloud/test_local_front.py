"""The front keeps HTTP's rules: bodies of every kind, connections that stay or close, nothing ambiguous let through."""

import asyncio

import pytest

from infra.local.supervisor.front import Front, listen, parse_head
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


def through(sent: bytes, *answers: bytes, timeout: float = 60.0, closes: bool = False) -> tuple[bytes, Instance]:
    """Sends bytes through a front to an instance; what came back until the front closed the connection."""

    async def run() -> tuple[bytes, Instance]:
        instance = Instance(list(answers), closes)
        upstream = await asyncio.start_server(instance.connected, "127.0.0.1", 0)
        pool = Pool(upstream.sockets[0].getsockname()[1])

        async def route(host: str) -> Pool | None:
            return None if host == "nobody" else pool

        server = await listen(Front(route, lambda: timeout), 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(sent)
        async with asyncio.timeout(60.0):
            received = await reader.read()
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


@pytest.mark.parametrize(
    "sent",
    [
        request("POST", "Content-Length: 3", "Transfer-Encoding: chunked", body=b"abc"),
        request("POST", "Content-Length: 3", "Content-Length: 4", body=b"abc"),
        request("POST", "Content-Length: +3", body=b"abc"),
        request("POST", "Transfer-Encoding: gzip, chunked", body=b"abc"),
        request("GET", "No colon"),
        request("GET", "Space : 1"),
    ],
)
def test_what_two_servers_could_read_differently_is_refused(sent: bytes) -> None:
    received, instance = through(sent, OK)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert instance.seen == b""


def test_a_head_without_end_is_refused() -> None:
    received, _ = through(request("GET", "X-Long: " + "x" * 70_000))
    assert received.startswith(b"HTTP/1.1 431 ")


def test_with_no_instance_ready_the_answer_is_503() -> None:
    received, _ = through(b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 503 ")


def test_an_instance_that_says_nothing_in_time_is_a_504() -> None:
    received, _ = through(request(), b"", timeout=0.2)
    assert received.startswith(b"HTTP/1.1 504 ")


def test_an_instance_that_breaks_off_is_a_503_and_a_post_is_not_sent_twice() -> None:
    received, instance = through(request("POST", "Content-Length: 2", body=b"ab"))
    assert received.startswith(b"HTTP/1.1 503 ")
    assert instance.seen.count(b"POST") == 1


def test_heads_tell_how_long_their_connection_lives() -> None:
    assert parse_head(b"HTTP/1.1 200 OK\r\n\r\n").keep
    assert not parse_head(b"HTTP/1.0 200 OK\r\n\r\n").keep
    assert parse_head(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep
