"""The routes that carry the load: bytes in, bytes out."""

import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from typing import Protocol

import msgspec

from app.contract import AlertKept, ApartAnswer, BatchAnswer, OrderFailure, ScoreAnswer
from app.edge import http_request
from app.exchange import Exchange, Receive, Reply, Send
from app.history import HistoryStore
from app.logs import LogWriter, ScoreLine
from app.metrics import Metrics
from app.problems import of_order
from app.scoring.decoding import MAX_LINE_BYTES, SLICE, lines_of, slices, split_batch
from app.scoring.reading import Apart, check_source
from app.scoring.service import Scored, Scoring, Taken
from app.scoring.stages import Incoming
from app.settings import Settings
from orderguard.catalogue import Catalogue
from orderguard.schema import OrderError

PATHS = ONE, BATCH, STREAM = "/v1/score", "/v1/score/batch", "/v1/score/stream"

Result = ScoreAnswer | ApartAnswer | OrderFailure


class Alerts(Protocol):
    """Who keeps alerts."""

    async def keep(self, scored: Sequence[Scored], catalogue: Catalogue) -> AlertKept:
        """Keep anomalies. Never raises, and takes a moment at most."""


_encoder = msgspec.json.Encoder()


class Handlers:
    """`POST /v1/score`, `/v1/score/batch` and `/v1/score/stream`. What a request with `record=false` brings is counted
    nowhere, and has a line in the log as any other request, but none for each order.
    """

    def __init__(
        self, settings: Settings, scoring: Scoring, metrics: Metrics, logs: LogWriter, alerts: Alerts | None = None
    ) -> None:
        self._alerts = alerts
        self._settings = settings
        self._scoring = scoring
        self._metrics = metrics
        self._logs = logs
        self._slice = asyncio.Lock()
        """Between two turns of other requests there is one slice, however many batches and streams are at work."""
        self._orders = {path: metrics.orders.labels(path).inc for path in PATHS}
        self._trace_prefix = f"projects/{settings.project}/traces/" if settings.project else ""

    async def score(self, exchange: Exchange, body: bytes) -> Reply:
        """One order in, one answer out."""
        record, source = exchange.record, exchange.source
        order: Incoming | Apart
        try:
            if source:
                check_source(source)
                order = await self._scoring.incoming_of(source, body)
            else:
                try:
                    order = await self._scoring.incoming(body)
                except OrderError as refused:
                    order = await self._scoring.mended(body, refused)
        except OrderError as error:
            if record:
                self._metrics.invalid_orders.labels(exchange.route).inc()
            raise of_order(error) from None
        if isinstance(order, Apart):
            if record:
                self._metrics.apart.labels(order.kind).inc()
            return Reply(200, _encoder.encode(ApartAnswer(order.order_id, order.kind)), orders=0)
        scored = told_with(order, await self._scoring.score(order, record=record))
        if record and scored.answer.anomaly:
            (scored,) = await self._kept([scored])
        encoded = _encoder.encode(scored.answer)
        if record:
            self._count(exchange, [scored], 0)
            self._log(exchange, scored, len(encoded))
        return Reply(200, encoded, logged=record, orders=1, anomalies=int(scored.answer.anomaly))

    async def scored(self, exchange: Exchange, order: Incoming) -> Scored:
        """Score an order that came in another way, and count and log it as one of a batch."""
        scored = told_with(order, await self._scoring.score(order, record=True))
        if scored.answer.anomaly:
            (scored,) = await self._kept([scored])
        self._count(exchange, [scored], 0)
        self._log(exchange, scored)
        return scored

    async def batch(self, exchange: Exchange, body: bytes) -> Reply:
        """An array of orders in, an array of answers out. Other requests get their turn after every slice."""
        scoring, most = self._scoring, self._settings.max_batch
        scoring.model()
        store = None if exchange.record else scoring.looking()
        results: list[Result] = []
        try:
            if exchange.source:
                check_source(exchange.source)
                read = await asyncio.to_thread(scoring.model().reader.of_source, exchange.source, body, most)
                for start in range(0, len(read), SLICE):
                    taking = scoring.masked_each(read[start : start + SLICE])
                    results += await self._score_slice(exchange, taking, start, store)
            else:
                for part in slices(split_batch(body, most)):
                    taking = scoring.incoming_each(part, len(body))
                    results += await self._score_slice(exchange, taking, len(results), store)
        except OrderError as error:
            raise of_order(error) from None
        anomalies, invalid = _tally(results)
        apart = sum(isinstance(result, ApartAnswer) for result in results)
        answer = _encoder.encode(BatchAnswer(len(results), anomalies, invalid, apart, results))
        return Reply(200, answer, orders=len(results), bad_orders=invalid, anomalies=anomalies)

    async def stream(
        self, exchange: Exchange, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]
    ) -> Reply:
        """A line in, a line out, in the same order; what is held at any time does not grow with the stream."""
        scoring, source = self._scoring, exchange.source
        scoring.model()
        if source:
            check_source(source)
        orders = invalid = anomalies = sent = 0
        store = None if exchange.record else scoring.looking()
        exchange.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for lines in lines_of(receive):
            for part in slices(lines):
                taking = scoring.incoming_lines(source, part, MAX_LINE_BYTES)
                results = await self._score_slice(exchange, taking, orders, store)
                orders += len(results)
                of_slice = _tally(results)
                anomalies += of_slice[0]
                invalid += of_slice[1]
                answer = _encoder.encode_lines(results)
                sent += len(answer)
                await send({"type": "http.response.body", "body": answer, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return Reply(200, b"", size=sent, orders=orders, bad_orders=invalid, anomalies=anomalies)

    async def _score_slice(
        self, exchange: Exchange, taking: Awaitable[list[Taken]], start: int, store: HistoryStore | None
    ) -> list[Result]:
        """Score what `taking` gives; `start` is the place of its first order."""
        async with self._slice:
            taken = await taking
            incoming = [order for order in taken if isinstance(order, Incoming)]
            scored = []
            if incoming:
                scored = await self._scoring.score_together(incoming, record=exchange.record, store=store)
            await asyncio.sleep(0)
        scored = [told_with(order, one) for order, one in zip(incoming, scored, strict=True)]
        if exchange.record:
            scored = await self._kept(scored)
            apart = [order.kind for order in taken if isinstance(order, Apart)]
            for kind in apart:
                self._metrics.apart.labels(kind).inc()
            self._count(exchange, scored, len(taken) - len(scored) - len(apart))
            for one in scored:
                if one.answer.anomaly:
                    self._log(exchange, one)
        in_turn = iter(scored)
        return [self._result(order, start + place, in_turn) for place, order in enumerate(taken)]

    async def _kept(self, scored: list[Scored]) -> list[Scored]:
        """Counted orders, with the anomalies' alerts kept; each of these says in its answer how far that is."""
        anomalies = [one for one in scored if one.answer.anomaly]
        if self._alerts is None or not anomalies:
            return scored
        state = await self._alerts.keep(anomalies, self._scoring.model().catalogue)
        return [
            one._replace(answer=msgspec.structs.replace(one.answer, alert=state)) if one.answer.anomaly else one
            for one in scored
        ]

    @staticmethod
    def _result(order: Taken, place: int, in_turn: Iterator[Scored]) -> Result:
        if isinstance(order, OrderError):
            return OrderFailure(place, order.reason, order.field)
        return ApartAnswer(order.order_id, order.kind) if isinstance(order, Apart) else next(in_turn).answer

    def _count(self, exchange: Exchange, scored: Sequence[Scored], invalid: int) -> None:
        metrics = self._metrics
        count = self._orders.get(exchange.route) or metrics.orders.labels(exchange.route).inc
        count(len(scored))
        if invalid:
            metrics.invalid_orders.labels(exchange.route).inc(invalid)
        for one in scored:
            metrics.scores.observe(one.answer.score)
            if one.answer.anomaly:
                metrics.anomalies.inc()
            for repair in one.answer.repairs or ():
                metrics.repairs.labels(repair.field, repair.reason).inc()

    def _log(self, exchange: Exchange, scored: Scored, size: int | None = None) -> None:
        """One line an order. It stands for the request's own line where the request is one order: `size` is the
        answer's.
        """
        if not self._logs.wants_info:
            return
        seconds = time.perf_counter() - exchange.started
        answer = scored.answer
        self._logs.write(
            ScoreLine(
                severity="INFO",
                time=self._logs.now(),
                event="score",
                message="An order was scored.",
                trace=self._trace_prefix + exchange.trace_id,
                span=exchange.span_id,
                request_id=exchange.loggable_id,
                score=answer.score,
                anomaly=answer.anomaly,
                latency_ms=round(seconds * 1_000, 3),
                model_version=answer.model_version,
                order_token=scored.masked.order_token,
                history=answer.history,
                decided_by=answer.decided_by,
                http_request=None if size is None else http_request(exchange, 200, seconds, size),
            )
        )


def told_with(order: Incoming, scored: Scored) -> Scored:
    """The answer with what was done to read the order; of an anomaly also with its names."""
    if scored.answer.anomaly:
        scored = scored._replace(names=order.names)
    if not order.repairs:
        return scored
    return scored._replace(answer=msgspec.structs.replace(scored.answer, repairs=list(order.repairs)))


def _tally(results: Sequence[Result]) -> tuple[int, int]:
    """How many are anomalies, and how many could not be scored."""
    failures = sum(isinstance(result, OrderFailure) for result in results)
    return sum(isinstance(result, ScoreAnswer) and result.anomaly for result in results), failures
