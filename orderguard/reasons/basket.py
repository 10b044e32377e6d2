"""What the basket's features tell: worth, prices, quantities, articles, discounts, shipping."""

import math

from orderguard.catalogue import COMMON
from orderguard.reasons import words
from orderguard.reasons.known import Known, Line, prefix_of
from orderguard.reasons.fact import Fact, Teller
from orderguard.reasons.words import amount, compared, money, number, percent

_WHOLE = 0.995
_NARROW, _WIDE = 0.5, 2.0
"""Between these ratios to its usual a price is odd only where it hardly ever changes, which is then said."""


def order_value(known: Known) -> Fact:
    """The order's worth beside a usual order's."""
    usual = known.catalogue.basket * known.level
    worth = money(known.net, known.currency)
    return Fact("amount", f"The order is worth {worth}, {_beside(known, known.net, usual, 'the usual')}")


def own_value_deviation(known: Known) -> Fact:
    """The order's worth beside what this customer spends."""
    own = known.own_value()
    if own is None or known.history is None:
        return Fact("customer", "No earlier order of this customer is known")
    worth = money(known.net, known.currency)
    whose = "this customer’s usual" if len(known.history.at) > 1 else "this customer’s only earlier order of"
    return Fact("amount", f"The order is worth {worth}, {_beside(known, known.net, own, whose)}")


def _beside(known: Known, value: float, usual: float, whose: str) -> str:
    return compared(value / max(usual, 1e-9), f"{whose} {amount(usual, known.currency)}")


def largest_line_share(known: Known) -> Fact:
    """How much of the basket the dearest line is."""
    if len(known.order.items) == 1:
        return Fact("share", "The basket has one line only")
    line = known.line_of("largest_line")
    share = line.item.quantity * line.item.unit_price / known.gross if known.gross > 0.0 else 1.0
    usual = known.usual_of("largest_line_share")
    alone = "; most orders have one line only"
    usually = alone if usual and usual.middle > _WHOLE else _usually(known, "largest_line_share")
    return Fact("share", f"The dearest line, {line.name}, makes up {percent(share)} of the basket{usually}")


def _usually(known: Known, feature: str, of: str = "") -> str:
    usual = known.usual_of(feature)
    return f"; {percent(usual.middle)}{of} is usual" if usual and usual.middle > 0.0 else ""


def shipping_share(known: Known) -> Fact:
    """What shipping costs, and as a share of all."""
    cost, usual = known.order.shipping_cost or 0.0, _usually(known, "shipping_share")
    if not cost:
        return Fact("shipping", f"Shipping costs nothing{_usually(known, 'shipping_share', ' of the total')}")
    share = cost / max(known.net + cost, 1e-9)
    return Fact("shipping", f"Shipping costs {money(cost, known.currency)}, {percent(share)} of the total{usual}")


def lines(known: Known) -> Fact:
    """How many lines."""
    count, usual = len(known.order.items), known.usual_of("lines")
    told = "1 line" if count == 1 else f"{count:,} lines"
    return Fact("lines", f"The basket has {told}{_of_lines(usual.middle) if usual else ''}")


def _of_lines(middle: float) -> str:
    usual = number(math.exp(middle))
    return f"; {usual} {'is' if usual == '1' else 'are'} usual"


def largest_quantity(known: Known) -> Fact:
    """Pieces of the line that has most beside its usual."""
    return _quantity(known.line_of("quantity_ratio"))


def _quantity(line: Line) -> Fact:
    return Fact(
        f"quantity {line.place}", f"{words.pieces(line.item.quantity)} of {line.name}, {quantity_in_words(line)}"
    )


def quantity_in_words(line: Line) -> str:
    """A line's pieces beside the usual, as it is written: 400 are 400 times 1, whatever the usual's third digit."""
    usual = max(round(line.usual_quantity, 1), 0.1)
    return compared(line.item.quantity / usual, f"the usual {number(usual)}{_held_against(line)}")


def _held_against(line: Line) -> str:
    """What an article that was never sold is compared with."""
    return "" if line.known else f" {_where(line)}"


def _where(line: Line) -> str:
    return f"in {words.code(line.item.category)}" if line.item.category else "in this shop"


def price_above_range(known: Known) -> Fact:
    """The price that is highest beside those that its article was sold at."""
    return _price(known, known.line_of("price_above_range"))


def price_below_range(known: Known) -> Fact:
    """The price that is lowest beside those that its article was sold at."""
    return _price(known, known.line_of("price_below_range"))


def new_price_above(known: Known) -> Fact:
    """The price of an article never sold before that is highest beside its category's."""
    return _price(known, known.line_of("new_price_above"))


