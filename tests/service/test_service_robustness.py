"""Clients that are slow, broken, greedy or many."""

import dataclasses
import json
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig

from app.connection import MAX_HEAD_BYTES
from app.settings import Settings
from tests.serving import API_KEY, NO_TLS, USUAL, WAIT_SECONDS, Service, serving

TIMEOUT = 1.0
DEFAULT_TIMEOUT: Any = next(f.default for f in dataclasses.fields(Settings) if f.name == "request_timeout_seconds")
HEAD = f"POST /v1/score HTTP/1.1\r\nHost: x\r\nX-API-Key: {API_KEY}\r\nContent-Type: application/json\r\n".encode()
BODY = json.dumps(USUAL).encode()


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with all the patience that clients on a busy machine need."""
    log = tmp_path_factory.mktemp("robustness") / "log"
    limits: dict[str, Any] = {
        "REQUEST_TIMEOUT_SECONDS": str(WAIT_SECONDS),
        "MAX_BODY_BYTES": "65536",
        "MAX_CONCURRENCY": "32",
    }
    with serving(models_dir, log, LOG_LEVEL="WARNING", **limits) as running:
        yield running
        stands_unharmed(running)


@pytest.fixture(scope="module")
def impatient(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that soon lets a client go."""
    log = tmp_path_factory.mktemp("impatient") / "log"
    with serving(models_dir, log, LOG_LEVEL="WARNING", REQUEST_TIMEOUT_SECONDS=str(TIMEOUT)) as running:
        yield running
        stands_unharmed(running)


def stands_unharmed(service: Service) -> None:
    assert service.is_ready(), "it is still ready after all of this"
    assert [line for line in service.log_lines() if line["severity"] == "ERROR"] == []


def connected(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=WAIT_SECONDS)


def everything(client: socket.socket) -> bytes:
    """What the service sends until it closes the connection."""
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def up_to(client: socket.socket, end: bytes) -> bytes:
    """What the service sends up to this end."""
    received = b""
    while not received.endswith(end):
        part = client.recv(65_536)
        assert part, f"closed after {received!r}"
        received += part
    return received


def one_answer(client: socket.socket) -> bytes:
    """The whole next answer, where none follows it at once."""
    received = b""
    while True:
        head, parted, body = received.partition(b"\r\n\r\n")
        if parted and len(body) == int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return received
        part = client.recv(65_536)
        assert part, f"closed after {received!r}"
        received += part


