"""Outcomes in the database: what orders turned out to be, told by the shop or by who closed an alert."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.desk.alerts import TOKENS_AT_ONCE, add_new
from app.desk.contract import Outcome
from app.desk.database import Database
from app.desk.tables import ALERT, OUTCOME


class Told(NamedTuple):
    """An outcome by pseudonyms: of its order under every version of the key (the current one first), and of its
    customer where that was told. `at` is in milliseconds.
    """

    orders: tuple[str, ...]
    customer: str | None
    outcome: Outcome
    at: int
    source: str


class OutcomeRow(NamedTuple):
    """An outcome as it is kept, beside the alert of its order where there is one: `alerted_at` (milliseconds), its main
    reason, the model's version, and who decided.
    """

    order_token: str
    customer_token: str | None
    outcome: Outcome
    at: int
    source: str
    alerted_at: int | None
    fact: str | None
    model_version: str | None
    decided_by: str | None


def add_outcomes(connection: Connection, outcomes: Sequence[Told], now: int) -> int:
    """Keep outcomes; returns how many are new. An order keeps the token that its alert, or an outcome before, has:
    after a rotation of the key too.
    """
    alerts, known = _known(connection, [token for one in outcomes for token in one.orders])
    new = 0
    for start in range(0, len(outcomes), TOKENS_AT_ONCE):
        rows = {}
        for one in outcomes[start : start + TOKENS_AT_ONCE]:
            token = next((token for token in one.orders if token in alerts or token in known), one.orders[0])
            row = {"order_token": token, "customer_token": alerts.get(token) or one.customer, "outcome": one.outcome}
            rows[token, one.outcome, one.at, one.source] = {
                **row,
                **{"at": one.at, "source": one.source, "received_at": now},
            }
        new += add_new(connection, OUTCOME, list(rows.values()))
    return new


def _known(connection: Connection, tokens: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """The customer of each alert among these orders, and which of these have outcomes."""
    alerts, known = dict[str, str](), set[str]()
    for start in range(0, len(tokens), TOKENS_AT_ONCE):
        part = tokens[start : start + TOKENS_AT_ONCE]
        found = connection.execute(select(ALERT.c.id, ALERT.c.customer_token).where(ALERT.c.id.in_(part)))
        alerts.update(found.all())
        known.update(connection.execute(select(OUTCOME.c.order_token).where(OUTCOME.c.order_token.in_(part))).scalars())
    return alerts, known


def all_outcomes(database: Database) -> Iterator[OutcomeRow]:
    """Every outcome, in the order of time, order, outcome and source: the same database gives the same rows. Raises
    `DeskAway`.
    """
    with database.transaction(write=False) as connection:
        rows = outcomes_in(connection)
    yield from rows


def outcomes_in(connection: Connection) -> list[OutcomeRow]:
    """The same in a transaction that there is."""
    columns = (
        *(OUTCOME.c.order_token, OUTCOME.c.customer_token, OUTCOME.c.outcome, OUTCOME.c.at, OUTCOME.c.source),
        *(ALERT.c.made_at, ALERT.c.fact, ALERT.c.model_version, ALERT.c.decided_by),
    )
    query = select(*columns).outerjoin(ALERT, ALERT.c.id == OUTCOME.c.order_token)
    rows = (OutcomeRow(*row) for row in connection.execute(query).all())
    # Sorted here: databases have their own ways with letters.
    return sorted(rows, key=lambda row: (row.at, row.order_token, row.outcome, row.source))
