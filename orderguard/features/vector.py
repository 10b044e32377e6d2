"""Features of many orders at once, as training needs them: the formulas of `table`, over columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue, Rarity
from orderguard.features.columns import Coded, Columns, columns_of
from orderguard.features.facts import Facts, add_amounts
from orderguard.features.lines import LINE_FACTS, line_facts
from orderguard.features.past import customer_facts, updated_histories
from orderguard.features.table import (
    COSINE_OF_MINUTE,
    COSINE_OF_WEEKDAY,
    FEATURES,
    SINE_OF_MINUTE,
    SINE_OF_WEEKDAY,
)
from orderguard.history import CustomerHistory
from orderguard.schema import MaskedOrder


def compute_features(
    orders: Sequence[MaskedOrder], catalogue: Catalogue, histories: dict[str, CustomerHistory], *, learn: bool = True
) -> NDArray[np.float32]:
    """Feature vectors of orders in time order, shape (n, d), float32.

    `histories` says what was known of each customer (by token) before the first order; with `learn` it is brought up
    to date, as if `orderguard.history.after` had been called with each order.
    """
    columns = columns_of(orders)
    features = column_features(columns, catalogue, histories)
    if learn:
        histories.update(updated_histories(columns, histories))
    return features


def column_features(
    columns: Columns, catalogue: Catalogue, histories: Mapping[str, CustomerHistory] | None = None
) -> NDArray[np.float32]:
    """The same over columns."""
    facts: dict[str, Any] = dict(columns.numbers)
    facts["level"] = looked_up(columns.codes["currency"], catalogue.currency_levels, 0.0)
    _add_lines(facts, columns, catalogue)
    add_amounts(facts, catalogue.basket, np)
    facts["log_value"] = np.log(facts["value"])
    _add_usual(facts, columns, catalogue)
    facts.update(customer_facts(columns, facts, catalogue, histories or {}))
    all_facts = Facts(facts)
    result = np.empty((len(columns), len(FEATURES)), dtype=np.float32)
    for place, feature in enumerate(FEATURES):
        values = feature.formula(all_facts, np)
        if feature.scale == "ln":
            values = np.log(values)
        elif feature.scale == "ln(1+x)":
            values = np.log1p(values)
        result[:, place] = values
    result += np.float32(0)
    return result


def looked_up(codes: Coded, table: Mapping[str, float], default: float) -> NDArray[np.float64]:
    """A table's value for each row of a column of strings."""
    return np.array([table.get(value, default) for value in codes.values], dtype=np.float64)[codes.index]


def rarity(codes: Coded, table: Rarity) -> NDArray[np.float64]:
    """How rare each row's code is."""
    return looked_up(codes, table.of, table.unseen)


def _add_lines(facts: dict[str, Any], columns: Columns, catalogue: Catalogue) -> None:
    rows = columns.line_order
    count = len(columns)
    values = line_facts(
        columns.quantity,
        columns.unit_price,
        columns.line_discount,
        facts["level"][rows],
        looked_up(columns.skus, catalogue.sku_prices, 0.0),
        looked_up(columns.categories, catalogue.category_prices, 0.0),
        looked_up(columns.categories, catalogue.category_quantities, catalogue.category_quantities[""]),
        rarity(columns.categories, catalogue.rarity["category"]),
        np,
    )
    starts = np.searchsorted(rows, np.arange(count))
    facts["lines"] = np.bincount(rows, minlength=count).astype(np.float64)
    for (name, reduction), column in zip(LINE_FACTS, values, strict=True):
        if reduction == "sum":
            # bincount adds from left to right, as serving does; reduceat would add in pairs.
            facts[name] = np.bincount(rows, weights=column, minlength=count)
        elif reduction == "largest":
            facts[name] = np.maximum.reduceat(column, starts) if count else column
        else:
            facts[name] = np.minimum.reduceat(column, starts) if count else column


def _add_usual(facts: dict[str, Any], columns: Columns, catalogue: Catalogue) -> None:
    minute = facts["minute"].astype(np.int64)
    weekday = facts["weekday"].astype(np.int64)
    facts["minute_sine"] = np.array(SINE_OF_MINUTE)[minute]
    facts["minute_cosine"] = np.array(COSINE_OF_MINUTE)[minute]
    facts["weekday_sine"] = np.array(SINE_OF_WEEKDAY)[weekday]
    facts["weekday_cosine"] = np.array(COSINE_OF_WEEKDAY)[weekday]
    facts["hour_rarity"] = np.array(catalogue.hour_rarity)[minute // 60]
    facts["usual_basket"] = catalogue.basket
    facts["usual_spread"] = catalogue.spread
    facts["usual_account_days"] = catalogue.account_age_days
    facts["usual_gap_hours"] = catalogue.gap_hours
    for name, code in RARITIES.items():
        facts[name] = rarity(columns.codes[code], catalogue.rarity[code])


RARITIES: dict[str, Any] = {
    "channel_rarity": "channel",
    "payment_rarity": "payment_method",
    "currency_rarity": "currency",
    "country_rarity": "country",
}
