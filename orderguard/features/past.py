"""What was known of each order's customer before it, over columns: the same walk back that serving does over one
history.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderguard.features.columns import Coded
from orderguard.features.logarithms import LEAST_NET, LN_SMALLEST
from orderguard.features.looked_up import LookedUp
from orderguard.features.shared import begins_of, lives
from orderguard.history import NO_MINUTE, REMEMBERED, CustomerHistory
from orderguard.history.customer import CUSTOMER_SILENT_DAYS

WINDOWS = {"orders_1h": 3600.0, "orders_24h": 86400.0, "orders_7d": 604800.0}
NOVELTIES = {"new_address": "address", "new_device": "device", "new_payment": "payment"}
OWN_FACTS = ("at", "minute", "net", "log_net", *NOVELTIES.values())
"""What of an order its customer's later ones are compared with."""


def customer_facts(
    customers: Coded, facts: Mapping[str, Any], usual: LookedUp, histories: Mapping[str, CustomerHistory]
) -> dict[str, NDArray[np.float64]]:
    """Windows, habits and novelties of each order, each of shape (n,). `facts` are those named in `OWN_FACTS`.

    What a customer spent before is valued by the levels of the order's own catalogue, as serving does it.
    """
    count = len(customers.index)
    earlier = _remembered_rows(customers, histories, usual.currencies)
    log_levels = np.log(usual.levels.ravel())
    everyone = np.concatenate([earlier["customer"], customers.index])
    by_customer = np.argsort(everyone, kind="stable")
    whose = everyone[by_customer]
    past = {
        name: np.concatenate([earlier[name], np.asarray(facts[name], dtype=np.float64)])[by_customer]
        for name in OWN_FACTS
    }
    customer = lives(whose, past["at"], CUSTOMER_SILENT_DAYS)
    currency = np.concatenate([earlier["currency"], usual.currency])[by_customer]
    nowhere = np.zeros(len(earlier["currency"]), dtype=np.int64)
    first_level = np.concatenate([nowhere, usual.catalogue * usual.levels.shape[1]])[by_customer]
    names = ("remembered", "seconds_since_last", "past_log", "past_log_squared", *WINDOWS)
    found = {name: np.zeros(len(customer)) for name in names}
    nearest = np.full(len(customer), np.inf)
    clock = past["minute"] < NO_MINUTE
    told = {name: np.zeros(len(customer), dtype=bool) for name in NOVELTIES}
    seen = {name: np.zeros(len(customer), dtype=bool) for name in NOVELTIES}
    rows = np.arange(len(customer))
    for back in range(1, REMEMBERED + 1):
        rows = rows[rows >= back]
        rows = rows[customer[rows] == customer[rows - back]]
        if not len(rows):
            break
        then = rows - back
        elapsed = past["at"][rows] - past["at"][then]
        if back == 1:
            found["seconds_since_last"][rows] = elapsed
        found["remembered"][rows] += 1.0
        level = first_level[rows] + currency[then]
        log = np.maximum(past["log_net"][then] - log_levels[level], LN_SMALLEST)
        found["past_log"][rows] += log
        found["past_log_squared"][rows] += log * log
        apart = np.abs(past["minute"][rows] - past["minute"][then])
        known = clock[rows] & clock[then]
        nearest[rows] = np.minimum(nearest[rows], np.where(known, np.minimum(apart, 1440.0 - apart), np.inf))
        for name, seconds in WINDOWS.items():
            found[name][rows] += elapsed <= seconds if name != "orders_1h" else (elapsed <= seconds) & clock[rows]
        for name, fact in NOVELTIES.items():
            value = past[fact][then]
            told[name][rows] |= value != 0.0
            seen[name][rows] |= value == past[fact][rows]
    found["nearest_minutes"] = np.where(np.isinf(nearest), 0.0, nearest)
    for name, fact in NOVELTIES.items():
        found[name] = ((past[fact] != 0.0) & told[name] & ~seen[name]).astype(np.float64)
    first_life = customer == customer[begins_of(whose)]
    found["earlier"] = _places(customer) + _forgotten(customers, histories)[whose] * first_life
    mine = np.empty(len(customer), dtype=np.int64)
    mine[by_customer] = np.arange(len(customer))
    return {name: values[mine[len(everyone) - count :]] for name, values in found.items()}


def _remembered_rows(
    customers: Coded, histories: Mapping[str, CustomerHistory], currencies: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """The orders in the histories of these customers as rows that come before their own."""
    names = ("customer", "currency", "at", "minute", "net", *NOVELTIES.values())
    rows: dict[str, list[Any]] = {name: [] for name in names}
    number_of = {currency: number for number, currency in enumerate(currencies)}
    for number, token in enumerate(customers.values):
        known = histories.get(token)
        if known is None:
            continue
        rows["customer"] += [number] * len(known.at)
        rows["currency"] += map(number_of.__getitem__, known.currencies)
        rows["at"] += known.at
        rows["minute"] += known.minutes
        rows["net"] += known.values
        rows["address"] += known.addresses
        rows["device"] += known.devices
        rows["payment"] += known.payments
    columns_of_rows: dict[str, NDArray[Any]] = {
        name: np.array(values, dtype=np.int64 if name in ("customer", "currency") else np.float64)
        for name, values in rows.items()
    }
    columns_of_rows["log_net"] = np.log(np.maximum(columns_of_rows["net"], LEAST_NET))
    return columns_of_rows


def _places(customer: NDArray[np.int64]) -> NDArray[np.float64]:
    """The place of each row among its customer's rows, from 0; rows are sorted by customer."""
    count = len(customer)
    first = np.ones(count, dtype=bool)
    first[1:] = customer[1:] != customer[:-1]
    starts = np.maximum.accumulate(np.where(first, np.arange(count), 0)) if count else np.arange(0)
    return (np.arange(count) - starts).astype(np.float64)


def _forgotten(customers: Coded, histories: Mapping[str, CustomerHistory]) -> NDArray[np.float64]:
    """By customer number, how many orders a history counts beyond those that it remembers."""
    known = (histories.get(token) for token in customers.values)
    return np.array([history.count - len(history.at) if history else 0 for history in known], dtype=np.float64)
