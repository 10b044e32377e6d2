"""What the head of a request has to be, over sockets: the table of what is read, what is refused, with which status.

Behind each request another one follows on the same connection. So an answer that no request asked for, or a request
that another's body brought, would be seen.
"""

import json
import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.head import check_head
from app.exchange import Exchange
from app.problems import Problem
from tests.serving import API_KEY, USUAL, WAIT_SECONDS, Service, serving

HOST, KEY, JSON = "Host: x", f"X-API-Key: {API_KEY}", "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
BODY = json.dumps(USUAL).encode()
LENGTH = f"Content-Length: {len(BODY)}"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("edge") / "log", LOG_LEVEL="WARNING") as running:
        yield running
        assert [line for line in running.log_lines() if line["severity"] == "ERROR"] == []


def head(start: str, *lines: str) -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


def post(*lines: str, body: bytes = BODY, version: str = "1.1") -> bytes:
    """An order that is sent with these header lines."""
    return head(f"POST /v1/score HTTP/{version}", *lines) + body


def get(*lines: str, target: str = "/healthz", version: str = " HTTP/1.1") -> bytes:
    return head(f"GET {target}{version}", *lines)


def chunks(size: bytes = b"%x" % len(BODY), end: bytes = b"\r\n", trailers: bytes = b"") -> bytes:
    return size + b"\r\n" + BODY + end + b"0\r\n" + trailers + b"\r\n"


def coded(*lines: str, body: bytes = chunks()) -> bytes:
    """An order that is sent in chunks."""
    return post(HOST, KEY, JSON, CHUNKED, *lines, body=body)


def trailer(line: str) -> bytes:
    return chunks(trailers=line.encode() + b"\r\n")


