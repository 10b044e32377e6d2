"""An order's lines beside what is usual, for whoever reads the order itself."""

import msgspec

from orderguard.catalogue import Catalogue
from orderguard.reasons.basket import price_in_words, quantity_in_words
from orderguard.reasons.known import Known
from orderguard.history import NO_PAST
from orderguard.schema import MaskedOrder


class LineBesideUsual(msgspec.Struct, frozen=True):
    """A line of the masked order. Prices are in the order's currency. What was never sold before is compared with its
    category, else against the shop, and `sold_before` is false.
    """

    sku: str
    category: str | None
    quantity: float
    unit_price: float
    discount: float | None
    sold_before: bool
    usual_price: float
    usual_quantity: float
    price_in_words: str
    quantity_in_words: str


def lines_beside_usual(order: MaskedOrder, catalogue: Catalogue) -> list[LineBesideUsual]:
    """The lines of an order in their own sequence."""
    known = Known(order, NO_PAST, catalogue, None, ())
    lines = map(known.line, range(len(order.items)))
    return [
        LineBesideUsual(
            line.item.sku,
            line.item.category,
            line.item.quantity,
            line.item.unit_price,
            line.item.discount,
            line.known,
            round(line.usual_price * known.level, 4),
            round(line.usual_quantity, 2),
            price_in_words(known, line),
            quantity_in_words(line),
        )
        for line in lines
    ]
