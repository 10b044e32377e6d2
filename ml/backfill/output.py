"""Where an output stands while it is made, and how it appears: a file at a time under its name, the manifest last.

A backfill that was killed finds its own work again and goes on. One that is finished is recognised. What was made of
something else is never touched.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TypeVar

import msgspec

from ml.backfill.manifest import BackfillManifest, Request, Written, read_manifest
from ml.backfill.settings import BackfillError
from orderguard.model_version import MANIFEST, sha256
from orderguard.private_files import make_private_folder, open_private

PART, LEFT = ".part", "bad-lines.ndjson"
"""What may be in a folder where nothing is finished: the work, and what was wrong with the lines of one that was
refused.
"""
RESULT = "result"
"""In the folder of work: what will be the output."""
_REQUEST, _DONE, _LOCK = "request.json", "done.json", "lock"

T = TypeVar("T")


def finished(out: Path, request: Request) -> BackfillManifest | None:
    """The manifest of an output that was made of this; None where nothing is finished yet.

    Raises `BackfillError` where something else is there.
    """
    if (out / MANIFEST).exists():
        found = read_manifest(out)
        if found.request_sha256 == request.sha256:
            shutil.rmtree(out / PART, ignore_errors=True)  # of a process that was killed behind the last step
            return found
        raise BackfillError(f"{out}: holds another backfill ({differences(found.request, request)}). {_WAY_OUT}")
    begun = _begun(out)
    if begun is not None and begun.sha256 != request.sha256:
        raise BackfillError(
            f"{out}: another backfill was begun here and not finished ({differences(begun, request)}). {_WAY_OUT}"
        )
    if begun is None and out.is_dir() and any(path.name not in (PART, LEFT) for path in out.iterdir()):
        raise BackfillError(f"{out}: holds something else. {_WAY_OUT}")
    return None


_WAY_OUT = "Name an empty folder with OUT=…, or remove this one"


def differences(one: Request, other: Request) -> str:
    """In which points two requests differ, in words; no values."""
    words = {
        "form": "another form of output",
        "inputs": "of other order files",
        "key": "under another masking key",
        "version": "with another model version",
        "version_sha256": "with another model version",
        "at": "until another moment",
        "input": "with other settings of `input`",
        "catalogue": "with other settings of `catalogue`",
        "code_sha256": "by other code",
        "lock_sha256": "by other libraries",
    }
    return ", ".join(dict.fromkeys(text for name, text in words.items() if getattr(one, name) != getattr(other, name)))


def _begun(out: Path) -> Request | None:
    try:
        return msgspec.json.decode((out / PART / _REQUEST).read_bytes(), type=Request)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


@contextmanager
def work_folder(out: Path, request: Request) -> Iterator[Path]:
    """The folder to work in, for this process alone: what was done in it before is still there.

    Raises `BackfillError` while another process works there.
    """
    folder = make_private_folder(out / PART)
    with open_private(folder / _LOCK, "ab") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError:
            raise BackfillError(f"{out}: another backfill is at work here; wait for it, or name another OUT") from None
        write_whole(folder / _REQUEST, msgspec.json.encode(request))
        yield folder


def once(folder: Path, kind: type[T], make: Callable[[Path], T]) -> T:
    """What a step found, which is made once: in its own folder, that has no mark of being done until it is."""
    done = folder / _DONE
    try:
        return msgspec.json.decode(done.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        shutil.rmtree(folder, ignore_errors=True)
    found = make(make_private_folder(folder))
    write_whole(done, msgspec.json.encode(found))
    return found


def spend(folder: Path, *names: str) -> None:
    """Give the disk back what a step made, or some of it, once the steps that use it are done. Its result stays."""
    for path in folder.iterdir():
        if path.name != _DONE and (not names or path.name in names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    with open_private(aside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def listed(folder: Path, rows: dict[str, int]) -> list[Written]:
    """The files of a result by name, with their hashes; `rows` counts those of tables, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    return [
        Written(path=name, sha256=sha256(path), rows=rows.get(name)) for name, path in zip(names, paths, strict=True)
    ]


def put_in_place(out: Path, work: Path, files: Sequence[Written], manifest: bytes) -> None:
    """Move the files of the result to where they belong, the manifest last, and remove the work.

    Killed midway, it is done again: what was moved before is not there to be moved.
    """
    for file in files:
        source, target = work / RESULT / file.path, out / file.path
        if source.exists():
            make_private_folder(target.parent)
            source.replace(target)
    (out / LEFT).unlink(missing_ok=True)
    write_whole(out / MANIFEST, manifest)
    shutil.rmtree(work)
