"""What lines usually look like, as of each catalogue: prices and quantities of the shop, of categories and of skus."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.blocks import Blocks
from ml.currency_levels import SMALLEST_PRICE
from ml.grouped import Grouped, distinct, ranked, usual_and_range
from orderguard.features.columns import Floats, Indices
from orderguard.features.lines import LEAST_PRICE_SHARE
from orderguard.masking.spans import is_placeholder

REMEMBERED_LINES = 32
"""What is usual of a sku or a category is learnt from so many last lines of it."""
REMEMBERED_OF_SHOP = 4096
"""What is usual in the whole shop is learnt from so many last orders or lines."""
PRIOR_MIDDLE = 1.0
"""So many lines' weight shrinks the usual quantity of a sku towards its category's, and what is usual of a category
towards the shop's.
"""
STEPS = 0.9
"""The share of the steps between a sku's prices that is usual."""
PRIOR_RANGE = 4.0
"""So many lines' weight shrinks how far prices of a sku stray towards what skus have, and a category's towards the
shop's.
"""

Bools = NDArray[np.bool_]
UsualColumns = tuple[Floats, Floats, Floats, Floats]
"""The fields of `orderguard.catalogue.Usual`, each (k,)."""


class Seen(Protocol):
    """What was seen of each code by the time of each catalogue."""

    def seen(self, codes: Indices, catalogues: Indices) -> tuple[Indices, Indices]:
        """See `ml.grouped.Grouped.seen`."""
        ...


class Told(NamedTuple):
    """Lines that stand together by code, in time order: what was `seen` of each, and of each line its price in
    reference units, its quantity and the number of its category, (m,) each.
    """

    seen: Seen
    price: Floats
    quantity: Floats
    category: Indices


