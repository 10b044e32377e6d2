"""How many alerts were worth a look: by week, by main reason, by model version, by who decided."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Connection, select

from app.desk.contract import OUTCOMES, Outcome, PrecisionAnswer, PrecisionRow, moment
from app.desk.tables import ALERT, OUTCOME
from orderguard.outcomes import WORTH_A_LOOK, wilson

By = Literal["week", "reason", "model_version", "decided_by"]
BYS: tuple[By, ...] = ("week", "reason", "model_version", "decided_by")
WEEK_MS = 7 * 86_400_000
_COLUMNS = {"reason": ALERT.c.fact, "model_version": ALERT.c.model_version, "decided_by": ALERT.c.decided_by}


def precision(connection: Connection, by: By, weeks: int, now: int) -> PrecisionAnswer:
    """The precision of the alerts of the last weeks. The outcome that is newest by its own time counts."""
    since = now - weeks * WEEK_MS
    column = _COLUMNS.get(by, ALERT.c.made_at)
    of_alert: dict[str, str] = {
        token: _week(value) if by == "week" else str(value)
        for token, value in connection.execute(select(ALERT.c.id, column).where(ALERT.c.made_at >= since))
    }
    newest: dict[str, Outcome] = {}
    told = select(OUTCOME.c.order_token, OUTCOME.c.outcome).join(ALERT, ALERT.c.id == OUTCOME.c.order_token)
    told = told.where(ALERT.c.made_at >= since).order_by(OUTCOME.c.at, OUTCOME.c.received_at)
    newest.update(connection.execute(told).all())
    groups: defaultdict[str, list[Outcome | None]] = defaultdict(list)
    for token, value in of_alert.items():
        groups[value].append(newest.get(token))
    if by == "week":
        names = sorted(groups)
    else:
        names = sorted(groups, key=lambda name: (-len(groups[name]), name))
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
