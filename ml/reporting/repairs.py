"""What became of the lines of the order files, for card and report."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml.feature_engineering import Found, ReadingReport
from ml.repairs import repaired_share, warning
from ml.pages import Section
from ml.validation.gates import Table

_MOST_FILES = 4


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
    """A row for each thing, the most frequent first, with the files that it is most in; a column for the field where
    any has one.
    """
    by_file: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        by_file.setdefault((one.field, one.reason), []).append(one)
    counts = sorted(((sum(one.orders for one in ones), place, ones) for place, ones in by_file.items()), key=_frequent)
    fields = any(field for field, _ in by_file)
    rows: list[list[str | float]] = [
        [*([field or "the line"] if fields else []), why, count, _files(ones)] for count, (field, why), ones in counts
    ]
    return Table(title=title, columns=[*(["field"] if fields else []), reason, "lines", "in order file"], rows=rows)


def _frequent(row: tuple[int, tuple[str, str], list[Found]]) -> tuple[int, tuple[str, str]]:
    return -row[0], row[1]


def _files(found: Sequence[Found]) -> str:
    """In how many lines of which file: "3 (120), 1 (4)"; of many, those with most."""
    most = sorted(found, key=lambda one: (-one.orders, one.file))
    told = ", ".join(f"{one.file} ({one.orders:,})" for one in most[:_MOST_FILES])
    return f"{told} and {len(most) - _MOST_FILES} more" if len(most) > _MOST_FILES else told
