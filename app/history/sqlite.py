"""Histories in an SQLite file: embedded, and durable across restarts and kills of the process."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from app.history.store import HistoryUnavailable
from orderguard.private_files import make_private_folder

BUSY_SECONDS = 0.25
WRITES_BETWEEN_SWEEPS = 10_000


class SqliteStore:
    """One row a customer, in a file that only its owner can read."""

    name = "sqlite"
    immediate = True

    def __init__(self, path: str, ttl: float, *, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(path)
        self._ttl = ttl
        self._clock = clock
        self._writes = 0
        self._connection: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            make_private_folder(self._path.parent)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            # Autocommit: each write is a transaction of its own, and in the write-ahead log before `write` returns.
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS history"
                " (customer TEXT PRIMARY KEY, expires REAL NOT NULL, record BLOB NOT NULL)"
                " WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS history_expires ON history (expires)")
            self._connection = connection
            self._sweep(connection)
        return self._connection

    def _sweep(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM history WHERE expires < ?", (self._clock(),))

    async def read(self, customer_token: str) -> bytes | None:
        try:
            row = (
                self._open()
                .execute(
                    "SELECT record FROM history WHERE customer = ? AND expires >= ?", (customer_token, self._clock())
                )
                .fetchone()
            )
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnavailable(type(error).__name__) from error
        return None if row is None else bytes(row[0])

    async def write(self, customer_token: str, record: bytes) -> None:
        try:
            connection = self._open()
            connection.execute(
                "INSERT INTO history VALUES (?, ?, ?)"
                " ON CONFLICT (customer) DO UPDATE SET expires = excluded.expires, record = excluded.record",
                (customer_token, self._clock() + self._ttl, record),
            )
            self._writes += 1
            if self._writes % WRITES_BETWEEN_SWEEPS == 0:
                self._sweep(connection)
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnavailable(type(error).__name__) from error

    async def forget(self, customer_token: str) -> None:
        try:
            connection = self._open()
            # what is deleted is overwritten, in the file and in its log: it must not be readable in either
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("DELETE FROM history WHERE customer = ?", (customer_token,))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, OSError) as error:
            raise HistoryUnavailable(type(error).__name__) from error

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
