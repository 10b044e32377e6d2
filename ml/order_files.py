"""What order files are called: their names may tell who ordered.

Everywhere but on the owner's own screen a file is its place among the files and the pseudonym of its name: `order file
3 (fil_k1_…)`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from orderguard.masking import Keyring

SUFFIXES = (".ndjson", ".ndjson.gz")
NAMESPACE = "file"


class ReadingError(ValueError):
    """Order files that can't be read at all. The message says which one by its place, and the way out; `names` are for
    the owner's screen alone.
    """

    def __init__(self, message: str, names: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.names = tuple(names)

    def told(self, screen: IO[str]) -> str:
        """The message, with the names where `screen` is a terminal. What goes to a file or a pipe may be kept, and read
        by others.
        """
        return f"{self} [{', '.join(self.names)}]" if self.names and screen.isatty() else str(self)


class OrderFile(NamedTuple):
    """An order file: `position` counts from 1 in the order of the names, `token` is the pseudonym of its name."""

    path: Path
    position: int
    token: str

    def told(self, screen: IO[str]) -> str:
        """How it is called on `screen`: by its name at a terminal alone."""
        return self.path.name if screen.isatty() else f"order file {self.position} ({self.token})"


def without_order_file(error: OSError, screen: IO[str]) -> str:
    """What went wrong with which file. The name of an order file is for a terminal alone."""
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if name.endswith(SUFFIXES) and not screen.isatty():
        name = "an order file"
    return ": ".join(filter(None, (name, error.strerror or type(error).__name__)))


def numbered(paths: Sequence[Path], keyring: Keyring) -> list[OrderFile]:
    """The files with their positions and pseudonyms."""
    return [OrderFile(path, place, keyring.token(NAMESPACE, path.name)) for place, path in enumerate(paths, 1)]
