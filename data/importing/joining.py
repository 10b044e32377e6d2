"""Files that join: rows of the main file get the columns of the rows that they name in the others, which wait in a
database file beside the output, so that memory does not grow with them.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from fnmatch import fnmatch
from pathlib import Path

from data.importing.errors import InputError
from data.importing.tables import table_in
from orderguard.sources.mapping import File, Join, Mapping
from orderguard.sources.tables import Table

CACHE_KIB = 65_536


def joined(table: Table, mapping: Mapping, folder: Path, aside: Path, held: ExitStack) -> Table:
    """The table with the columns of the files that the mapping joins. Raises `InputError`."""
    if not mapping.join:
        return table
    base = held.enter_context(closing(sqlite3.connect(aside)))
    base.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{CACHE_KIB}")
    columns, rows = [*table.columns], table.rows
    for place, (name, join) in enumerate(mapping.join.items()):
        if join.here not in columns:
            raise InputError(f"the file has no column {join.here!r}, by which join.{name} finds its rows")
        other = table_in(_beside(folder, name, join), mapping.file if mapping.file.format else File(), held)
        wide = _stored(base, place, name, join, other)
        table.left_out.update({f"join.{name}: {reason}": count for reason, count in other.left_out.items()})
        rows = _looked_up(base, place, rows, columns.index(join.here), len(columns), wide)
        columns += [f"{name}.{column}" for column in other.columns]
    table.columns, table.rows, table.text = columns, rows, None
    return table


def _beside(folder: Path, name: str, join: Join) -> Path:
    found = sorted(path for path in folder.iterdir() if fnmatch(path.name, join.file))
    if not found:
        raise InputError(f"there is no file {join.file} beside FILE, which join.{name} needs. Put it there.")
    return found[0]


def _stored(base: sqlite3.Connection, place: int, name: str, join: Join, other: Table) -> int:
    """Store the other file's rows by what they are found by; how many columns it has."""
    wanted = {**join.where}
    for column in (join.there, *wanted):
        if column not in other.columns:
            raise InputError(f"the file of join.{name} has no column {column!r}")
    key = other.columns.index(join.there)
    where = [(other.columns.index(column), value) for column, value in wanted.items()]
    width = len(other.columns)
    base.execute(f"CREATE TABLE joined_{place} (key TEXT PRIMARY KEY, cells TEXT) WITHOUT ROWID")
    base.executemany(
        f"INSERT OR IGNORE INTO joined_{place} VALUES (?, ?)",  # nosec B608 - the number of a table
        (
            (row[key].strip(), "\x1f".join((row + [""] * width)[:width]))
            for row in other.rows
            if key < len(row) and all(at < len(row) and row[at].strip() == value for at, value in where)
        ),
    )
    return width


def _looked_up(
    base: sqlite3.Connection, place: int, rows: Iterator[list[str]], here: int, width: int, other: int
) -> Iterator[list[str]]:
    find = f"SELECT cells FROM joined_{place} WHERE key = ?"  # nosec B608 - the number of a table
    key, cells = None, [""] * other
    for row in rows:
        now = row[here].strip() if here < len(row) else ""
        if now != key:
            found: Sequence[str] | None = base.execute(find, (now,)).fetchone()
            key, cells = now, found[0].split("\x1f") if found else [""] * other
        yield [*row, *[""] * (width - len(row)), *cells]
