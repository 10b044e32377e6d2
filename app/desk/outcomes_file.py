"""Outcomes as the file that training reads: `orderguard.outcomes` says how it is written."""

from sqlalchemy import Connection

from app.desk.contract import moment
from app.desk.outcomes import OutcomeRow, outcomes_in
from orderguard.outcomes import Alerted, Outcome, encoded


def outcomes_file(connection: Connection) -> bytes:
    """The bytes of the file; the same outcomes give the same."""
    return encoded(_outcome(row) for row in outcomes_in(connection))


def _outcome(row: OutcomeRow) -> Outcome:
    alert = None
    if row.alerted_at is not None:
        decided_by, version = row.decided_by or "model", row.model_version or ""
        alert = Alerted(moment(row.alerted_at), row.fact or "", version, decided_by)
    return Outcome(row.order_token, row.outcome, moment(row.at), row.source, row.customer_token, alert)
