"""What is known after orders, over columns: what a store would hold that had taken them one by one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.features.columns import Coded, Columns, digests_of
from orderguard.features.shared import Sightings, sightings
from orderguard.history import (
    EMPTY,
    ENTITIES,
    REMEMBERED,
    REMEMBERED_OF_ENTITY,
    CustomerHistory,
    EntityHistory,
    Past,
    entity_tokens,
)
from orderguard.history.customer import CUSTOMER_SILENT_DAYS
from orderguard.history.entity import SILENT_DAYS
from orderguard.schema import MaskedOrder


class Pasts(NamedTuple):
    """What is known of customers and, in the order of `ENTITIES`, of each kind of entity, by token."""

    customers: dict[str, CustomerHistory]
    entities: tuple[dict[str, EntityHistory], ...]

    @classmethod
    def empty(cls) -> "Pasts":
        """Nothing is known."""
        return cls({}, tuple({} for _ in ENTITIES))

    def of(self, order: MaskedOrder) -> Past:
        """What is known before this order."""
        return Past(
            self.customers.get(order.customer_token),
            tuple(
                known.get(token) if token else None
                for known, token in zip(self.entities, entity_tokens(order), strict=True)
            ),
        )

    def keep(self, order: MaskedOrder, past: Past) -> None:
        """What is known of this order's customer and entities is `past`."""
        if past.customer:
            self.customers[order.customer_token] = past.customer
        for known, token, history in zip(self.entities, entity_tokens(order), past.entities, strict=True):
            if token and history:
                known[token] = history

    def update(self, newer: "Pasts") -> None:
        """What is known of these is `newer`."""
        self.customers.update(newer.customers)
        for known, found in zip(self.entities, newer.entities, strict=True):
            known.update(found)


def updated_pasts(columns: Columns, pasts: Pasts) -> Pasts:
    """What is known of the columns' customers and entities after these orders."""
    customer = digests_of(columns.customers)
    return Pasts(
        dict(customers_after(columns, pasts.customers)),
        tuple(
            dict(entities_after(sightings(columns, name, customer), known))
            for name, known in zip(ENTITIES, pasts.entities, strict=True)
        ),
    )


def customers_after(
    columns: Columns, known: Mapping[str, CustomerHistory] = {}
) -> Iterator[tuple[str, CustomerHistory]]:
    """The columns' customers and their histories after these orders, in the order of the tokens, one at a time."""
    numbers, at = columns.numbers, columns.numbers["at"]
    gross = np.bincount(columns.line_order, columns.quantity * columns.unit_price, len(columns))
    line_discounts = np.bincount(columns.line_order, columns.line_discount, len(columns))
    net = np.maximum(0.0, gross - (line_discounts + numbers["discount"]))
    currency = columns.codes["currency"]
    for token, rows in _rows_by_token(columns.customers):
        before = known.get(token, EMPTY)
        gaps = np.diff(at[rows], prepend=before.at[-1] if before.at else at[rows[0]])
        silences = np.flatnonzero(gaps > CUSTOMER_SILENT_DAYS * 86400)
        if len(silences):
            before, rows = EMPTY, rows[silences[-1] :]
        last = rows[-REMEMBERED:]
        first = max(0, len(before.at) + len(last) - REMEMBERED)
        yield (
            token,
            CustomerHistory(
                before.count + len(rows),
                (*before.at[first:], *numbers["at"][last].tolist()),
                (*before.values[first:], *net[last].tolist()),
                (*before.currencies[first:], *(currency.values[code] for code in currency.index[last])),
                *(
                    (*digests[first:], *numbers[name][last].astype(np.int64).tolist())
                    for name, digests in (
                        ("minute", before.minutes),
                        ("address", before.addresses),
                        ("device", before.devices),
                        ("payment", before.payments),
                        ("card", before.cards),
                    )
                ),
            ),
        )


def entities_after(seen: Sightings, known: Mapping[str, EntityHistory] = {}) -> Iterator[tuple[str, EntityHistory]]:
    """The same of the entities of a kind."""
    at, card, customer = seen.at, seen.card, seen.customer
    for token, rows in _rows_by_token(seen.entity):
        if not token:
            continue
        before = known.get(token)
        gaps = np.diff(at[rows], prepend=before.at[-1] if before and before.at else at[rows[0]])
        silences = np.flatnonzero(gaps > SILENT_DAYS * 86400)
        if len(silences):
            before, rows = None, rows[silences[-1] :]
        last = rows[-REMEMBERED_OF_ENTITY:]
        before = before or EntityHistory(float(at[rows[0]]), 0, (), (), ())
        first = max(0, len(before.at) + len(last) - REMEMBERED_OF_ENTITY)
        yield (
            token,
            EntityHistory(
                before.first_at,
                before.count + len(rows),
                (*before.at[first:], *at[last].tolist()),
                (*before.customers[first:], *customer[last].tolist()),
                (*before.cards[first:], *card[last].astype(np.int64).tolist()),
            ),
        )


def _rows_by_token(column: Coded) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The tokens of a column in their order, each with its rows."""
    by_token = np.argsort(column.index, kind="stable")
    ends = np.searchsorted(column.index[by_token], np.arange(len(column.values) + 1))
    for number in sorted(range(len(column.values)), key=column.values.__getitem__):
        yield column.values[number], by_token[ends[number] : ends[number + 1]]