def new_price_below(known: Known) -> Fact:
    """The price of an article never sold before that is lowest beside its category's."""
    return _price(known, known.line_of("new_price_below"))


def _price(known: Known, line: Line) -> Fact:
    price = line.price * line.usual_price
    hardly = _NARROW < line.price < _WIDE and not line.lowest_price <= price <= line.highest_price
    text = f"{line.name} costs {_price_of(known, line)}, {price_in_words(known, line)}"
    return Fact(f"price {line.place}", f"{text}; {_range(known, line)}" if hardly and line.known else text)


def _range(known: Known, line: Line) -> str:
    lowest, highest = (amount(price * known.level, known.currency) for price in (line.lowest_price, line.highest_price))
    return f"it mostly costs {lowest}" if lowest == highest else f"it mostly costs {lowest} to {highest}"


def price_in_words(known: Known, line: Line) -> str:
    """A line's price beside its article's usual one, or its category's where the article was never sold."""
    usual = amount(line.usual_price * known.level, known.currency)
    return compared(line.price, f"its usual {usual}" if line.known else f"what is usual {_where(line)} ({usual})")


def _price_of(known: Known, line: Line) -> str:
    return money(line.item.unit_price, known.currency)


def unknown_sku_share(known: Known) -> Fact:
    """How many lines have an article that was never sold before."""
    new = known.new
    if not new:
        return Fact("unknown", "All articles were sold before")
    names = ", ".join(new[:3]) + (", …" if len(new) > 3 else "")
    count, of = len(new), len(known.order.items)
    if of == 1:
        return Fact("unknown", f"The only article, {names}, was never sold before")
    told = "line has an article" if count == 1 else "lines have articles"
    return Fact("unknown", f"{count:,} of {of:,} {told} never sold before: {names}")


def sku_prefix_rarity(known: Known) -> Fact:
    """How often articles are sold whose codes begin as the rarest one's."""
    rarity = known.catalogue.rarity["sku_prefix"]
    line = known.line_of("sku_prefix_rarity")
    prefix = prefix_of(line)
    begins = f"“{words.code(prefix)}”" if prefix else "no letter"
    told = f"{line.name} has a code that begins with {begins}"
    kind = "prefix" if line.known else "unknown"
    if prefix not in rarity.of:
        return Fact(kind, f"{told}, as no code sold before does")
    how_few = ("begin", "begins", "so or in a rarer way")
    return Fact(kind, told + words.rare(rarity.of[prefix], COMMON, "lines", how_few))


def category_rarity(known: Known) -> Fact:
    """How often the basket's rarest category is sold."""
    rarity = known.catalogue.rarity["category"]
    line = known.line_of("category_rarity")
    category = line.item.category or ""
    if not category:
        return Fact("category", f"No category is given for {line.name}")
    told = f"{line.name} is of the category {words.code(category)}"
    if category not in rarity.of:
        return Fact("category", f"{told}, of which nothing was sold before")
    return Fact(
        "category", told + words.rare(rarity.of[category], COMMON, "lines", ("are", "is", "of it or of a rarer one"))
    )


def discount_share(known: Known) -> Fact:
    """What is taken off, and as a share of the basket."""
    off, usual = _taken_off(known), _usually(known, "discount_share")
    if not off:
        return Fact("discount", f"Nothing is taken off{_usually(known, 'discount_share', ' of the basket')}")
    share = min(off / max(known.gross, 1e-9), 1.0)
    coupon = ", with a coupon" if known.order.has_coupon else ""
    told = f"A discount of {money(off, known.currency)} takes {percent(share)} off the basket"
    return Fact("discount", f"{told}{coupon}{usual}")


def has_coupon(known: Known) -> Fact:
    """Whether a coupon was used, and how often one is."""
    if not known.order.has_coupon:
        return Fact("discount", "No coupon was used")
    off = _taken_off(known)
    worth = f" for {money(off, known.currency)} off" if off else ""
    usual = known.usual_of("has_coupon")
    return Fact("discount", f"A coupon was used{worth}" + (f", as in {percent(usual.mean)} of orders" if usual else ""))


def _taken_off(known: Known) -> float:
    return (known.order.discount or 0.0) + sum(item.discount or 0.0 for item in known.order.items)


TELLERS: dict[str, Teller] = {
    teller.__name__: teller
    for teller in (
        *(order_value, own_value_deviation, largest_line_share, shipping_share, lines),
        *(largest_quantity, unknown_sku_share, sku_prefix_rarity, category_rarity),
        *(price_above_range, price_below_range, new_price_above, new_price_below),
        *(discount_share, has_coupon),
    )
}
"""By the feature's name."""
