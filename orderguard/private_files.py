"""Files and folders that are their owner's alone, whatever the umask says.

What holds personal or pseudonymous data is made with these. The mode is given where a file is made, not changed
afterwards, so that nobody else can open it at any moment. Each program of ours begins with `keep_private`: then what
libraries and child processes write is private too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

_OTHERS = 0o077


def keep_private() -> None:
    """Make all that this process and its children write the owner's alone."""
    os.umask(_OTHERS)


@contextmanager
def kept_private() -> Iterator[None]:
    """The same for a while, in a program that also writes what others have to read. It holds for all threads."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def make_private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing. One that is there already stays as it is."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)
    return folder


def open_private(path: Path, mode: str) -> BinaryIO:
    """`open` for a binary file that may be made by it; one that is there already keeps its mode."""
    return cast(BinaryIO, open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600)))
