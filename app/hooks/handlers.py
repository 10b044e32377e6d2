"""`POST /v1/hooks/shopify`, `/woocommerce`, `/stripe`: size and signature first, then each delivery once, then its
orders as any other.

A vendor takes any answer but 2xx for a failure, sends again, and drops the webhook after some of them (Shopify after
eight, WooCommerce after five). So what could not be used however often it came is acknowledged and counted; what may go
well the next time is a 503 or a 409.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from app.edge import DirectRoute, http_request
from app.exchange import Exchange, Reply
from app.hooks.deliveries import KEPT_SECONDS, Deliveries, UnderWay
from app.hooks.signatures import SignatureError
from app.hooks.telling import Telling
from app.hooks.vendors import VENDORS, Document, Vendor
from app.logs import HookLine, LogWriter
from app.metrics import Metrics
from app.problems import Problem
from app.scoring.handlers import Handlers
from app.scoring.reading import Apart, Read
from app.scoring.service import Scoring
from app.settings import Settings
from orderguard.schema import UNDECODABLE, OrderError

ANSWER_SECONDS = 4.0
"""Shopify waits for five, the others for longer (WooCommerce 60)."""
MOST_ORDERS = 100

SCORED, APART, UNUSABLE, IGNORED, DUPLICATE, OLD, PING, REFUSED, LATER = OUTCOMES = (
    *("scored", "apart", "unusable", "ignored", "duplicate", "too old", "ping", "refused", "later"),
)


class HookAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a delivery, for who looks into the vendor's list of deliveries; `reason` holds no value of it."""

    outcome: str
    reason: str | None = None


class Hooks:
    """The routes of the vendors that there are secrets for. `clock` is in epoch seconds."""

    def __init__(
        self,
        settings: Settings,
        scoring: Scoring,
        handlers: Handlers,
        deliveries: Deliveries,
        telling: Telling,
        metrics: Metrics,
        logs: LogWriter,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = {
            "shopify": settings.shopify_secrets,
            "woocommerce": settings.woocommerce_secrets,
            "stripe": settings.stripe_secrets,
        }
        self._scoring = scoring
        self._handlers = handlers
        self._deliveries = deliveries
        self._telling = telling
        self._metrics = metrics
        self._logs = logs
        self._clock = clock

    def routes(self) -> list[DirectRoute]:
        """Open to who has no API key: a signature takes its place."""
        return [
            DirectRoute(vendor.path, vendor.media_types, handler=self._handler(vendor), open=True)
            for vendor in VENDORS
            if self._secrets[vendor.name]
        ]

    def _handler(self, vendor: Vendor) -> Callable[[Exchange, bytes], Awaitable[Reply]]:
        async def handler(exchange: Exchange, body: bytes) -> Reply:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._delivered(vendor, exchange, body)
            except (TimeoutError, UnderWay) as error:
                kind = "overloaded" if isinstance(error, TimeoutError) else "under-way"
                self._log(vendor, exchange, LATER, kind)
                raise Problem(kind, headers={"Retry-After": "60"}) from None

        return handler

    async def _delivered(self, vendor: Vendor, exchange: Exchange, body: bytes) -> Reply:
        if vendor.is_ping(exchange.headers, body):
            return self._answer(vendor, exchange, PING)
        try:
            vendor.check(exchange.headers, body, self._secrets[vendor.name], self._clock())
        except SignatureError as error:
            self._log(vendor, exchange, REFUSED, error.reason)
            raise Problem("bad-signature") from None
        self._scoring.model()
        try:
            document = await asyncio.to_thread(_decoded, body)
        except OrderError as error:
            return self._answer(vendor, exchange, UNUSABLE, str(error))
        if not vendor.is_order(exchange.headers, document):
            return self._answer(vendor, exchange, IGNORED)
        changed = vendor.changed_at(document)
        if changed and changed.timestamp() < self._clock() - KEPT_SECONDS:
            return self._answer(vendor, exchange, OLD)
        replies: list[Reply] = []

        async def work() -> None:
            replies.append(await self._taken(vendor, exchange, document))

        marks = self._deliveries.marks(vendor.name, vendor.ids(exchange.headers, document), body)
        if not await self._deliveries.once(marks, work):
            return self._answer(vendor, exchange, DUPLICATE)
        return replies[0]

    async def _taken(self, vendor: Vendor, exchange: Exchange, document: Document) -> Reply:
        """Score the orders of a delivery that is new."""
        read = await asyncio.to_thread(self._read, vendor, document)
        if not read:
            return self._answer(vendor, exchange, IGNORED)
        reply = None
        for order in await self._scoring.masked_each(read):
            if isinstance(order, OrderError):
                self._metrics.invalid_orders.labels(exchange.route).inc()
                reply = reply or self._answer(vendor, exchange, UNUSABLE, str(order))
            elif isinstance(order, Apart):
                self._metrics.apart.labels(order.kind).inc()
                reply = reply or self._answer(vendor, exchange, APART, order.kind)
            else:
                scored = await self._handlers.scored(exchange, order)
                if scored.answer.anomaly:
                    await self._telling.tell(vendor.name, vendor.order_id(document), scored)
                reply = self._answer(vendor, exchange, SCORED)
        assert reply
        return reply

    def _read(self, vendor: Vendor, document: Document) -> Sequence[Read]:
        return self._scoring.model().reader.of_document(vendor.name, document, MOST_ORDERS)

    def _answer(self, vendor: Vendor, exchange: Exchange, outcome: str, reason: str | None = None) -> Reply:
        self._log(vendor, exchange, outcome, reason, answered=True)
        return Reply(200, msgspec.json.encode(HookAnswer(outcome, reason)), logged=True)

    def _log(
        self, vendor: Vendor, exchange: Exchange, outcome: str, reason: str | None, *, answered: bool = False
    ) -> None:
        """One line a delivery. It stands for the request's own where it was `answered`: what is raised has one."""
        self._logs.write(
            HookLine(
                severity="WARNING" if outcome in (REFUSED, UNUSABLE, OLD, LATER) else "INFO",
                time=self._logs.now(),
                event="hook",
                message="A webhook was delivered.",
                request_id=exchange.loggable_id,
                vendor=vendor.name,
                outcome=outcome,
                reason=reason,
                http_request=(
                    http_request(exchange, 200, time.perf_counter() - exchange.started, 0) if answered else None
                ),
            )
        )


def _decoded(body: bytes) -> Document:
    """The object of a body. Raises `OrderError`."""
    try:
        found: Document = msgspec.json.decode(body, type=dict[str, object])
    except UNDECODABLE:
        raise OrderError("", "not a JSON object") from None
    return found
