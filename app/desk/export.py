"""The queue as CSV, for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from app.desk.contract import AlertFilter
from app.desk.queue import Sort, Who, every, row_of
from orderguard.masking import Keyring

MOST_ROWS = 100_000
COLUMNS = (
    *("id", "order_id", "state", "outcome", "score", "threshold", "value", "currency", "placed_at", "made_at"),
    *("reason", "fact", "decided_by", "model_version", "channel", "country"),
    *("taken_by", "taken_at", "closed_by", "closed_at", "note"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def exported(connection: Connection, keyring: Keyring, who: Who, asked: AlertFilter, sort: Sort) -> bytes:
    """All that match, as CSV in UTF-8 with a header."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    found = connection.execute(every(keyring, who, asked, sort).limit(MOST_ROWS)).mappings()
    writer.writerows(_cells(row, keyring, who) for row in found)
    return text.getvalue().encode()


def _cells(row: Mapping[Any, Any], keyring: Keyring, who: Who) -> Iterable[object]:
    shown = row_of(row, keyring, who)
    for column in COLUMNS:
        value = row["note"] if column == "note" else getattr(shown, column)
        if column.endswith("_at") and value is not None:
            yield value.isoformat(timespec="seconds").replace("+00:00", "Z")
        else:
            yield plain(value) if isinstance(value, str) else value


def plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
