"""How the orders are parted by time: those that train, the reference slice, and the later ones that the gates use."""

from dataclasses import dataclass

from ml.config import Config
from ml.order_files import ReadingError

MINIMUM_ROWS = 100
MINIMUM_SLICE = 10


class TrainingError(ReadingError):
    """Orders that no model can be trained on; the message says what is missing."""


@dataclass(frozen=True)
class Slices:
    """Rows of the feature table by time: [0, first) only fill the catalogue, [first, train) fits, [train, reference)
    is the reference slice, [reference, rows) are later orders.
    """

    first: int
    train: int
    reference: int
    rows: int


def slices(rows: int, config: Config, first: int = 0) -> Slices:
    """Where the slices of the rows from `first` on end. Raises `TrainingError` for too few rows in all or in a
    slice.
    """
    if rows < MINIMUM_ROWS:
        raise TrainingError(
            f"{rows} good orders are too few to train and validate on; {MINIMUM_ROWS} are the least, so "
            f"{MINIMUM_ROWS - rows} are missing. Put older or newer order files beside these (as many as you like), "
            "and look into the quarantine file for lines that were left out"
        )
    train = first + int((rows - first) * config.split.train)
    reference = train + int((rows - first) * config.split.reference)
    parts = Slices(first=first, train=train, reference=reference, rows=rows)
    for name, size in (
        ("training rows", parts.train - parts.first),
        ("the reference slice", parts.reference - parts.train),
        ("later orders", rows - parts.reference),
    ):
        if size < MINIMUM_SLICE:
            raise TrainingError(
                f"of {rows} good orders, `split` in the configuration leaves {size} as {name}; "
                f"{MINIMUM_SLICE} are the least: raise its share, or put more order files beside these"
            )
    return parts
