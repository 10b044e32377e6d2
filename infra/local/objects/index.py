"""What is known of each generation of a bucket's objects: an SQLite file beside the bucket's folder.

Whoever writes holds the index's lock meanwhile, so that the API, the engine and the command line may act at once. A
damaged index is set apart; the generations of live objects are then derived from their files again.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.objects.notifications import Notice
from orderguard.private_files import make_private_folder, open_private

LIVE, NONCURRENT, DELETED = "live", "noncurrent", "deleted"
_WAIT_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    name TEXT NOT NULL, generation INTEGER NOT NULL, state TEXT NOT NULL, document TEXT NOT NULL,
    size INTEGER NOT NULL, aside INTEGER NOT NULL, inode INTEGER NOT NULL, changed INTEGER NOT NULL,
    staged TEXT NOT NULL,
    PRIMARY KEY (name, generation)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS live ON versions (name) WHERE state = 'live';
CREATE INDEX IF NOT EXISTS kept ON versions (state, name, generation) WHERE state <> 'live';
CREATE INDEX IF NOT EXISTS aside ON versions (name) WHERE state = 'live' AND aside;
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, attributes TEXT NOT NULL, data BLOB NOT NULL,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "name, generation, state, document, size, aside, inode, changed, staged"


@dataclass(frozen=True)
class Version:
    """One generation of an object. `document` holds its metadata in the words of the JSON API."""

    name: str
    generation: int
    state: str
    document: dict[str, Any]
    size: int
    aside: bool = False
    """Whether the content lies outside of what is mounted, since no file can have the name."""
    inode: int = 0
    changed: int = 0
    """Number and time (nanoseconds) of the file that holds a live object's content."""
    staged: str = ""
    """The file that becomes it, where it wasn't moved to its place yet."""

    @property
    def metageneration(self) -> int:
        """How often the metadata were changed, plus one."""
        return int(self.document["metageneration"])


