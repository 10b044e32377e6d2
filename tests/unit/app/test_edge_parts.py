"""Access, problem documents, request ids, log lines: the small parts that every request meets."""

import asyncio
import hashlib
import io
import json
import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest
import uvicorn
from uvicorn.server import ServerState

from app.access import allowed
from app.edge import JSON_TYPES, DirectRoute, Edge
from app.exchange import Exchange, Message, Reply
from app.logs import Line, LogWriter, StandardLogging
from app.metrics import Metrics
from app.problems import KINDS, MEANINGS, FieldError, Problem, of_order, of_status
from app.connection import Connection
from app.server import Server
from app.settings import Settings
from orderguard.masking import Keyring, new_key_text
from orderguard.schema import OrderError

OLD, NEW = (hashlib.sha256(key).digest() for key in (b"old-key", b"new-key"))


@pytest.mark.parametrize(
    ("presented", "valid", "expected"),
    [
        (b"old-key", (OLD,), True),
        (b"old-key", (OLD, NEW), True),
        (b"new-key", (OLD, NEW), True),
        (b"another", (OLD, NEW), False),
        (b"", (OLD,), False),
        (None, (OLD,), False),
        (None, (hashlib.sha256(b"").digest(),), False),
        (None, (), True),
    ],
)
def test_a_valid_key_is_let_in_and_nothing_else(
    presented: bytes | None, valid: tuple[bytes, ...], expected: bool
) -> None:
    assert allowed(presented, valid) is expected


def exchange(**headers: str) -> Exchange:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Exchange("POST", "/v1/score", raw)


@pytest.mark.parametrize("wrong", ["with space", "", "x" * 129, "semi;colon", "a\nb", "é"])
def test_an_id_that_is_no_id_is_replaced(wrong: str) -> None:
    assert len(exchange(x_request_id=wrong).request_id) == 32


@pytest.mark.parametrize(
    "opaque",
    [
        "0af76519-16cd-43dd-8448-eb211c80319c",
        "0af7651916cd43dd8448eb211c80319c",
        "019ac7a2-5f13-7c4e-9a51-0b6a2f7c1d3e",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "01KB5Z8Q1XKJ0V9W3T7Y2M4N6P",
    ],
    ids=["version 4", "without hyphens", "version 7", "ULID", "a ULID of 2025"],
)
def test_an_id_that_is_opaque_by_construction_is_logged(opaque: str) -> None:
    assert exchange(x_request_id=opaque).loggable_id == opaque


@pytest.mark.parametrize(
    "telling",
    [
        *("jane.doe", "checkout-17", "4111111111111111", "12345678901234567890123456789012"),
        *("41111111-1111-4111-8111-111111111111", "00000000-0000-4000-8000-00000000000a"),
        *("0af76519-16cd-13dd-8448-eb211c80319c", "0af76519-16cd-53dd-8448-eb211c80319c"),
        *("0af76519-16cd-43dd-c448-eb211c80319c", "0af7651916cd43ddc448eb211c80319c"),
        *("0af76519-16cd43dd8448eb211c80319c", "6a616e652e646f65406578616d706c65"),
        *("01411111111111111111111111", "01ARZ3NDEK4111111111111111", "7ZZZZZZZZZTSV4RRFFQ69G5FAV"),
        *("JANEDAVENPXRTATEXAMPLEMAXC", "00000000000000000000000000000000"),
    ],
)
def test_an_id_that_might_tell_something_is_answered_and_a_fresh_one_logged(telling: str) -> None:
    made = exchange(x_request_id=telling)
    assert made.request_id == telling
    assert re.fullmatch("[a-f][0-9a-f]{31}", made.loggable_id) and made.loggable_id != telling


@pytest.mark.parametrize(
    "telling",
    [
        *("41111111111111110000000000000000", "00000000000000004111111111111111", "123456789012345678901234567890ab"),
        *(f"{text.encode().hex():0<32}" for text in ("jane@example.com", "jane doe", "Jürgen Müller")),
    ],
)
def test_a_trace_that_is_a_number_or_a_text_is_begun_anew(telling: str) -> None:
    made = exchange(traceparent=f"00-{telling}-b7ad6b7169203331-01")
    assert telling not in made.traceparent and made.traceparent.endswith("-00")


