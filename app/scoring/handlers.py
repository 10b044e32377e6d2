"""The routes that carry the load: bytes in, bytes out."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from app.contract import BatchAnswer, OrderFailure, ScoreAnswer
from app.edge import http_request
from app.exchange import Exchange, Receive, Reply, Send
from app.history import HistoryStore
from app.logs import LogWriter, ScoreLine
from app.metrics import Metrics
from app.problems import of_order
from app.scoring.decoding import MAX_LINE_BYTES, lines_of, slices, split_batch
from app.scoring.service import Scored, Scoring
from app.settings import Settings
from orderguard.schema import OrderError

PATHS = ONE, BATCH, STREAM = "/v1/score", "/v1/score/batch", "/v1/score/stream"

_encoder = msgspec.json.Encoder()


class Handlers:
    """`POST /v1/score`, `/v1/score/batch` and `/v1/score/stream`. What a request with `record=false` brings is counted
    nowhere, and has a line in the log as any other request, but none for each order.
    """

    def __init__(self, settings: Settings, scoring: Scoring, metrics: Metrics, logs: LogWriter) -> None:
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
        record = exchange.record
        try:
            order = await self._scoring.incoming(body)
        except OrderError as error:
            if record:
                self._metrics.invalid_orders.labels(exchange.route).inc()
            raise of_order(error) from None
        scored = await self._scoring.score(order, record=record)
        encoded = _encoder.encode(scored.answer)
        if record:
            self._count(exchange, [scored], 0)
            self._log(exchange, scored, len(encoded))
        return Reply(200, encoded, logged=record, orders=1, anomalies=int(scored.answer.anomaly))

    async def batch(self, exchange: Exchange, body: bytes) -> Reply:
        """An array of orders in, an array of answers out. Other requests get their turn after every slice."""
        self._scoring.model()
        try:
            orders = split_batch(body, self._settings.max_batch)
        except OrderError as error:
            raise of_order(error) from None
        store = None if exchange.record else self._scoring.looking()
        results: list[ScoreAnswer | OrderFailure] = []
        for part in slices(orders):
            results += await self._score_slice(exchange, part, len(results), store, len(body))
        anomalies, invalid = _tally(results)
        answer = _encoder.encode(BatchAnswer(len(results), anomalies, invalid, results))
        return Reply(200, answer, orders=len(results), bad_orders=invalid, anomalies=anomalies)

    async def stream(
        self, exchange: Exchange, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]
    ) -> Reply:
        """A line in, a line out, in the same order; what is held at any time does not grow with the stream."""
        self._scoring.model()
        orders = invalid = anomalies = sent = 0
        store = None if exchange.record else self._scoring.looking()
        exchange.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for lines in lines_of(receive):
            for part in slices(lines):
                results = await self._score_slice(exchange, part, orders, store, MAX_LINE_BYTES)
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
        self,
        exchange: Exchange,
        part: Sequence[bytes | msgspec.Raw],
        start: int,
        store: HistoryStore | None,
        longest: int,
    ) -> list[ScoreAnswer | OrderFailure]:
        async with self._slice:
            taken = await self._scoring.incoming_each(part, longest)
            incoming = [order for order in taken if not isinstance(order, OrderError)]
            scored = []
            if incoming:
                scored = await self._scoring.score_together(incoming, record=exchange.record, store=store)
            await asyncio.sleep(0)
        if exchange.record:
            self._count(exchange, scored, len(part) - len(scored))
            for one in scored:
                if one.answer.anomaly:
                    self._log(exchange, one)
        in_turn = iter(scored)
        return [
            (
                OrderFailure(start + place, order.reason, order.field)
                if isinstance(order, OrderError)
                else next(in_turn).answer
            )
            for place, order in enumerate(taken)
        ]

    def _count(self, exchange: Exchange, scored: Sequence[Scored], invalid: int) -> None:
        metrics = self._metrics
        self._orders[exchange.route](len(scored))
        if invalid:
            metrics.invalid_orders.labels(exchange.route).inc(invalid)
        for one in scored:
            metrics.scores.observe(one.answer.score)
            if one.answer.anomaly:
                metrics.anomalies.inc()

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
                http_request=None if size is None else http_request(exchange, 200, seconds, size),
            )
        )


def _tally(results: Sequence[ScoreAnswer | OrderFailure]) -> tuple[int, int]:
    """How many are anomalies, and how many could not be scored."""
    failures = sum(isinstance(result, OrderFailure) for result in results)
    return sum(isinstance(result, ScoreAnswer) and result.anomaly for result in results), failures
