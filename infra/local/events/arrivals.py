"""Which objects have landed in a bucket, however they came: by the command, by an interface, or from a container that
has the bucket's folder mounted.

A look goes through the bucket's folder and compares each file with what the look before has noted: a file that is new,
or another, and that nobody has open for writing has landed. What came while nobody looked is found by the next look,
since the notes are kept on the disk; they name no object.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.files import read_json, write_json
from orderguard.private_files import make_private_folder, open_private

Mark = tuple[int, int, int]
"""What changes when a file is written: its number, when it was changed last (ns), its length."""


class Arrivals:
    """What has landed in one bucket since the first look, which takes what is there for old."""

    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self.cloud, self.bucket = cloud, bucket
        self._waiting: dict[str, Mark] = {}
        self.are_gone = False
        """Whether the newest look has missed something that was there."""
        kept = read_json(_notes(cloud, bucket))
        self._known: dict[str, Mark] | None = (
            {name: (mark[0], mark[1], mark[2]) for name, mark in kept.items()} if _is_whole(kept) else None
        )

    def look(self) -> list[str]:
        """The names of the objects that have landed since the look before; none while `by_hand` holds the bucket."""
        with _held(self.cloud, self.bucket, fcntl.LOCK_SH | fcntl.LOCK_NB) as free:
            self.are_gone = False
            if not free:
                return []
            files = dict(_files(self.cloud.bucket(self.bucket)))
            own = read_json(_handled(self.cloud, self.bucket)) or {}
        marks = {self.cloud.short(name): mark for name, mark in files.items()}
        if self._known is None:
            self._note(marks)
            return []
        landed, changed = [], {short for short in self._known if short not in marks}
        self.are_gone = bool(changed)
        for name, mark in files.items():
            short = self.cloud.short(name)
            if self._known.get(short) == mark:
                continue
            if not self._is_whole(name, mark):
                marks[short] = self._known.get(short, (0, 0, 0))  # looked at again
                continue
            changed.add(short)
            self._waiting.pop(name, None)
            if list(mark) != own.get(short):
                landed.append(name)
        if changed:
            self._note(marks)
        return landed

    def _note(self, marks: dict[str, Mark]) -> None:
        self._known = marks
        write_json(_notes(self.cloud, self.bucket), marks)

    def _is_whole(self, name: str, mark: Mark) -> bool:
        """Whether nobody writes a file any more: the kernel grants a lease on it. Where it knows no leases, whether it
        has stayed as it is since the look before.
        """
        try:
            descriptor = os.open(self.cloud.bucket(self.bucket) / name, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            return True
        except OSError as problem:
            if problem.errno == errno.EAGAIN:
                return False
            before, self._waiting[name] = self._waiting.get(name), mark
            return before == mark
        finally:
            os.close(descriptor)


@contextmanager
def by_hand(cloud: Cloud, bucket: str, name: str) -> Iterator[None]:
    """Write an object whose arrival the writer sees to itself: no look takes it for one that has landed."""
    with _held(cloud, bucket, fcntl.LOCK_EX):
        yield
        noted = read_json(_notes(cloud, bucket))
        path = cloud.bucket(bucket) / name
        if _is_whole(noted) and path.is_file():  # else nobody looks, or a mount shows no such name
            own = read_json(_handled(cloud, bucket)) or {}
            left = {short: mark for short, mark in own.items() if noted.get(short) != mark}
            found = _mark(path.stat())
            write_json(_handled(cloud, bucket), {**left, cloud.short(name): found})


def begin(cloud: Cloud, bucket: str) -> None:
    """From now on notice what lands in a bucket."""
    if not _is_whole(read_json(_notes(cloud, bucket))):
        Arrivals(cloud, bucket).look()


def forget(cloud: Cloud, bucket: str) -> None:
    """Drop the notes of a bucket that nobody looks at any more."""
    _notes(cloud, bucket).unlink(missing_ok=True)
    _handled(cloud, bucket).unlink(missing_ok=True)


@contextmanager
def _held(cloud: Cloud, bucket: str, how: int) -> Iterator[bool]:
    folder = make_private_folder(cloud.run / "arrivals")
    with open_private(folder / f".{cloud.short(bucket)}.lock", "ab") as file:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
        else:
            yield True


def _files(folder: Path, below: str = "") -> Iterator[tuple[str, Mark]]:
    """The objects below a folder by name. What is being written aside has a name that begins with a point."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), f"{below}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{below}{entry.name}", _mark(entry.stat(follow_symlinks=False))
        except OSError:
            continue  # gone meanwhile


def _mark(found: os.stat_result) -> Mark:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _is_whole(kept: object) -> bool:
    return isinstance(kept, dict) and all(isinstance(mark, list) and len(mark) == 3 for mark in kept.values())


def _notes(cloud: Cloud, bucket: str) -> Path:
    return cloud.run / "arrivals" / f"{cloud.short(bucket)}.json"


def _handled(cloud: Cloud, bucket: str) -> Path:
    return cloud.run / "arrivals" / f"{cloud.short(bucket)}.own.json"
