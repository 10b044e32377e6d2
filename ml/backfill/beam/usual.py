"""Which catalogue each order is compared with, and where catalogues are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import apache_beam as beam
import numpy as np

from ml.backfill.beam.model import Model
from ml.backfill.local.catalogues import levels_of
from ml.backfill.manifest import Written
from orderguard.catalogue import REFERENCE, Catalogue
from orderguard.features.columns import Coded, Floats, Indices
from orderguard.features.looked_up import LookedUp


@dataclass(frozen=True)
class Usual:
    """Blocks of orders begin with those at the moments and places `starts`, at the rows `rows` of all orders in turn.
    Catalogue c is that of block c, learnt from orders until `ends[c]`, in epoch seconds; the last one from all. With a
    model there is one, the version's, and no block.

    `levels[c]` is what one reference unit costs in each currency; `articles` are the codes that look like a person's
    number and are the shop's.
    """

    levels: list[dict[str, float]]
    articles: list[str]
    starts: list[tuple[float, int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    files: list[Written] = field(default_factory=list)

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Usual":
        """One catalogue for all."""
        return cls([currency_levels_of(catalogue)], catalogue.articles)

    def segment_of(self, at: Floats, place: Indices) -> Indices:
        """How many blocks have begun with each order, (n,)."""
        return segments(self.starts, at, place)

    def catalogue_of(self, at: Floats, place: Indices) -> Indices:
        """The number of each order's catalogue, (n,)."""
        return np.maximum(self.segment_of(at, place) - 1, 0)

    def looked_up(self, at: Floats, place: Indices, currency: Coded) -> LookedUp:
        """What orders are compared with, as far as currencies go."""
        levels = [[level.get(code, REFERENCE.level) for code in currency.values] for level in self.levels]
        return LookedUp(
            catalogue=self.catalogue_of(at, place),
            levels=np.array(levels, dtype=np.float64).reshape(len(self.levels), -1),
            currency=currency.index,
            currencies=currency.values,
            hour_rarity=np.zeros((len(levels), 25)),
            orders=(),
            lines=(),
        )


def currency_levels_of(catalogue: Catalogue) -> dict[str, float]:
    """What one reference unit costs in each currency that a catalogue knows."""
    currencies = list(catalogue.currency_levels)
    return dict(zip(currencies, levels_of(catalogue, currencies), strict=True))


def segments(starts: Sequence[tuple[float, int]], at: Floats, place: Indices) -> Indices:
    """How many of the moments and places `starts`, in turn, have come with each order, (n,)."""
    found = np.zeros(len(at), dtype=np.int64)
    for moment, begin in starts:
        found += (at > moment) | ((at == moment) & (place >= begin))
    return found


class ReadCatalogue(beam.DoFn):
    """Tell what a model version compares orders with."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def process(self, _: None) -> Iterator[Usual]:
        yield Usual.of(self._model.loaded().catalogue)
