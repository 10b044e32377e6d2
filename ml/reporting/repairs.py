"""What became of the lines of the order files, for card and report."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml.feature_engineering import Found, ReadingReport
from ml.repairs import repaired_share, warning
from ml.reporting.section import Section
from ml.validation.gates import Table


def section(report: ReadingReport, parameters: Mapping[str, Any]) -> Section:
    """The section of card and report."""
    settings = parameters["input"]
    words = [
        f"Of {report.lines - report.blank_lines:,} lines {report.orders:,} orders went into training; "
        f"{report.repaired:,} of them ({repaired_share(report):.1%}) had a field that was repaired or left out, "
        f"{sum(one.orders for one in report.apart):,} lines hold a refund, a cancellation, an exchange or a test order "
        f"and were set apart, {sum(one.orders for one in report.refused):,} can't be used and are quarantined, and "
        f"{report.duplicates:,} repeat an order. Times without a time zone are read as {settings['zone'] or 'UTC'}.",
        *warning(report, settings["maximum_repaired_share"]),
    ]
    tables = [
        _table("Repaired", "what was done", report.repairs),
        _table("Set apart", "what it is", report.apart),
        _table("Quarantined", "why", report.refused),
    ]
    return Section("What became of the lines", words, [], [table for table in tables if table.rows])


def _table(title: str, reason: str, found: Sequence[Found]) -> Table:
    """By file, with a column for the field where any has one."""
    fields = any(one.field for one in found)
    columns = ["order file", *(["field"] if fields else []), reason, "orders"]
    rows: list[list[str | float]] = [
        [f"order file {one.file}", *([one.field or "the line"] if fields else []), one.reason, one.orders]
        for one in found
    ]
    return Table(title=title, columns=columns, rows=rows)
