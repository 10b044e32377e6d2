"""Features of many orders at once, as training needs them: the formulas of `table`, over columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.features.columns import Columns, Floats, columns_of
from orderguard.features.calendar import COSINE_OF_MINUTE, COSINE_OF_WEEKDAY, SINE_OF_MINUTE, SINE_OF_WEEKDAY
from orderguard.features.facts import Facts, add_amounts
from orderguard.features.lines import LINE_FACTS, line_facts
from orderguard.features.logarithms import LEAST_NET, LN_SMALLEST, SCALES
from orderguard.features.looked_up import LookedUp, looked_up
from orderguard.features.past import customer_facts
from orderguard.features.pasts import Pasts, updated_pasts
from orderguard.features.shared import shared_facts
from orderguard.features.table import FEATURES
from orderguard.history import CustomerHistory
from orderguard.schema import MaskedOrder


def compute_features(
    orders: Sequence[MaskedOrder], catalogue: Catalogue, pasts: Pasts, *, learn: bool = True
) -> NDArray[np.float32]:
    """Feature vectors of orders in time order, shape (n, d), float32.

    `pasts` says what was known before the first order; with `learn` it is brought up to date, as if
    `orderguard.history.after` had been called with each order.
    """
    columns = columns_of(orders)
    mine = [pasts.customers[token] for token in columns.customers.values if token in pasts.customers]
    currencies = [currency for history in mine for currency in history.currencies]
    shared = shared_facts(columns, pasts.customers, pasts.entities)
    features = column_features(columns, looked_up(columns, catalogue, currencies), shared, pasts.customers)
    if learn:
        pasts.update(updated_pasts(columns, pasts))
    return features


def column_features(
    columns: Columns,
    usual: LookedUp,
    shared: Mapping[str, Floats],
    histories: Mapping[str, CustomerHistory] | None = None,
    past: Mapping[str, Floats] | None = None,
) -> NDArray[np.float32]:
    """The same over columns, each order compared with its own catalogue. `shared` is what `shared_facts` found, `past`
    what `customer_facts` did, where that was asked before.
    """
    facts: dict[str, Any] = columns.numbers | usual.of_orders(columns.numbers["minute"])
    facts.update(shared)
    _add_lines(facts, columns, usual)
    add_amounts(facts, np)
    facts["log_net"] = np.log(np.maximum(facts["net"], LEAST_NET))
    facts["log_value"] = np.maximum(facts["log_net"] - np.log(facts["level"]), LN_SMALLEST)
    _add_calendar(facts)
    facts.update(customer_facts(columns.customers, facts, usual, histories or {}) if past is None else past)
    all_facts = Facts(facts)
    result = np.empty((len(columns), len(FEATURES)), dtype=np.float32)
    for place, feature in enumerate(FEATURES):
        result[:, place] = SCALES[feature.scale](feature.formula(all_facts, np))
    result += np.float32(0)
    return result


def _add_lines(facts: dict[str, Any], columns: Columns, usual: LookedUp) -> None:
    rows = columns.line_order
    count = len(columns)
    values = line_facts(
        columns.quantity,
        columns.unit_price,
        columns.line_discount,
        facts["level"][rows],
        facts["least_price"][rows],
        Facts(usual.of_lines()),
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


def _add_calendar(facts: dict[str, Any]) -> None:
    minute = facts["minute"].astype(np.int64)
    weekday = facts["weekday"].astype(np.int64)
    facts["minute_sine"] = np.array(SINE_OF_MINUTE)[minute]
    facts["minute_cosine"] = np.array(COSINE_OF_MINUTE)[minute]
    facts["weekday_sine"] = np.array(SINE_OF_WEEKDAY)[weekday]
    facts["weekday_cosine"] = np.array(COSINE_OF_WEEKDAY)[weekday]
