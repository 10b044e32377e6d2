"""Lines that can't be used: kept apart with file, line number and reason, so that somebody can fix them; never
dropped in silence.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from orderguard.schema import CLASSIFICATION
from orderguard.private_files import make_private_folder, open_private

EXCERPT = 160
_WORD = re.compile(r"[^\W\d_]+|\d+")
_INDEX = re.compile(r"\[\d+\]")
_FIELD_NAMES = frozenset(re.findall(r"[a-z]+", " ".join(CLASSIFICATION)))
_LITERALS = frozenset({"true", "false", "null", "NaN", "Infinity"})


class TooManyBadLines(ValueError):
    """The share of quarantined lines is above the ceiling: the feed is broken rather than dirty."""


class Quarantined(msgspec.Struct, frozen=True):
    """One bad line. `position` is its file's place among the order files, from 1, `file` the pseudonym of the file's
    name; `field` is the path of the field at fault ("" for the line as a whole); `excerpt` is masked.
    """

    position: int
    file: str
    line: int
    field: str
    reason: str
    excerpt: str

    @property
    def kind(self) -> str:
        """What it is counted under: the reason, with the field but without its place in a list."""
        return f"{self.place}: {self.reason}" if self.place else self.reason

    @property
    def place(self) -> str:
        """The path of the field, without its place in a list."""
        return _INDEX.sub("[]", self.field)


def masked_excerpt(line: bytes) -> str:
    """The shape of a line's beginning: names of the schema's fields stay, other letters become `x` and digits `9`.

    No value can be read from it, while a cut-off line, a date written another way or a missing bracket can still be
    seen.
    """
    text = line[: EXCERPT * 4].decode("utf-8", errors="replace")[:EXCERPT]
    return _WORD.sub(_shape, text)


def _shape(word: re.Match[str]) -> str:
    text = word[0]
    if text.isdigit():
        return "9" * len(text)
    return text if text in _FIELD_NAMES or text in _LITERALS else "x" * len(text)


def check_share(bad: Counter[str], lines: int, ceiling: float) -> None:
    """Raise `TooManyBadLines` if more than `ceiling` (0..1) of the lines are bad."""
    count = bad.total()
    if lines and count / lines > ceiling:
        reasons = "; ".join(f"{reason} ({number})" for reason, number in bad.most_common(3))
        raise TooManyBadLines(
            f"{count} of {lines} lines ({count / lines:.1%}) can't be used, more than the {ceiling:.1%} allowed. Most"
            f" often: {reasons}. Fix the feed, or raise `input.maximum_bad_share` if these lines may be left out."
        )


@contextmanager
def quarantine_file(path: Path | None) -> Iterator[BinaryIO | None]:
    """A file for bad lines, one JSON object a line, which appears under its name when it is whole; nothing if `path`
    is None. Runs beside each other write apart, and the last one's file stays.
    """
    if path is None:
        yield None
        return
    make_private_folder(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open_private(aside, "wb") as file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def record(file: BinaryIO | None, quarantined: list[Quarantined]) -> None:
    """Write bad lines to a quarantine file."""
    if file is not None:
        file.writelines(msgspec.json.encode(line) + b"\n" for line in quarantined)
