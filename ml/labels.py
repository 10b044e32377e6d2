"""Outcomes for a training: read from the file, joined with the orders by their tokens, counted, and told of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.order_files import ReadingError
from orderguard.outcomes import OUTCOMES_FILE, WORTH_A_LOOK, Outcome, Unusable, read_outcomes

SHOWN = 5


@dataclass(frozen=True)
class Labels:
    """The outcomes of a file: the one that counts of each order, by its token, and what could not be used."""

    newest: Mapping[str, Outcome] = field(default_factory=dict)
    lines: int = 0
    unusable: Sequence[Unusable] = ()
    sha256: str = ""

    @property
    def told(self) -> list[str]:
        """What was read, for people."""
        if not self.sha256:
            return []
        lines = [f"outcomes: {self.lines:,} lines, of {len(self.newest):,} orders"]
        if self.unusable:
            lines.append(f"{len(self.unusable):,} lines of outcomes can't be used and are left out:")
            lines += [
                f"  line {one.line}: {one.field} {one.reason}".replace(":  ", ": ") for one in self.unusable[:SHOWN]
            ]
        return lines

    def of_rows(self, tokens: Sequence[str], first: int = 0) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The rows from `first` on whose orders turned out to be worth a look, and those of genuine ones."""
        kinds = [(row, self.newest[token].outcome) for row, token in enumerate(tokens) if token in self.newest]
        worth = [row for row, kind in kinds if row >= first and kind in WORTH_A_LOOK]
        genuine = [row for row, kind in kinds if row >= first and kind == "genuine"]
        return np.array(worth, np.intp), np.array(genuine, np.intp)


def labels_of(path: Path | None) -> Labels:
    """The outcomes of a file; none without one. Raises `ReadingError` where it is not there."""
    if path is None:
        return Labels()
    if not path.is_file():
        raise ReadingError(f"{path}: there are no outcomes; make export-outcomes writes them")
    found = read_outcomes(path)
    return Labels(found.newest(), len(found.lines) + len(found.unusable), found.unusable, found.sha256)


def outcomes_path(named: Path | None, histories: Path | None) -> Path | None:
    """The file that is named, else the one in the folder of histories, if there is one."""
    if named is not None or histories is None:
        return named
    return histories / OUTCOMES_FILE if (histories / OUTCOMES_FILE).is_file() else None