def test_an_id_of_the_services_own_is_never_a_string_of_digits() -> None:
    for made in (exchange() for _ in range(2_000)):
        assert made.trace_id[0] in "abef" and made.span_id[0] in "abef"
        assert (len(made.trace_id), len(made.span_id)) == (32, 16)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ],
)
def test_a_trace_that_is_none_is_replaced(wrong: str) -> None:
    made = exchange(traceparent=wrong)
    assert made.trace_id not in wrong and len(made.trace_id) == 32


def test_a_trace_of_a_later_version_may_have_more_to_it() -> None:
    made = exchange(traceparent="cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more")
    assert made.traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-") and made.traceparent.endswith("-01")


def test_every_kind_of_problem_has_a_meaning() -> None:
    assert set(KINDS) == set(MEANINGS)


def test_a_problem_document_has_the_members_of_the_standard() -> None:
    document = json.loads(Problem("invalid-order", "x: y", (FieldError("x", "y"),)).document("id"))
    assert document == {
        "type": "/docs#problem-invalid-order",
        "title": "The order is not valid",
        "status": 422,
        "detail": "x: y",
        "instance": "urn:request:id",
        "errors": [{"field": "x", "reason": "y"}],
    }


@pytest.mark.parametrize(
    ("field", "reason", "kind"),
    [
        ("", "not valid JSON", "invalid-json"),
        ("", "nested too deeply", "invalid-json"),
        ("", "expected `object`, got `array`", "invalid-order"),
        ("currency", "required field is missing", "invalid-order"),
    ],
)
def test_an_unusable_order_is_the_right_kind_of_problem(field: str, reason: str, kind: str) -> None:
    assert of_order(OrderError(field, reason)).kind == kind


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "not-found"), (405, "method-not-allowed"), (418, "invalid-request")]
)
def test_a_status_of_the_framework_becomes_a_problem(status: int, kind: str) -> None:
    assert of_status(status).kind == kind


def lines_of(stream: io.BytesIO) -> list[Any]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_line_has_no_field_that_could_hold_raw_data() -> None:
    allowed_names = {
        *("severity", "time", "message", "event", "trace", "span", "request_id", "http_request", "problem", "orders"),
        *("bad_orders", "anomalies", "model_version", "score", "anomaly", "latency_ms", "order_token", "history"),
        *("drifted", "psi", "expected", "shadow_model_version", "shadow_score", "reason", "where"),
        *("provider", "seconds", "fallback", "citations", "outcome", "lost", "vendor", "target", "decided_by"),
    }
    structures: list[type[Line]] = [Line, *Line.__subclasses__()]
    named = {field.name for structure in structures for field in msgspec.structs.fields(structure)}
    assert named <= allowed_names


def test_an_error_is_logged_by_place_and_never_by_its_text() -> None:
    stream = io.BytesIO()
    try:
        raise ValueError("erika@example.org")
    except ValueError as error:
        LogWriter("INFO", stream).failure(error)
    (line,) = lines_of(stream)
    assert "erika" not in stream.getvalue().decode()
    assert line["severity"] == "ERROR" and "test_edge_parts.py" in line["where"][0]


def test_what_libraries_log_loses_its_arguments() -> None:
    stream = io.BytesIO()
    logger = logging.Logger("uvicorn.error")
    logger.addHandler(StandardLogging(LogWriter("INFO", stream)))
    logger.warning("%s:%d sent %s", "10.0.0.1", 5, "erika@example.org")
    assert "erika" not in stream.getvalue().decode() and "10.0.0.1" not in stream.getvalue().decode()
    assert lines_of(stream)[0]["message"] == "uvicorn.error: …:… sent …"


def test_the_level_holds_back_what_is_below() -> None:
    stream = io.BytesIO()
    writer = LogWriter("ERROR", stream)
    writer.service("WARNING", "x", "held back")
    writer.service("ERROR", "x", "written")
    assert [line["message"] for line in lines_of(stream)] == ["written"]


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    metrics = Metrics()
    for score in (0.0, 0.05, 0.051, 1.0):
        metrics.scores.observe(score)
    metrics.seconds.labels("/v1/score").observe(99.0)
    lines = set(metrics.text().decode().splitlines())
    assert {
        'orderguard_score_bucket{le="0.05"} 2.0',
        'orderguard_score_bucket{le="0.1"} 3.0',
        'orderguard_score_bucket{le="+Inf"} 4.0',
        "orderguard_score_count 4.0",
        'orderguard_request_seconds_bucket{le="10.0",route="/v1/score"} 0.0',
        'orderguard_request_seconds_sum{route="/v1/score"} 99.0',
    } <= lines


