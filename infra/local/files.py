"""Files that are whole or absent, whatever is killed when."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orderguard.private_files import make_private_folder, open_private


def write_whole(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write aside, flush to the disk and rename: a reader sees the old content or the new, never a part. The file
    and the folders that it needs are the owner's alone.
    """
    make_private_folder(path.parent)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if executable:
                os.fchmod(file.fileno(), 0o700)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """A JSON document, written whole."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True).encode())


def read_json(path: Path) -> Any:
    """The JSON document at `path`, or None where there is none. A damaged one counts as gone: `up` recreates it."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def read_object(path: Path, *names: str) -> dict[str, Any] | None:
    """The JSON object at `path`, or None where there is none, or one without these names: it counts as gone."""
    found = read_json(path)
    return found if isinstance(found, dict) and set(names) <= set(found) else None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on `path`. The kernel releases it when its holder dies, however it dies."""
    make_private_folder(path.parent)
    with open_private(path, "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_tree(folder: Path) -> None:
    """Remove a folder, also one that holds read-only folders, as a Go module cache does; none there is no error."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
