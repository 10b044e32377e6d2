"""What is known before an order: of its customer, and of each entity that it names."""

from itertools import compress
from typing import NamedTuple

from orderguard.history.customer import CustomerHistory, customer_after
from orderguard.history.entity import ENTITIES, EntityHistory, entity_after, entity_tokens
from orderguard.schema import MaskedOrder


class Past(NamedTuple):
    """What is known before an order. None: nothing, or the order does not name the entity.

    `entities` are in the order of `ENTITIES`.
    """

    customer: CustomerHistory | None
    entities: tuple[EntityHistory | None, ...]


NO_PAST = Past(None, (None,) * len(ENTITIES))


def after(past: Past, order: MaskedOrder) -> Past:
    """What is known once this order has been placed: the plain definition that stores and columns are held against."""
    return Past(
        customer_after(past.customer, order),
        tuple(
            entity_after(known, order) if token else None
            for known, token in zip(past.entities, entity_tokens(order), strict=True)
        ),
    )


def as_of(past: Past, placed: float) -> Past:
    """What an order that was placed at this moment may see: nothing that was placed after it.

    Of a customer's orders that are no longer remembered one by one, all count as earlier.
    """
    return Past(_customer_as_of(past.customer, placed), tuple(_entity_as_of(known, placed) for known in past.entities))


def _customer_as_of(history: CustomerHistory | None, placed: float) -> CustomerHistory | None:
    if history is None or not history.at or max(history.at) <= placed:
        return history
    earlier = [at <= placed for at in history.at]
    count = history.count - earlier.count(False)
    if not count:
        return None
    # tuple(…) of an iterator makes ten places and shrinks: Python keeps 2,000 freed tuples of each length.
    return CustomerHistory(
        count,
        (*compress(history.at, earlier),),
        (*compress(history.values, earlier),),
        (*compress(history.currencies, earlier),),
        (*compress(history.minutes, earlier),),
        (*compress(history.addresses, earlier),),
        (*compress(history.devices, earlier),),
        (*compress(history.payments, earlier),),
        (*compress(history.cards, earlier),),
    )


def _entity_as_of(history: EntityHistory | None, placed: float) -> EntityHistory | None:
    if history is None or (max(history.at, default=placed) <= placed and history.first_at <= placed):
        return history
    earlier = [at <= placed for at in history.at]
    moments = (*compress(history.at, earlier),)
    first_at = min((history.first_at, *moments))
    if first_at > placed:
        return None
    return EntityHistory(
        first_at,
        history.count - earlier.count(False),
        moments,
        (*compress(history.customers, earlier),),
        (*compress(history.cards, earlier),),
    )
