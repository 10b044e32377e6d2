"""Content on its way into a bucket: a file outside of what is mounted, with its checksums, until it is whole."""

import base64
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from infra.local.objects.failure import invalid
from orderguard.private_files import make_private_folder, open_private

CHUNK = 1 << 20
_extended: Callable[[int, bytes], int] = google_crc32c.extend


@dataclass(frozen=True)
class Content:
    """A whole file that may become an object, and its checksums in Base64. `md5` is None for a composed one."""

    path: Path
    size: int
    crc32c: str
    md5: str | None

    def discard(self) -> None:
        """Remove it, where it didn't become an object."""
        self.path.unlink(missing_ok=True)


class Checksums:
    """CRC32C and MD5 of what is added."""

    def __init__(self) -> None:
        self._crc32c = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def add(self, data: bytes) -> None:
        """Add what comes next."""
        self._crc32c = _extended(self._crc32c, data)
        self._md5.update(data)

    @property
    def crc32c(self) -> str:
        """Base64 of the big-endian Castagnoli checksum, as Cloud Storage states it."""
        return base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()

    @property
    def md5(self) -> str:
        """Base64 of the MD5."""
        return base64.b64encode(self._md5.digest()).decode()


class Staged:
    """A file that is being written."""

    def __init__(self, folder: Path) -> None:
        make_private_folder(folder)
        self.path = folder / secrets.token_hex(16)
        self.size = 0
        self._file = open_private(self.path, "xb")
        self._sums = Checksums()

    def add(self, data: bytes) -> None:
        """Write what comes next."""
        self._file.write(data)
        self._sums.add(data)
        self.size += len(data)

    def finish(self, *, md5: bool = True) -> Content:
        """Flush it to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Content(self.path, self.size, self._sums.crc32c, self._sums.md5 if md5 else None)

    def discard(self) -> None:
        """Give it up."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def staged(folder: Path, chunks: Iterable[bytes], *, md5: bool = True) -> Content:
    """A staged file of these chunks. Nothing is left where one of them fails to come."""
    file = Staged(folder)
    try:
        for chunk in chunks:
            file.add(chunk)
        return file.finish(md5=md5)
    except BaseException:
        file.discard()
        raise


def chunks_of(path: Path, first: int = 0, count: int | None = None) -> Iterable[bytes]:
    """A file's content, or `count` bytes of it from `first` on."""
    with open(path, "rb") as file:
        file.seek(first)
        left = count
        while data := file.read(CHUNK if left is None else min(CHUNK, left)):
            yield data
            left = None if left is None else left - len(data)


def checked(path: Path) -> Content:
    """The checksums of a file that is there already."""
    sums, size = Checksums(), 0
    for chunk in chunks_of(path):
        sums.add(chunk)
        size += len(chunk)
    return Content(path, size, sums.crc32c, sums.md5)


def require_sums(content: Content, told: Mapping[str, str | None]) -> None:
    """Raise Failure where the client's own checksums (`crc32c`, `md5Hash`) are not those of what arrived."""
    for word, label, found in (("crc32c", "CRC32C", content.crc32c), ("md5Hash", "MD5 hash", content.md5)):
        wanted = told.get(word)
        if wanted and wanted != found:
            raise invalid(f'Provided {label} "{wanted}" doesn\'t match calculated {label} "{found}".')
