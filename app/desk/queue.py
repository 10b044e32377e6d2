"""The queue: which alerts there are, in pages, by score, value or age."""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Select, and_, false, func, or_, select, true
from sqlalchemy.sql.elements import ColumnElement

from app.desk.alert import ORDER, WHO
from app.desk.contract import AlertCounts, AlertFilter, AlertRow, AlertsAnswer, ChoicesAnswer, moment
from app.desk.tables import ALERT
from app.problems import FieldError, Problem
from orderguard.masking import Keyring

Sort = Literal["score", "value", "age"]
SORTS: tuple[Sort, ...] = ("score", "value", "age")
MOST_ROWS, USUAL_ROWS = 500, 100
MOST_CHOICES = 50
SMALL = [column for column in ALERT.c if column.name not in ("document", "note")]
"""What `row_of` shows."""


class Who(NamedTuple):
    """The person who asks, by the seals of their name under every key; without a name, nobody."""

    name: str | None
    seals: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str | None, keyring: Keyring) -> "Who":
        """The person of this name."""
        return cls(name, tuple(keyring.seals(WHO, name)) if name else ())


def page(
    connection: Connection, keyring: Keyring, who: Who, asked: AlertFilter, sort: Sort, limit: int, cursor: str
) -> AlertsAnswer:
    """A page of alerts. Raises `Problem` for a cursor or a moment that is none."""
    chosen = condition(keyring, who, asked)
    column, falls = _order(sort, asked)
    total = connection.execute(select(func.count()).select_from(ALERT).where(chosen)).scalar_one()
    beyond = chosen
    if cursor:
        value, last = _place(cursor)
        further = column < value if falls else column > value
        beyond = and_(chosen, or_(further, and_(column == value, ALERT.c.id > last)))
    # Few of many that match are found faster than an index by score or age leads to them: an expression has no index.
    by = column if _is_whole(asked) else column + 0
    ids = select(ALERT.c.id).where(beyond).order_by(by.desc() if falls else by, ALERT.c.id).limit(limit + 1)
    query = select(*SMALL).where(ALERT.c.id.in_(ids)).order_by(column.desc() if falls else column, ALERT.c.id)
    found = connection.execute(query).mappings().all() if total else []
    rows = found[:limit]
    following = _cursor(rows[-1][column.name], rows[-1]["id"]) if len(found) > limit else None
    return AlertsAnswer(counts(connection, who), total, following, [row_of(row, keyring, who) for row in rows])


def every(keyring: Keyring, who: Who, asked: AlertFilter, sort: Sort) -> Select[Any]:
    """The query of all that match, with their notes, in order."""
    column, falls = _order(sort, asked)
    order = column.desc() if falls else column
    return select(*SMALL, ALERT.c.note).where(condition(keyring, who, asked)).order_by(order, ALERT.c.id)


def counts(connection: Connection, who: Who) -> AlertCounts:
    """How many alerts there are in each state."""
    grouped = select(ALERT.c.state, func.count()).group_by(ALERT.c.state)
    by_state: dict[str, int] = dict(connection.execute(grouped).all())
    mine = connection.execute(select(func.count()).select_from(ALERT).where(taken_by(who))).scalar_one()
    return AlertCounts(by_state.get("new", 0), mine, by_state.get("taken", 0) - mine, by_state.get("closed", 0))


def choices(connection: Connection) -> ChoicesAnswer:
    """What there is to filter by, the most frequent first."""

    columns = (ALERT.c.fact, ALERT.c.channel, ALERT.c.country, ALERT.c.model_version, ALERT.c.decided_by)
    told: list[Counter[str]] = [Counter() for _ in columns]
    for *values, alerts in connection.execute(select(*columns, func.count()).group_by(*columns)):
        for counted, value in zip(told, values, strict=True):
            if value:
                counted[value] += alerts
    return ChoicesAnswer(*(sorted(one, key=lambda value: (-one[value], value))[:MOST_CHOICES] for one in told))


