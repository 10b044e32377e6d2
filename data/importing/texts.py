"""Files as they are opened: packed or not, with how much of them has been read."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from data.importing.errors import InputError
from orderguard.sources.tables import HEAD_BYTES, errors_for

GZIP, OLD_OFFICE, PDF = b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF"


@contextmanager
def reading() -> Iterator[None]:
    """Turn what a file can raise into an `InputError`."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError("the file is an incomplete gzip file. Copy it again.") from None
    except OSError as error:
        raise InputError(
            f"the file can't be read ({error.strerror or 'broken'}). Name one: make import FILE=…"
        ) from None


def beginning(path: Path) -> bytes:
    """The first bytes of a file, unpacked. Raises `InputError`."""
    with reading(), path.open("rb") as file:
        head = file.read(len(GZIP))
        file.seek(0)
        with unpacked(file, head) as stream:
            return stream.read(HEAD_BYTES)


def unpacked(file: BinaryIO, head: bytes) -> BinaryIO:
    """The stream of an open file: itself, or what gzip has packed."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if head.startswith(GZIP) else file


def unpacked_size(path: Path) -> int:
    """About how many bytes a file holds: packed with gzip, some eight times its own."""
    with path.open("rb") as file:
        return path.stat().st_size * (8 if file.read(2) == GZIP else 1)


def opened(path: Path, encoding: str, held: ExitStack) -> tuple[TextIO, Callable[[], int]]:
    """A file as text with its line ends, and what tells how many bytes of it were read; `held` closes it.

    Raises `InputError`.
    """
    with reading():
        file = held.enter_context(path.open("rb"))
        head = file.peek(2)[:2]
        text = held.enter_context(io.TextIOWrapper(unpacked(file, head), encoding, errors_for(encoding), newline=""))
    return text, file.tell


def lines_of(text: TextIO) -> Iterator[str]:
    """The lines of a text. Raises `InputError` for a file that breaks off."""
    with reading():
        yield from text