class UsualLines:
    """Usual prices and quantities by pairs of code and catalogue, from the lines of skus and of categories.

    `shop` (catalogues,) is what is usual in the whole shop, `steps` (catalogues,) how far prices stray within a sku.
    Codes that are `masked` (skus,) are no article's: one placeholder stands for many. `no_category` is the number of
    the category that is none.
    """

    def __init__(
        self, skus: Told, categories: Told, shop: UsualColumns, steps: Floats, masked: Bools, no_category: int
    ) -> None:
        self.shop, self._steps, self._masked, self._no_category = shop, steps, masked, no_category
        self._skus, self._categories = skus, categories
        self._least_price = shop[0] * LEAST_PRICE_SHARE

    def of_categories(self, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        """For (k,) pairs: whether the catalogue knows the category, and what is usual of it, else of the shop."""
        (code, catalogue), pair = distinct(codes, catalogues)
        shop = tuple(values[catalogue] for values in self.shop)
        first, end = self._categories.seen.seen(code, catalogue)
        first = np.where(code == self._no_category, end, first)
        lines, middle, lowest, highest = usual_and_range(
            self._categories.price, first, end, REMEMBERED_LINES, self._least_price[catalogue]
        )
        price = _shrunk(lines, middle, shop[0], PRIOR_MIDDLE)
        told = (
            price,
            price * _shrunk(lines, lowest / middle, shop[1] / shop[0], PRIOR_RANGE),
            price * _shrunk(lines, highest / middle, shop[2] / shop[0], PRIOR_RANGE),
            _shrunk(lines, _median(self._categories.quantity, first, end), shop[3], PRIOR_MIDDLE),
        )
        # Without lines the shop's own, to the bit, as serving takes it.
        price, lowest, highest, quantity = (
            np.where(lines > 0, mine, its)[pair] for mine, its in zip(told, shop, strict=True)
        )
        return (lines > 0)[pair], (price, lowest, highest, quantity)

    def of_skus(self, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        """For (k,) pairs: whether the catalogue knows the sku, and what is usual of it. Of a sku that it doesn't know,
        this means nothing.
        """
        first, end = self._skus.seen.seen(codes, catalogues)
        first = np.where(self._masked[codes], end, first)
        last = self._skus.category[np.maximum(end - 1, 0)]
        _, (_, _, _, of_category) = self.of_categories(last, catalogues)
        lines, price, lowest, highest = usual_and_range(
            self._skus.price, first, end, REMEMBERED_LINES, self._least_price[catalogues]
        )
        step = self._steps[catalogues]
        return lines > 0, (
            price,
            price * _shrunk(lines, lowest / price, 1.0 / step, PRIOR_RANGE),
            price * _shrunk(lines, highest / price, step, PRIOR_RANGE),
            _shrunk(lines, _median(self._skus.quantity, first, end), of_category, PRIOR_MIDDLE),
        )


def lines_of_blocks(blocks: Blocks, price: Floats, skus: Grouped, categories: Grouped) -> UsualLines:
    """What lines usually look like by each catalogue of the blocks. `price` (m,) is each line's in reference units."""
    columns = blocks.columns
    first, end = blocks.seen(blocks.line_segment)
    shop = usual_of_shop(price, columns.quantity, first, end)
    values = columns.categories.values
    of_skus, of_categories = (
        Told(grouped, price[order], columns.quantity[order], columns.categories.index[order])
        for grouped, order in ((skus, skus.order), (categories, categories.order))
    )
    return UsualLines(
        of_skus,
        of_categories,
        shop=shop,
        steps=_steps_of_skus(blocks, price, skus, shop[0]),
        masked=masked_codes(columns.skus.values),
        no_category=values.index("") if "" in values else -1,
    )


def masked_codes(skus: Sequence[str]) -> Bools:
    """Whether each code was masked."""
    return np.array([is_placeholder(sku) for sku in skus], dtype=bool)


def usual_of_shop(price: Floats, quantity: Floats, first: Indices, end: Indices) -> UsualColumns:
    """What is usual in the whole shop, of lines in time order of which each catalogue has seen those from `first` to
    `end`.
    """
    smallest = np.full(len(first), SMALLEST_PRICE)
    _, middle, lowest, highest = usual_and_range(price, first, end, REMEMBERED_OF_SHOP, smallest)
    lowest = np.maximum(lowest, middle * LEAST_PRICE_SHARE)
    return middle, lowest, highest, ranked(quantity, first, end, REMEMBERED_OF_SHOP, 0.5)


def step_between(now: Floats, then: Floats, usual_price: Floats) -> Floats:
    """How far the prices of two lines of a sku, one after the other, are apart: the ratio, to either side, where the
    shop's usual price is known by the time of the later one.
    """
    least = usual_price * LEAST_PRICE_SHARE
    ratio = np.maximum(now, least) / np.maximum(then, least)
    return np.maximum(ratio, 1.0 / ratio)


def usual_step(steps: Floats, first: Indices, end: Indices) -> Floats:
    """The step that nine in ten don't exceed, (catalogues,), of steps in time order."""
    return np.nan_to_num(ranked(steps, first, end, REMEMBERED_OF_SHOP, STEPS), nan=1.0)


def _steps_of_skus(blocks: Blocks, price: Floats, skus: Grouped, usual_price: Floats) -> Floats:
    """How far prices stray within a sku, (catalogues,)."""
    order = skus.order
    same = np.flatnonzero(np.diff(blocks.columns.skus.index[order]) == 0) + 1
    by_time = same[np.argsort(order[same])]
    then, now = order[by_time - 1], order[by_time]
    first, end = blocks.seen(blocks.line_segment[now])
    steps = step_between(price[now], price[then], usual_price[blocks.line_segment[now]])
    return usual_step(steps, first, end)


def _median(values: Floats, first: Indices, end: Indices) -> Floats:
    """The median of the last values, (k,); 1 of none."""
    return np.nan_to_num(ranked(values, first, end, REMEMBERED_LINES, 0.5), nan=1.0)


def _shrunk(lines: Floats, told: Floats, prior: Floats, weight: float) -> Floats:
    """The mean of the logarithms, where the prior has the weight of so many lines."""
    shrunk: Floats = np.exp((lines * np.log(told) + weight * np.log(prior)) / (lines + weight))
    return shrunk