def row_of(row: Mapping[Any, Any], keyring: Keyring, who: Who) -> AlertRow:
    """An alert as the queue shows it."""
    taken_by, closed_by = (row[name] and keyring.unseal(WHO, row[name]) for name in ("taken_by", "closed_by"))
    return AlertRow(
        id=row["id"],
        order_id=keyring.unseal(ORDER, row["sealed_order"]),
        mine=row["state"] == "taken" and row["taken_by"] in who.seals,
        taken_by=taken_by,
        closed_by=closed_by,
        **{name: row[name] for name in _AS_THEY_ARE},
        **{name: moment(row[name]) for name in _MOMENTS},
    )


_AS_THEY_ARE = (
    *("score", "threshold", "value", "currency", "reason", "fact", "channel", "country"),
    *("model_version", "decided_by", "state", "outcome"),
)
_MOMENTS = ("made_at", "placed_at", "taken_at", "closed_at")


def condition(keyring: Keyring, who: Who, asked: AlertFilter) -> ColumnElement[bool]:
    """What an alert has to be. Raises `Problem` for a moment that is none."""
    held = [_of_state(who, asked.state)]
    for column, value in (
        (ALERT.c.fact, asked.reason),
        (ALERT.c.channel, asked.channel),
        (ALERT.c.country, asked.country),
        (ALERT.c.model_version, asked.model_version),
        (ALERT.c.decided_by, asked.decided_by),
        (ALERT.c.outcome, asked.outcome),
    ):
        if value:
            held.append(column == value)
    if asked.since:
        held.append(ALERT.c.made_at >= _moment("from", asked.since))
    if asked.until:
        held.append(ALERT.c.made_at < _moment("to", asked.until))
    if text := asked.q.strip():
        words = and_(*(ALERT.c.reason.icontains(word, autoescape=True) for word in text.split()))
        orders, customers = keyring.tokens("order", text), keyring.tokens("customer", text)
        held.append(or_(words, ALERT.c.id.in_([text, *orders]), ALERT.c.customer_token.in_(customers)))
    return and_(*held)


def _is_whole(asked: AlertFilter) -> bool:
    """Whether all alerts of a state are wanted."""
    return asked == AlertFilter(state=asked.state)


def _of_state(who: Who, state: str) -> ColumnElement[bool]:
    if state == "mine":
        return taken_by(who)
    if state == "taken":
        return and_(ALERT.c.state == "taken", ALERT.c.taken_by.not_in(who.seals))
    if state == "open":
        return ALERT.c.state.in_(("new", "taken"))
    return true() if state == "all" else ALERT.c.state == state


def taken_by(who: Who) -> ColumnElement[bool]:
    """The alerts that this person has."""
    return and_(ALERT.c.state == "taken", ALERT.c.taken_by.in_(who.seals)) if who.seals else false()


def _order(sort: Sort, asked: AlertFilter) -> tuple[Column[Any], bool]:
    """The column, and whether it falls. What is open is oldest first, what is closed newest first."""
    if sort == "age":
        return (ALERT.c.closed_at, True) if asked.state == "closed" else (ALERT.c.made_at, False)
    return (ALERT.c.score if sort == "score" else ALERT.c.risk), True


def _moment(name: str, text: str) -> int:
    """A moment or a day (UTC), in milliseconds."""
    try:
        found = datetime.fromisoformat(text)
        return round(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1_000)
    except (ValueError, OverflowError):
        raise wrong(name, "a day such as 2026-11-29, or a moment of RFC 3339") from None


def _cursor(value: float, last: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((value, last))).decode().rstrip("=")


def _place(cursor: str) -> tuple[float, str]:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[float, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise wrong("cursor", "what `next` was in the answer before") from None


def wrong(name: str, reason: str) -> Problem:
    """The problem that a parameter is."""
    return Problem("invalid-request", f"{name}: {reason}", (FieldError(name, reason),))


def filter_of(given: Sequence[tuple[str, str]], others: frozenset[str]) -> AlertFilter:
    """The filter of query parameters. Raises `Problem` for one that there is not."""
    told = {name: value for name, value in given if name not in others}
    try:
        return msgspec.convert(told, AlertFilter)
    except msgspec.ValidationError:
        known = ", ".join(sorted([*(field.encode_name for field in msgspec.structs.fields(AlertFilter)), *others]))
        raise Problem(
            "invalid-request", f"a parameter is not one of {known}, or has a value that it can't have"
        ) from None
