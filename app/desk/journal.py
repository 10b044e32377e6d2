"""Alerts on their way to the database: a file that is only added to, on disk before an order is answered.

A journal is a folder. Each process writes segments of its own, and holds a lock while it lives; of one that is gone,
the next that looks takes what is left. A segment is shipped whole and removed after that: what is shipped twice is kept
once.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from orderguard.private_files import make_private_folder, open_private

MOST_BYTES = 64 * 2**20
"""Of all segments of a folder; about 30,000 alerts."""
SEGMENT_BYTES = 2**20
"""A segment that is so long is followed by another one."""


UNUSABLE = "unusable"
"""The file of a folder that holds what can't be read or stored."""


class JournalFull(Exception):
    """There is no more room for alerts that can't be shipped."""


class Journal:
    """The segments of one process, and of those that are gone. Threads share it.

    Raises `OSError` where the folder can't be used.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = make_private_folder(folder)
        _require_own(folder)
        self._most = most_bytes
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._own = _locked(folder / f"{self._name}.lock")
        self._number = 0
        self._open: Path | None = None
        self._size = 0
        self.bytes = sum(path.stat().st_size for path in self._folder.glob("*.ndjson"))

    def append(self, lines: Sequence[bytes]) -> None:
        """Write lines, each without its end; they are on disk when this is over. Raises `JournalFull` and `OSError`."""
        data = b"\n".join([*lines, b""])
        with self._lock:
            if self.bytes + len(data) > self._most:
                raise JournalFull
            if self._open is None:
                self._number += 1
                self._open, self._size = self._folder / f"{self._name}-{self._number:08d}.ndjson", 0
            with open_private(self._open, "ab") as file:
                # What a failed write left of a line is cut off again: the next one must begin a line.
                file.truncate(self._size)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._size += len(data)
            self.bytes += len(data)
            if self._size >= SEGMENT_BYTES:
                self._open = None

    def take(self) -> list[Path]:
        """The segments that are there to be shipped, this process's own and what others left, the oldest first. The
        next line begins a new one.
        """
        with self._lock:
            self._open = None
            own = sorted(self._folder.glob(f"{self._name}-*.ndjson"))  # before a line can begin the next one
        return [*sorted(self._left_behind()), *own]

    def shipped(self, segment: Path) -> None:
        """Remove a segment that is in the database."""
        try:
            size = segment.stat().st_size
            segment.unlink()
        except FileNotFoundError:
            return  # another process took it as well
        with self._lock:
            self.bytes = max(0, self.bytes - size)

    def set_aside(self, lines: Sequence[bytes]) -> None:
        """Keep lines that nobody can use where nothing takes them: somebody has to look at them."""
        with open_private(self._folder / UNUSABLE, "ab") as file:
            file.write(b"\n".join([*lines, b""]))
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Let go of the folder: what is still in it is for the next process."""
        os.close(self._own)

    def _left_behind(self) -> Iterator[Path]:
        """Segments of processes that are gone: nobody holds their lock."""
        for lock in self._folder.glob("*.lock"):
            if lock.stem == self._name:
                continue
            try:
                held = _locked(lock)
            except OSError:
                continue
            left = list(self._folder.glob(f"{lock.stem}-*.ndjson"))
            if not left:
                lock.unlink(missing_ok=True)
            os.close(held)
            yield from left


def lines_of(segment: Path) -> list[bytes]:
    """The whole lines of a segment. What comes after the last line's end was never acknowledged."""
    return segment.read_bytes().split(b"\n")[:-1]


def _locked(path: Path) -> int:
    """A descriptor that holds a lock file. Raises `OSError` where another process does."""
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _require_own(folder: Path) -> None:
    """Raise `PermissionError` for a folder that others may write into: it lies where everybody can make one."""
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} belongs to somebody else; name another one in ALERTS_JOURNAL")
