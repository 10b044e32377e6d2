"""Held-out orders with what was known of each customer before: what gates change, score and compare."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.history import CustomerHistory, after
from orderguard.schema import MaskedOrder


class Case(NamedTuple):
    """An order and its customer's history before it."""

    order: MaskedOrder
    history: CustomerHistory | None


def replay(chunks: Iterable[Sequence[MaskedOrder]], order_tokens: Sequence[str]) -> list[Case]:
    """The cases of the orders named, in that sequence. Two passes' worth of reading, but only these customers' orders
    are kept.
    """
    wanted = set(order_tokens)
    by_customer: dict[str, dict[str, MaskedOrder]] = defaultdict(dict)
    customers: set[str] = set()
    for chunk in chunks:
        for order in chunk:
            by_customer[order.customer_token].setdefault(order.order_token, order)
            if order.order_token in wanted:
                customers.add(order.customer_token)
    cases: dict[str, Case] = {}
    for customer in customers:
        history: CustomerHistory | None = None
        for order in sorted(by_customer[customer].values(), key=lambda order: order.created_at):
            if order.order_token in wanted:
                cases[order.order_token] = Case(order, history)
            history = after(history, order)
    return [cases[token] for token in order_tokens]


def features_of(cases: Sequence[Case], catalogue: Catalogue) -> NDArray[np.float32]:
    """The features of each case, (n, d), by the code that serving uses."""
    rows = np.empty((len(cases), len(FEATURE_NAMES)), np.float32)
    for row, case in zip(rows, cases, strict=True):
        row[:] = order_features(case.order, case.history, catalogue)
    return rows
