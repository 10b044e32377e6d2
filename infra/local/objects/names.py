"""Names of objects, and which file below a bucket's folder has which name."""

import os
from collections.abc import Iterator
from pathlib import Path

LONGEST_NAME = 1024
"""Bytes of an object's name."""
LONGEST_PART = 255
"""Bytes of a file's name."""


def is_name(name: str) -> bool:
    """Whether Cloud Storage takes this as an object's name: https://cloud.google.com/storage/docs/objects#naming"""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return False
    reserved = name in (".", "..") or name.startswith(".well-known/acme-challenge/")
    return 0 < length <= LONGEST_NAME and not reserved and "\r" not in name and "\n" not in name


def parts(name: str) -> list[str]:
    """The parts of the path of an object's file; none for a name that no file can have."""
    found = name.removesuffix("/").split("/")
    impossible = {"", ".", ".."} & set(found) or "\0" in name
    return [] if impossible or any(len(part.encode()) > LONGEST_PART for part in found) else found


def files(folder: Path, prefix: str = "", start: str = "") -> Iterator[str]:
    """The names of the regular files below `folder` that begin with `prefix` and are not before `start`, in the order
    of Cloud Storage (by bytes). Folders that hold none of them are not read, and nothing is read before it is needed.
    """
    base = prefix.rpartition("/")[0]
    if base and not parts(base):
        return
    yield from _below(folder / base if base else folder, f"{base}/" if base else "", prefix, start)


def _below(folder: Path, before: str, prefix: str, start: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            found = [
                (entry.name + "/", True) if entry.is_dir(follow_symlinks=False) else (entry.name, False)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    for own, is_folder in sorted(found):
        name = before + own
        if is_folder:
            may_begin = name.startswith(prefix) or prefix.startswith(name)
            may_follow = name >= start or start.startswith(name)
            if may_begin and may_follow:
                yield from _below(folder / own, name, prefix, start)
        elif name.startswith(prefix) and name >= start and is_name(name) and _is_text(name):
            yield name


def _is_text(name: str) -> bool:
    """Whether the file's name is UTF-8, as an object's has to be."""
    return not any("\udc80" <= sign <= "\udcff" for sign in name)
