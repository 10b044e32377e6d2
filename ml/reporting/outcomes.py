"""What former alerts turned out to be, for card and report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from ml.labels import Labels
from ml.precision import Count
from ml.pages import Section
from ml.validation.gates import Table
from orderguard.outcomes import WORTH_A_LOOK, Outcome

NO_ALERT = "no alert told"


def section(labels: Labels, tokens: Iterable[str]) -> Section:
    """What became of the alerts of former versions, for the card: nothing in it depends on who is champion."""
    title = "What former alerts turned out to be"
    if not labels.sha256:
        return Section(title, ["There were no outcomes when this version was trained: make export-outcomes."], [])
    known = set(tokens)
    alerted = [one for one in labels.newest.values() if one.alert is not None]
    rows = [
        ("Outcomes", f"{labels.lines:,} lines, of {len(labels.newest):,} orders"),
        ("Lines that can't be used", f"{len(labels.unusable):,}"),
        ("Of orders that this version has read", f"{sum(token in known for token in labels.newest):,}"),
        ("SHA-256 of the file", labels.sha256),
    ]
    words = (
        "Of each order the newest outcome counts. An alert was right where its order was fraud or a mistake, false "
        "where it was genuine; `other` decides nothing. Intervals are of 95 % (Wilson)."
    )
    tables = [
        _table("By week of the alert", alerted, _week),
        _table("By main reason", alerted, lambda one: one.alert.reason or "none told" if one.alert else NO_ALERT),
        _table("By who decided", alerted, lambda one: one.alert.decided_by if one.alert else NO_ALERT),
    ]
    return Section(title, [words], rows, [table for table in tables if table.rows])


def _week(one: Outcome) -> str:
    return f"{one.alert.made_at:%G-W%V}" if one.alert else NO_ALERT


def _table(title: str, outcomes: Sequence[Outcome], group: Callable[[Outcome], str]) -> Table:
    groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in outcomes:
        groups[group(one)][one.outcome] += 1
    rows: list[list[str | float]] = []
    for name, counts in sorted(groups.items()):
        count = Count(counts.total(), sum(counts[kind] for kind in WORTH_A_LOOK), counts["genuine"])
        rows.append([name, *(float(number) for number in count), count.precision])
    return Table(title=title, columns=["", "alerts with an outcome", "right", "false", "precision"], rows=rows)
