"""Learning what is usual from orders in time order, a segment at a time: the catalogues of `ml.catalogue_learning`, to
the bit, in memory that grows with the shop's codes and not with its orders.

A segment are the orders between two moments at which a catalogue is learnt. They are gone through several times, since
what one unit costs has to be known before prices are compared, and the shop's usual price before steps between them.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ml.backfill.remembered import Remembered, Window
from ml.catalogue_learning import ALWAYS_TOLD, rarity_of, rarity_of_hours, usual_of_customers
from ml.currency_levels import REMEMBERED, REMEMBERED_OF_SKU, SMALLEST_PRICE, told_levels
from ml.grouped import ranked, share_of_new, shares_as_rare
from ml.usual_lines import (
    REMEMBERED_LINES,
    REMEMBERED_OF_SHOP,
    Bools,
    Told,
    UsualColumns,
    UsualLines,
    masked_codes,
    step_between,
    usual_of_shop,
    usual_step,
)
from orderguard.catalogue import CODES, COMMON, Catalogue, Code, Rarity, Usual, sku_prefix
from orderguard.features.columns import Floats, Indices, coded
from orderguard.features.feature import SMALLEST
from orderguard.history import NO_MINUTE

ORDER_CODES: tuple[Code, ...] = ("channel", "country", "currency", "payment_method")


class Piece(NamedTuple):
    """Some orders of a segment in time order. Of n orders `codes` (n,) by the names in `ORDER_CODES`, `net` value in
    their currency, the `minute` of the day and the age of the account in days, -1 where it is not told. Of their m
    lines (m,): the currency, sku, category, price and quantity. Of the k orders whose customer had ordered before,
    (k,): their currency and value, those of the order before, the segment of that, and how many hours it was ago.
    """

    codes: dict[Code, Indices]
    net: Floats
    minute: Floats
    account_days: Floats
    line_currency: Indices
    sku: Indices
    category: Indices
    price: Floats
    quantity: Floats
    again_currency: Indices
    again_net: Floats
    before_currency: Indices
    before_net: Floats
    before_segment: Indices
    gap_hours: Floats


Segment = Callable[[], Iterator[Piece]]
"""The orders of a segment in time order, as often as they are asked for."""


class Learner:
    """Takes segments in time order, the first of which fills the first catalogue. `values` are the codes of each kind
    by their numbers.
    """

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values
        self._skus_masked = masked_codes(values["sku"])
        prefixes = coded([sku_prefix(sku) for sku in values["sku"]])
        self._prefix = prefixes.index
        self._code_values: dict[Code, list[str]] = {code: values[code] for code in ORDER_CODES}
        self._code_values |= {"category": values["category"], "sku_prefix": prefixes.values}
        currencies, skus, categories = (len(values[name]) for name in ("currency", "sku", "category"))
        self._net = Remembered(currencies, REMEMBERED, ("net",))
        self._home = Remembered(skus, REMEMBERED_OF_SKU, ("price",))
        self._ratios = Remembered(currencies, REMEMBERED, ("ratio",))
        self._counts = {
            code: Remembered(len(known)) for code, known in self._code_values.items() if code not in ("category",)
        }
        self._of_skus = Remembered(skus, REMEMBERED_LINES, ("price", "quantity", "category"))
        self._of_categories = Remembered(categories, REMEMBERED_LINES, ("price", "quantity", "category"))
        self._prices, self._quantities, self._steps = (Window(REMEMBERED_OF_SHOP) for _ in range(3))
        self._baskets, self._moves, self._ages, self._gaps = (Window(REMEMBERED_OF_SHOP) for _ in range(4))
        self._last_price = np.full(skus, np.nan)
        self._hours = np.zeros(24, dtype=np.int64)
        self._reference = -1
        self.levels: list[Floats] = []
        """By segment, what one reference unit costs in each currency by its end, (currencies,)."""

    def learn(self, segment: Segment) -> Catalogue:
        """Take in the next segment; the catalogue that is learnt from all orders until its end."""
        self._learn_levels(segment)
        level = self.levels[-1]
        for piece in segment():
            self._add_orders(piece, level)
            price = piece.price / level[piece.line_currency]
            self._prices.add(price)
            self._quantities.add(piece.quantity)
        shop = usual_of_shop(self._prices.values, self._quantities.values, *self._prices.range())
        for piece in segment():
            self._add_lines(piece, piece.price / level[piece.line_currency], shop[0])
        categories = self._values["category"]
        of_skus, of_categories = (
            Told(of, of.values["price"], of.values["quantity"], of.values["category"].astype(np.int64))
            for of in (self._of_skus, self._of_categories)
        )
        lines = UsualLines(
            of_skus,
            of_categories,
            shop=shop,
            steps=usual_step(self._steps.values, *self._steps.range()),
            masked=self._skus_masked,
            no_category=categories.index("") if "" in categories else -1,
        )
        return self._catalogue(lines)

    def _learn_levels(self, segment: Segment) -> None:
        begun = bool(self.levels)
        usual = self._usual_at_home() if begun else None
        if not begun:
            totals = np.zeros(len(self._values["currency"]), dtype=np.int64)
            for piece in segment():
                totals += np.bincount(piece.codes["currency"], minlength=len(totals))
            self._reference = int(totals.argmax())
        for piece in segment():
            self._net.add(piece.codes["currency"], net=piece.net)
            if usual is not None:
                self._add_ratios(piece, usual)
            home = (piece.price >= SMALLEST_PRICE) & (piece.line_currency == self._reference)
            self._home.add(piece.sku[home], price=piece.price[home])
        if usual is None:
            # Orders of the first segment are compared with the catalogue that is learnt from themselves.
            usual = self._usual_at_home()
            for piece in segment():
                self._add_ratios(piece, usual)
        baskets, prices = (
            ranked(of.values[name], *of.ranges(), REMEMBERED, 0.5)[None]
            for of, name in ((self._net, "net"), (self._ratios, "ratio"))
        )
        levels = told_levels(self._net.known()[None], baskets, prices, self._ratios.counts()[None], self._reference)
        self.levels.append(levels[0])

    def _usual_at_home(self) -> Floats:
        """What each sku usually costs in the reference currency, (skus,); NaN where that is not known."""
        return ranked(self._home.values["price"], *self._home.ranges(), REMEMBERED_OF_SKU, 0.5)

    def _add_ratios(self, piece: Piece, usual: Floats) -> None:
        away = (piece.price >= SMALLEST_PRICE) & (piece.line_currency != self._reference)
        away &= np.isfinite(usual[piece.sku])
        self._ratios.add(piece.line_currency[away], ratio=piece.price[away] / usual[piece.sku[away]])

    def _add_orders(self, piece: Piece, level: Floats) -> None:
        for code in ORDER_CODES:
            self._counts[code].add(piece.codes[code])
        self._baskets.add(np.maximum(piece.net / level[piece.codes["currency"]], SMALLEST))
        self._ages.add(piece.account_days[piece.account_days >= 0])
        self._gaps.add(piece.gap_hours)
        hours = piece.minute[piece.minute < NO_MINUTE].astype(np.int64) // 60
        self._hours += np.bincount(hours, minlength=24)
        now = np.maximum(piece.again_net / level[piece.again_currency], SMALLEST)
        levels = np.array(self.levels)
        then = np.maximum(piece.before_net / levels[piece.before_segment, piece.before_currency], SMALLEST)
        self._moves.add(np.abs(np.log(now) - np.log(then)))

    def _add_lines(self, piece: Piece, price: Floats, usual_price: Floats) -> None:
        by_sku = np.argsort(piece.sku, kind="stable")
        sku, own = piece.sku[by_sku], price[by_sku]
        first = np.ones(len(sku), dtype=bool)
        first[1:] = sku[1:] != sku[:-1]
        before = np.where(first, self._last_price[sku], np.concatenate([[np.nan], own[:-1]]))
        steps = np.empty(len(sku))
        steps[by_sku] = np.where(np.isnan(before), np.nan, step_between(own, before, usual_price))
        self._steps.add(steps[~np.isnan(steps)])
        last = np.append(first[1:], True)
        self._last_price[sku[last]] = own[last]
        self._counts["sku_prefix"].add(self._prefix[piece.sku])
        category = piece.category.astype(np.float64)
        self._of_skus.add(piece.sku, price=price, quantity=piece.quantity, category=category)
        self._of_categories.add(piece.category, price=price, quantity=piece.quantity, category=category)

    def _catalogue(self, lines: UsualLines) -> Catalogue:
        level = self.levels[-1]
        currencies = self._values["currency"]
        shop = usual_of_customers(*map(_median, (self._baskets, self._moves, self._ages, self._gaps)))
        return Catalogue(
            orders=self._net.count,
            reference_currency=currencies[self._reference],
            currency_levels={currencies[place]: float(level[place]) for place in np.flatnonzero(self._net.known())},
            skus=_named(self._values["sku"], lines.of_skus),
            categories=_named(self._values["category"], lines.of_categories),
            shop=Usual(*(float(column[0]) for column in lines.shop)),
            rarity={code: self._rarity(code) for code in CODES},
            hour_rarity=tuple(rarity_of_hours(self._hours[None])[0].tolist()),
            basket=float(shop["basket"][0]),
            spread=float(shop["spread"][0]),
            account_age_days=float(shop["account_age_days"][0]),
            gap_hours=float(shop["gap_hours"][0]),
        )

    def _rarity(self, code: Code) -> Rarity:
        values = self._code_values[code]
        of = self._of_categories if code == "category" else self._counts[code]
        known = np.flatnonzero(of.known())
        shares = shares_as_rare(of.counts()[known], of.totals, of.count)
        rarity = dict(zip([values[place] for place in known], rarity_of(shares, COMMON).tolist(), strict=True))
        unseen = float(rarity_of(np.array(share_of_new(of.totals, of.count)), COMMON))
        return Rarity(rarity if code in ALWAYS_TOLD else rarity | {"": 0.0}, unseen)


def _median(window: Window) -> Floats:
    return ranked(window.values, *window.range(), REMEMBERED_OF_SHOP, 0.5)


def _named(values: list[str], find: Callable[[Indices, Indices], tuple[Bools, UsualColumns]]) -> dict[str, Usual]:
    """What is usual of each code that is known."""
    codes = np.arange(len(values))
    known, usual = find(codes, np.zeros_like(codes))
    rows = zip(*(column.tolist() for column in usual), strict=True)
    return {value: Usual(*row) for value, row, told in zip(values, rows, known.tolist(), strict=True) if told}
