"""What one reference unit costs in each currency, as of each catalogue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.blocks import Blocks
from ml.grouped import Grouped, distinct, ranked
from orderguard.features.columns import Coded, Columns, Floats, Indices
from orderguard.features.feature import SMALLEST

SMALLEST_PRICE = 1e-6
"""A price below this says nothing about what is usual, and dividing by it overflows."""
FEWEST_PRICES = 5
"""Prices of known skus that a currency's level is learnt from; with fewer, from the baskets."""
REMEMBERED = 256
REMEMBERED_OF_SKU = 32


@dataclass(frozen=True)
class Levels:
    """`level` (catalogues, currencies) is 1 for the reference currency, whose number is `reference`, and where `seen`
    says that the catalogue does not know the currency.
    """

    reference: int
    level: Floats
    seen: NDArray[np.bool_]


def net_values(columns: Columns) -> Floats:
    """Each order's value after discounts, at least 0, in its currency."""
    gross = np.bincount(columns.line_order, columns.quantity * columns.unit_price, len(columns))
    line_discounts = np.bincount(columns.line_order, columns.line_discount, len(columns))
    result: Floats = np.maximum(gross - (line_discounts + columns.numbers["discount"]), 0.0)
    return result


def currency_levels(blocks: Blocks, net: Floats) -> Levels:
    """Levels by catalogue, from the orders' `net` values (n,) and their lines' prices.

    The reference is the currency used most by the first catalogue's orders. The level of another is the median ratio
    of its last prices to what the same skus usually cost in the reference currency at that time; where too few skus
    are sold in both, the ratio of the median baskets.
    """
    currency = blocks.columns.codes["currency"]
    names, catalogues = len(currency.values), blocks.catalogues
    reference = int(np.bincount(currency.index[blocks.segment == 0], minlength=names).argmax())
    codes = np.repeat(np.arange(names), catalogues)
    of = np.tile(np.arange(catalogues), names)
    orders = Grouped(currency, blocks.segment, catalogues)
    first, end = orders.seen(codes, of)
    seen = (end > first).reshape(names, catalogues).T
    level = np.ones((catalogues, names))
    if names > 1:
        baskets = ranked(net[orders.order], first, end, REMEMBERED, 0.5).reshape(names, catalogues).T
        line_code, ratio, segment = _price_ratios(blocks, reference)
        ratios = Grouped(Coded(line_code, currency.values), segment, catalogues)
        first, end = ratios.seen(codes, of)
        prices = ranked(ratio[ratios.order], first, end, REMEMBERED, 0.5).reshape(names, catalogues).T
        level = told_levels(seen, baskets, prices, (end - first).reshape(names, catalogues).T, reference)
    return Levels(reference, level, seen)


def told_levels(seen: NDArray[np.bool_], baskets: Floats, prices: Floats, counts: Indices, reference: int) -> Floats:
    """Levels by catalogue and currency, of which currencies a catalogue has seen, the medians of the last baskets in
    each and of the last ratios of prices, and how many such ratios there are; (catalogues, currencies) each.
    """
    baskets = np.maximum(baskets, SMALLEST)
    told = np.where(counts >= FEWEST_PRICES, prices, baskets / baskets[:, reference : reference + 1])
    level = np.where(seen, told, 1.0)
    level[:, reference] = 1.0
    return level


def _price_ratios(blocks: Blocks, reference: int) -> tuple[Indices, Floats, Indices]:
    """Of the lines in other currencies whose sku had been sold in the reference currency: the currency, the ratio of
    the price to what the sku usually cost, and the segment.
    """
    columns = blocks.columns
    currency = columns.codes["currency"].index[columns.line_order]
    usable = columns.unit_price >= SMALLEST_PRICE
    home, away = np.flatnonzero(usable & (currency == reference)), np.flatnonzero(usable & (currency != reference))
    sold = Grouped(Coded(columns.skus.index[home], columns.skus.values), blocks.line_segment[home], blocks.catalogues)
    (skus, catalogues), pair = distinct(columns.skus.index[away], blocks.line_catalogue[away])
    first, end = sold.seen(skus, catalogues)
    usual = ranked(columns.unit_price[home][sold.order], first, end, REMEMBERED_OF_SKU, 0.5)[pair]
    known = np.isfinite(usual)
    away = away[known]
    return currency[away], columns.unit_price[away] / usual[known], blocks.line_segment[away]
