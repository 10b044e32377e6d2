"""How many alerts were worth a look: by week, by main reason, by model version, by who decided."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from sqlalchemy import Column, Connection, select

from app.desk.contract import OUTCOMES, Outcome, PrecisionAnswer, PrecisionRow, moment
from app.desk.tables import ALERT, OUTCOME
from orderguard.outcomes import WORTH_A_LOOK, wilson

By = Literal["week", "reason", "model_version", "decided_by"]
BYS: tuple[By, ...] = ("week", "reason", "model_version", "decided_by")
WEEK_MS = 7 * 86_400_000
_COLUMNS: dict[By, Column[Any]] = {
    "week": ALERT.c.made_at,
    "reason": ALERT.c.fact,
    "model_version": ALERT.c.model_version,
    "decided_by": ALERT.c.decided_by,
}


def precision(connection: Connection, by: By, weeks: int, now: int) -> PrecisionAnswer:
    """The precision of the alerts of the last weeks."""
    return precisions(connection, (by,), weeks, now)[by]


def precisions(connection: Connection, bys: Sequence[By], weeks: int, now: int) -> dict[By, PrecisionAnswer]:
    """The same by each of several. The outcome that is newest by its own time counts."""
    query = select(ALERT.c.id, OUTCOME.c.outcome, *(_COLUMNS[by] for by in bys))
    query = query.outerjoin(OUTCOME, OUTCOME.c.order_token == ALERT.c.id).where(
        ALERT.c.made_at >= now - weeks * WEEK_MS
    )
    found = connection.execute(query.order_by(OUTCOME.c.at, OUTCOME.c.received_at))
    newest = {token: (outcome, values) for token, outcome, *values in found}
    return {
        by: _answer(by, [(outcome, values[place]) for outcome, values in newest.values()])
        for place, by in enumerate(bys)
    }


def _answer(by: By, told: Iterable[tuple[Outcome | None, Any]]) -> PrecisionAnswer:
    groups: defaultdict[str, list[Outcome | None]] = defaultdict(list)
    for outcome, value in told:
        groups[_week(value) if by == "week" else value].append(outcome)
    names = sorted(groups) if by == "week" else sorted(groups, key=lambda name: (-len(groups[name]), name))
    rows = [_row(name, groups[name]) for name in names]
    return PrecisionAnswer(by, rows, _row("", [outcome for group in groups.values() for outcome in group]))


def _week(milliseconds: int) -> str:
    return f"{moment(milliseconds):%G-W%V}"


def _row(value: str, outcomes: Iterable[Outcome | None]) -> PrecisionRow:
    counts = Counter(outcomes)
    worth = sum(counts[kind] for kind in WORTH_A_LOOK)
    decided = worth + counts["genuine"]
    low, high = interval(worth, decided)
    told = {outcome: counts[outcome] for outcome in OUTCOMES}
    share = round(worth / decided, 4) if decided else None
    return PrecisionRow(value, counts.total(), counts[None], **told, precision=share, low=low, high=high)


def interval(worth: int, decided: int) -> tuple[float | None, float | None]:
    """Wilson's 95 % interval, in four digits; of nothing there is none."""
    if not decided:
        return None, None
    low, high = wilson(worth, decided)
    return round(low, 4), round(high, 4)
