"""What lines usually look like, as of each catalogue: prices and quantities of the shop, of categories and of skus."""

import numpy as np
from numpy.typing import NDArray

from ml.blocks import Blocks
from ml.currency_levels import SMALLEST_PRICE
from ml.grouped import Grouped, distinct, ranked, strayed, usual_and_spread
from orderguard.features.columns import Floats, Indices
from orderguard.features.lines import LEAST_PRICE_SHARE, deviation
from orderguard.masking.spans import is_placeholder

REMEMBERED_LINES = 32
"""What is usual of a sku or a category is learnt from so many last lines of it."""
REMEMBERED_OF_SHOP = 4096
"""What is usual in the whole shop is learnt from so many last orders or lines."""
PRIOR_MIDDLE = 1.0
"""So many lines' weight shrinks the usual quantity of a sku towards its category's, and what is usual of a category
towards the shop's.
"""
PRIOR_SPREAD = 4.0
"""So many lines' weight shrinks the spread of a sku towards what skus have, and a category's towards the shop's."""
LEAST_PRICE_SPREAD = 0.05
LEAST_QUANTITY_SPREAD = 0.25

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
        self.shop, self._least_price = self._usual_of_shop(blocks)
        self._prior = self._spread_of_skus(blocks)

    def _usual_of_shop(self, blocks: Blocks) -> tuple[UsualColumns, Floats]:
        first, end = blocks.seen(blocks.line_segment)
        price = np.maximum(ranked(self._price, first, end, REMEMBERED_OF_SHOP, 0.5), SMALLEST_PRICE)
        least = price * LEAST_PRICE_SHARE
        _, price, price_spread = usual_and_spread(self._price, first, end, REMEMBERED_OF_SHOP, least)
        one = np.ones(len(first))
        _, quantity, quantity_spread = usual_and_spread(self._quantity, first, end, REMEMBERED_OF_SHOP, one)
        return _floored((np.maximum(price, SMALLEST_PRICE), price_spread, quantity, quantity_spread)), least

    def _spread_of_skus(self, blocks: Blocks) -> tuple[Floats, Floats]:
        """How far prices and quantities stray within a sku, (catalogues,) each: from the steps between its lines."""
        order = self.skus.order
        same = np.flatnonzero(np.diff(blocks.columns.skus.index[order]) == 0) + 1
        by_time = same[np.argsort(order[same])]
        then, now = order[by_time - 1], order[by_time]
        least = self._least_price[blocks.line_segment[now]]
        first, end = blocks.seen(blocks.line_segment[now])
        price = np.maximum(self._price[now], least) / np.maximum(self._price[then], least)
        quantity = self._quantity[now] / self._quantity[then]
        price_spread, quantity_spread = (
            strayed(np.abs(deviation(ratio, np)), first, end, REMEMBERED_OF_SHOP) for ratio in (price, quantity)
        )
        return np.maximum(price_spread, LEAST_PRICE_SPREAD), np.maximum(quantity_spread, LEAST_QUANTITY_SPREAD)

    def of_categories(self, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        """For (k,) pairs: whether the catalogue knows the category, and what is usual of it, else of the shop."""
        (code, catalogue), pair = distinct(codes, catalogues)
        shop = tuple(values[catalogue] for values in self.shop)
        first, end = self.categories.seen(code, catalogue)
        first = np.where(code == self._no_category, end, first)
        least = self._least_price[catalogue]
        lines, price, price_spread = usual_and_spread(self._of_categories[0], first, end, REMEMBERED_LINES, least)
        _, quantity, quantity_spread = usual_and_spread(
            self._of_categories[1], first, end, REMEMBERED_LINES, np.ones(len(code))
        )
        usual = (
            _shrunk_middle(lines, price, shop[0]),
            _shrunk_spread(lines, price_spread, shop[1]),
            _shrunk_middle(lines, quantity, shop[2]),
            _shrunk_spread(lines, quantity_spread, shop[3]),
        )
        return (lines > 0)[pair], _picked(_floored(usual), pair)

    def of_skus(self, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        """For (k,) pairs: whether the catalogue knows the sku, and what is usual of it. Of a sku that it doesn't know,
        this means nothing.
        """
        first, end = self.skus.seen(codes, catalogues)
        first = np.where(self._masked[codes], end, first)
        last = self.skus.order[np.maximum(end - 1, 0)]
        _, (_, _, of_category, _) = self.of_categories(self._category[last], catalogues)
        least = self._least_price[catalogues]
        lines, price, price_spread = usual_and_spread(self._of_skus[0], first, end, REMEMBERED_LINES, least)
        _, quantity, quantity_spread = usual_and_spread(
            self._of_skus[1], first, end, REMEMBERED_LINES, np.ones(len(codes))
        )
        usual = (
            price,
            _shrunk_spread(lines, price_spread, self._prior[0][catalogues]),
            _shrunk_middle(lines, quantity, of_category),
            _shrunk_spread(lines, quantity_spread, self._prior[1][catalogues]),
        )
        return lines > 0, _floored(usual)


def _shrunk_middle(lines: Floats, middle: Floats, prior: Floats) -> Floats:
    """The mean of the logarithms, by weight; without lines the prior itself, to the bit, as serving takes it."""
    shrunk = np.exp((lines * np.log(middle) + PRIOR_MIDDLE * np.log(prior)) / (lines + PRIOR_MIDDLE))
    result: Floats = np.where(lines > 0, shrunk, prior)
    return result


def _shrunk_spread(lines: Floats, spread: Floats, prior: Floats) -> Floats:
    """The root of the mean of the squares, by weight; without lines the prior itself."""
    shrunk = np.sqrt((lines * spread * spread + PRIOR_SPREAD * prior * prior) / (lines + PRIOR_SPREAD))
    result: Floats = np.where(lines > 0, shrunk, prior)
    return result


def _floored(usual: UsualColumns) -> UsualColumns:
    price, price_spread, quantity, quantity_spread = usual
    least = np.maximum(price_spread, LEAST_PRICE_SPREAD), np.maximum(quantity_spread, LEAST_QUANTITY_SPREAD)
    return price, least[0], quantity, least[1]


def _picked(usual: UsualColumns, rows: Indices) -> UsualColumns:
    price, price_spread, quantity, quantity_spread = (values[rows] for values in usual)
    return price, price_spread, quantity, quantity_spread
