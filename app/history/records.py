"""A customer's history as it is kept, so that an order sent twice gets the same score twice and is counted once."""

from itertools import compress
from typing import Any

import msgspec
from msgspec.structs import astuple

from orderguard.history import EMPTY, REMEMBERED, CustomerHistory, customer_after, digest
from orderguard.schema import MaskedOrder

REMEMBERED_TOKENS = 16

Entry = tuple[float | int | str, ...]


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The history, and of its newest orders: digests of their tokens and what they pushed out of it, newest last."""

    history: CustomerHistory
    pushed_out: tuple[Entry, ...]
    tokens: tuple[int, ...]

    def seen_by(self, order: MaskedOrder) -> CustomerHistory:
        """The history to score this order with.

        An order that was counted before sees what it saw then; none sees orders that were placed after it.
        """
        token, history = digest(order.order_token), self.history
        if token in self.tokens:
            history = self._before(len(self.tokens) - self.tokens.index(token))
        placed = order.created_at.timestamp()
        if history.at and max(history.at) > placed:
            earlier = [at <= placed for at in history.at]
            forgotten = history.count - len(history.at)
            # tuple(…) of an iterator makes ten places and shrinks: Python keeps 2,000 freed tuples of each length.
            columns = [(*compress(values, earlier),) for values in astuple(history)[1:]]
            history = CustomerHistory(forgotten + sum(earlier), *columns)
        return history

    def _before(self, newest: int) -> CustomerHistory:
        """The history before the newest orders."""
        kept = self.history
        if not self.pushed_out and kept.count == len(kept.at):
            return CustomerHistory(kept.count - newest, *(values[:-newest] for values in astuple(kept)[1:]))
        entries = [*self.pushed_out, *_entries(self.history)][:-newest]
        return _history(self.history.count - newest, entries[-REMEMBERED:])


def _entries(history: CustomerHistory) -> list[Entry]:
    """A history order by order; the first value is when it was placed."""
    return list(zip(*astuple(history)[1:], strict=True))


def _history(count: int, entries: list[Entry]) -> CustomerHistory:
    lists: Any = zip(*entries, strict=True) if entries else astuple(EMPTY)[1:]
    return CustomerHistory(count, *lists)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def read_record(data: bytes) -> Record | None:
    """The record, or None for one that another version of the program wrote in another form."""
    try:
        return _decode(data)
    except msgspec.DecodeError:
        return None


def record_after(record: Record | None, order: MaskedOrder) -> bytes | None:
    """The record with the order in it, or None where the order is in it already."""
    token = digest(order.order_token)
    if record is None:
        return _encode(Record(customer_after(EMPTY, order), (), (token,)))
    if token in record.tokens:
        return None
    history, pushed_out = record.history, record.pushed_out
    if len(history.at) == REMEMBERED:
        pushed_out = (*pushed_out[1 - REMEMBERED_TOKENS :], _entries(history)[0])
    tokens = (*record.tokens[1 - REMEMBERED_TOKENS :], token)
    return _encode(Record(customer_after(history, order), pushed_out, tokens))
