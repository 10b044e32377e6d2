"""What is no order to judge: refunds, cancellations, exchanges and test orders, by what shops write on them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from orderguard.schema import Order

_WORDS = {
    "refund": "refund refunded fullyrefunded creditnote creditmemo return returned chargeback shoporderrefund "
    "gutschrift",
    "cancellation": "cancellation cancelled canceled cancel void voided storno storniert annulled annulé",
    "exchange": "exchange exchanged",
    "test order": "test testorder",
}
_KIND = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_STATED = (
    *("_kind", "kind", "type", "order_type", "transaction_type", "status", "order_status", "state"),
    *("financial_status", "payment_status"),
)
_CANCELLED_AT = ("cancelled_at", "canceled_at", "cancelledAt", "canceledAt")
_TEST = ("test", "is_test", "test_order")
_TOTALS = ("total", "total_price", "order_total", "grand_total", "total_amount")
MARKS = frozenset((*_STATED, *_CANCELLED_AT, *_TEST, *_TOTALS))
"""The fields that tell it."""
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NUMBER = (int, float)


class Marked(Exception):
    """An order that is marked as none; `stated` of its document says as what."""


class _Status:
    """What says in a word what an order is."""


class _Test:
    """What says that it is a test."""


class _Cancelled:
    """When it was cancelled."""


class _Total:
    """What it comes to."""


_NO_STATUS, _NO_TEST, _NOT_CANCELLED, _NO_TOTAL = _Status(), _Test(), _Cancelled(), _Total()


class MarkedOrder(Order, frozen=True, kw_only=True):
    """An order with what shops write on one that is none. `of_marks` looks at each mark as it is decoded, and takes no
    time for the others: hand it to the decoder as `dec_hook`. Nothing of a mark is kept.
    """

    _kind: _Status = _NO_STATUS
    kind: _Status = _NO_STATUS
    type: _Status = _NO_STATUS
    order_type: _Status = _NO_STATUS
    transaction_type: _Status = _NO_STATUS
    status: _Status = _NO_STATUS
    order_status: _Status = _NO_STATUS
    state: _Status = _NO_STATUS
    financial_status: _Status = _NO_STATUS
    payment_status: _Status = _NO_STATUS
    cancelled_at: _Cancelled = _NOT_CANCELLED
    canceled_at: _Cancelled = _NOT_CANCELLED
    cancelledAt: _Cancelled = _NOT_CANCELLED
    canceledAt: _Cancelled = _NOT_CANCELLED
    test: _Test = _NO_TEST
    is_test: _Test = _NO_TEST
    test_order: _Test = _NO_TEST
    total: _Total = _NO_TOTAL
    total_price: _Total = _NO_TOTAL
    order_total: _Total = _NO_TOTAL
    grand_total: _Total = _NO_TOTAL
    total_amount: _Total = _NO_TOTAL


def of_marks(kind: Any, value: Any) -> Any:
    """A mark that says nothing, as if it were not there. Raises `Marked` for one that does."""
    says, nothing = _MARKS[kind]
    if says(value):
        raise Marked
    return nothing


def stated(document: Mapping[str, Any]) -> str | None:
    """What an order's document says that it is, if it is one of `orderguard.repair.APART`."""
    if MARKS.isdisjoint(document):
        return None
    for name in _STATED:
        if kind := _kind_of(document.get(name)):
            return kind
    if any(_is_test(document.get(name)) for name in _TEST):
        return "test order"
    if any(document.get(name) for name in _CANCELLED_AT):
        return "cancellation"
    return "refund" if any(_is_negative(document.get(name)) for name in _TOTALS) else None


def _kind_of(value: Any) -> str | None:
    return _KIND.get(_NOT_LETTERS.sub("", value[:64].casefold())) if isinstance(value, str) else None


def _is_test(value: Any) -> bool:
    return value in (True, "true", "True", 1)


def _is_negative(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip()[:1] in ("-", "−") and any(c in "123456789" for c in value[:40])
    return isinstance(value, _NUMBER) and value < 0


def of_lines(quantities: list[float], worth: list[float]) -> str | None:
    """The same by the lines: how many of each (any sign), and what they are worth (any sign).

    All that goes back is a refund, some of it an exchange.
    """
    back = sum(quantity < 0 for quantity in quantities)
    if back:
        return "refund" if back == len(quantities) or not any(quantity > 0 for quantity in quantities) else "exchange"
    return "refund" if worth and sum(worth) < 0 else None


_MARKS: dict[Any, tuple[Callable[[Any], object], object]] = {
    _Status: (_kind_of, _NO_STATUS),
    _Test: (_is_test, _NO_TEST),
    _Cancelled: (bool, _NOT_CANCELLED),
    _Total: (_is_negative, _NO_TOTAL),
}
