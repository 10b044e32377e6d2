"""Held-out orders with what was known of each customer before: what gates change, score and compare."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.history import CustomerHistory, customer_after
from orderguard.schema import MaskedOrder


class Case(NamedTuple):
    """An order, its customer's history before it, and the catalogue that was current when it came."""

    order: MaskedOrder
    history: CustomerHistory | None
    catalogue: Catalogue


def replay(chunks: Iterable[Sequence[MaskedOrder]], catalogues: Mapping[str, Catalogue]) -> list[Case]:
    """The cases of the orders named by their tokens, in that sequence, each with its catalogue. Two passes' worth of
    reading, but only these customers' orders are kept.
    """
    by_customer: dict[str, dict[str, MaskedOrder]] = defaultdict(dict)
    customers: set[str] = set()
    for chunk in chunks:
        for order in chunk:
            by_customer[order.customer_token].setdefault(order.order_token, order)
            if order.order_token in catalogues:
                customers.add(order.customer_token)
    cases: dict[str, Case] = {}
    for customer in customers:
        history: CustomerHistory | None = None
        for order in sorted(by_customer[customer].values(), key=lambda order: order.created_at):
            if order.order_token in catalogues:
                cases[order.order_token] = Case(order, history, catalogues[order.order_token])
            history = customer_after(history, order)
    return [cases[token] for token in catalogues]


def features_of(cases: Sequence[Case]) -> NDArray[np.float32]:
    """The features of each case, (n, d), by the code that serving uses."""
    rows = np.empty((len(cases), len(FEATURE_NAMES)), np.float32)
    for row, case in zip(rows, cases, strict=True):
        row[:] = order_features(case.order, case.history, case.catalogue)
    return rows