def statuses(service: Service, sent: bytes) -> list[int]:
    """The status of every answer that comes until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=WAIT_SECONDS) as client:
        client.sendall(sent + LAST)
        received = b""
        while part := client.recv(65_536):
            received += part
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", received)]


READ = {
    "a length": post(HOST, KEY, JSON, LENGTH),
    "chunks": coded(),
    "chunks with a trailer": coded(body=trailer("X-Checksum: 1")),
    "chunks with an extension": coded(body=chunks(b"%x;a=b" % len(BODY))),
    "a host and a port": post("Host: orders.example:8080", KEY, JSON, LENGTH),
    "an IPv6 host": post("Host: [2001:db8::1]:8080", KEY, JSON, LENGTH),
    "a host in capitals with an underscore": post("HOST: Orders_1.Example", KEY, JSON, LENGTH),
    "an address with a host": get(HOST, target="http://y/healthz"),
    "no host in HTTP/1.0, as load balancers ask": get("Connection: keep-alive", version=" HTTP/1.0"),
    "empty lines before the request": b"\r\n\r\n" + get(HOST),
}
REFUSED = {
    # Who it is for.
    "no host": get(),
    "no host, with an order": post(KEY, JSON, LENGTH),
    "no host, with an address that has one": get(target="http://x/healthz"),
    "two hosts": get(HOST, HOST),
    "two hosts, with an order": post(HOST, "host: y", KEY, JSON, LENGTH),
    "two hosts in HTTP/1.0": get(HOST, HOST, version=" HTTP/1.0"),
    "a host in a trailer": post(KEY, JSON, CHUNKED, body=trailer(HOST)),
    **{
        f"the host {host!r}": get(f"Host: {host}")
        for host in (
            "",
            "a b",
            "a, b",
            "u@a",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "\xc3\xa9",
            "a:b",
            "a:1:2",
            "[::1",
            "%zz",
            "<a>",
        )
    },
    "the host with an order": post("Host: a b", KEY, JSON, LENGTH),
    # What is said twice.
    "two keys": post(HOST, KEY, "X-API-Key: another", JSON, LENGTH),
    "two keys, the right one last": post(HOST, "X-API-Key: another", KEY, JSON, LENGTH),
    "two media types": post(HOST, KEY, JSON, "Content-Type: text/plain", LENGTH),
    "two codings of the content": post(HOST, KEY, JSON, "Content-Encoding: identity", "Content-Encoding: gzip", LENGTH),
    "two authorizations": get(HOST, "Authorization: Basic eA==", "Authorization: Bearer x"),
    # Where the body ends.
    "two equal lengths": post(HOST, KEY, JSON, LENGTH, LENGTH),
    "two lengths": post(HOST, KEY, JSON, LENGTH, "Content-Length: 3"),
    **{
        f"the length {length!r}": post(HOST, KEY, JSON, f"Content-Length: {length}")
        for length in ("2, 2", "+2", "-2", "0x2", "1_0", "", "1 2", "\xb2", "2.0", "9" * 30)
    },
    "a length and chunks": post(HOST, KEY, JSON, LENGTH, CHUNKED, body=chunks()),
    "chunks and a length": coded(LENGTH),
    "chunks and a length in a trailer": coded(body=trailer("Content-Length: 5")),
    "chunks twice": coded(CHUNKED),
    **{
        f"the coding {coding!r}": post(HOST, KEY, JSON, f"Transfer-Encoding: {coding}", body=chunks())
        for coding in ("gzip, chunked", "chunked, gzip", "xchunked", "identity", "\x0bchunked", "chunked;q=1", "")
    },
    "chunks in HTTP/1.0": post(HOST, KEY, JSON, CHUNKED, body=chunks(), version="1.0"),
    **{
        f"the chunk size {size!r}": coded(body=chunks(size))
        for size in (b"1_0", b"0x1", b"+1", b"-1", b" 1", b"1 ", b"", b"g", b"\xb2", b"f" * 17, b"1;a\nb")
    },
    "a chunk that ends in a bare line feed": coded(body=chunks(end=b"\n")),
    "a chunk that is longer than it says": coded(body=chunks(end=b"x\r\n")),
    "a chunk size that ends in a bare line feed": coded(body=chunks().replace(b"\r\n", b"\n", 1)),
    "a last chunk that ends in a bare line feed": coded(body=chunks().replace(b"0\r\n", b"0\n")),
    # What a line is.
    "a folded line": post(HOST, KEY, JSON, "X-A: b\r\n c", LENGTH),
    "a folded key": post(HOST, KEY.replace(" ", "\r\n "), JSON, LENGTH),
    "a folded coding": post(HOST, KEY, JSON, CHUNKED.replace(" ", "\r\n "), body=chunks()),
    "a folded first line": post(" Host: x", KEY, JSON, LENGTH),
    "a bare line feed between headers": post(HOST, KEY, JSON, "X-A: b\nX-C: d", LENGTH),
    "a bare carriage return": post(HOST, KEY, JSON, "X-A: b\rX-C: d", LENGTH),
    "bare line feeds alone": get(HOST).replace(b"\r\n", b"\n"),
    "a space before the colon": post(HOST, KEY, JSON, "Transfer-Encoding : chunked", body=chunks()),
    "no colon": post(HOST, KEY, JSON, "X-A", LENGTH),
    "no name": post(HOST, KEY, JSON, ": b", LENGTH),
    **{
        f"the character {character!r} in a value": post(HOST, KEY, JSON, f"X-A: a{character}b", LENGTH)
        for character in "\0\x01\x0b\x0c\x1b\x7f"
    },
    "NUL behind the key": post(HOST, f"{KEY}\0", JSON, LENGTH),
    "NUL in a name": post(HOST, KEY, JSON, "X\0A: b", LENGTH),
    # What the first line is.
    **{
        f"the version {version!r}": get(HOST, version=version)
        for version in ("", " HTTP/0.9", " HTTP/1.2", " HTTP/2.0", " HTTP/11.1", " http/1.1", " HTTP/1,1", " ICAP/1.0")
    },
    "HTTP/2's first words": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a tunnel": head("CONNECT x:80 HTTP/1.1", HOST),
    "a path without a slash": get(HOST, target="healthz"),
    "a space in the path": get(HOST, target="/heal thz"),
    "NUL in the path": get(HOST, target="/heal\0thz"),
    "a method that nobody knows": head("BREW /healthz HTTP/1.1", HOST),
    "a method in small letters": head("get /healthz HTTP/1.1", HOST),
    "tabs in place of spaces": head("GET\t/healthz\tHTTP/1.1", HOST),
}
OTHER = {
    "a key in a trailer": (401, post(HOST, JSON, CHUNKED, body=trailer(KEY))),
    "a key in a trailer, for a question": (
        401,
        head("POST /v1/ask HTTP/1.1", HOST, JSON, CHUNKED) + trailer(KEY),
    ),
    "a right key in a trailer behind a wrong one": (401, post(HOST, "X-API-Key: x", JSON, CHUNKED, body=trailer(KEY))),
    "a wrong key in a trailer behind the right one": (200, coded(body=trailer("X-API-Key: x"))),
    "a media type in a trailer": (415, post(HOST, KEY, CHUNKED, body=trailer(JSON))),
    "another media type in a trailer": (200, coded(body=trailer("Content-Type: text/plain"))),
    "a host in a trailer behind one": (200, coded(body=trailer("Host: y"))),
    "a coding of the content in a trailer": (200, coded(body=trailer("Content-Encoding: gzip"))),
}


@pytest.mark.parametrize("what", READ)
def test_what_is_one_request_is_answered(service: Service, what: str) -> None:
    answers = statuses(service, READ[what])
    assert answers == [200, 200] or ("HTTP/1.0" in what and answers == [200])


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_be_read_in_two_ways_is_a_400_and_nothing_behind_it_is_taken_for_its_own(
    service: Service, what: str
) -> None:
    assert statuses(service, REFUSED[what]) in ([400], [400, 200])


@pytest.mark.parametrize("what", OTHER)
def test_a_trailer_is_no_header(service: Service, what: str) -> None:
    expected, sent = OTHER[what]
    assert statuses(service, sent) == [expected, 200]


@pytest.mark.parametrize("what", OTHER)
def test_a_trailer_that_comes_later_is_no_header_either(service: Service, what: str) -> None:
    expected, sent = OTHER[what]
    with socket.create_connection(("127.0.0.1", service.port), timeout=WAIT_SECONDS) as client:
        start, _, end = sent.rpartition(b"\r\n0\r\n")
        client.sendall(start)
        assert service.get("/healthz").status_code == 200  # by now the start was read
        client.sendall(b"\r\n0\r\n" + end)
        assert client.recv(65_536).startswith(b"HTTP/1.1 %d " % expected)


def refusal(*fields: tuple[bytes, bytes], version: str = "1.1") -> str | None:
    try:
        check_head(Exchange("POST", "/v1/score", fields, version=version))
    except Problem as problem:
        return problem.kind
    return None


ONE: tuple[bytes, bytes] = (b"host", b"x")


@pytest.mark.parametrize(
    ("fields", "version", "refused"),
    [
        ([ONE], "1.1", False),
        ([], "1.0", False),
        ([ONE, (b"accept", b"a"), (b"accept", b"b")], "1.1", False),
        ([ONE, (b"transfer-encoding", b"Chunked")], "1.1", False),
        ([], "1.1", True),
        ([(b"host", b"")], "1.1", True),
        ([(b"host", b"x\0")], "1.1", True),
        ([ONE, ONE], "1.1", True),
        ([ONE, ONE], "1.0", True),
        ([ONE, (b"x-api-key", b"a"), (b"x-api-key", b"a")], "1.1", True),
        ([ONE, (b"transfer-encoding", b"gzip, chunked")], "1.1", True),
        ([ONE, (b"transfer-encoding", b"chunked")], "1.0", True),
        ([ONE], "0.9", True),
        ([ONE], "2.0", True),
    ],
)
def test_the_check_looks_at_the_scope_alone(fields: list[tuple[bytes, bytes]], version: str, refused: bool) -> None:
    assert refusal(*fields, version=version) == ("invalid-request" if refused else None)


MUTATIONS = [
    b"\0",
    b" ",
    b"\n",
    b"\r\n",
    b":",
    b"\xff",
    b"_",
    b"0",
    b"Host: y\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"%00",
    b"\t",
]


def mutated(chance: random.Random) -> bytes:
    """A request with up to three accidents."""
    data = bytearray(chance.choice([*READ.values(), *(sent for _, sent in OTHER.values())]))
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(max(1, data.find(b"\r\n\r\n") + 20))
        match chance.randrange(4):
            case 0:
                data[place:place] = chance.choice(MUTATIONS)
            case 1:
                del data[place : place + chance.randint(1, 9)]
            case 2:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case _:
                data[place:place] = data[place : place + chance.randint(1, 40)]
    return bytes(data)


def test_no_head_makes_it_fail(models_dir: Path, tmp_path: Path) -> None:
    chance = random.Random(20_261_129)
    with serving(models_dir, tmp_path / "log", LOG_LEVEL="WARNING", REQUEST_TIMEOUT_SECONDS="1") as service:
        for _ in range(4):
            clients = [socket.create_connection(("127.0.0.1", service.port), timeout=WAIT_SECONDS) for _ in range(100)]
            for client in clients:
                client.sendall(mutated(chance) + LAST)
            for client in clients:
                received = b""
                with client:
                    while part := client.recv(65_536):
                        received += part
                for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", received):
                    assert int(status) < 500
        assert service.is_ready()
    assert [line for line in service.log_lines() if line["severity"] == "ERROR"] == []
