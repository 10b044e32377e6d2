"""Orders that the strict decoder refuses, and orders as other programs write them.

Reading them takes longer and needs tables that no other order needs: nothing of it is imported before the first such
order comes, and it is done in threads, so that others have their turn.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from app.contract import MAX_HISTORY, Repair
from app.problems import FieldError, Problem
from app.query import SOURCE
from app.scoring.decoding import Request, customer_of, told_of, too_long
from orderguard.model_version import ModelVersionError
from orderguard.schema import UNDECODABLE, Order, OrderError, decode_order, explained

LONGEST_ID = 128


class Mended(NamedTuple):
    """An order that could be read after all, and what was done for that: pairs of field and reason, never a value."""

    request: Request
    repairs: tuple[Repair, ...]


class Apart(NamedTuple):
    """What is no order to score: a refund, a cancellation, an exchange, a test order (`kind`)."""

    order_id: str
    kind: str


Read = Mended | Apart | OrderError


def check_source(name: str) -> None:
    """Raise `Problem` for a source that there is not, with all that there are."""
    from orderguard.sources import SOURCES

    if name not in SOURCES:
        reason = f"must be one of {', '.join(SOURCES)}"
        raise Problem("invalid-request", f"{SOURCE} {reason}", (FieldError(SOURCE, reason),))


class Reader:
    """Reads as the training of a model read its orders: what stands in that model's manifest, and nothing else, says in
    which zone times without one are, and whether numbers have a decimal comma.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """`parameters` are the manifest's. Raises `ModelVersionError` for a zone that this machine does not know."""
        told: Mapping[str, Any] = parameters.get("input", {})  # a model from before has none
        self._zone, self._decimal_comma = told.get("zone") or None, told.get("decimal_comma")
        if self._zone is not None:
            from orderguard.repair import FeedError

            try:
                _ = self.feed
            except FeedError as error:
                raise ModelVersionError(f"input.{error}") from None

    @cached_property
    def feed(self) -> Any:
        """The `Feed` that repair asks for."""
        from orderguard.repair import Feed

        return Feed(zone=self._zone, decimal_comma=self._decimal_comma)

    def mended(self, body: bytes | Raw) -> Read:
        """An order in the form of `OrderRequest`."""
        try:
            parts: dict[str, Raw] = msgspec.json.decode(body, type=dict[str, Raw])
            brought = _earlier_in(parts.pop("history", None))
            document = {name: msgspec.json.decode(part) for name, part in parts.items()}
        except UNDECODABLE as error:
            return explained(error)
        except OrderError as error:
            return error
        read = self._read(document)
        if brought is None or not isinstance(read, Mended):
            return read
        try:
            return Mended(Request(read.request.order, self._history(brought, read.request.order)), read.repairs)
        except OrderError as error:
            return error

    def mended_each(self, bodies: Sequence[bytes | Raw]) -> list[Read]:
        """The same for many."""
        return [self.mended(body) for body in bodies]

    def of_source(self, name: str, body: bytes | Raw, most: int) -> list[Read]:
        """The orders of a document of the source: one, a list of them, or what it wraps a list in.

        Raises `OrderError` where the whole is no JSON, and `Problem` where it holds more than `most`.
        """
        try:
            document = msgspec.json.decode(body)
        except UNDECODABLE as error:
            raise explained(error) from None
        return self.of_document(name, document, most)

    def of_document(self, name: str, document: object, most: int) -> list[Read]:
        """The same for a document that was decoded."""
        from orderguard.sources import source

        found: list[Read] = []
        for loose in source(name)(document):
            if len(found) == most:
                raise Problem(
                    "too-large", f"more than {most} orders; /v1/score/batch and /v1/score/stream take several"
                )
            found.append(self._read(loose))
        return found

    def lines_of_source(self, name: str, lines: Sequence[bytes], longest: int) -> list[Read]:
        """The orders of lines of at most `longest` bytes that hold one each."""
        return [self._line(name, line, longest) for line in lines]

    def _line(self, name: str, line: bytes, longest: int) -> Read:
        if len(line) > longest:
            return too_long(longest)
        try:
            found = self.of_source(name, line, 1)
        except OrderError as error:
            return error
        except Problem:
            return OrderError("", "the line holds more than one order")
        return found[0] if found else OrderError("", "the line contains no order")

    def _read(self, document: dict[str, object]) -> Read:
        from orderguard.repair import repair_order

        try:
            repaired = repair_order(document, self.feed)
        except OrderError as error:
            return error
        if repaired.apart is not None:
            return Apart(str(document.get("order_id") or "")[:LONGEST_ID], repaired.apart)
        assert repaired.order is not None
        repairs = tuple(Repair(one.field, one.reason) for one in repaired.repairs)
        return Mended(Request(repaired.order, None), repairs)

    def _history(self, brought: Sequence[Raw], order: Order) -> list[Order]:
        """The earlier orders that a caller brought, repaired like the order; raises `OrderError` with their place."""
        history = []
        for place, written in enumerate(brought):
            earlier = self._earlier(written)
            path = f"history[{place}]"
            if not isinstance(earlier, Order):
                raise told_of(path, earlier)
            if customer_of(earlier) != customer_of(order):
                raise OrderError(f"{path}.customer.id", "not the customer of the order")
            history.append(earlier)
        return history

    def _earlier(self, written: Raw) -> Order | OrderError:
        try:
            return decode_order(written)
        except OrderError as error:
            refused = error
        try:
            read = self._read(msgspec.json.decode(written, type=dict[str, object]))
        except UNDECODABLE:
            return refused
        if isinstance(read, Apart):
            return OrderError("", f"a {read.kind} is no earlier order")
        return read.request.order if isinstance(read, Mended) else read


def _earlier_in(history: Raw | None) -> list[Raw] | None:
    """The earlier orders, not yet decoded. Raises `OrderError`."""
    if history is None or bytes(history) == b"null":
        return None
    try:
        brought: list[Raw] = msgspec.json.decode(history, type=list[Raw])
    except UNDECODABLE as error:
        raise told_of("history", explained(error)) from None
    if len(brought) > MAX_HISTORY:
        raise OrderError("history", f"expected `array` of length <= {MAX_HISTORY}")
    return brought
