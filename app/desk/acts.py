"""What people do with alerts. Each act is one conditional update: of two who close an alert at once, one does."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, and_, delete, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from app.desk.alert import WHO
from app.desk.alerts import add_new
from app.desk.contract import AlertFilter, AlertRow, CloseManyAnswer, Outcome, Refused, moment
from app.desk.queue import SMALL, Who, condition, row_of, taken_by
from app.desk.tables import ALERT, EVENT, OUTCOME
from app.problems import Problem
from orderguard.masking import Keyring

DESK = "desk"
"""The source of outcomes that people tell by closing."""


class Acts:
    """Acts of one person at one moment (milliseconds), in one transaction."""

    def __init__(self, connection: Connection, keyring: Keyring, who: Who, now: int) -> None:
        self._connection = connection
        self._keyring = keyring
        self._who = who
        self._now = now

    def take(self, alert_id: str, *, over: bool) -> AlertRow:
        """Take an alert; with `over` also from another person. Raises `Problem` (409) where it is not to be had."""
        allowed = ALERT.c.state.in_(("new", "taken")) if over else ALERT.c.state == "new"
        changed = {"state": "taken", "taken_by": self._who.seals[0], "taken_at": self._now}
        if self._change(and_(ALERT.c.id == alert_id, allowed), changed):
            self._tell(alert_id, "taken")
            return self._row(alert_id)
        return self._unless_another_has_it(alert_id)

    def release(self, alert_id: str) -> AlertRow:
        """Give an alert back. Raises `Problem` (409) where another person has it, or it is closed."""
        if self._change(
            and_(ALERT.c.id == alert_id, taken_by(self._who)), {"state": "new", "taken_by": None, "taken_at": None}
        ):
            self._tell(alert_id, "released")
            return self._row(alert_id)
        return self._unless_another_has_it(alert_id)

    def close(self, alert_id: str, outcome: Outcome, note: str) -> AlertRow:
        """Close an alert that nobody else has. Raises `Problem` (409) where it is closed, or taken by another."""
        if not self._close(alert_id, outcome, note):
            raise self._conflict(self._found(alert_id))
        return self._row(alert_id)

    def reopen(self, alert_id: str) -> AlertRow:
        """Open a closed alert again, taken by who asks: the outcome that its closing told is withdrawn."""
        changed = {
            **{"state": "taken", "taken_by": self._who.seals[0], "taken_at": self._now},
            **dict.fromkeys(("closed_by", "closed_at", "outcome", "note")),
        }
        if not self._change(and_(ALERT.c.id == alert_id, ALERT.c.state == "closed"), changed):
            return self._unless_another_has_it(alert_id)
        withdrawn = and_(OUTCOME.c.order_token == alert_id, OUTCOME.c.source == DESK)
        self._connection.execute(delete(OUTCOME).where(withdrawn))
        self._tell(alert_id, "reopened")
        return self._row(alert_id)

    def close_many(self, ids: Sequence[str], outcome: Outcome, note: str) -> CloseManyAnswer:
        """Close each that nobody else has, and say which were not."""
        refused = []
        closed = 0
        for alert_id in dict.fromkeys(ids):
            if self._close(alert_id, outcome, note):
                closed += 1
                continue
            row = self._look(alert_id)
            refused.append(Refused(alert_id, *self._done(row)) if row else Refused(alert_id, "unknown"))
        return CloseManyAnswer(closed, refused)

    def close_matching(self, asked: AlertFilter, expected: int | None, outcome: Outcome, note: str) -> CloseManyAnswer:
        """Close all that match. Raises `Problem` (409) where these are not as many as the person saw."""
        found = list(
            self._connection.execute(select(ALERT.c.id).where(condition(self._keyring, self._who, asked))).scalars()
        )
        if expected is not None and len(found) != expected:
            raise Problem("alerts-changed", f"{len(found)} alerts match by now, not {expected}: look at them again")
        return self.close_many(found, outcome, note)

    def _close(self, alert_id: str, outcome: Outcome, note: str) -> bool:
        changed = {
            **{"state": "closed", "closed_by": self._who.seals[0], "closed_at": self._now},
            **{"outcome": outcome, "note": note},
        }
        if not self._change(and_(ALERT.c.id == alert_id, or_(ALERT.c.state == "new", taken_by(self._who))), changed):
            return False
        self._tell(alert_id, "closed", outcome, note)
        customer = self._connection.execute(select(ALERT.c.customer_token).where(ALERT.c.id == alert_id)).scalar_one()
        told = {"order_token": alert_id, "customer_token": customer, "outcome": outcome, "source": DESK}
        add_new(self._connection, OUTCOME, [{**told, "at": self._now, "received_at": self._now}])
        return True

    def _change(self, where: ColumnElement[bool], values: dict[str, Any]) -> bool:
        return self._connection.execute(update(ALERT).where(where).values(values)).rowcount == 1

    def _tell(self, alert_id: str, what: str, outcome: str | None = None, note: str | None = None) -> None:
        row = {"alert_id": alert_id, "at": self._now, "who": self._who.seals[0], "what": what}
        self._connection.execute(insert(EVENT).values({**row, "outcome": outcome, "note": note or None}))

    def _look(self, alert_id: str) -> Mapping[Any, Any] | None:
        return self._connection.execute(select(*SMALL).where(ALERT.c.id == alert_id)).mappings().first()

    def _found(self, alert_id: str) -> Mapping[Any, Any]:
        row = self._look(alert_id)
        if row is None:
            raise unknown()
        return row

    def _row(self, alert_id: str) -> AlertRow:
        return row_of(self._found(alert_id), self._keyring, self._who)

    def _unless_another_has_it(self, alert_id: str) -> AlertRow:
        """The alert as it is, where what was asked for was so already."""
        row = self._found(alert_id)
        if row["state"] == "closed" or (row["state"] == "taken" and row["taken_by"] not in self._who.seals):
            raise self._conflict(row)
        return row_of(row, self._keyring, self._who)

    def _done(self, row: Mapping[Any, Any]) -> tuple[Literal["closed", "taken"], str | None, Any]:
        """What was done with an alert that is not to be had, by whom and when."""
        done: Literal["closed", "taken"] = "closed" if row["state"] == "closed" else "taken"
        sealed = row[f"{done}_by"]
        return done, sealed and self._keyring.unseal(WHO, sealed), moment(row[f"{done}_at"])

    def _conflict(self, row: Mapping[Any, Any]) -> Problem:
        done, who, at = self._done(row)
        as_what = f" as {row['outcome']}" if done == "closed" else ""
        told = f"{done} by {who or 'somebody'} at {at:%Y-%m-%d %H:%M} UTC{as_what}"
        more = {"who": who, "at": at, "alert": row_of(row, self._keyring, self._who)}
        return Problem(f"alert-{done}", told, more=more)


def unknown() -> Problem:
    """The problem of an alert that is not there."""
    return Problem("not-found", "there is no such alert: it may have been deleted since")
