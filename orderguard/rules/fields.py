"""What an expression may name: an order's fields, which of them the order tells, its features, and the model's score.

A missing text is "", a missing number is NaN, so that no comparison with it holds but `!=`; `told.…` says whether a
value is there. Of an order of many lines, expressions see the `MOST_LINES` of the highest value.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from orderguard.features import FEATURES
from orderguard.features.own_unit import OWN_UNIT
from orderguard.history import minute_of
from orderguard.schema import MaskedItem, MaskedOrder, basket_value

Kind = Literal["text", "number", "whole number", "yes or no", "moment", "texts", "numbers", "whole numbers"]

MOST_LINES = 100
"""The most lines of an order that expressions see: those of the highest value, in the order's sequence."""
NO_NUMBER = math.nan
NO_HOUR = -1
GUEST = "gst_"
DAY_SECONDS = 86_400.0


class Field(NamedTuple):
    """Something that an expression may name. `of` gives its value for an order and its lines that are seen."""

    name: str
    kind: Kind
    meaning: str
    of: Callable[[MaskedOrder, Sequence[MaskedItem]], Any]


def seen_lines(order: MaskedOrder) -> Sequence[MaskedItem]:
    """The lines that expressions see."""
    items = order.items
    if len(items) <= MOST_LINES:
        return items
    worth = [item.quantity * item.unit_price for item in items]
    highest = sorted(range(len(items)), key=lambda place: -worth[place])[:MOST_LINES]
    return [items[place] for place in sorted(highest)]


def _number(value: float | None) -> float:
    return NO_NUMBER if value is None else float(value)


def _hour(order: MaskedOrder) -> int:
    minute = minute_of(order)
    return NO_HOUR if not order.hour_known else minute // 60


def _account_days(order: MaskedOrder) -> float:
    if order.customer_since is None:
        return NO_NUMBER
    return (order.created_at - order.customer_since).total_seconds() / DAY_SECONDS


def _of_address(which: str, part: str) -> Callable[[MaskedOrder, Sequence[MaskedItem]], str]:
    def of(order: MaskedOrder, lines: Sequence[MaskedItem]) -> str:
        address = getattr(order, which)
        return (getattr(address, part) if address else None) or ""

    return of


