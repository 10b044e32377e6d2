"""Held-out orders with what was known before each: what gates change, score and compare."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.features.pasts import Pasts
from orderguard.history import Past, after, as_of, entity_tokens
from orderguard.schema import MaskedOrder


class Case(NamedTuple):
    """An order, what was known before it, and the catalogue that was current when it came."""

    order: MaskedOrder
    past: Past
    catalogue: Catalogue

    def changed(self, order: MaskedOrder) -> "Case":
        """The same with another order. Of an entity that this one does not name nothing is known."""
        tokens = zip(self.past.entities, entity_tokens(self.order), entity_tokens(order), strict=True)
        entities = tuple(history if before == token else None for history, before, token in tokens)
        return self._replace(order=order, past=self.past._replace(entities=entities))


def replay(chunks: Iterable[Sequence[MaskedOrder]], catalogues: Mapping[str, Catalogue]) -> list[Case]:
    """The cases of the orders named by their tokens, in that sequence, each with its catalogue."""
    orders: dict[str, MaskedOrder] = {}
    for chunk in chunks:
        for order in chunk:
            orders.setdefault(order.order_token, order)
    customers = {orders[token].customer_token for token in catalogues}
    entities = {entity for token in catalogues for entity in entity_tokens(orders[token]) if entity}
    cases: dict[str, Case] = {}
    pasts = Pasts.empty()
    for order in sorted(orders.values(), key=lambda order: order.created_at):
        if order.customer_token in customers or not entities.isdisjoint(entity_tokens(order)):
            past = as_of(pasts.of(order), order.created_at.timestamp())
            if order.order_token in catalogues:
                cases[order.order_token] = Case(order, past, catalogues[order.order_token])
            pasts.keep(order, after(past, order))
    return [cases[token] for token in catalogues]


def features_of(cases: Sequence[Case]) -> NDArray[np.float32]:
    """The features of each case, (n, d), by the code that serving uses."""
    rows = np.empty((len(cases), len(FEATURE_NAMES)), np.float32)
    for row, case in zip(rows, cases, strict=True):
        row[:] = order_features(case.order, case.past, case.catalogue)
    return rows
