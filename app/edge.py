"""The outermost layer: what holds for every request, done in one pass.

Each request gets an id and a trace, is let in or turned away (load, API key, method, media type, size), and leaves with
security headers, a metric and a log line. The routes of `DirectRoute` are answered here without the framework's
routing, since they carry the load; everything else goes on to FastAPI.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.access import allowed, is_openai, presented_key
from app.exchange import Application, ClientGone, Exchange, Message, Receive, Reply, Scope, Send
from app.head import check_head
from app.later import live
from app.logs import HttpRequest, LogWriter, RequestLine
from app.metrics import Metrics
from app.problems import MEDIA_TYPE, Problem
from app.query import asked
from app.settings import Settings

CLIENT_GONE = 499
PROTECTED = "/v1/"
FILES, LARGEST_FILE = "/v1/convert", 8 * 2**20
"""Of a file as a shop exports it, in bytes: it is no order yet, and may be longer than a batch of them."""
PROBED = "/v1/score", b"record=false"
"""Path and query that a deployment's own key opens."""

SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
        b" form-action 'self'; frame-ancestors 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
]
NO_STORE = (b"cache-control", b"no-store")
JSON_TYPES = (b"application/json",)
NDJSON_TYPES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")

Handler = Callable[[Exchange, bytes], Awaitable[Reply]]
StreamHandler = Callable[[Exchange, Receive, Send, list[tuple[bytes, bytes]]], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """A POST route that reads and answers bytes. A `stream` handler reads and sends for itself. One that is `open` has
    another lock than the API key.
    """

    path: str
    media_types: tuple[bytes, ...]
    handler: Handler | None = None
    stream: StreamHandler | None = None
    open: bool = False


class StreamBroken(Exception):
    """A stream failed after its answer had begun; the server closes the connection."""


class Edge:
    """The ASGI application that the server runs; `app` is the framework's. `start` and `stop` stand at the ends of its
    life.
    """

    def __init__(
        self,
        app: Application,
        routes: list[DirectRoute],
        settings: Settings,
        logs: LogWriter,
        metrics: Metrics,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._app = app
        self._start, self._stop = start, stop
        self._routes = {route.path: route for route in routes}
        self._settings = settings
        self._logs = logs
        self._metrics = metrics
        self._counters: dict[tuple[str, str, int], Callable[[float], None]] = {}
        self._timers = {path: metrics.seconds.labels(path) for path in self._routes}
        self._shed_logged = 0.0
        self._in_progress = 0
        self._trace_prefix = f"projects/{settings.project}/traces/" if settings.project else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send, self._start, self._stop)
            return
        self._in_progress += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._in_progress -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["method"], scope["path"], scope["headers"], version=scope.get("http_version", ""))
        route = self._routes.get(exchange.path)
        if route is not None:
            exchange.route = route.path
        try:
            self._admit(exchange, route is not None and route.open, scope.get("query_string", b""))
            if route is None:
                await self._pass_on(scope, exchange, receive, send)
                return
            self._check(route, exchange)
            exchange.record, exchange.source = asked(scope.get("query_string", b""))
            if route.stream:
                reply = await route.stream(exchange, receive, send, self._headers(exchange, b"application/x-ndjson"))
                self._record(exchange, reply)
                return
            assert route.handler
            reply = await route.handler(exchange, await self._body(exchange, receive))
        except ClientGone:
            self._record(exchange, Reply(CLIENT_GONE, b""))
            return
        except Exception as error:
            reply = self._reply_to(error, exchange)
            if exchange.streaming:
                # The answer has begun: a connection that ends early is the only way left to tell the client.
                self._record(exchange, reply)
                raise StreamBroken from None
        await self._send(exchange, reply, send)
        self._record(exchange, reply)

    def _admit(self, exchange: Exchange, is_open: bool, query: bytes) -> None:
        """Let a request in. Raises `Problem` where its head is ambiguous, where load is shed, and where there is no
        valid API key for what is not open. A deployment's own key opens one thing: looking at an order's score.
        """
        check_head(exchange)
        if not exchange.path.startswith(PROTECTED):
            return
        if self._in_progress > self._settings.max_concurrency:
            self._metrics.shed.inc()
            raise Problem("overloaded", headers={"Retry-After": "1"})
        if is_open:
            return
        key = presented_key(exchange.path, exchange.headers)
        if not allowed(key, self._settings.api_key_hashes) and not self._probes(exchange.path, query, key):
            raise Problem("unauthorized", headers={"WWW-Authenticate": 'ApiKey realm="orderguard", header="X-API-Key"'})

    def _probes(self, path: str, query: bytes, key: bytes | None) -> bool:
        hashes = self._settings.probe_key_hashes
        return bool(hashes) and (path, query) == PROBED and allowed(key, hashes)

    @staticmethod
    def _check(route: DirectRoute, exchange: Exchange) -> None:
        """Check method and headers. Raises `Problem`."""
        if exchange.method != "POST":
            raise Problem("method-not-allowed", headers={"Allow": "POST"})
        headers = exchange.headers
        media_type = headers.get(b"content-type", b"")
        if media_type not in route.media_types and _bare(media_type) not in route.media_types:
            raise Problem("unsupported-media-type", f"send {route.media_types[0].decode()}")
        if b"content-encoding" in headers and headers[b"content-encoding"].lower() != b"identity":
            raise Problem("unsupported-media-type", "send the body uncompressed")
        accept = headers.get(b"accept")
        if accept and not _accepts(accept, b"application/json" if route.handler else b"application/x-ndjson"):
            raise Problem("not-acceptable")

    async def _body(self, exchange: Exchange, receive: Receive) -> bytes:
        """The whole body. Raises `ClientGone` and `Problem`."""
        limit = self._settings.max_body_bytes
        length = exchange.headers.get(b"content-length")
        if length and int(length) > limit:
            raise Problem("too-large", f"the body has {int(length)} bytes, at most {limit} are read")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body: bytes = message["body"]
            size += len(body)
            if size > limit:
                raise Problem("too-large", f"the body is longer than {limit} bytes")
            if not message.get("more_body"):
                return b"".join([*parts, body]) if parts else body
            parts.append(body)

    def _reply_to(self, error: Exception, exchange: Exchange) -> Reply:
        """The answer that an error gets: a problem document. What nobody foresaw is logged."""
        if not isinstance(error, Problem):
            self._logs.failure(error, request_id=exchange.loggable_id)
            error = Problem("internal")
        headers = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
        document = error.document(exchange.request_id, openai=is_openai(exchange.path))
        return Reply(error.status, document, MEDIA_TYPE.encode(), headers, problem=error.kind)

    def _headers(self, exchange: Exchange, media_type: bytes) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-type", media_type),
            (b"x-request-id", exchange.request_id.encode()),
            (b"traceparent", exchange.traceparent.encode()),
            NO_STORE,
            *SECURITY_HEADERS,
        ]

    async def _send(self, exchange: Exchange, reply: Reply, send: Send) -> None:
        headers = self._headers(exchange, reply.media_type)
        headers.append((b"content-length", b"%d" % len(reply.body)))
        if reply.headers:
            headers += reply.headers
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _pass_on(self, scope: Scope, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Let FastAPI answer; add what every answer has, and keep count."""
        status, size = 0, 0
        problem: str | None = None
        scope.setdefault("state", {})["exchange"] = exchange
        if exchange.method == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out, since its own scope says HEAD

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}
                extra = self._headers(exchange, b"")[1:]
                message["headers"] = [*message["headers"], *(pair for pair in extra if pair[0] not in own)]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, self._limited(exchange, receive), sending)
        except Exception as error:
            if status:
                # The framework has answered already and raises the error on for the log.
                self._logs.failure(error, request_id=exchange.loggable_id)
            else:
                reply = self._reply_to(error, exchange)
                await self._send(exchange, reply, send)
                status, size, problem = reply.status, len(reply.body), reply.problem
        route = scope.get("route")
        if status not in (404, 410):
            exchange.route = getattr(route, "path", exchange.route)
        self._record(exchange, Reply(status, b"", size=size, problem=problem))

    def _limited(self, exchange: Exchange, receive: Receive) -> Receive:
        """`receive` that stops reading a body that is too large, at once where its head says so."""
        is_file = exchange.path == FILES
        limit = LARGEST_FILE if is_file else self._settings.max_body_bytes
        told = _TOO_LARGE_FILE if is_file else f"the body is longer than {limit} bytes"
        size = 0
        length = int(exchange.headers.get(b"content-length") or 0)

        async def receiving() -> Message:
            nonlocal size
            if length > limit:
                raise Problem("too-large", told)
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise Problem("too-large", told)
            return message

        return receiving

    def _record(self, exchange: Exchange, reply: Reply) -> None:
        """Count the request, and log it unless its handler has."""
        seconds = time.perf_counter() - exchange.started
        self._counter(exchange, reply.status)(1)
        timer = self._timers.get(exchange.route)
        if timer is None:
            timer = self._timers[exchange.route] = self._metrics.seconds.labels(exchange.route)
        timer.observe(seconds)
        if not reply.logged and self._worth_logging(reply):
            self._log(exchange, reply, seconds)

    def _counter(self, exchange: Exchange, status: int) -> Callable[[float], None]:
        key = (exchange.route, exchange.method, status)
        count = self._counters.get(key)
        if count is None:
            method = exchange.method if exchange.method in METHODS else "other"
            count = self._counters[key] = self._metrics.requests.labels(exchange.route, method, str(status)).inc
        return count

    def _worth_logging(self, reply: Reply) -> bool:
        """All but a flood of shed requests: of these, one a second."""
        if reply.problem != "overloaded":
            return self._logs.wants_info or reply.status >= 400
        now = time.monotonic()
        if now - self._shed_logged < 1.0:
            return False
        self._shed_logged = now
        return True

    def _log(self, exchange: Exchange, reply: Reply, seconds: float) -> None:
        self._logs.write(
            RequestLine(
                severity=severity_of(reply.status),
                time=self._logs.now(),
                event="request",
                message="A request was answered.",
                trace=self._trace_prefix + exchange.trace_id,
                span=exchange.span_id,
                request_id=exchange.loggable_id,
                http_request=http_request(exchange, reply.status, seconds, reply.size),
                problem=reply.problem,
                orders=reply.orders,
                bad_orders=reply.bad_orders,
                anomalies=reply.anomalies,
            )
        )


def http_request(exchange: Exchange, status: int, seconds: float, size: int) -> HttpRequest:
    """What the log says about a request."""
    length = exchange.headers.get(b"content-length", b"0").decode("ascii", "replace")
    if len(length) > _LONGEST_LENGTH:
        length = "0"
    method = exchange.method if exchange.method in METHODS else "other"
    return HttpRequest(method, exchange.route, status, f"{seconds:.6f}s", length, str(size))


def severity_of(status: int) -> str:
    """How much a status matters: 503 is what a busy or a starting service is meant to answer."""
    return "INFO" if status < 400 else "WARNING" if status < 500 or status == 503 else "ERROR"


_LONGEST_LENGTH = 9
"""The most digits of a Content-Length that is logged. Nobody has checked a longer one, and it may be any number."""

_TOO_LARGE_FILE = (
    f"more than {LARGEST_FILE // 2**20} MiB of a file; make import FILE=… and make score ORDERS=… read one of any size"
)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _bare(media_type: bytes) -> bytes:
    """A media type without parameters, in lower case."""
    return media_type.partition(b";")[0].strip().lower()


def _accepts(accept: bytes, media_type: bytes) -> bool:
    if accept == b"*/*":
        return True
    ranges = [_bare(part) for part in accept.split(b",")]
    return any(r in (b"*/*", b"application/*", media_type, b"application/json") for r in ranges)
