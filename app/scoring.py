"""From an order's bytes to its answer: decode, mask, history, features, model."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Raw
from numpy.typing import NDArray

from app.contract import MAX_HISTORY, Contribution, HistoryState, ScoreAnswer
from app.history import HistoryStore, HistoryUnavailable
from app.history.records import read_record, record_after
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Model, Models
from app.problems import Problem
from app.shadow import Shadow
from app.turns import Turns
from orderguard.features import FEATURE_NAMES, FEATURES
from orderguard.features.scalar import features_of, order_features
from orderguard.history import EMPTY, CustomerHistory, customer_after
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.masking.codes import masked as in_doubt_masked
from orderguard.masking.order import decided_order, masking_order
from orderguard.masking.steps import Steps, finished
from orderguard.presence import fields_told
from orderguard.reasons import LineBesideUsual, ReasonInWords, in_words, lines_beside_usual, place_in_words
from orderguard.retrieval import Case, Told, make_case, with_words
from orderguard.schema import NOT_JSON, UNDECODABLE, MaskedOrder, Order, OrderError, decode_order, explained
from orderguard.scorer import Scores

TOP_CONTRIBUTIONS = 5
STORE_REST_SECONDS = 2.0

MEANINGS = [feature.meaning for feature in FEATURES]
UNSCALED: list[Callable[[float], float]] = [
    {"ln": math.exp, "ln(1+x)": math.expm1}.get(feature.scale, float) for feature in FEATURES
]
"""Gives a feature's value back in its own unit, for people to read."""


class Received(Order, frozen=True, kw_only=True):
    """An `OrderRequest` whose earlier orders are still JSON: decoding two hundred in one piece would take too long."""

    history: Annotated[list[Raw], Meta(max_length=MAX_HISTORY)] | None = None


class Request(NamedTuple):
    """An order and its customer's earlier ones, where the caller brought them."""

    order: Order
    history: list[Order] | None


_decode = msgspec.json.Decoder(Received).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode
Vectors = NDArray[np.float32]
Shares = NDArray[np.float64]


def decoding(body: bytes | Raw) -> Steps[Request]:
    """Decode an order with its optional history, in steps. Raises `OrderError`, which repeats no value."""
    try:
        order = _decode(body)
    except UNDECODABLE as error:
        raise explained(error) from None
    if order.history is None:
        return Request(order, None)
    history = list[Order]()
    for place, written in enumerate(order.history):
        yield
        history.append(_earlier(f"history[{place}]", written))
    for place, earlier in enumerate(history):
        if earlier.customer.id != order.customer.id:
            raise OrderError(f"history[{place}].customer.id", "not the customer of the order")
    return Request(order, history)


def _earlier(path: str, written: Raw) -> Order:
    """One of the earlier orders. What is wrong with it is told as if the whole had been decoded at once."""
    try:
        return decode_order(written)
    except OrderError as error:
        if error.reason in NOT_JSON:
            raise
        raise OrderError(f"{path}.{error.field}" if error.field else path, error.reason) from None


def split_batch(body: bytes, limit: int) -> list[Raw]:
    """The orders of an array, not yet decoded.

    Raises `OrderError` where the whole is no array, and `Problem` where it is longer than `limit`.
    """
    try:
        items = _decode_items(body)
    except UNDECODABLE as error:
        raise explained(error) from None
    if len(items) > limit:
        raise Problem("too-large", f"a batch has at most {limit} orders, this one has {len(items)}")
    return items


class Prepared(NamedTuple):
    """An order that is ready to be scored."""

    order_id: str
    masked: MaskedOrder
    history: CustomerHistory | None
    state: HistoryState


def answers_of(
    prepared: Sequence[Prepared], vectors: Vectors, scores: Scores, shares: Shares, model: Model
) -> list[ScoreAnswer]:
    """The answers for scored orders (n), each with the features that raised its score most; an anomaly with its
    reasons in words.
    """
    top: list[list[int]] = shares.argsort(axis=1)[:, : -TOP_CONTRIBUTIONS - 1 : -1].tolist()
    threshold, version = model.scorer.threshold, model.version
    columns = (*(column.tolist() for column in scores), top, vectors.tolist(), shares.round(6).tolist())
    return [
        ScoreAnswer(
            order.order_id,
            score,
            threshold,
            score >= threshold,
            forest,
            guard,
            [
                Contribution(FEATURE_NAMES[place], UNSCALED[place](values[place]), parts[place], MEANINGS[place])
                for place in places
            ],
            version,
            order.state,
            *(_in_words(order, model, score, values, parts) if score >= threshold else ()),
        )
        for order, score, forest, guard, places, values, parts in zip(prepared, *columns, strict=True)
    ]


