"""Observations grouped by code, in time order, and what had been observed of a code by the time of a catalogue."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from orderguard.features.columns import Coded, Floats, Indices

MOST_OBSERVATIONS = 500_000
"""A code that is not among so many last observations is forgotten, so that a catalogue stays small."""

_LEFT_OUT = 20
"""At either end of a range one in so many values is left out."""
_AT_ONCE = 2**17


class Grouped:
    """n observations of coded things, in time order. Catalogue c has seen those whose `segment` (n,) is at most c."""

    def __init__(self, coded: Coded, segment: Indices, catalogues: int) -> None:
        count = len(coded.values)
        # Small numbers are sorted by their digits, several times faster.
        self.order: Indices = np.argsort(coded.index.astype(np.min_scalar_type(count)), kind="stable")
        self._coded, self._segment, self._catalogues = coded, segment, catalogues
        self._keys = coded.index[self.order] * catalogues + segment[self.order]
        self._starts = np.searchsorted(self._keys, np.arange(count + 1) * catalogues)
        self._ends = np.searchsorted(segment, np.arange(catalogues), side="right")

    def seen(self, codes: Indices, catalogues: Indices) -> tuple[Indices, Indices]:
        """Where in `order` the observations of each code begin, and where those end that the catalogue has seen, for
        (k,) pairs; both are the same for a code that it doesn't know.
        """
        first = self._starts[codes]
        end = np.searchsorted(self._keys, codes * self._catalogues + catalogues, side="right")
        if not len(self.order):
            return first, first
        last = self.order[np.maximum(end - 1, 0)]
        return first, np.where(last >= self._ends[catalogues] - MOST_OBSERVATIONS, end, first)

    def share_as_rare(self, codes: Indices, catalogues: Indices) -> Floats:
        """For (k,) pairs: the share of observations whose code was seen no more often than this one by the time of the
        catalogue, those of new codes included.

        How often new codes come is told by the share of those seen once (Good, "The population frequencies of
        species", 1953): where codes come and go a new one is nothing rare, where none ever varied it is. Half an
        observation more, so that no share is 0.
        """
        first, end = self.seen(codes, catalogues)
        counts = end - first
        share = np.empty(len(codes))
        by_catalogue = np.argsort(catalogues, kind="stable")
        ends = np.searchsorted(catalogues[by_catalogue], np.arange(self._catalogues + 1))
        totals = np.zeros(len(self._coded.values), dtype=np.int64)
        start = 0
        for catalogue, until in enumerate(self._ends.tolist()):
            totals += np.bincount(self._coded.index[start:until], minlength=len(totals))
            start = until
            asked = by_catalogue[ends[catalogue] : ends[catalogue + 1]]
            share[asked] = shares_as_rare(counts[asked], totals, until)
        return share

    def share_of_new(self, catalogue: int) -> float:
        """The same for a code that the catalogue doesn't know."""
        seen = int(self._ends[catalogue])
        return share_of_new(np.bincount(self._coded.index[:seen]), seen)

    def pairs(self, coded: Coded, catalogue: Indices) -> tuple[Indices, Indices, Indices]:
        """The pairs of code and catalogue that observations ask for: their codes and catalogues (k,), and which pair
        each observation asks for, (n,). `catalogue` (n,) never falls as time goes on.
        """
        keys = coded.index[self.order] * self._catalogues + catalogue[self.order]
        new = np.ones(len(keys), dtype=bool)
        new[1:] = keys[1:] != keys[:-1]
        index = np.empty(len(keys), dtype=np.int64)
        index[self.order] = np.cumsum(new) - 1
        codes, catalogues = np.divmod(keys[new], self._catalogues)
        return codes, catalogues, index


def shares_as_rare(counts: Indices, totals: Indices, seen: int) -> Floats:
    """The shares (k,) of `seen` observations whose code was seen no more often than a code of these `counts` (k,);
    `totals` says how often each code was. See `Grouped.share_as_rare`.
    """
    ascending = np.sort(totals)
    up_to = np.concatenate([[0], np.cumsum(ascending)])
    as_rare = up_to[np.searchsorted(ascending, counts, side="right")]
    shares: Floats = (as_rare + np.count_nonzero(totals == 1) + 0.5) / (seen + 1)
    return shares


def share_of_new(totals: Indices, seen: int) -> float:
    """The same of a code that was never seen."""
    return float((np.count_nonzero(totals == 1) + 0.5) / (seen + 1))


def distinct(*numbers: Indices) -> tuple[list[Indices], Indices]:
    """The distinct rows of columns of numbers, and which of them each row is."""
    order = np.lexsort(numbers)
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([column[order][1:] != column[order][:-1] for column in numbers], axis=0)
    index = np.empty(len(order), dtype=np.int64)
    index[order] = np.cumsum(new) - 1
    return [column[order][new] for column in numbers], index


def ranked(values: Floats, first: Indices, end: Indices, most: int, share: float) -> Floats:
    """The smallest of the last `most` of values[first:end] that `share` of them don't exceed, for (k,) ranges; the
    mean of two for the median of an even number. NaN for an empty range.
    """
    result = np.full(len(first), np.nan)
    for some, size, ascending in _sorted_parts(values, first, end, most):
        result[some] = _at_rank(ascending, size, share)
    return result


def usual_and_range(
    values: Floats, first: Indices, end: Indices, most: int, least: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the last `most` of values[first:end]: how many they are, their median, and the range in which they are but
    for a twentieth at either end, and but for one, (k,) each; values below `least` (k,) count as that.

    So one mistake among them widens no range, and a second price that comes now and then does.
    """
    size = np.minimum(end - first, most).astype(np.float64)
    center, lowest, highest = least.copy(), least.copy(), least.copy()
    for some, sizes, ascending in _sorted_parts(values, first, end, most):
        floor, rows = least[some], np.arange(len(some))
        center[some] = np.maximum(_at_rank(ascending, sizes, 0.5), floor)
        left_out = np.minimum(np.maximum(sizes // _LEFT_OUT, 1), (sizes - 1) // 2)
        lowest[some] = np.maximum(ascending[rows, left_out], floor)
        highest[some] = np.maximum(ascending[rows, sizes - 1 - left_out], floor)
    return size, center, np.minimum(lowest, center), np.maximum(highest, center)


def _sorted_parts(
    values: Floats, first: Indices, end: Indices, most: int
) -> Iterator[tuple[Indices, Indices, NDArray[np.float64]]]:
    """Ranges that are not empty, some at a time: which they are, how many values they have, and these in ascending
    order in rows that infinity fills up.
    """
    size = np.minimum(end - first, most)
    # Of similar size together, so that little has to be filled up.
    filled = np.argsort(size, kind="stable")[np.count_nonzero(size == 0) :]
    step = max(1, _AT_ONCE // most)
    for start in range(0, len(filled), step):
        some = filled[start : start + step]
        place = end[some, None] - 1 - np.arange(size[some[-1]])
        if size[some[0]] == size[some[-1]]:
            ascending = values[place]
        else:
            ascending = np.where(place >= (end - size)[some, None], values[np.maximum(place, 0)], np.inf)
        ascending.sort(axis=1)
        yield some, size[some], ascending


def _at_rank(ascending: Floats, size: Indices, share: float) -> Floats:
    rows = np.arange(len(size))
    if share == 0.5:
        found: Floats = (ascending[rows, (size - 1) // 2] + ascending[rows, size // 2]) / 2
    else:
        found = ascending[rows, np.maximum(np.ceil(share * size).astype(np.int64) - 1, 0)]
    return found