ORDER_FIELDS = (
    Field("order.value", "number", "the lines' sum before discounts, in its currency", lambda o, _: basket_value(o)),
    Field("order.currency", "text", "ISO 4217 code", lambda o, _: o.currency),
    Field("order.placed", "moment", "when it was placed", lambda o, _: o.created_at),
    Field(
        "order.hour", "whole number", "the local hour, 0 to 23; -1 where only the day is known", lambda o, _: _hour(o)
    ),
    Field("order.weekday", "whole number", "the local day: 1 is Monday", lambda o, _: o.created_at.isoweekday()),
    Field("order.line_count", "whole number", "how many lines it has, seen or not", lambda o, _: len(o.items)),
    Field("order.guest", "yes or no", "its customer has no id", lambda o, _: o.customer_token.startswith(GUEST)),
    Field("order.has_coupon", "yes or no", "it names a coupon", lambda o, _: o.has_coupon),
    Field("order.discount", "number", "of the whole order, in its currency", lambda o, _: _number(o.discount)),
    Field("order.shipping_cost", "number", "in its currency", lambda o, _: _number(o.shipping_cost)),
    Field("order.account_days", "number", "days since its customer registered", lambda o, _: _account_days(o)),
    Field("order.channel", "text", "web, app, store, phone or marketplace", lambda o, _: o.channel or ""),
    Field("order.payment_method", "text", "as the shop calls it", lambda o, _: o.payment_method or ""),
    Field("order.shipping_method", "text", "as the shop calls it", lambda o, _: o.shipping_method or ""),
    Field("order.card_country", "text", "ISO 3166-1 code", lambda o, _: o.card_country or ""),
    Field("order.billing_country", "text", "ISO 3166-1 code", _of_address("billing", "country")),
    Field("order.billing_region", "text", "country and first part of the postcode", _of_address("billing", "region")),
    Field("order.shipping_country", "text", "ISO 3166-1 code", _of_address("shipping", "country")),
    Field("order.shipping_region", "text", "country and first part of the postcode", _of_address("shipping", "region")),
    Field("order.customer", "text", "token", lambda o, _: o.customer_token),
    Field("order.email", "text", "token", lambda o, _: o.email_token or ""),
    Field("order.device", "text", "token", lambda o, _: o.device_token or ""),
    Field("order.network", "text", "token", lambda o, _: o.network_token or ""),
    Field("order.card", "text", "token", lambda o, _: o.card_token or ""),
    Field("order.billing_address", "text", "token", _of_address("billing", "token")),
    Field("order.billing_addressee", "text", "token", _of_address("billing", "name_token")),
    Field("order.shipping_address", "text", "token", _of_address("shipping", "token")),
    Field("order.shipping_addressee", "text", "token", _of_address("shipping", "name_token")),
)
LINE_FIELDS = (
    Field("order.lines", "whole numbers", "the places of the lines, from 0", lambda _, lines: list(range(len(lines)))),
    Field("order.sku", "texts", "of each line", lambda _, lines: [line.sku for line in lines]),
    Field("order.category", "texts", "of each line", lambda _, lines: [line.category or "" for line in lines]),
    Field("order.quantity", "numbers", "of each line", lambda _, lines: [float(line.quantity) for line in lines]),
    Field("order.unit_price", "numbers", "of each line", lambda _, lines: [float(line.unit_price) for line in lines]),
    Field(
        "order.line_discount", "numbers", "of each line", lambda _, lines: [_number(line.discount) for line in lines]
    ),
)
TOLD_FIELDS = tuple(
    Field(f"told.{name}", "yes or no", f"order.{name} is there", of)
    for name, of in (
        ("discount", lambda o, _: o.discount is not None),
        ("shipping_cost", lambda o, _: o.shipping_cost is not None),
        ("account_days", lambda o, _: o.customer_since is not None),
        ("hour", lambda o, _: o.hour_known),
    )
)
FEATURE_FIELDS = tuple(
    Field(f"features.{feature.name}", "number", feature.meaning, lambda o, _: NO_NUMBER) for feature in FEATURES
)
"""Their values come with the order's vector, in their own unit, as answers show them."""
MODEL_FIELDS = (
    Field("score", "number", "the model's score, 0 to 1", lambda o, _: NO_NUMBER),
    Field("threshold", "number", "from which on the model flags", lambda o, _: NO_NUMBER),
)
FIELDS = {field.name: field for field in (*ORDER_FIELDS, *LINE_FIELDS, *TOLD_FIELDS, *FEATURE_FIELDS, *MODEL_FIELDS)}
LINE_NAMES = frozenset(field.name for field in LINE_FIELDS)
_PLACES = {f"features.{feature.name}": place for place, feature in enumerate(FEATURES)}


class Values:
    """Gives the values of the fields that some expressions name, and of no others."""

    def __init__(self, names: Sequence[str]) -> None:
        self._features = [(name, _PLACES[name], OWN_UNIT[_PLACES[name]]) for name in names if name in _PLACES]
        self._of_lines = [(name, FIELDS[name].of) for name in names if name in LINE_NAMES]
        others = (*ORDER_FIELDS, *TOLD_FIELDS)
        self._of_order = [(field.name, field.of) for field in others if field.name in names]

    def of(self, order: MaskedOrder, vector: Sequence[float], score: float, threshold: float) -> dict[str, Any]:
        """By name; `vector` (d,) are the order's features."""
        values: dict[str, Any] = {"score": score, "threshold": threshold}
        for name, of in self._of_order:
            values[name] = of(order, ())
        for name, place, own_unit in self._features:
            values[name] = own_unit(vector[place])
        if self._of_lines:
            lines = seen_lines(order)
            for name, of in self._of_lines:
                values[name] = of(order, lines)
        return values