class Transport(asyncio.Transport):
    """Remembers what is done to it."""

    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Loop:
    """An event loop whose time stands still; timers wait until they are let go."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []

    def time(self) -> float:
        return 100.0

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        self.timers.append(callback)

    def create_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        """A task that never gets its turn."""
        work.close()
        return self.never

    never: "asyncio.Future[None]" = Mock()

    def timers_of_a_turn(self) -> None:
        due, self.timers = self.timers, []
        for callback in due:
            callback()


def config() -> uvicorn.Config:
    async def application(scope: object, receive: object, send: object) -> None:
        """Answer nothing."""

    loaded = uvicorn.Config(application, lifespan="off", log_config=None)
    loaded.load()
    return loaded


def connected(state: ServerState, loop: Loop) -> tuple[Connection, Transport]:
    connection, transport = Connection(config(), state, {}, loop), Transport()  # type: ignore[arg-type]
    connection.connection_made(transport)
    return connection, transport


def ask(connection: Connection) -> None:
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not connection.cycle.response_complete


def test_a_connection_whose_request_is_at_work_is_not_closed_before_the_answer() -> None:
    connection, transport = connected(ServerState(), Loop())
    ask(connection)
    connection.shutdown()
    assert not transport.closed and not connection.cycle.keep_alive, "the answer closes it"


@pytest.mark.parametrize("arrives", [False, True])
def test_a_request_that_came_while_the_process_had_no_turn_is_read_before_its_connection_goes(arrives: bool) -> None:
    loop = Loop()
    connection, transport = connected(ServerState(), loop)
    connection.shutdown()
    loop.timers_of_a_turn()
    assert not transport.closed, "what arrived since the last turn is not read yet"
    if arrives:
        ask(connection)
    loop.timers_of_a_turn()
    assert transport.closed is not arrives


def test_a_client_is_not_blamed_for_the_time_in_which_the_process_had_no_turn() -> None:
    server = Server(config(), timeout=8.0)
    connection, transport = connected(server.server_state, Loop())
    connection.patience = connection.allowance = 8.0
    server.sweep(now=107.0, due=107.0)
    server.sweep(now=160.0, due=107.5)
    assert not transport.closed, "its request may be there, unread"
    server.sweep(now=160.4, due=160.4)
    assert not transport.closed, "of its 8 seconds, 7.9 are over: those in which the process had turns"
    server.sweep(now=160.6, due=160.6)
    assert transport.closed


def test_a_chunked_body_that_arrives_at_once_has_the_limit_of_all_bodies() -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("not called")

    async def echo(_: Exchange, body: bytes) -> Reply:
        return Reply(200, body)

    settings = Settings(keyring=Keyring.from_text(new_key_text()), api_key_hashes=(), max_body_bytes=1_024)
    route = DirectRoute("/v1/score", JSON_TYPES, handler=echo)
    edge = Edge(never, [route], settings, LogWriter(stream=io.BytesIO()), Metrics(), never, never)

    async def status_for(size: int) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"x" * size, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
        await edge({"type": "http", "method": "POST", "path": "/v1/score", "headers": headers}, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(status_for(1_024)) == 200
    assert asyncio.run(status_for(1_025)) == 413


@pytest.mark.parametrize(
    ("path", "query", "key", "status"),
    [
        ("/v1/score", b"record=false", b"probe-key", 200),
        ("/v1/score", b"record=false", b"another", 401),
        ("/v1/score", b"record=false", b"old-key", 200),
        ("/v1/score", b"record=true", b"probe-key", 401),
        ("/v1/score", b"", b"probe-key", 401),
        ("/v1/score", b"record=false&record=true", b"probe-key", 401),
        ("/v1/score/batch", b"record=false", b"probe-key", 401),
    ],
)
def test_a_deployments_own_key_opens_nothing_but_looking_at_an_orders_score(
    path: str, query: bytes, key: bytes, status: int
) -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("not called")

    async def echo(_: Exchange, body: bytes) -> Reply:
        return Reply(200, body)

    probe = (hashlib.sha256(b"probe-key").digest(),)
    settings = Settings(keyring=Keyring.from_text(new_key_text()), api_key_hashes=(OLD,), probe_key_hashes=probe)
    routes = [DirectRoute(path, JSON_TYPES, handler=echo) for path in ("/v1/score", "/v1/score/batch")]
    edge = Edge(never, routes, settings, LogWriter(stream=io.BytesIO()), Metrics(), never, never)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"x-api-key", key)]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}
    asyncio.run(edge(scope, receive, send))
    assert sent[0]["status"] == status