def _in_words(
    order: Prepared, model: Model, score: float, values: Sequence[float], parts: Sequence[float]
) -> tuple[str, list[ReasonInWords]]:
    """Where an order stands among the reference orders, and its reasons."""
    scorer = model.scorer
    reasons = in_words(order.masked, order.history, model.catalogue, scorer.reference_orders, values, parts)
    return place_in_words(scorer.share_from(score)), reasons


class Explained(NamedTuple):
    """An order with its answer and what there is to tell, whether it is an anomaly or not."""

    masked: MaskedOrder
    answer: ScoreAnswer
    lines: list[LineBesideUsual]


def _explained(order_id: str, masked: MaskedOrder, history: CustomerHistory | None, model: Model) -> Explained:
    order = Prepared(order_id, masked, history, "used" if history and history.count else "absent")
    vectors = features_of([(masked, history)], model.catalogue)
    scores, shares = model.scorer.explain(vectors)
    (answer,) = answers_of([order], vectors, scores, shares, model)
    place, reasons = _in_words(order, model, answer.score, vectors[0].tolist(), shares[0].round(6).tolist())
    lines = lines_beside_usual(masked, model.catalogue)
    return Explained(masked, msgspec.structs.replace(answer, place=place, reasons=reasons), lines)


def _examined(masked: MaskedOrder, history: CustomerHistory | None, model: Model) -> Case:
    vector = order_features(masked, history, model.catalogue)
    scores, shares = model.scorer.explain(vector[None])
    reasons = [(FEATURE_NAMES[place], float(shares[0, place])) for place in shares[0].argsort()[::-1]]
    case = make_case(masked, vector, float(scores.score[0]), model.scorer.threshold, reasons)
    order = Prepared("", masked, history, "absent")
    place, told = _in_words(order, model, float(scores.score[0]), vector.tolist(), shares[0].round(6).tolist())
    return with_words(case, masked, [Told(reason.text, reason.features) for reason in told], place)


