"""What reasons are told from: a masked order, what was known of its customer, and what is usual."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderguard.catalogue import REFERENCE, Catalogue, sku_prefix
from orderguard.features import FEATURE_NAMES
from orderguard.features.facts import Facts
from orderguard.features.lines import LEAST_PRICE_SHARE, LINE_FACTS, LINE_USUAL, line_facts
from orderguard.features.logarithms import LEAST_NET, LN_SMALLEST
from orderguard.features.scalar import line_rows
from orderguard.features.straight import LINE
from orderguard.history import Past, net_value
from orderguard.reasons import words
from orderguard.reference_orders import ReferenceOrders, UsualValues
from orderguard.schema import MaskedItem, MaskedOrder

_SMALLEST = {name for name, reduction in LINE_FACTS if reduction == "smallest"}
_PLACE = {name: place for place, name in enumerate(FEATURE_NAMES)}


class Line(NamedTuple):
    """A line of the basket, and what is usual of it: of its article, or where that was never sold, of its category,
    else of the shop. Prices are in reference units; `price` and `quantity` are ratios to the usual.
    """

    place: int
    item: MaskedItem
    known: bool
    usual_price: float
    lowest_price: float
    highest_price: float
    usual_quantity: float
    price: float
    quantity: float

    @property
    def name(self) -> str:
        """The article's code."""
        return words.code(self.item.sku)


class Known:
    """An order with all that its features were computed from. `usual` is None for a version that does not keep what
    feature values are usual.
    """

    def __init__(
        self,
        order: MaskedOrder,
        past: Past,
        catalogue: Catalogue,
        usual: ReferenceOrders | None,
        vector: Sequence[float],
    ) -> None:
        self.order = order
        self.past = past
        self.history = past.customer if past.customer and past.customer.at else None
        self.catalogue = catalogue
        self.usual = usual
        self.vector = vector
        self.currency = order.currency
        self.level = catalogue.levels.get(order.currency, REFERENCE).level
        self._least_price = catalogue.shop.price * LEAST_PRICE_SHARE
        self._lines: dict[int, Line] = {}

    def value(self, feature: str) -> float:
        """A feature's value, as it is in the vector."""
        return float(self.vector[_PLACE[feature]])

    def usual_of(self, feature: str) -> UsualValues | None:
        """What values of a feature are usual among the reference orders, where the version keeps them."""
        return self.usual.usual.get(feature) if self.usual else None

    @cached_property
    def net(self) -> float:
        """The order's value after discounts, in its currency."""
        return net_value(self.order)

    @cached_property
    def gross(self) -> float:
        """The lines' worth, before discounts, in the order's currency."""
        return sum(item.quantity * item.unit_price for item in self.order.items)

    @cached_property
    def at(self) -> float:
        """When the order was placed, in epoch seconds."""
        return self.order.created_at.timestamp()

    @cached_property
    def _columns(self) -> dict[str, NDArray[np.float64]]:
        """What the order, the catalogue and the features say of each line, (lines,) each."""
        rows = np.array(line_rows(self.order, self.catalogue), dtype=np.float64)
        told = dict(zip(LINE, rows.T, strict=True))
        usual = Facts({name: told[name] for name in LINE_USUAL})
        values = line_facts(told["quantity"], told["price"], told["discount"], self.level, self._least_price, usual, np)
        return told | {name: column for (name, _), column in zip(LINE_FACTS, values, strict=True)}

    def line(self, place: int) -> Line:
        """The line at a place beside its usual."""
        if place not in self._lines:
            columns, item = self._columns, self.order.items[place]
            usual_price = float(columns["usual_price"][place])
            self._lines[place] = Line(
                place,
                item,
                not columns["unknown"][place],
                usual_price,
                float(columns["lowest_price"][place]),
                float(columns["highest_price"][place]),
                float(columns["usual_quantity"][place]),
                max(item.unit_price / self.level, self._least_price) / usual_price,
                float(columns["quantity_ratio"][place]),
            )
        return self._lines[place]

    def line_of(self, fact: str) -> Line:
        """The line that a fact of `LINE_FACTS` is taken from; the first of equals."""
        column = self._columns[fact]
        return self.line(int(column.argmin() if fact in _SMALLEST else column.argmax()))

    @property
    def new(self) -> list[str]:
        """The codes of the articles that were never sold before."""
        return [words.code(self.order.items[int(place)].sku) for place in np.flatnonzero(self._columns["unknown"])]

    def own_value(self) -> float | None:
        """What the customer usually spends, in this order's currency: the mean of ln values; None without history."""
        if self.history is None:
            return None
        levels = [self.catalogue.levels.get(code, REFERENCE).ln for code in self.history.currencies]
        logs = np.maximum(np.log(np.maximum(self.history.values, LEAST_NET)) - levels, LN_SMALLEST)
        return self.level * float(np.exp(logs.mean()))


def prefix_of(line: Line) -> str:
    """The letters that the line's sku begins with."""
    return sku_prefix(line.item.sku)