SLOW = {
    "says nothing": b"",
    "stops in the request line": b"POST /v1/sco",
    "stops in the headers": HEAD,
    "stops in the body": HEAD + b"Content-Length: 500\r\n\r\n{",
    "stops in a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "stops in the body of a batch": HEAD.replace(b"score", b"score/batch") + b"Content-Length: 500\r\n\r\n[",
}


@pytest.mark.parametrize("client", SLOW)
def test_a_client_that_keeps_it_waiting_is_let_go(impatient: Service, client: str) -> None:
    with connected(impatient) as slow:
        slow.sendall(SLOW[client])
        started = time.monotonic()
        answer = everything(slow)
        assert time.monotonic() - started < DEFAULT_TIMEOUT, "sooner than it would without the setting"
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert (answer != b"") == ("body" in client or "chunk" in client)


def test_a_stream_may_take_its_time_as_long_as_lines_arrive(models_dir: Path, tmp_path: Path) -> None:
    timeout, silence, lines = 8.0, 2.0, 5
    assert silence * lines > timeout, "together, the silences are longer than the service waits"
    with (
        serving(models_dir, tmp_path / "log", REQUEST_TIMEOUT_SECONDS=str(timeout)) as service,
        connected(service) as client,
    ):
        head = HEAD.replace(b"score", b"score/stream").replace(b"application/json", b"application/x-ndjson")
        client.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        line = BODY + b"\n"
        for _ in range(lines):
            client.sendall(b"%x\r\n%s\r\n" % (len(line), line))
            received = up_to(client, b"}\n\r\n")  # each answer comes while the stream is open
            assert b'"order_id":"T-1"' in received
            client.settimeout(silence)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(WAIT_SECONDS)
        client.sendall(b"0\r\n\r\n")
        assert up_to(client, b"0\r\n\r\n")


def test_pipelined_requests_are_answered_in_turn(service: Service) -> None:
    requests = b"".join(
        HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in (json.dumps({**USUAL, "order_id": f"P-{i}"}).encode() for i in range(5))
    )
    with connected(service) as client:
        client.sendall(requests + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = everything(client)
    assert [answer.index(b'"P-%d"' % i) for i in range(5)] == sorted(answer.index(b'"P-%d"' % i) for i in range(5))
    assert answer.count(b"HTTP/1.1 200") == 6 and answer.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    "coding", [b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", b"Content-Length: %d\r\n\r\n%s"]
)
def test_a_body_may_come_in_pieces(service: Service, coding: bytes) -> None:
    request = HEAD + b"Connection: close\r\n" + coding % (len(BODY), BODY)
    with connected(service) as client:
        for place in range(0, len(request), 97):
            client.sendall(request[place : place + 97])
        assert everything(client).startswith(b"HTTP/1.1 200")


def test_an_endless_body_is_cut_off(service: Service) -> None:
    with connected(service) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            client.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
        assert one_answer(client).startswith(b"HTTP/1.1 413 ")


def test_garbage_is_refused(service: Service) -> None:
    with connected(service) as client:
        client.sendall(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
        assert everything(client).startswith(b"HTTP/1.1 400 ")


def test_what_is_not_http_gets_a_problem_document(service: Service) -> None:
    with connected(service) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n")
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"x-content-type-options: nosniff" in head
    assert json.loads(body)["type"] == "/docs#problem-invalid-request"


ENDLESS = {
    "a header": b"GET /healthz HTTP/1.1\r\nX: ",
    "headers": b"GET /healthz HTTP/1.1\r\nX: y\r\n",
    "an address": b"GET /",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_head_without_end_is_refused(service: Service, kind: str) -> None:
    filling = b"X: y\r\n" if kind == "headers" else b"x"
    with connected(service) as client:
        client.sendall((ENDLESS[kind] + filling * MAX_HEAD_BYTES)[: MAX_HEAD_BYTES + 1])
        assert everything(client).startswith(b"HTTP/1.1 431 ")


def test_trailers_without_end_are_refused(service: Service) -> None:
    with connected(service) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall((b"0\r\nX: " + b"x" * MAX_HEAD_BYTES)[: MAX_HEAD_BYTES + 1])
        assert everything(client).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("asked", [b"h2c", b"websocket"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_client_that_asks_for_another_protocol_is_answered_in_this_one(
    service: Service, asked: bytes, pieces: int
) -> None:
    """Java's HttpClient asks for h2c with each first request."""
    head = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n" % asked
    length = b"Content-Length: %d\r\n\r\n" % len(BODY)
    with connected(service) as client:
        for request in (head + length, HEAD + length):  # and the connection goes on to be used
            if pieces == 1:
                client.sendall(request + BODY)
            else:
                client.sendall(request)
                assert service.get("/healthz").status_code == 200  # by now the head was read
                client.sendall(BODY)
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_a_client_may_end_its_side_once_it_has_asked(service: Service) -> None:
    with connected(service) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        client.shutdown(socket.SHUT_WR)
        assert everything(client).startswith(b"HTTP/1.1 200 ")


def test_clients_that_go_away_do_no_harm(service: Service) -> None:
    for _ in range(50):
        with connected(service) as client:
            client.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
        with connected(service) as client:
            client.sendall(HEAD + b"Content-Length: 500\r\n\r\n{")
    assert service.score(USUAL)["order_id"] == "T-1"


def test_many_more_requests_than_it_can_hold_are_shed_and_health_stays_green(service: Service) -> None:
    request = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    crowd = [connected(service) for _ in range(400)]
    try:
        for _ in range(3):
            for client in crowd:
                client.sendall(request)
            with ThreadPoolExecutor(1) as pool:
                health = pool.submit(service.get, "/healthz")
            answers = [one_answer(client) for client in crowd]
            assert health.result().status_code == 200
            assert {answer[9:12] for answer in answers} <= {b"200", b"503"}
            shed = [answer for answer in answers if answer[9:12] == b"503"]
            assert all(b"retry-after: 1\r\n" in answer for answer in shed)
    finally:
        for client in crowd:
            client.close()
    assert "orderguard_requests_shed_total" in service.get("/metrics").text


def test_memory_stays_flat_and_small(service: Service) -> None:
    """A leak grows with each thousand of requests; what the allocator keeps for a moment does not."""

    def scored(client: httpx.Client, start: int) -> float:
        for number in range(start, start + 1_500):
            order = {**USUAL, "order_id": f"M-{number}", "customer": {"id": f"C-{number % 200}"}}
            assert client.post("/v1/score", json=order).status_code in (200, 503)
        return float(psutil.Process(service.process.pid).memory_info().rss) / 2**20

    with httpx.Client(base_url=service.url, headers=service.headers, timeout=WAIT_SECONDS, verify=NO_TLS) as client:
        sizes = [scored(client, 1_500 * part) for part in range(3)]
    assert min(after - before for before, after in pairwise(sizes)) < 3
    assert sizes[-1] < 120


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def test_no_generated_request_makes_it_fail(service: Service) -> None:
    """schemathesis over the OpenAPI document: valid and invalid requests for each operation of the contract."""
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=SchemathesisConfig())
    checked = 0
    for found in schema.get_all_operations():
        case = found.ok()  # type: ignore[union-attr]  # an error would fail here, as it should
        if case.path.startswith("/v1/score") or case.path in (
            "/v1/model",
            "/v1/features",
            "/v1/drift",
            "/healthz",
            "/readyz",
        ):
            checked += 1
            run_cases(case, service)
    assert checked == 8


def run_cases(operation: Any, service: Service) -> None:
    from hypothesis import HealthCheck, Phase, given, settings

    @given(case=operation.as_strategy())
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        case.headers["X-API-Key"] = API_KEY
        answer = case.call(base_url=service.url, timeout=WAIT_SECONDS)
        assert answer.status_code < 500 or answer.status_code == 503
        if answer.status_code == 200:
            case.validate_response(answer)

    check()
