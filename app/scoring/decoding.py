"""The bytes of orders: decoding one in steps, and taking a batch or a stream apart without decoding it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw

from app.contract import MAX_HISTORY
from app.exchange import ClientGone, Receive
from app.problems import Problem
from orderguard.apart import Marked, MarkedOrder, of_marks
from orderguard.masking.steps import Steps
from orderguard.schema import NOT_JSON, UNDECODABLE, Order, OrderError, decode_order, explained

SLICE = 128
"""The most orders between two turns of other requests: some milliseconds."""
SLICE_BYTES = 131_072
"""So many bytes of them at most, or one order."""
MAX_LINE_BYTES = 1_048_576

Written = TypeVar("Written", bytes, Raw)


class Received(MarkedOrder, frozen=True, kw_only=True):
    """An `OrderRequest` whose earlier orders are still JSON: decoding two hundred in one piece would take too long."""

    history: Annotated[list[Raw], Meta(max_length=MAX_HISTORY)] | None = None


class Request(NamedTuple):
    """An order and its customer's earlier ones, where the caller brought them."""

    order: Order
    history: list[Order] | None


_decode = msgspec.json.Decoder(Received, dec_hook=of_marks).decode
_decode_items = msgspec.json.Decoder(list[Raw]).decode


def decoding(body: bytes | Raw) -> Steps[Request]:
    """Decode an order with its optional history, in steps. Raises `OrderError`, which repeats no value; so it does for
    what is marked as no order, which `app.scoring.reading` sets apart.
    """
    try:
        order = _decode(body)
    except Marked:
        raise OrderError("", "marked as no order") from None
    except UNDECODABLE as error:
        raise explained(error) from None
    if order.history is None:
        return Request(order, None)
    history = list[Order]()
    for place, written in enumerate(order.history):
        yield
        history.append(_earlier(f"history[{place}]", written))
    for place, earlier in enumerate(history):
        if customer_of(earlier) != customer_of(order):
            raise OrderError(f"history[{place}].customer.id", "not the customer of the order")
    return Request(order, history)


def customer_of(order: Order) -> str | None:
    """The customer's id; none of a guest."""
    return order.customer.id if order.customer else None


def _earlier(path: str, written: Raw) -> Order:
    """One of the earlier orders. What is wrong with it is told as if the whole had been decoded at once."""
    try:
        return decode_order(written)
    except OrderError as error:
        raise told_of(path, error) from None


def told_of(path: str, error: OrderError) -> OrderError:
    """The same error, told of what stands at `path`."""
    if error.reason in NOT_JSON:
        return error
    return OrderError(f"{path}.{error.field}" if error.field else path, error.reason)


def too_long(longest: int) -> OrderError:
    """What is said of a line that has more than `longest` bytes."""
    return OrderError("", f"the line is longer than {longest} bytes")


def split_batch(body: bytes, limit: int) -> list[Raw]:
    """The orders of an array, not yet decoded.

    Raises `OrderError` where the whole is no array, and `Problem` where it is longer than `limit`.
    """
    try:
        items = _decode_items(body)
    except UNDECODABLE as error:
        raise explained(error) from None
    if len(items) > limit:
        raise Problem("too-large", f"a batch has at most {limit} orders, this one has {len(items)}")
    return items


def slices(orders: Sequence[Written]) -> Iterator[Sequence[Written]]:
    """Orders not yet decoded, in parts of `SLICE` and `SLICE_BYTES` at most."""
    start = size = 0
    for place, order in enumerate(orders):
        length = len(bytes(order))
        size += length
        if place > start and (place - start == SLICE or size > SLICE_BYTES):
            yield orders[start:place]
            start, size = place, length
    if start < len(orders):
        yield orders[start:]


async def lines_of(receive: Receive) -> AsyncIterator[list[bytes]]:
    """The lines of a body as they arrive, without blank ones. Of a line that is too long, only a part is kept."""
    rest = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        data: bytes = message["body"]
        *whole, tail = data.split(b"\n")
        if whole:
            whole[0] = bytes(rest) + whole[0]
            rest.clear()
            lines = [line for line in whole if line and not line.isspace()]
            if lines:
                yield lines
        if len(rest) <= MAX_LINE_BYTES:
            rest += tail
        if not message.get("more_body"):
            if rest.strip():
                yield [bytes(rest)]
            return
