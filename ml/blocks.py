"""Blocks of orders that are compared with one catalogue: the one learnt from all orders before the block."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from orderguard.features.columns import Columns, Floats, Indices

_SECONDS_A_DAY = 86_400.0


class Moments(Protocol):
    """Moments in epoch seconds, ascending: an array, or something longer than memory is."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> float: ...


def block_starts(at: Moments | Floats, refresh_days: float, warm_up: float) -> Indices:
    """The rows (blocks,) that blocks start at; `at` (n,) are the orders' moments in epoch seconds, ascending.

    A block ends after `refresh_days`, or when as many orders have come as there were before it, but never before they
    have grown by one in 64: so there are some ninety blocks at most. Where blocks end depends on earlier orders alone.
    Orders before the first block, at most the share `warm_up` of all (but one at least), only fill its catalogue.
    """
    count = len(at)
    starts = [0]
    while starts[-1] < count:
        start = starts[-1]
        aged = bisect_left(at, at[start] + refresh_days * _SECONDS_A_DAY)
        starts.append(max(start + start // 64 + 1, min(aged, 2 * start)))
    first = max(start for start in starts if start <= max(1.0, count * warm_up))
    return np.array([start for start in starts if first <= start < count], dtype=np.int64)


@dataclass(frozen=True)
class Blocks:
    """Columns of n orders with m lines, whose blocks start at rows `starts`. Catalogue c is that of block c; the last
    one is learnt from all orders.
    """

    columns: Columns
    starts: Indices

    @property
    def catalogues(self) -> int:
        """How many catalogues there are."""
        return len(self.starts) + 1

    @cached_property
    def segment(self) -> Indices:
        """The first catalogue that has seen each order, (n,)."""
        return np.searchsorted(self.starts, np.arange(len(self.columns)), side="right")

    @cached_property
    def catalogue(self) -> Indices:
        """Return the index of each order's catalogue, (n,). Orders before the first block have none of their own."""
        return np.maximum(self.segment - 1, 0)

    @cached_property
    def line_segment(self) -> Indices:
        """`segment` of each line's order, (m,)."""
        return self.segment[self.columns.line_order]

    @cached_property
    def line_catalogue(self) -> Indices:
        """`catalogue` of each line's order, (m,)."""
        return self.catalogue[self.columns.line_order]

    def seen(self, segment: Indices) -> tuple[Indices, Indices]:
        """The range of observations that each catalogue has seen, as first and end (catalogues,); `segment` is theirs,
        in time order.
        """
        end = np.searchsorted(segment, np.arange(self.catalogues), side="right")
        return np.zeros_like(end), end
