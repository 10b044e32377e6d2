"""Documents that a shipped mapping reads: an order's own, or a table's rows as JSON objects, by column."""

from collections.abc import Callable, Iterator

from orderguard.sources.documents import Loose
from orderguard.sources.mapping import Mapping, mapping_for, records_in
from orderguard.sources.plan import Plan, merge, merge_sums

Source = Callable[[object], Iterator[Loose]]


def mapped(name: str) -> Source:
    """What turns a document into loose orders by a shipped mapping."""
    mapping = mapping_for(name, table=False)
    if mapping is not None:
        return lambda document: (order for _, order in Plan(mapping).runs(records_in(document, mapping)))
    table = mapping_for(name, table=True)
    assert table
    return lambda document: _rows(document, table)


def _rows(document: object, mapping: Mapping) -> Iterator[Loose]:
    """The orders of a list of rows, or of one."""
    columns = [*mapping.columns()]
    rows = document if isinstance(document, list) else [document]
    plan = Plan(mapping, columns)
    yield from together(plan, plan.runs([_row(row, columns) for row in rows]))


def together(plan: Plan, runs: Iterator[tuple[str, Loose]]) -> list[Loose]:
    """Whole orders out of their parts, held in memory."""
    known: dict[object, Loose] = {}
    for place, (key, order) in enumerate(runs):
        before = known.setdefault(key or place, order)
        if before is not order:
            merge_sums(before, order, plan.sums)
            merge(before, order)
    return [plan.finished(order) for order in known.values()]


def _row(row: object, columns: list[str]) -> list[str]:
    if not isinstance(row, dict):
        return []
    return [str(value) if isinstance(value := row.get(name), str | int | float) else "" for name in columns]
