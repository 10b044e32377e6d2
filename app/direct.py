"""The routes that carry the load: bytes in, bytes out."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

import msgspec

from app.contract import BatchAnswer, OrderFailure, ScoreAnswer
from app.edge import Edge
from app.exchange import ClientGone, Exchange, Receive, Reply, Send
from app.logs import LogWriter, ScoreLine
from app.metrics import Metrics
from app.models import Model
from app.problems import of_order
from app.scoring import Prepared, Scoring, split_batch
from app.settings import Settings
from orderguard.schema import MaskedOrder, OrderError

SLICE = 128
"""The most orders between two turns of other requests: some milliseconds."""
SLICE_BYTES = 65_536
"""So many bytes of them at most, or one order."""

MAX_LINE_BYTES = 1_048_576

Written = TypeVar("Written", bytes, msgspec.Raw)

encoder = msgspec.json.Encoder()
encode = encoder.encode


class DirectHandlers:
    """`POST /v1/score`, `/v1/score/batch` and `/v1/score/stream`."""

    def __init__(self, settings: Settings, scoring: Scoring, metrics: Metrics, logs: LogWriter) -> None:
        self._settings = settings
        self._scoring = scoring
        self._metrics = metrics
        self._logs = logs
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if scoring.immediate else nullcontext()
        """Between two turns of other requests there is one slice, however many batches and streams are at work. Orders
        that wait for a store give turns away by themselves.
        """
        self._trace_prefix = f"projects/{settings.project}/traces/" if settings.project else ""
        self._one = metrics.orders.labels("/v1/score").inc
        self._many = {path: metrics.orders.labels(path).inc for path in ("/v1/score/batch", "/v1/score/stream")}

    async def score(self, exchange: Exchange, body: bytes) -> Reply:
        """One order in, one answer out."""
        model = self._scoring.model()
        prepared = await self.prepare(exchange, body)
        (encoded,) = self.encoded([exchange], [prepared], self._scoring.answers([prepared], model))
        return Reply(200, encoded, logged=True)

    async def prepare(self, exchange: Exchange, body: bytes, *, at_once: bool = False) -> Prepared:
        """Take an order's bytes to where the model is called. Raises `Problem`."""
        try:
            return await self._scoring.prepare(body, at_once=at_once)
        except OrderError as error:
            self._metrics.invalid_orders.labels(exchange.route).inc()
            raise of_order(error) from None

    def encoded(
        self, exchanges: Sequence[Exchange], prepared: Sequence[Prepared], answers: Sequence[ScoreAnswer]
    ) -> list[bytes]:
        """The bodies for orders that were scored for a request each, counted and logged."""
        self._one(len(answers))
        now, wanted = self._logs.now(), self._logs.wants_info
        bodies = []
        for exchange, order, answer in zip(exchanges, prepared, answers, strict=True):
            self._metrics.scores.observe(answer.score)
            if answer.anomaly:
                self._metrics.anomalies.inc()
            body = encode(answer)
            if wanted:
                self._log(exchange, answer, order.masked, now, len(body))
            bodies.append(body)
        return bodies

    async def batch(self, exchange: Exchange, body: bytes) -> Reply:
        """An array of orders in, an array of answers out. Other requests get their turn after every slice."""
        model = self._scoring.model()
        try:
            orders = split_batch(body, self._settings.max_batch)
        except OrderError as error:
            raise of_order(error) from None
        results: list[ScoreAnswer | OrderFailure] = []
        for part in slices(orders):
            async with self._turn:
                results += await self._score_slice(exchange, part, len(results), model)
                await asyncio.sleep(0)
        anomalies = sum(isinstance(result, ScoreAnswer) and result.anomaly for result in results)
        invalid = sum(isinstance(result, OrderFailure) for result in results)
        answer = encode(BatchAnswer(len(results), anomalies, invalid, results))
        return Reply(200, answer, orders=len(results), bad_orders=invalid, anomalies=anomalies)

    async def stream(
        self, exchange: Exchange, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]
    ) -> Reply:
        """A line in, a line out, in the same order; what is held at any time does not grow with the stream."""
        model = self._scoring.model()
        orders = invalid = anomalies = sent = 0
        exchange.streaming = True
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for lines in _lines(receive):
            for part in slices(lines):
                async with self._turn:
                    results = await self._score_slice(exchange, part, orders, model, MAX_LINE_BYTES)
                    await asyncio.sleep(0)
                orders += len(results)
                anomalies += sum(isinstance(result, ScoreAnswer) and result.anomaly for result in results)
                invalid += sum(isinstance(result, OrderFailure) for result in results)
                answer = encoder.encode_lines(results)
                sent += len(answer)
                await send({"type": "http.response.body", "body": answer, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return Reply(200, b"", size=sent, orders=orders, bad_orders=invalid, anomalies=anomalies)

    async def _score_slice(
        self,
        exchange: Exchange,
        part: Sequence[bytes | msgspec.Raw],
        start: int,
        model: Model,
        longest: int | None = None,
    ) -> list[ScoreAnswer | OrderFailure]:
        taken = [await self._taken(order, longest) for order in part]
        prepared = [order for order in taken if not isinstance(order, OrderError)]
        answers = self._scoring.answers(prepared, model) if prepared else []
        self._many[exchange.route](len(prepared))
        for order, answer in zip(prepared, answers, strict=True):
            self._metrics.scores.observe(answer.score)
            if answer.anomaly:
                self._metrics.anomalies.inc()
                self._log(exchange, answer, order.masked, self._logs.now(), None)
        if len(prepared) < len(part):
            self._metrics.invalid_orders.labels(exchange.route).inc(len(part) - len(prepared))
        in_turn = iter(answers)
        return [
            OrderFailure(start + place, order.reason, order.field) if isinstance(order, OrderError) else next(in_turn)
            for place, order in enumerate(taken)
        ]

    async def _taken(self, order: bytes | msgspec.Raw, longest: int | None) -> Prepared | OrderError:
        """An order of a batch or a stream, prepared, or why it can't be used."""
        if longest is not None and len(bytes(order)) > longest:
            return OrderError("", f"the line is longer than {longest} bytes")
        try:
            return await self._scoring.prepare(order)
        except OrderError as error:
            return error

    def _log(self, exchange: Exchange, answer: ScoreAnswer, masked: MaskedOrder, now: str, size: int | None) -> None:
        """One line an order. It stands for the request's own line where the request is one order: `size` is the
        answer's.
        """
        seconds = time.perf_counter() - exchange.started
        self._logs.write(
            ScoreLine(
                severity="INFO",
                time=now,
                event="score",
                message="An order was scored.",
                trace=self._trace_prefix + exchange.trace_id,
                span=exchange.span_id,
                request_id=exchange.loggable_id,
                score=answer.score,
                anomaly=answer.anomaly,
                latency_ms=round(seconds * 1_000, 3),
                model_version=answer.model_version,
                order_token=masked.order_token,
                history=answer.history,
                http_request=None if size is None else Edge.http_request(exchange, 200, seconds, size),
            )
        )


def slices(orders: Sequence[Written]) -> Iterator[Sequence[Written]]:
    """Orders not yet decoded, in parts of `SLICE` and `SLICE_BYTES` at most."""
    start = size = 0
    for place, order in enumerate(orders):
        size += len(bytes(order))
        if place > start and (place - start == SLICE or size > SLICE_BYTES):
            yield orders[start:place]
            start, size = place, len(bytes(order))
    if start < len(orders):
        yield orders[start:]


async def _lines(receive: Receive) -> AsyncIterator[list[bytes]]:
    """The lines of a body as they arrive, without blank ones. Of a line that is too long, only a part is kept."""
    rest = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message["body"]
        *whole, tail = data.split(b"\n")
        if whole:
            whole[0] = bytes(rest) + whole[0]
            rest.clear()
            lines = [line for line in whole if line and not line.isspace()]
            if lines:
                yield lines
        if len(rest) <= MAX_LINE_BYTES:
            rest += tail
        if not message.get("more_body"):
            if rest.strip():
                yield [bytes(rest)]
            return
