"""Held-out orders with what was known before each: what gates change, score and compare."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.feature_engineering import FeatureTable
from ml.reading import masked_orders
from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES
from orderguard.features.scalar import order_features
from orderguard.features.pasts import Pasts
from orderguard.history import Past, after, as_of, entity_tokens
from orderguard.masking import Keyring
from orderguard.masking.codes import known_articles
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


def orders_around(
    table: FeatureTable, paths: Sequence[Path], keyring: Keyring, tokens: Set[str]
) -> Iterator[list[MaskedOrder]]:
    """The masked orders that `replay` needs for these: all of the table's files, or, where its rows are drawn from
    more than memory holds, those alone that share a customer or an entity with one of them. Their files are then read
    twice.
    """
    doubt = known_articles(table.catalogue.articles)

    def read() -> Iterator[list[MaskedOrder]]:
        return masked_orders(paths, keyring, free_text=False, doubt=doubt, feed=table.feed)

    return related(read, tokens) if table.tails else read()


def related(read: Callable[[], Iterator[list[MaskedOrder]]], tokens: Set[str]) -> Iterator[list[MaskedOrder]]:
    """The orders with these tokens, and those that share a customer or an entity with one of them; `read` reads all."""
    customers: set[str] = set()
    entities: set[str] = set()
    for chunk in read():
        for order in chunk:
            if order.order_token in tokens:
                customers.add(order.customer_token)
                entities.update(filter(None, entity_tokens(order)))
    for chunk in read():
        yield [
            order
            for order in chunk
            if order.customer_token in customers or not entities.isdisjoint(entity_tokens(order))
        ]


def features_of(cases: Sequence[Case]) -> NDArray[np.float32]:
    """The features of each case, (n, d), by the code that serving uses."""
    rows = np.empty((len(cases), len(FEATURE_NAMES)), np.float32)
    for row, case in zip(rows, cases, strict=True):
        row[:] = order_features(case.order, case.past, case.catalogue)
    return rows
