"""What lines usually look like, as of each catalogue: prices and quantities of the shop, of categories and of skus."""

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


class UsualLines:
    """Usual prices and quantities by pairs of code and catalogue. `price` (m,) is each line's in reference units."""

    def __init__(self, blocks: Blocks, price: Floats) -> None:
        columns = blocks.columns
        self._price, self._quantity = price, columns.quantity
        self._category = columns.categories.index
        self._no_category = columns.categories.values.index("") if "" in columns.categories.values else -1
        # A code that was masked is no article's: one placeholder stands for many.
        self._masked = np.array([is_placeholder(sku) for sku in columns.skus.values], dtype=bool)
        self.skus = Grouped(columns.skus, blocks.line_segment, blocks.catalogues)
        self.categories = Grouped(columns.categories, blocks.line_segment, blocks.catalogues)
        self._of_skus = price[self.skus.order], columns.quantity[self.skus.order]
        self._of_categories = price[self.categories.order], columns.quantity[self.categories.order]
        self.shop = self._usual_of_shop(blocks)
        self._least_price = self.shop[0] * LEAST_PRICE_SHARE
        self._steps = self._steps_of_skus(blocks)

    def _usual_of_shop(self, blocks: Blocks) -> UsualColumns:
        first, end = blocks.seen(blocks.line_segment)
        smallest = np.full(len(first), SMALLEST_PRICE)
        _, price, lowest, highest = usual_and_range(self._price, first, end, REMEMBERED_OF_SHOP, smallest)
        lowest = np.maximum(lowest, price * LEAST_PRICE_SHARE)
        return price, lowest, highest, ranked(self._quantity, first, end, REMEMBERED_OF_SHOP, 0.5)

    def _steps_of_skus(self, blocks: Blocks) -> Floats:
        """How far prices stray within a sku, (catalogues,): the ratio, to either side, that nine in ten steps from one
        of its lines to the next don't exceed.
        """
        order = self.skus.order
        same = np.flatnonzero(np.diff(blocks.columns.skus.index[order]) == 0) + 1
        by_time = same[np.argsort(order[same])]
        then, now = order[by_time - 1], order[by_time]
        least = self._least_price[blocks.line_segment[now]]
        first, end = blocks.seen(blocks.line_segment[now])
        price = np.maximum(self._price[now], least) / np.maximum(self._price[then], least)
        return np.nan_to_num(ranked(np.maximum(price, 1.0 / price), first, end, REMEMBERED_OF_SHOP, STEPS), nan=1.0)

    def of_categories(self, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        """For (k,) pairs: whether the catalogue knows the category, and what is usual of it, else of the shop."""
        (code, catalogue), pair = distinct(codes, catalogues)
        shop = tuple(values[catalogue] for values in self.shop)
        first, end = self.categories.seen(code, catalogue)
        first = np.where(code == self._no_category, end, first)
        prices, quantities = self._of_categories
        lines, middle, lowest, highest = usual_and_range(
            prices, first, end, REMEMBERED_LINES, self._least_price[catalogue]
        )
        price = _shrunk(lines, middle, shop[0], PRIOR_MIDDLE)
        told = (
            price,
            price * _shrunk(lines, lowest / middle, shop[1] / shop[0], PRIOR_RANGE),
            price * _shrunk(lines, highest / middle, shop[2] / shop[0], PRIOR_RANGE),
            _shrunk(lines, _median(quantities, first, end), shop[3], PRIOR_MIDDLE),
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
        first, end = self.skus.seen(codes, catalogues)
        first = np.where(self._masked[codes], end, first)
        last = self.skus.order[np.maximum(end - 1, 0)]
        _, (_, _, _, of_category) = self.of_categories(self._category[last], catalogues)
        prices, quantities = self._of_skus
        lines, price, lowest, highest = usual_and_range(
            prices, first, end, REMEMBERED_LINES, self._least_price[catalogues]
        )
        step = self._steps[catalogues]
        return lines > 0, (
            price,
            price * _shrunk(lines, lowest / price, 1.0 / step, PRIOR_RANGE),
            price * _shrunk(lines, highest / price, step, PRIOR_RANGE),
            _shrunk(lines, _median(quantities, first, end), of_category, PRIOR_MIDDLE),
        )


def _median(values: Floats, first: Indices, end: Indices) -> Floats:
    """The median of the last values, (k,); 1 of none."""
    return np.nan_to_num(ranked(values, first, end, REMEMBERED_LINES, 0.5), nan=1.0)


def _shrunk(lines: Floats, told: Floats, prior: Floats, weight: float) -> Floats:
    """The mean of the logarithms, where the prior has the weight of so many lines."""
    shrunk: Floats = np.exp((lines * np.log(told) + weight * np.log(prior)) / (lines + weight))
    return shrunk
