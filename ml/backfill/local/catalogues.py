"""Which catalogue each order is compared with, and what one reference unit costs in each."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from ml.backfill.local.shuffle import Indices
from orderguard.catalogue import REFERENCE, Catalogue
from orderguard.features.columns import Floats
from orderguard.features.looked_up import LookedUp

FOLDER = "catalogues"


class Learnt(msgspec.Struct, kw_only=True):
    """Blocks of orders begin at places `starts`; catalogue c is that of block c, and was learnt from orders until
    `ends[c]`, in epoch seconds; the last one from all. With a model version there is one, its own, and no block.

    `levels` (catalogues, currencies) is what one reference unit costs, 1 where that is not known.
    """

    starts: list[int]
    ends: list[float]
    levels: list[list[float]]


class Blocks(NamedTuple):
    """The same as arrays."""

    starts: Indices
    levels: Floats
    currencies: list[str]

    def catalogue_of(self, places: Indices) -> Indices:
        """The number of the catalogue that each order is compared with, (n,)."""
        return np.maximum(np.searchsorted(self.starts, places, side="right") - 1, 0)

    def usual(self, places: Indices, currency: Indices) -> LookedUp:
        """What orders at these places in time are compared with, as far as currencies go."""
        return LookedUp(
            catalogue=self.catalogue_of(places),
            levels=self.levels,
            currency=currency,
            currencies=self.currencies,
            hour_rarity=np.zeros((len(self.levels), 25)),
            orders=(),
            lines=(),
        )


def blocks_of(learnt: Learnt, currencies: list[str]) -> Blocks:
    """What was learnt, as arrays."""
    levels = np.array(learnt.levels, dtype=np.float64).reshape(-1, len(currencies))
    return Blocks(np.array(learnt.starts, dtype=np.int64), levels, currencies)


def levels_of(catalogue: Catalogue, currencies: Sequence[str]) -> list[float]:
    """What one reference unit costs in each currency."""
    return [catalogue.levels.get(code, REFERENCE).level for code in currencies]


def of_version(version_dir: Path, currencies: Sequence[str]) -> Learnt:
    """The catalogue of a model version, for all orders."""
    return Learnt(starts=[], ends=[], levels=[levels_of(Catalogue.read(version_dir), currencies)])


def written_catalogue(folder: Path, number: int) -> Catalogue:
    """A catalogue that was learnt."""
    return msgspec.json.decode((folder / f"{number:04}.json").read_bytes(), type=Catalogue)
