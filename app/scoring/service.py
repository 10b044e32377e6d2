"""The one way of an order: decode and mask in steps, ask the store in company, score in company."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from msgspec import Raw

from app.contract import HistoryState, ScoreAnswer
from app.history import HistoryStore, HistoryUnavailable, Looking
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Model, Models
from app.problems import Problem
from app.scoring.answers import answers_of, examined_order, explained_order, vectors_of
from app.scoring.batcher import Batcher
from app.scoring.deciding import Deciding
from app.scoring.masking import masking, masking_each, masking_request
from app.scoring.reading import Apart, Read
from app.scoring.shadow import Shadow
from app.scoring.stages import Explained, Incoming, Prepared
from app.scoring.turns import Turns
from orderguard.history import NO_PAST, Past
from orderguard.masking import Keyring
from orderguard.masking.order import decided_order
from orderguard.masking.steps import finished
from orderguard.presence import fields_told
from orderguard.retrieval import Case
from orderguard.schema import NOT_JSON, MaskedOrder, OrderError

Taken = Incoming | Apart | OrderError
"""An order of a batch or a stream, masked; what is set apart; or why it can't be used."""
STATES: tuple[HistoryState, ...] = ("used", "absent", "unavailable")


class Scored(NamedTuple):
    """An order and its answer; of an anomaly also the names that it told."""

    masked: MaskedOrder
    answer: ScoreAnswer
    names: tuple[str, ...] = ()


