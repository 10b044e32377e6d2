"""All there is to tell about one alert: the order beside what is usual, what the same customer and device ordered, and
past cases like it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import Column, Connection, select

from app.desk.contract import AlertAnswer, SeenBeside, SimilarAlert
from app.desk.desk import Desk, Found
from app.desk.queue import Who, row_of
from app.desk.tables import ALERT
from app.explaining import seen
from app.history import HistoryStore, HistoryUnavailable
from app.models import Model
from app.problems import Problem
from orderguard.history import device_of, digest
from orderguard.history.records import CUSTOMER, ENTITY, past_of
from orderguard.reasons import lines_beside_usual
from orderguard.retrieval import Case, Search, similar_cases
from orderguard.schema import MaskedOrder

MOST_BESIDE = 20
MOST_SIMILAR = 5
NONE_SIMILAR = "no past case is similar enough"


class Service(Protocol):
    """What details are asked of: `app.scoring.service.Scoring`."""

    store: HistoryStore | None

    def model(self) -> Model:
        """The model that is served. Raises `Problem` while there is none."""

    async def examine(self, masked: MaskedOrder) -> Case:
        """Score a masked order and give its reasons, leaving no trace."""


class Knowledge(Protocol):
    """Where past cases are."""

    async def search(self) -> tuple[Search, str]:
        """The search over the served version's index and cases. Raises `Problem` without one."""


class Details:
    """Puts alerts beside what else is known."""

    def __init__(
        self, desk: Desk, service: Service, knowledge: Knowledge, clock: Callable[[], float] = time.time
    ) -> None:
        self._desk = desk
        self._service = service
        self._knowledge = knowledge
        self._clock = clock

    async def of(self, found: Found, who: Who) -> AlertAnswer:
        """All about an alert. Raises `Problem` where the database does not answer; what else is away is left out."""
        row, document = found.row, found.document
        shown = row_of(row, self._desk.keyring, who)
        order = document.masked
        customer, device = await self._remembered(order)
        alerts = await self._desk.read(lambda to: _alerts_beside(to, order, row["id"]))
        similar, note = await self._similar(order)
        lines = await asyncio.to_thread(lines_beside_usual, order, self._service.model().catalogue)
        return AlertAnswer(
            alert=shown,
            note=row["note"] or "",
            answer=msgspec.structs.replace(document.answer, order_id=shown.order_id or ""),
            order=seen(order),
            lines=lines,
            customer_orders=_beside(customer, [one for one in alerts if one.this_customer]),
            device_orders=_beside(device, [one for one in alerts if one.of_device]),
            similar=similar,
            similar_note=note,
            events=found.events,
        )

    async def _remembered(self, order: MaskedOrder) -> tuple[list[SeenBeside], list[SeenBeside]]:
        """The orders of the customer and of the device that the store of histories remembers, without this one."""
        store, device, placed = self._service.store, device_of(order), order.created_at.timestamp()
        if store is None:
            return [], []
        keys = [f"{CUSTOMER.letter}:{order.customer_token}", *([f"{ENTITY.letter}:{device}"] if device else [])]
        try:
            records = await store.read(keys)
        except HistoryUnavailable:
            return [], []
        past = past_of(records[0], records[1:], self._clock(), None)
        own, (entity,) = past.customer, past.entities or (None,)
        customers = [
            SeenBeside(placed_at=_moment(at), value=round(value, 4), currency=currency, this_customer=True)
            for at, value, currency in (zip(own.at, own.values, own.currencies, strict=True) if own else ())
            if at != placed
        ]
        number = digest(order.customer_token)
        devices = [
            SeenBeside(placed_at=_moment(at), this_customer=customer == number)
            for at, customer in (zip(entity.at, entity.customers, strict=True) if entity else ())
            if (at, customer) != (placed, number)
        ]
        return customers, devices

    async def _similar(self, order: MaskedOrder) -> tuple[list[SimilarAlert], str]:
        try:
            search, _ = await self._knowledge.search()
            case = await self._service.examine(order)
        except Problem as problem:
            return [], problem.detail
        cases = search.index.cases
        found = await asyncio.to_thread(similar_cases, case, cases, *search.index.scale, limit=MOST_SIMILAR)
        if not found:
            return [], NONE_SIMILAR if cases else "there are no past cases: make seed-histories"
        tokens = [one.case.order_token for one in found]
        kept = await self._desk.read(lambda to: _outcomes_of(to, tokens))
        return [
            SimilarAlert(
                order=one.case.order_token,
                similarity=one.similarity,
                score=one.case.score,
                placed_at=one.case.created_at,
                reasons=one.shared_in_words,
                alert=one.case.order_token if one.case.order_token in kept else None,
                outcome=kept.get(one.case.order_token),
            )
            for one in found
        ], ""


class _AlertBeside(msgspec.Struct):
    """Another alert of the customer or of the device."""

    shown: SeenBeside
    this_customer: bool
    of_device: bool


def _alerts_beside(connection: Connection, order: MaskedOrder, own: str) -> list[_AlertBeside]:
    device = device_of(order)
    columns: list[Column[Any]] = [ALERT.c.customer_token, ALERT.c.device_token, ALERT.c.id, ALERT.c.placed_at]
    columns += [ALERT.c.value, ALERT.c.currency, ALERT.c.score, ALERT.c.state, ALERT.c.outcome]
    found = []
    for column, token in ((ALERT.c.customer_token, order.customer_token), (ALERT.c.device_token, device)):
        if not token:
            continue
        query = select(*columns).where(column == token, ALERT.c.id != own)
        for row in connection.execute(query.order_by(ALERT.c.placed_at.desc()).limit(MOST_BESIDE)):
            this_customer = row.customer_token == order.customer_token
            shown = SeenBeside(
                placed_at=_moment(row.placed_at / 1_000),
                value=row.value,
                currency=row.currency,
                this_customer=this_customer,
                alert=row.id,
                score=row.score,
                state=row.state,
                outcome=row.outcome,
            )
            of_customer = column is ALERT.c.customer_token
            found.append(_AlertBeside(shown, of_customer, not of_customer))
    return found


def _beside(remembered: Sequence[SeenBeside], alerts: Sequence[_AlertBeside]) -> list[SeenBeside]:
    """Remembered orders and alerts together, the newest first: an order that has an alert is told by that."""
    told = {one.shown.placed_at for one in alerts}
    others = [one for one in remembered if one.placed_at not in told]
    both = [*others, *(one.shown for one in alerts)]
    return sorted(both, key=lambda one: one.placed_at, reverse=True)[:MOST_BESIDE]


def _outcomes_of(connection: Connection, tokens: Sequence[str]) -> dict[str, Any]:
    return dict(connection.execute(select(ALERT.c.id, ALERT.c.outcome).where(ALERT.c.id.in_(tokens))).all())


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)
