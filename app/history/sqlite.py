"""Histories in an SQLite file: embedded, and durable across restarts and kills of the process."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.history.deliveries import DONE, STATES, UNDER_WAY, State
from app.history.store import Forgotten, HistoryUnavailable, Seeded, SeedRecord, StoreState, silent
from orderguard.history import Past, digest
from orderguard.history.records import (
    CUSTOMER,
    ENTITY,
    counted,
    is_newer,
    is_record,
    kind_of,
    newest_of_each,
    take_in_turn,
    without_customers,
)
from orderguard.private_files import make_private_folder
from orderguard.schema import MaskedOrder

BUSY_SECONDS = 0.25
KEYS_AT_ONCE = 500
"""SQLite takes no more than 999 values in one statement everywhere."""
SWEPT_AN_ORDER = 12
"""So many records are looked at for each order, whether their time is over: twice as many as an order can add."""


class SqliteStore:
    """A row a record, in a file that only its owner can read. A group of orders is one transaction, so several
    processes may share the file.
    """

    name = "sqlite"

    def __init__(self, path: str, ttl: float, entity_ttl: float, *, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path)
        self._ttl, self._entity_ttl = ttl, entity_ttl
        self._clock = clock
        self._swept = ""
        self._connection: sqlite3.Connection | None = None

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        group = [counted(order) for order in orders]
        keys = list({key for order in group for key in order.keys if key})
        with self._transaction(write=record) as connection:
            before = self._read(connection, keys)
            records = dict(before)
            pasts = take_in_turn(group, records, count=record)
            if record:
                self._write(connection, {key: now for key, now in records.items() if now is not before.get(key)})
                self._sweep(connection, SWEPT_AN_ORDER * len(orders))
        return pasts

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        with self._transaction(write=False) as connection:
            found = self._read(connection, keys)
        return [found.get(key) for key in keys]

    async def forget(self, customer_tokens: Sequence[str], progress: Callable[[int], None] = silent) -> Forgotten:
        customers = entities = looked_through = 0
        digests = [digest(token) for token in customer_tokens]
        with self._transaction(write=True) as connection:
            # What is deleted is overwritten, in the file and in its log: it must not be readable in either.
            connection.execute("PRAGMA secure_delete = ON")
            for token in customer_tokens:
                key = f"{CUSTOMER.letter}:{token}"
                customers += connection.execute("DELETE FROM record WHERE key = ?", (key,)).rowcount
        last = f"{ENTITY.letter}:"
        while True:
            with self._transaction(write=True) as connection:
                rows = connection.execute(
                    "SELECT key, data FROM record WHERE key > ? ORDER BY key LIMIT ?", (last, KEYS_AT_ONCE)
                ).fetchall()
                for key, data in rows:
                    if is_record(data, ENTITY) and (left := without_customers(data, digests)) != data:
                        entities += 1
                        if left is None:
                            connection.execute("DELETE FROM record WHERE key = ?", (key,))
                        else:
                            connection.execute("UPDATE record SET data = ? WHERE key = ?", (left, key))
            looked_through += len(rows)
            progress(looked_through)
            await asyncio.sleep(0)
            if len(rows) < KEYS_AT_ONCE:
                break
            last = rows[-1][0]
        with self._errors():
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Forgotten(customers, entities)

    async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
        given = newest_of_each(records)
        with self._transaction(write=True) as connection:
            known = self._read(connection, list(given))
            new = {key: record for key, record in given.items() if is_newer(record, known.get(key), kind_of(key))}
            self._write(connection, new)
            if name:
                connection.execute("INSERT OR REPLACE INTO about VALUES ('seed', ?)", (name,))
        return Seeded(len(new), len(records) - len(new))

    async def state(self) -> StoreState:
        with self._transaction(write=False) as connection:
            about = dict(connection.execute("SELECT name, value FROM about").fetchall())
        return StoreState(about.get("since"), about.get("seed"))

    async def begin(self, marks: Sequence[str], seconds: int) -> State | None:
        with self._transaction(write=True) as connection:
            for mark in marks:
                found = connection.execute(
                    "SELECT data FROM record WHERE key = ? AND expires >= ?", (mark, self._clock())
                ).fetchone()
                if found:
                    return STATES[found[0]]
            self._mark(connection, marks, UNDER_WAY, seconds)
        return None

    async def end(self, marks: Sequence[str], seconds: int) -> None:
        with self._transaction(write=True) as connection:
            self._mark(connection, marks, DONE, seconds)

    def _mark(self, connection: sqlite3.Connection, marks: Sequence[str], state: bytes, seconds: int) -> None:
        """The sweep that orders bring takes away what nobody sends again."""
        until = self._clock() + seconds
        connection.executemany("DELETE FROM record WHERE key = ?", [(mark,) for mark in marks])
        if seconds:
            connection.executemany("INSERT INTO record VALUES (?, ?, ?)", [(mark, until, state) for mark in marks])

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            make_private_folder(self._path.parent)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            # A transaction is in the write-ahead log before an order is answered.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            # The table of a former version, whose records nothing would read, and nothing would let go.
            connection.execute("DROP TABLE IF EXISTS history")
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS record"
                " (key TEXT PRIMARY KEY, expires REAL NOT NULL, data BLOB NOT NULL) WITHOUT ROWID"
            )
            connection.execute("CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value) WITHOUT ROWID")
            self._connection = connection
        return self._connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnavailable(type(error).__name__) from error

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[sqlite3.Connection]:
        with self._errors():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _read(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for start in range(0, len(keys), KEYS_AT_ONCE):
            part = keys[start : start + KEYS_AT_ONCE]
            places = ", ".join("?" * len(part))
            asked = f"SELECT key, data FROM record WHERE key IN ({places}) AND expires >= ?"  # nosec B608
            found |= connection.execute(asked, (*part, self._clock())).fetchall()
        return {key: data for key, data in found.items() if is_record(data, kind_of(key))}

    def _write(self, connection: sqlite3.Connection, records: dict[str, bytes]) -> None:
        now = self._clock()
        ends = {CUSTOMER: now + self._ttl, ENTITY: now + self._entity_ttl}
        connection.executemany(
            "INSERT OR REPLACE INTO record VALUES (?, ?, ?)",
            [(key, ends[kind_of(key)], record) for key, record in records.items()],
        )
        connection.execute("INSERT OR IGNORE INTO about VALUES ('since', ?)", (now,))

    def _sweep(self, connection: sqlite3.Connection, most: int) -> None:
        """Remove what is too old among the next records; after the last one comes the first one again."""
        rows = connection.execute(
            "SELECT key, expires FROM record WHERE key > ? ORDER BY key LIMIT ?", (self._swept, most)
        ).fetchall()
        self._swept = rows[-1][0] if rows and len(rows) == most else ""
        now = self._clock()
        connection.executemany("DELETE FROM record WHERE key = ?", [(key,) for key, expires in rows if expires < now])
