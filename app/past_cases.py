"""The past cases of the served version. They lie apart from it, in the folder of histories, and hold pseudonyms: those
that were made under another key than the service's are no use to it, and are left alone.
"""

from pathlib import Path
from typing import NamedTuple

from orderguard.masking import Keyring
from orderguard.retrieval import Case, KnowledgeError, PastCases
from orderguard.retrieval.past_cases import path_of


class Found(NamedTuple):
    """The cases that can be used, and in a sentence where they are or why there are none."""

    cases: list[Case]
    told: str
    refused: bool = False


def find(histories: Path | None, version: str, keyring: Keyring) -> Found:
    """The past cases of a version. Reads a file: call it outside the event loop."""
    if histories is None:
        return Found([], "none: HISTORIES_DIR names no folder")
    try:
        found = PastCases.read(histories, version, keyring)
    except KnowledgeError as error:
        return Found([], f"refused: {error}", refused=True)
    if found is None:
        return Found([], "none were made for this version under this key: make seed-histories")
    return Found(found.cases, f"{len(found.cases):,} under key {found.key}")


def state_of(histories: Path | None, version: str) -> tuple[int, int] | None:
    """What changes when the file does."""
    try:
        found = path_of(histories, version).stat() if histories is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
