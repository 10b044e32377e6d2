"""Alerts in the database: kept once, deleted when they are old, forgotten with their customer."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.desk.alert import Alert
from app.desk.tables import ALERT, EVENT, OUTCOME

TOKENS_AT_ONCE = 500


def add_alerts(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Keep alerts; one that is kept already stays as it is."""
    add_new(connection, ALERT, [msgspec.structs.asdict(alert) for alert in alerts])


def add_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> int:
    """Insert rows whose key is not there yet; returns how many those were."""
    if not rows:
        return 0
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(rows).on_conflict_do_nothing()
    return connection.execute(statement).rowcount


def delete_older(connection: Connection, moment: int) -> None:
    """Delete alerts and outcomes of before a moment, with all that people did and wrote."""
    old = select(ALERT.c.id).where(ALERT.c.made_at < moment)
    connection.execute(delete(EVENT).where(EVENT.c.alert_id.in_(old)))
    connection.execute(delete(ALERT).where(ALERT.c.made_at < moment))
    connection.execute(delete(OUTCOME).where(OUTCOME.c.received_at < moment))


def forget(connection: Connection, customers: Sequence[str], orders: Sequence[str]) -> tuple[int, int]:
    """Delete what is kept of these customers and of these orders, by their tokens: alerts with events and notes, and
    outcomes. Returns how many of each.
    """
    alerts = outcomes = 0
    for column, outcome_column, tokens in (
        (ALERT.c.customer_token, OUTCOME.c.customer_token, customers),
        (ALERT.c.id, OUTCOME.c.order_token, orders),
    ):
        for start in range(0, len(tokens), TOKENS_AT_ONCE):
            part = tokens[start : start + TOKENS_AT_ONCE]
            found = list(connection.execute(select(ALERT.c.id).where(column.in_(part))).scalars())
            for kept in range(0, len(found), TOKENS_AT_ONCE):
                ids = found[kept : kept + TOKENS_AT_ONCE]
                connection.execute(delete(EVENT).where(EVENT.c.alert_id.in_(ids)))
                outcomes += connection.execute(delete(OUTCOME).where(OUTCOME.c.order_token.in_(ids))).rowcount
                alerts += connection.execute(delete(ALERT).where(ALERT.c.id.in_(ids))).rowcount
            outcomes += connection.execute(delete(OUTCOME).where(outcome_column.in_(part))).rowcount
    return alerts, outcomes
