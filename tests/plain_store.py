"""A store in plain words, which keeps every order and folds `after` over them: what all stores are compared with."""

from collections.abc import Sequence

import msgspec

from orderguard.history import (
    NO_PAST,
    REMEMBERED,
    REMEMBERED_OF_ENTITY,
    CustomerHistory,
    EntityHistory,
    Past,
    as_of,
    customer_after,
    entity_after,
    entity_tokens,
    is_silent,
)
from orderguard.history.customer import CUSTOMER_SILENT_DAYS
from orderguard.history.records import SPARE
from orderguard.schema import MaskedOrder


class PlainStore:
    """All orders of each customer, and of each entity since it last started again."""

    def __init__(self) -> None:
        self.customers: dict[str, list[MaskedOrder]] = {}
        self.entities: dict[str, list[MaskedOrder]] = {}

    def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        """What each order finds known, as `HistoryStore.take` says it."""
        return [self._take(order, record) for order in orders]

    def _take(self, order: MaskedOrder, record: bool) -> Past:
        theirs = self.customers.get(order.customer_token, [])
        repeated = any(order.order_token == one.order_token for one in theirs[-REMEMBERED - SPARE :])
        tokens = entity_tokens(order)
        past = Past(
            _customer(_before(theirs, order, REMEMBERED + SPARE) if repeated else theirs, len(theirs)),
            tuple(_entity(self.entities.get(token or "", []), order, repeated) for token in tokens),
        )
        if record and not repeated:
            placed = order.created_at.timestamp()
            moments = [one.created_at.timestamp() for one in theirs[-REMEMBERED:]]
            begun = is_silent(moments, placed, CUSTOMER_SILENT_DAYS)
            self.customers[order.customer_token] = [order] if begun else [*theirs, order]
            for token in tokens:
                if token:
                    known = self.entities.get(token, [])
                    moments = [one.created_at.timestamp() for one in known[-REMEMBERED_OF_ENTITY:]]
                    anew = is_silent(moments, order.created_at.timestamp())
                    self.entities[token] = [order] if anew else [*known, order]
        return as_of(past, order.created_at.timestamp())


def _before(orders: list[MaskedOrder], order: MaskedOrder, kept: int) -> list[MaskedOrder]:
    """The orders that were counted before this one, if it is among those that are kept."""
    tokens = [one.order_token for one in orders]
    first = max(0, len(orders) - kept)
    return orders[: tokens.index(order.order_token, first)] if order.order_token in tokens[first:] else orders


def _customer(orders: list[MaskedOrder], all_orders: int) -> CustomerHistory | None:
    kept = orders[max(0, all_orders - REMEMBERED - SPARE) :][-REMEMBERED:]
    history = NO_PAST.customer
    for order in kept:
        history = customer_after(history, order)
    return history and msgspec.structs.replace(history, count=len(orders))


def _entity(orders: list[MaskedOrder], order: MaskedOrder, repeated: bool) -> EntityHistory | None:
    seen = _before(orders, order, REMEMBERED_OF_ENTITY + SPARE) if repeated else orders
    kept = seen[max(0, len(orders) - REMEMBERED_OF_ENTITY - SPARE) :][-REMEMBERED_OF_ENTITY:]
    history = None
    for one in kept:
        history = entity_after(history, one)
    if history is None:
        return None
    return msgspec.structs.replace(history, first_at=orders[0].created_at.timestamp(), count=len(seen))
