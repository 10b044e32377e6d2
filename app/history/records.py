"""A customer's history as it is kept, so that an order sent twice gets the same score twice and is counted once."""

from typing import Any

import msgspec

from orderguard.history import EMPTY, REMEMBERED, CustomerHistory, after, digest
from orderguard.schema import MaskedOrder

REMEMBERED_TOKENS = 16

Oldest = tuple[float | int | str, ...]


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The history, what its newest order pushed out of it, and digests of the newest orders' tokens, newest last."""

    history: CustomerHistory
    pushed_out: Oldest
    tokens: tuple[int, ...]

    def seen_by(self, order_token: str) -> CustomerHistory:
        """The history to score this order with: without the order itself, where it is the newest one already."""
        return self._before() if self.tokens[-1] == digest(order_token) else self.history

    def _before(self) -> CustomerHistory:
        count, *lists = msgspec.structs.astuple(self.history)
        oldest: list[tuple[Any, ...]] = [(value,) for value in self.pushed_out] or [()] * len(lists)
        return CustomerHistory(count - 1, *((*head, *values[:-1]) for head, values in zip(oldest, lists, strict=True)))


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
        return _encode(Record(after(EMPTY, order), (), (token,)))
    if token in record.tokens:
        return None
    history = record.history
    full = len(history.at) == REMEMBERED
    pushed_out = tuple(values[0] for values in msgspec.structs.astuple(history)[1:]) if full else ()
    tokens = (*record.tokens[1 - REMEMBERED_TOKENS :], token)
    return _encode(Record(after(history, order), pushed_out, tokens))
