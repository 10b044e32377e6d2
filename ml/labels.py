"""Outcomes for a training: read from the file, joined with the orders by their tokens, counted, and told of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.order_files import ReadingError
from orderguard.outcomes import OUTCOMES_FILE, WORTH_A_LOOK, Outcome, Unusable, read_outcomes

SHOWN = 5
_LEFT = "they join no order, and count for the card's precision alone"


@dataclass(frozen=True)
class Labels:
    """The outcomes of a file: the one that counts of each order, by its token, and what could not be used."""

    newest: Mapping[str, Outcome] = field(default_factory=dict)
    lines: int = 0
    unusable: Sequence[Unusable] = ()
    sha256: str = ""

    def told(self, tokens: Sequence[str]) -> list[str]:
        """What was read, and how much of it is of the orders with these tokens, for people."""
        if not self.sha256:
            return []
        missed = self.newest.keys() - set(tokens)
        met = len(self.newest) - len(missed)
        lines = [
            f"outcomes: {self.lines:,} lines, of {len(self.newest):,} orders, of which {met:,} are among those read"
        ]
        current = {_key_id(token) for token in tokens[:1]}
        for key_id, count in sorted(Counter(map(_key_id, missed)).items()):
            if key_id not in current:
                lines.append(
                    f"outcomes of {count:,} orders are under the masking key {key_id}, which was rotated: {_LEFT}"
                )
            elif not met:
                lines.append(f"outcomes of {count:,} orders are of none that was read, or under another key: {_LEFT}")
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


def _key_id(token: str) -> str:
    """The id of the masking key that a token was made with."""
    return token.split("_")[1]
