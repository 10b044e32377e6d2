"""What is known before an order: of its customer, and of each entity that it names."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from orderguard.history.customer import CUSTOMER_SILENT_DAYS, CustomerHistory, customer_after
from orderguard.history.entity import ENTITIES, EntityHistory, entity_after, entity_tokens, is_silent
from orderguard.schema import MaskedOrder


class Past(NamedTuple):
    """What is known before an order. None: nothing, or the order does not name the entity.

    `entities` are in the order of `ENTITIES`.
    """

    customer: CustomerHistory | None
    entities: tuple[EntityHistory | None, ...]


NO_PAST = Past(None, (None,) * len(ENTITIES))


def after(past: Past, order: MaskedOrder) -> Past:
    """What is known once this order has been counted: the plain definition that stores and columns are compared with.

    Lists are in the order in which orders were counted; `as_of` gives them as an order sees them.
    """
    return Past(
        customer_after(past.customer, order),
        tuple(
            entity_after(known, order) if token else None
            for known, token in zip(past.entities, entity_tokens(order), strict=True)
        ),
    )


def as_of(past: Past, placed: float) -> Past:
    """What an order that was placed at this moment sees: nothing that was placed after it, and the oldest first.

    Of orders that are no longer remembered one by one, all count as earlier.
    """
    return Past(customer_as_of(past.customer, placed), tuple(entity_as_of(known, placed) for known in past.entities))


def customer_as_of(history: CustomerHistory | None, placed: float) -> CustomerHistory | None:
    """A customer's history as an order sees it.

    None where none of it was placed before, or where the customer was silent for so long as to start over.
    """
    if history is None:
        return None
    places = _places(history.at, placed)
    count = history.count - len(history.at) + len(places)
    if not count or is_silent([history.at[place] for place in places], placed, CUSTOMER_SILENT_DAYS):
        return None
    columns = (history.at, history.values, history.currencies, history.minutes)
    digests = (history.addresses, history.devices, history.payments, history.cards)
    return CustomerHistory(count, *_taken(columns, places), *_taken(digests, places))


def entity_as_of(history: EntityHistory | None, placed: float) -> EntityHistory | None:
    """An entity's history as an order sees it.

    None where none of it was placed before, or where it was silent for so long that it starts over.
    """
    if history is None:
        return None
    places = _places(history.at, placed)
    at, customers, cards = _taken((history.at, history.customers, history.cards), places)
    first_at = min((history.first_at, *at[:1]))
    if first_at > placed or is_silent(at, placed):
        return None
    return EntityHistory(first_at, history.count - len(history.at) + len(at), at, customers, cards)


def _places(at: Sequence[float], placed: float) -> list[int]:
    """Where the orders that were placed until then stand, the oldest first."""
    return [place for place in sorted(range(len(at)), key=at.__getitem__) if at[place] <= placed]


def _taken(columns: Iterable[tuple[Any, ...]], places: Sequence[int]) -> list[tuple[Any, ...]]:
    # tuple(…) of an iterator makes ten places and shrinks: Python keeps 2,000 freed tuples of each length.
    return [tuple([values[place] for place in places]) for values in columns]