class Scoring:
    """Scores orders with the model that is served. `store` is None where histories are off."""

    def __init__(
        self,
        keyring: Keyring,
        models: Models,
        store: HistoryStore | None,
        metrics: Metrics,
        logs: LogWriter,
        histories: Path | None = None,
        deciding: Deciding | None = None,
    ) -> None:
        self.keyring = keyring
        self.histories = histories
        self.store = store
        self._models = models
        self.deciding = deciding
        self._turns = Turns()
        self._shadow = Shadow(metrics, logs)
        self._history_counters = {state: metrics.history.labels(state) for state in STATES}
        self._groups = {
            record: Batcher[Incoming, Scored](partial(self.score_together, record=record)) for record in (True, False)
        }

    def model(self) -> Model:
        """The model that is served. Raises `Problem` while there is none."""
        model = self._models.serving
        if model is None:
            raise Problem("not-ready", self._models.reason or "", headers={"Retry-After": "5"})
        return model

    def incoming(self, body: bytes | Raw) -> Awaitable[Incoming]:
        """Decode and mask an order, in turns with other requests. Raises `OrderError`."""
        return self._turns.run(masking(body, self.keyring, self.model()))

    async def mended(self, body: bytes, refused: OrderError) -> Incoming | Apart:
        """Repair an order that could not be decoded as it is, and mask it. Raises `OrderError`."""
        if refused.reason in NOT_JSON:
            raise refused
        model = self.model()
        return await self._masked(await asyncio.to_thread(model.reader.mended, body), model)

    async def incoming_each(self, bodies: Sequence[bytes | Raw], longest: int) -> list[Taken]:
        """The same for many orders of at most `longest` bytes, repaired where that is needed."""
        model = self.model()
        decoded = await self._turns.run(masking_each(bodies, longest, self.keyring, model))
        taken: list[Taken] = list(decoded)
        refused = [
            place
            for place, order in enumerate(decoded)
            if isinstance(order, OrderError) and order.reason not in NOT_JSON and len(bytes(bodies[place])) <= longest
        ]
        if refused:
            read = await asyncio.to_thread(model.reader.mended_each, [bodies[place] for place in refused])
            for place, order in zip(refused, await self.masked_each(read), strict=True):
                taken[place] = order
        return taken

    async def incoming_lines(self, source: str, lines: Sequence[bytes], longest: int) -> list[Taken]:
        """The orders of lines in the source's form, or in our own where it is empty."""
        if not source:
            return await self.incoming_each(lines, longest)
        reader = self.model().reader
        return await self.masked_each(await asyncio.to_thread(reader.lines_of_source, source, lines, longest))

    async def incoming_of(self, source: str, body: bytes) -> Incoming | Apart:
        """The one order of a source's document. Raises `OrderError`, and `Problem` where it holds several."""
        model = self.model()
        read = await asyncio.to_thread(model.reader.of_source, source, body, 1)
        if not read:
            raise OrderError("", f"expected an order of {source}, found none")
        return await self._masked(read[0], model)

    async def masked_each(self, orders: Sequence[Read]) -> list[Taken]:
        """Mask what was read, in turns with other requests."""
        model = self.model()
        taken: list[Taken] = []
        for read in orders:
            try:
                taken.append(await self._masked(read, model))
            except OrderError as error:
                taken.append(error)
        return taken

    async def _masked(self, read: Read, model: Model) -> Incoming | Apart:
        if isinstance(read, OrderError):
            raise read
        if isinstance(read, Apart):
            return read
        incoming = await self._turns.run(masking_request(read.request, self.keyring, model))
        return incoming._replace(repairs=read.repairs)

    def score(self, order: Incoming, *, record: bool) -> Awaitable[Scored]:
        """Score an order, in company of those that are under way at the same time. With `record` it is counted: in the
        histories, in drift, by the challenger.
        """
        return self._groups[record].result(order)

    async def score_together(
        self, orders: Sequence[Incoming], *, record: bool, store: HistoryStore | None = None
    ) -> list[Scored]:
        """Score orders with one round trip to the store, and one call of the model. `store` is what `looking` gave, and
        takes the place of the service's own.
        """
        counts = record or store is not None
        prepared = await self._prepared(orders, store or self.store, counts)
        scored: list[Scored] = []
        for model, group in groupby(zip(orders, prepared, strict=True), key=lambda pair: pair[0].model):
            part = [ready for _, ready in group]
            answers = self._answers(part, model, record)
            scored += [Scored(ready.masked, answer) for ready, answer in zip(part, answers, strict=True)]
        return scored

    async def _prepared(self, orders: Sequence[Incoming], store: HistoryStore | None, counts: bool) -> list[Prepared]:
        """The orders with what was known before each of them."""
        asked = [order.masked for order in orders if order.brought is None] if store else []
        unknown: HistoryState = "absent"
        pasts: list[Past] = []
        if store is not None and asked:
            try:
                pasts = await store.take(asked, record=counts)
            except HistoryUnavailable:
                unknown = "unavailable"
        known = iter(pasts)
        prepared = []
        for order_id, masked, brought, *_ in orders:
            if brought is not None:
                prepared.append(Prepared(order_id, masked, brought, "used"))
                continue
            past = next(known, NO_PAST)
            state = "used" if past.customer else unknown
            prepared.append(Prepared(order_id, masked, past, state))
        return prepared

    def _answers(self, prepared: Sequence[Prepared], model: Model, record: bool) -> list[ScoreAnswer]:
        vectors = vectors_of(prepared, model)
        scores, shares = model.scorer.explain(vectors)
        answers = answers_of(prepared, vectors, scores, shares, model, self.deciding)
        if record:
            if self.deciding is not None:
                self.deciding.count(answers)
            model.drift.add_rows(vectors, scores.score, [fields_told(order.masked) for order in prepared])
            for state, count in Counter(order.state for order in prepared).items():
                self._history_counters[state].inc(count)
            if self._models.shadow is not None:
                # After the answers have gone out.
                asyncio.get_running_loop().call_soon(self._shadow.compare, self._models.shadow, prepared, answers)
        return answers

    def looking(self) -> HistoryStore | None:
        """The store for one batch or stream that leaves no trace: its orders see those before them, nobody else
        does.
        """
        return Looking(self.store) if self.store else None

    async def examine(self, masked: MaskedOrder) -> Case:
        """Score a masked order with its customer's history and give its reasons, leaving no trace in either. Its codes
        may be `undecided`.
        """
        model = self.model()
        masked = decided_order(masked, model.doubt)
        past = await self._earlier(masked)
        return await asyncio.to_thread(examined_order, masked, past, model)

    async def explained(self, body: bytes) -> Explained:
        """Score an order and tell all about it, leaving no trace in its customer's history. In a thread, since an order
        may be long. Raises `OrderError`.
        """
        order = await asyncio.to_thread(self._incoming_now, body, self.model())
        (prepared,) = await self._prepared([order], self.store, counts=False)
        return await asyncio.to_thread(explained_order, prepared, order.model, self.deciding)

    def _incoming_now(self, body: bytes, model: Model) -> Incoming:
        try:
            return finished(masking(body, self.keyring, model))
        except OrderError as error:
            if error.reason in NOT_JSON:
                raise
        read = model.reader.mended(body)
        if isinstance(read, OrderError):
            raise read
        if isinstance(read, Apart):
            raise OrderError("", f"expected an order, this is a {read.kind}")
        return finished(masking_request(read.request, self.keyring, model))

    def version_dir(self) -> Path:
        """The folder of the version that is served."""
        return self.model().folder

    async def _earlier(self, masked: MaskedOrder) -> Past:
        """What the store knows from before this order."""
        try:
            return (await self.store.take([masked], record=False))[0] if self.store else NO_PAST
        except HistoryUnavailable:
            return NO_PAST