class Index:
    """The versions of one bucket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; what is written until the end of the block comes to the disk as one, or not at all."""
        connection = _connection(self._path)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def live(self, name: str) -> Version | None:
        """The live version, as far as it is known."""
        return next(self._found("name = ? AND state = 'live'", name), None)

    def version(self, name: str, generation: int) -> Version | None:
        """One generation, whatever its state."""
        return next(self._found("name = ? AND generation = ?", name, generation), None)

    def newest(self, name: str) -> int:
        """The highest generation known of the name; 0 for none."""
        row = self._one("SELECT MAX(generation) FROM versions WHERE name = ?", name)
        return int(row[0] or 0)

    def kept(self, state: str, prefix: str = "", start: str = "") -> Iterator[Version]:
        """The noncurrent or the soft-deleted versions, by name and generation."""
        first = max(prefix, start)
        wanted = (one for one in self._found("state = ? AND name >= ? ORDER BY name, generation", state, first))
        for one in wanted:
            if not one.name.startswith(prefix):
                break
            yield one

    def noncurrent(self, name: str) -> list[Version]:
        """The noncurrent versions of one object, oldest first."""
        return list(self._found("state = 'noncurrent' AND name = ? ORDER BY generation", name))

    def aside(self, prefix: str = "", start: str = "") -> Iterator[str]:
        """The names of the live objects whose content no mount shows, in order."""
        for one in self._found("state = 'live' AND aside AND name >= ? ORDER BY name", max(prefix, start)):
            if not one.name.startswith(prefix):
                break
            yield one.name

    def staged(self) -> set[str]:
        """The staged files that became live versions, or are about to."""
        return {row[0] for row in self._rows("SELECT staged FROM versions WHERE state = 'live' AND staged <> ''")}

    def beside(self) -> list[tuple[str, int]]:
        """Name and generation of every version whose content lies beside the bucket's folder."""
        return [
            (row[0], row[1])
            for row in self._rows("SELECT name, generation FROM versions WHERE state <> 'live' OR aside")
        ]

    def put(self, version: Version) -> None:
        """Write a version, new or changed."""
        values = (
            version.name,
            version.generation,
            version.state,
            json.dumps(version.document, sort_keys=True),
            version.size,
            version.aside,
            version.inode,
            version.changed,
            version.staged,
        )
        self._do(f"INSERT OR REPLACE INTO versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *values)

    def remove(self, name: str, generation: int) -> None:
        """Forget a version."""
        self._do("DELETE FROM versions WHERE name = ? AND generation = ?", name, generation)

    def in_folder(self) -> list[str]:
        """The names of the live objects that are known to be files of the bucket's folder."""
        return [row[0] for row in self._rows("SELECT name FROM versions WHERE state = 'live' AND NOT aside")]

    def note(self, notice: Notice) -> None:
        """Write down a message about a change, until it is published."""
        values = notice.topic, notice.attributes, notice.data, time.time()
        self._do("INSERT INTO notices (topic, attributes, data, at) VALUES (?, ?, ?, ?)", *values)

    def noticed_topics(self) -> list[str]:
        """The topics that messages wait for."""
        return [row[0] for row in self._rows("SELECT DISTINCT topic FROM notices ORDER BY topic")]

    def notices(self, topic: str, most: int) -> list[tuple[int, str, bytes]]:
        """The oldest messages to a topic: number, attributes, data."""
        query = "SELECT id, attributes, data FROM notices WHERE topic = ? ORDER BY id LIMIT ?"
        return [(row[0], row[1], row[2]) for row in _connection(self._path).execute(query, (topic, most)).fetchall()]

    def forget_notices(self, topic: str, last: int) -> None:
        """Forget the messages to a topic up to this number."""
        self._do("DELETE FROM notices WHERE topic = ? AND id <= ?", topic, last)

    def forget_old_notices(self, topic: str, before: float) -> None:
        """Forget the messages to a topic that were noted before a moment, in seconds since 1970."""
        self._do("DELETE FROM notices WHERE topic = ? AND at < ?", topic, before)

    def is_empty(self) -> bool:
        """Whether no version is kept that is not live."""
        return not self._one("SELECT EXISTS (SELECT 1 FROM versions WHERE state = 'noncurrent')")[0]

    def number(self, name: str) -> int:
        """A number that was kept under this name; 0 for none."""
        row = self._one("SELECT MAX(value) FROM numbers WHERE name = ?", name)
        return int(row[0] or 0)

    def keep_number(self, name: str, value: int) -> None:
        """Keep a number."""
        self._do("INSERT OR REPLACE INTO numbers VALUES (?, ?)", name, value)

    def _found(self, where: str, *values: Any) -> Iterator[Version]:
        query = f"SELECT {_COLUMNS} FROM versions WHERE {where}"  # nosec B608: words of this file
        for name, generation, state, document, *rest in _connection(self._path).execute(query, values).fetchall():
            size, aside, inode, changed, staged = rest
            yield Version(name, generation, state, json.loads(document), size, bool(aside), inode, changed, staged)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return _connection(self._path).execute(query).fetchall()

    def _one(self, query: str, *values: Any) -> tuple[Any, ...]:
        found: tuple[Any, ...] = _connection(self._path).execute(query, values).fetchone()
        return found

    def _do(self, query: str, *values: Any) -> None:
        _connection(self._path).execute(query, values)


_open = threading.local()


def _connection(path: Path) -> sqlite3.Connection:
    """This thread's connection to an index; another one where the file was removed and made again."""
    known: dict[str, tuple[int, sqlite3.Connection]] = _open.__dict__.setdefault("known", {})
    key = str(path)
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        inode = 0
    if key in known and inode and known[key][0] == inode:
        return known[key][1]
    if key in known:
        known.pop(key)[1].close()
    connection = _opened(path)
    known[key] = (os.stat(path).st_ino, connection)
    return connection


def close_all() -> None:
    """Close this thread's connections."""
    for _, connection in _open.__dict__.pop("known", {}).values():
        connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    make_private_folder(path.parent)
    try:
        return _prepared(path)
    except sqlite3.OperationalError:
        raise  # a full disk, or a lock that is held: the index is whole
    except sqlite3.DatabaseError:
        for suffix in ("", "-wal", "-shm"):
            file = Path(f"{path}{suffix}")
            if file.exists():
                os.replace(file, f"{path}.damaged{suffix}")
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    open_private(path, "ab").close()  # SQLite gives its other files the mode of this one
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
