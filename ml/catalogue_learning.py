"""Learning the catalogue (what is usual) from the training slice."""

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import CODES, Catalogue, Code, Rarity
from orderguard.features.columns import Coded, Columns
from orderguard.features.table import SMALLEST
from orderguard.masking.spans import is_placeholder

DEFAULT_SPREAD = 0.5
DEFAULT_ACCOUNT_DAYS = 365.0
DEFAULT_GAP_HOURS = 30 * 24.0
FEWEST_LINES = 3
"""Lines that a usual price is learnt from. A sku sold less often counts as unknown in training as it will in serving:
else none would ever be unknown in training.
"""
SMALLEST_PRICE = 1e-6
"""A price below this says nothing about what is usual, and dividing by it overflows."""

FEWEST_PRICES = 5
"""Prices of known skus that a currency's level is learnt from; with fewer, from the baskets."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def learn_catalogue(columns: Columns) -> Catalogue:
    """The catalogue of orders in time order. Raises `ValueError` without orders."""
    if not len(columns):
        raise ValueError("no orders to learn a catalogue from")
    net = net_values(columns)
    levels, reference = currency_levels(columns, net)
    level = np.array([levels[value] for value in columns.codes["currency"].values])[columns.codes["currency"].index]
    values = np.maximum(net / level, SMALLEST)
    prices = columns.unit_price / level[columns.line_order]
    category_lines = np.bincount(columns.categories.index, minlength=len(columns.categories.values))
    category_pieces = np.bincount(columns.categories.index, columns.quantity, len(columns.categories.values))
    quantities = dict(
        zip(columns.categories.values, (category_pieces / np.maximum(category_lines, 1)).tolist(), strict=True)
    )
    quantities.setdefault("", float(columns.quantity.mean()))
    spread, gap = habits(columns, np.log(values))
    ages = columns.numbers["account_days"]
    return Catalogue(
        orders=len(columns),
        reference_currency=reference,
        currency_levels=levels,
        sku_prices=usual_prices(columns.skus, prices),
        category_prices={name: price for name, price in usual_prices(columns.categories, prices).items() if name},
        category_quantities=quantities,
        rarity={code: rarity_of(columns, code) for code in CODES},
        hour_rarity=hour_rarity(columns.numbers["minute"]),
        basket=float(np.median(values)),
        spread=spread,
        account_age_days=float(np.median(ages[ages >= 0])) if (ages >= 0).any() else DEFAULT_ACCOUNT_DAYS,
        gap_hours=gap,
    )


def net_values(columns: Columns) -> Floats:
    """Each order's value after discounts, at least 0, in its currency."""
    gross = np.bincount(columns.line_order, columns.quantity * columns.unit_price, len(columns))
    line_discounts = np.bincount(columns.line_order, columns.line_discount, len(columns))
    result: Floats = np.maximum(gross - (line_discounts + columns.numbers["discount"]), 0.0)
    return result


def currency_levels(columns: Columns, net: Floats) -> tuple[dict[str, float], str]:
    """What one reference unit costs in each currency, and the reference currency.

    The level of a currency is the median ratio of its prices to the same skus' usual prices in the reference
    currency; where too few skus are sold in both, the ratio of the median baskets.
    """
    currency = columns.codes["currency"]
    counts = np.bincount(currency.index, minlength=len(currency.values))
    reference = int(counts.argmax())
    line_currency = currency.index[columns.line_order]
    usable = columns.unit_price >= SMALLEST_PRICE
    home = usable & (line_currency == reference)
    home_price = grouped_median(columns.skus.index[home], columns.unit_price[home], len(columns.skus.values))
    ratio = columns.unit_price / np.where(home_price > 0, home_price, np.nan)[columns.skus.index]
    levels: dict[str, float] = {}
    for number, name in enumerate(currency.values):
        ratios = ratio[usable & (line_currency == number)]
        ratios = ratios[np.isfinite(ratios)]
        if number == reference:
            level = 1.0
        elif len(ratios) >= FEWEST_PRICES:
            level = float(np.median(ratios))
        else:
            baskets = np.median(net[currency.index == number]), np.median(net[currency.index == reference])
            level = float(max(baskets[0], SMALLEST) / max(baskets[1], SMALLEST))
        levels[name] = level
    return levels, currency.values[reference]


def usual_prices(codes: Coded, prices: Floats) -> dict[str, float]:
    """The median price by code; a code that is always free, or of fewer than `FEWEST_LINES` lines, has none, nor have
    codes that were masked: one placeholder stands for many.
    """
    medians = grouped_median(codes.index, prices, len(codes.values))
    articles = np.array([not is_placeholder(value) for value in codes.values], dtype=bool)
    usual = (
        articles & (medians >= SMALLEST_PRICE) & (np.bincount(codes.index, minlength=len(codes.values)) >= FEWEST_LINES)
    )
    return {codes.values[number]: float(medians[number]) for number in np.flatnonzero(usual)}


def grouped_median(groups: Indices, values: Floats, count: int) -> Floats:
    """The median of the values of each group 0..count−1; 0 for a group without values."""
    order = np.argsort(values)
    # Small numbers are sorted by their digits, several times faster.
    order = order[np.argsort(groups[order].astype(np.min_scalar_type(count)), kind="stable")]
    values = values[order]
    sizes = np.bincount(groups, minlength=count)
    starts = np.cumsum(sizes) - sizes
    filled = sizes > 0
    low, high = starts + (sizes - 1) // 2, starts + sizes // 2
    result = np.zeros(count)
    result[filled] = (values[low[filled]] + values[high[filled]]) / 2
    return result


def rarity_of(columns: Columns, code: Code) -> Rarity:
    """How rare each value of a code is among the orders (of a category: among the lines), with half an observation
    for the unseen.
    """
    coded = columns.categories if code == "category" else columns.codes[code]
    counts = np.bincount(coded.index, minlength=len(coded.values))
    total = counts.sum() + 1
    shares = -np.log((counts + 0.5) / total)
    return Rarity(dict(zip(coded.values, shares.tolist(), strict=True)), float(-np.log(0.5 / total)))


def hour_rarity(minutes: Floats) -> tuple[float, ...]:
    """How rare orders are in each hour of the day."""
    counts = np.bincount((minutes // 60).astype(np.int64), minlength=24)
    return tuple((-np.log((counts + 0.5) / (counts.sum() + 12))).tolist())


def habits(columns: Columns, logs: Floats) -> tuple[float, float]:
    """The typical spread of ln value within a customer, and the median gap between a customer's orders in hours."""
    customer = columns.customers.index
    order = np.argsort(customer, kind="stable")
    same = customer[order][1:] == customer[order][:-1]
    if not same.any():
        return DEFAULT_SPREAD, DEFAULT_GAP_HOURS
    steps = np.diff(logs[order])[same]
    gaps = np.diff(columns.numbers["at"][order])[same] / 3600.0
    # The difference of two draws has twice the variance of one; the median is safe from the anomalies among them.
    spread = float(np.median(np.abs(steps))) / 0.6745 / np.sqrt(2)
    return max(float(spread), 0.05), float(max(np.median(gaps), 0.0))