class Scoring:
    """Scores orders with the model that is served."""

    def __init__(
        self,
        keyring: Keyring,
        models: Models,
        store: HistoryStore | None,
        metrics: Metrics,
        logs: LogWriter,
        histories: Path | None = None,
    ) -> None:
        self.keyring = keyring
        self.histories = histories
        self._models = models
        self._store = store
        self._store_rests_until = 0.0
        self._turns = Turns()
        self._shadow = Shadow(metrics, logs)
        self._history_counters = {state: metrics.history.labels(state) for state in ("used", "absent", "unavailable")}

    @property
    def immediate(self) -> bool:
        """Whether preparing an order never waits."""
        return self._store is None or self._store.immediate

    def model(self) -> Model:
        """The model that is served. Raises `Problem` while there is none."""
        model = self._models.serving
        if model is None:
            raise Problem("not-ready", self._models.reason or "", headers={"Retry-After": "5"})
        return model

    async def prepare(self, body: bytes | Raw, *, at_once: bool = False) -> Prepared:
        """Decode and mask an order and count it into its customer's history. `at_once` gives no other request a turn
        meanwhile. Raises `OrderError`.
        """
        steps = self._masking(body)
        order_id, masked, brought = finished(steps) if at_once else await self._turns.run(steps)
        store = self._store
        if brought is not None:
            return Prepared(order_id, masked, brought, "used")
        if store is None:
            return Prepared(order_id, masked, None, "absent")
        if self._store_rests_until and self._store_rests_until > time.monotonic():
            return Prepared(order_id, masked, None, "unavailable")
        try:
            kept = await store.read(masked.customer_token)
            record = read_record(kept) if kept else None
            if changed := record_after(record, masked):
                await store.write(masked.customer_token, changed)
        except HistoryUnavailable:
            # A store that is away costs each order its timeout. Leave it alone for a moment.
            self._store_rests_until = time.monotonic() + STORE_REST_SECONDS
            return Prepared(order_id, masked, None, "unavailable")
        seen = record.seen_by(masked) if record else EMPTY
        return Prepared(order_id, masked, seen, "used") if seen.count else Prepared(order_id, masked, None, "absent")

    def answers(self, prepared: Sequence[Prepared], model: Model) -> list[ScoreAnswer]:
        """Compute the features of prepared orders and score them with one call of the model."""
        vectors = features_of([(order.masked, order.history) for order in prepared], model.catalogue)
        scores, shares = model.scorer.explain(vectors)
        model.drift.add_rows(vectors, scores.score, [fields_told(order.masked) for order in prepared])
        answers = answers_of(prepared, vectors, scores, shares, model)
        for state, count in Counter(order.state for order in prepared).items():
            self._history_counters[state].inc(count)
        if self._models.shadow is not None:
            # After the answers have gone out.
            asyncio.get_running_loop().call_soon(self._shadow.compare, self._models.shadow, prepared, answers)
        return answers

    async def examine(self, masked: MaskedOrder) -> Case:
        """Score a masked order with its customer's history and give its reasons, leaving no trace in either. Its codes
        may be `undecided`.
        """
        model = self.model()
        masked = decided_order(masked, model.doubt)
        history = await self._earlier(masked)
        return await asyncio.to_thread(_examined, masked, history, model)

    async def explained(self, body: bytes) -> Explained:
        """Score an order and tell all about it, leaving no trace in its customer's history. In a thread, since an order
        may be long. Raises `OrderError`.
        """
        model = self.model()
        order_id, masked, brought = await asyncio.to_thread(finished, self._masking(body))
        history = await self._earlier(masked) if brought is None else brought
        return await asyncio.to_thread(_explained, order_id, masked, history, model)

    def version_dir(self) -> Path:
        """The folder of the version that is served."""
        return self.model().folder

    async def _earlier(self, masked: MaskedOrder) -> CustomerHistory | None:
        """What the store knows of the customer from before this order; None without store or history."""
        if self._store is None or self._store_rests_until > time.monotonic():
            return None
        try:
            kept = await self._store.read(masked.customer_token)
        except HistoryUnavailable:
            return None
        seen = read_record(kept) if kept else None
        history = seen.seen_by(masked) if seen else EMPTY
        return history if history.count else None

    def _masking(self, body: bytes | Raw) -> Steps[tuple[str, MaskedOrder, CustomerHistory | None]]:
        """The order's id, the masked order, and the history that the caller brought: the orders before this one, oldest
        first.
        """
        order, earlier_orders = yield from decoding(body)
        doubt = self._models.serving.doubt if self._models.serving else in_doubt_masked
        masked = yield from masking_order(order, self.keyring, free_text=False, doubt=doubt)
        if earlier_orders is None:
            return order.order_id, masked, None
        history = EMPTY
        for earlier in sorted(earlier_orders, key=lambda order: order.created_at):
            if earlier.created_at < masked.created_at:
                history = customer_after(history, (yield from masking_order(earlier, self.keyring, free_text=False)))
                yield
        return order.order_id, masked, history


WARM_ORDER = (
    b'{"order_id":"warm","created_at":"2026-01-01T12:00:00Z","customer":{"id":"warm"},"currency":"EUR",'
    b'"items":[{"sku":"warm","quantity":1,"unit_price":1}]}'
)


def warm(model: Model) -> None:
    """Take an order through the model until every cache is filled. Counts nothing and raises what a broken model
    raises.
    """
    keyring = Keyring.from_text(new_key_text())
    order = decode_order(WARM_ORDER)
    masked = mask_order(order, keyring, free_text=False)
    for count in (1, 1, 1, 2, 16, 64, 1, 1):
        prepared = [Prepared(order.order_id, masked, None, "absent")] * count
        vectors = features_of([(masked, None)] * count, model.catalogue)
        msgspec.json.encode(answers_of(prepared, vectors, *model.scorer.explain(vectors), model))
