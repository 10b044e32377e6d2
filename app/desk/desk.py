"""The desk: what its routes ask of the database, each in a thread and in one transaction."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, select

from app.desk.acts import DESK, Acts, unknown
from app.desk.alert import WHO, Document
from app.desk.alerts import forget
from app.desk.away import DeskAway, DeskRefused
from app.desk.contract import AlertEvent, OutcomeRequest, moment
from app.desk.database import MOST_CONNECTIONS, Database
from app.desk.outcomes import Told, add_outcomes
from app.desk.queue import Who
from app.desk.tables import ALERT, EVENT, OUTCOME
from app.problems import Problem
from app.settings import Settings
from orderguard.masking import Keyring

RETRY = {"Retry-After": "5"}

Result = TypeVar("Result")
_document = msgspec.json.Decoder(Document).decode


class Found:
    """An alert as the database has it: its row, its document, and what was done with it, the oldest first."""

    def __init__(self, row: Mapping[Any, Any], events: list[AlertEvent]) -> None:
        self.row = row
        self.document = _document(row["document"])
        self.events = events


class Desk:
    """The database behind the routes. A failure of it is a `Problem` (503), and nothing was changed then."""

    def __init__(self, settings: Settings, keyring: Keyring, clock: Callable[[], float] = time.time) -> None:
        self.database = Database(
            settings.alerts_url, settings.alerts_password, settings.alerts_ca, settings.alerts_login
        )
        self.keyring = keyring
        self._clock = clock
        self._threads = ThreadPoolExecutor(MOST_CONNECTIONS, "desk")

    def now(self) -> int:
        """This moment, in milliseconds."""
        return round(self._clock() * 1_000)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Work that changes nothing."""
        return await self._in_thread(work, write=False)

    async def change(self, work: Callable[[Connection], Result]) -> Result:
        """Work that is on disk, or undone, when it is over."""
        return await self._in_thread(work, write=True)

    async def act(self, who: Who, work: Callable[[Acts], Result]) -> Result:
        """What a person does with alerts."""
        return await self.change(lambda connection: work(Acts(connection, self.keyring, who, self.now())))

    async def found(self, alert_id: str) -> Found:
        """One alert. Raises `Problem` where it is not there."""
        return await self.read(lambda connection: self._found(connection, alert_id))

    async def keep_outcomes(self, outcomes: Sequence[OutcomeRequest]) -> int:
        """Keep outcomes; how many of them are new. They are on disk when this is over."""
        told = [
            Told(
                tuple(self.keyring.tokens("order", one.order_id)),
                self.keyring.token("customer", one.customer) if one.customer else None,
                one.outcome,
                round(one.time.timestamp() * 1_000),
                one.source,
            )
            for one in outcomes
        ]
        return await self.change(lambda connection: add_outcomes(connection, told, self.now()))

    async def forget(self, customers: Sequence[str], orders: Sequence[str]) -> tuple[int, int]:
        """Delete what is kept of customers and orders, by their tokens: how many alerts and outcomes these were."""
        return await self.change(lambda connection: forget(connection, customers, orders))

    def close(self) -> None:
        """Close all connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.database.close()

    async def _in_thread(self, work: Callable[[Connection], Result], *, write: bool) -> Result:
        def done() -> Result:
            with self.database.transaction(write=write) as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, done)
        except DeskAway:
            raise Problem("alerts-away", headers=RETRY) from None
        except DeskRefused:
            raise Problem("invalid-request", "the database does not take a value of this request") from None

    def _found(self, connection: Connection, alert_id: str) -> Found:
        row = connection.execute(select(ALERT).where(ALERT.c.id == alert_id)).mappings().first()
        if row is None:
            raise unknown()
        acts = select(EVENT).where(EVENT.c.alert_id == alert_id).order_by(EVENT.c.id)
        told = select(OUTCOME).where(OUTCOME.c.order_token == alert_id, OUTCOME.c.source != DESK)
        events = [
            AlertEvent(moment(act.at), self.keyring.unseal(WHO, act.who), act.what, act.outcome, act.note)
            for act in connection.execute(acts)
        ]
        events += [
            AlertEvent(moment(one.at), None, "outcome", one.outcome, None, one.source)
            for one in connection.execute(told)
        ]
        made = AlertEvent(moment(row["made_at"]), None, "made")
        return Found(row, sorted([made, *events], key=lambda event: event.at))
