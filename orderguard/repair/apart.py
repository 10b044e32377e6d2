"""What is no order to judge: refunds, cancellations, exchanges and test orders, by what shops write on them."""

import re
from collections.abc import Mapping
from operator import attrgetter
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
_MARKS = (*_STATED, *_CANCELLED_AT, *_TEST, *_TOTALS)
MARKS = frozenset(_MARKS)
"""The fields that tell it."""
_marks_of, _UNMARKED = attrgetter(*_MARKS), (None,) * len(_MARKS)
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NUMBER = (int, float)


class MarkedOrder(Order, frozen=True, kw_only=True):
    """An order with what shops write on one that is none. The marks are looked at and go no further."""

    _kind: Any = None
    kind: Any = None
    type: Any = None
    order_type: Any = None
    transaction_type: Any = None
    status: Any = None
    order_status: Any = None
    state: Any = None
    financial_status: Any = None
    payment_status: Any = None
    cancelled_at: Any = None
    canceled_at: Any = None
    cancelledAt: Any = None
    canceledAt: Any = None
    test: Any = None
    is_test: Any = None
    test_order: Any = None
    total: Any = None
    total_price: Any = None
    order_total: Any = None
    grand_total: Any = None
    total_amount: Any = None


def of_marks(order: MarkedOrder) -> str | None:
    """What an order that keeps to the schema is marked as, if it is one of `orderguard.repair.APART`."""
    marks = _marks_of(order)
    return stated(dict(zip(_MARKS, marks, strict=True))) if marks != _UNMARKED else None


def stated(document: Mapping[str, Any]) -> str | None:
    """What an order's document says that it is, if it is one of `orderguard.repair.APART`."""
    if MARKS.isdisjoint(document):
        return None
    for name in _STATED:
        value = document.get(name)
        if isinstance(value, str):
            kind = _KIND.get(_NOT_LETTERS.sub("", value[:64].casefold()))
            if kind:
                return kind
    if any(document.get(name) in (True, "true", "True", 1) for name in _TEST):
        return "test order"
    if any(document.get(name) for name in _CANCELLED_AT):
        return "cancellation"
    totals = (document.get(name) for name in _TOTALS)
    if any(isinstance(total, _NUMBER) and total < 0 or _is_negative_text(total) for total in totals):
        return "refund"
    return None


def _is_negative_text(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] in ("-", "−") and any(c in "123456789" for c in value[:40])


def of_lines(quantities: list[float], worth: list[float]) -> str | None:
    """The same by the lines: how many of each (any sign), and what they are worth (any sign).

    All that goes back is a refund, some of it an exchange.
    """
    back = sum(quantity < 0 for quantity in quantities)
    if back:
        return "refund" if back == len(quantities) or not any(quantity > 0 for quantity in quantities) else "exchange"
    return "refund" if worth and sum(worth) < 0 else None
