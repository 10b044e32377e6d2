"""Files wherever they are: on this machine, or in buckets by way of Beam's filesystems.

What reads and writes files takes paths. So what is in a bucket is copied beside the worker first, and what a worker
wrote is copied there whole.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from ml.reading import Block, blocks_of
from orderguard.private_files import make_private_folder

_PIECE = 2**20


def is_remote(place: str | Path) -> bool:
    """Whether a file or a folder is in a bucket."""
    return "://" in str(place)


def inside(folder: str, *names: str) -> str:
    """What is in a folder under these names."""
    return "/".join((folder.rstrip("/"), *names))


@contextmanager
def at_hand(block: Block, place: str) -> Iterator[Block]:
    """The block of a file as one that can be read: where the file is in a bucket, a copy of that part of it, which has
    the same name and stands at the same offset of an otherwise empty file.
    """
    if not is_remote(place):
        yield block
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, place.rpartition("/")[2])
        with _opened(place) as source, path.open("wb") as copy:
            source.seek(block.start)
            copy.seek(block.start)
            left = block.end - block.start
            while left and (piece := source.read(min(_PIECE, left))):
                copy.write(piece)
                left -= len(piece)
        yield replace(block, path=path)


class Remote:
    """As much of a path as cutting a file into blocks takes, of a file in a bucket."""

    def __init__(self, place: str) -> None:
        self.name = place.rpartition("/")[2]
        self._place = place

    def stat(self) -> "Remote":
        """Itself, which knows its size."""
        return self

    @property
    def st_size(self) -> int:
        """The size in bytes."""
        (matched,) = FileSystems.match([self._place])
        return sum(int(file.size_in_bytes) for file in matched.metadata_list)

    def open(self, mode: str) -> Any:
        """The file, which can be read from any offset."""
        assert mode == "rb"
        return _opened(self._place)


def blocks_at(place: str, size: int, position: int) -> Iterator[Block]:
    """The blocks of a file, see `ml.reading.blocks_of`."""
    path = Remote(place) if is_remote(place) else Path(place)
    for block in blocks_of(cast(Path, path), size, position):
        yield replace(block, path=Path(path.name if is_remote(place) else place))


@contextmanager
def written_to(place: str) -> Iterator[Path]:
    """A path to write a file to, which appears at its place whole, when all went well."""
    if not is_remote(place):
        path = Path(place)
        make_private_folder(path.parent)
        aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            yield aside
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, place.rpartition("/")[2])
        yield path
        # An object appears when it is closed, whole.
        with (
            path.open("rb") as source,
            FileSystems.create(place, compression_type=CompressionTypes.UNCOMPRESSED) as out,
        ):
            shutil.copyfileobj(source, out, _PIECE)


@contextmanager
def opened_at(place: str) -> Iterator[BytesIO]:
    """A small file, read."""
    with _opened(place) if is_remote(place) else Path(place).open("rb") as file:
        yield BytesIO(file.read())


@contextmanager
def folder_at_hand(place: str) -> Iterator[Path]:
    """A folder with all its files, as one on this machine."""
    if not is_remote(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as folder:
        _copy_folder(place, folder)
        yield Path(folder)


def kept_at_hand(place: str) -> Path:
    """The same, for as long as the worker lives."""
    if not is_remote(place):
        return Path(place)
    # A model version is told by its folder's name.
    folder = inside(tempfile.mkdtemp(), place.rstrip("/").rpartition("/")[2])
    _copy_folder(place, folder)
    return Path(folder)


def _copy_folder(place: str, folder: str) -> None:
    for name, _ in files_below(place):
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(inside(place, name)) as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, _PIECE)


def exists(place: str) -> bool:
    """Whether there is a file."""
    return bool(FileSystems.exists(place)) if is_remote(place) else Path(place).exists()


def files_below(place: str) -> list[tuple[str, int]]:
    """The files in a folder and the folders in it, by name from there, with their sizes in bytes."""
    folder = place.rstrip("/") + "/"
    if not is_remote(place):
        found = [path for path in Path(place).rglob("*") if path.is_file()]
        return sorted((path.relative_to(place).as_posix(), path.stat().st_size) for path in found)
    (matched,) = FileSystems.match([f"{folder}**"])
    return sorted((file.path.removeprefix(folder), file.size_in_bytes) for file in matched.metadata_list)


def _opened(place: str) -> Any:
    return FileSystems.open(place, compression_type=CompressionTypes.UNCOMPRESSED)
