"""Learning what is usual, as of several moments at once: each catalogue from all orders before its moment."""

from typing import Literal

import numpy as np

from ml.blocks import Blocks
from ml.currency_levels import currency_levels, net_values
from ml.grouped import Grouped, ranked
from ml.usual_lines import REMEMBERED_OF_SHOP, Bools, UsualColumns, lines_of_blocks
from orderguard.catalogue import CODES, COMMON, COMMON_HOUR, Catalogue, Code, Rarity, Usual
from orderguard.features.columns import Coded, Columns, Floats, Indices
from orderguard.features.lines import LEAST_PRICE_SHARE
from orderguard.features.looked_up import ORDER_CODES, USUAL_OF_LINE, USUAL_OF_SHOP, LookedUp, Table, prefixes_of
from orderguard.features.feature import SMALLEST

DEFAULT_SPREAD = 0.5
DEFAULT_ACCOUNT_DAYS = 365.0
DEFAULT_GAP_HOURS = 30 * 24.0
LEAST_SPREAD = 0.05

ALWAYS_TOLD: tuple[Code, ...] = ("currency", "sku_prefix")
"""Codes that every order has. Of the others an absent one, "", counts as usual: that a feed stops to bring a field is
told apart, see `orderguard.presence`.
"""

_OF_SHOP = ("basket", "spread", "account_age_days", "gap_hours")


def rarity_of(share: Floats, common: float) -> Floats:
    """By what power of e a share is smaller than a common one; 0 for what is as common."""
    rarity: Floats = np.maximum(np.log(common / share), 0.0)
    return rarity


def rarity_of_hours(counts: Indices) -> Floats:
    """How rare orders are in each hour of the day, of how many there were in each, (catalogues, 24)."""
    no_busier = (counts[:, None, :] <= counts[:, :, None]) * counts[:, None, :]
    return rarity_of((no_busier.sum(axis=2) + 0.5) / (counts.sum(axis=1, keepdims=True) + 1), COMMON_HOUR)


def usual_of_customers(basket: Floats, step: Floats, age: Floats, gap: Floats) -> dict[str, Floats]:
    """What is usual of an order and of a customer, by the names in `Catalogue`, (catalogues,) each: of the medians of
    the value, of how far ln value moves from a customer's order to the next, of an account's age in days, and of the
    hours between two orders. NaN where there are none.
    """
    # The difference of two draws has twice the variance of one; the median is safe from the anomalies among them.
    spread = step / 0.6745 / np.sqrt(2)
    return {
        "basket": basket,
        "spread": np.maximum(np.where(np.isnan(spread), DEFAULT_SPREAD, spread), LEAST_SPREAD),
        "account_age_days": np.where(np.isnan(age), DEFAULT_ACCOUNT_DAYS, age),
        "gap_hours": np.where(np.isnan(gap), DEFAULT_GAP_HOURS, np.maximum(gap, 0.0)),
    }


def learn_catalogue(columns: Columns) -> Catalogue:
    """The catalogue of orders in time order. Raises `ValueError` without orders."""
    return Catalogues(columns, np.empty(0, dtype=np.int64)).latest


class Catalogues:
    """The catalogues of blocks of orders in time order that begin at rows `starts` (blocks,), each learnt from all
    orders before its block, and `latest`, learnt from all. Orders before the first block are compared with its
    catalogue, which is learnt from them.

    Raises `ValueError` without orders.
    """

    def __init__(self, columns: Columns, starts: Indices) -> None:
        if not len(columns):
            raise ValueError("no orders to learn a catalogue from")
        self._blocks = blocks = Blocks(columns, starts)
        self._known: dict[int, Catalogue] = {}
        net = net_values(columns)
        self._currency = columns.codes["currency"]
        self._levels = currency_levels(blocks, net)
        # By the first catalogue that has seen the order: earlier ones may not know its currency.
        level = self._levels.level[blocks.segment, self._currency.index]
        self._skus, self._categories = (
            Grouped(coded, blocks.line_segment, blocks.catalogues) for coded in (columns.skus, columns.categories)
        )
        price = columns.unit_price / level[columns.line_order]
        self._lines = lines_of_blocks(blocks, price, self._skus, self._categories)
        value = np.maximum(net / level, SMALLEST)
        self._shop = self._usual_of_shop(value)
        self._hour_rarity = self._rarity_of_hours()
        prefixes = prefixes_of(columns.skus)
        self._codes: dict[Code, tuple[Coded, Grouped]] = {
            code: (coded, Grouped(coded, blocks.segment, blocks.catalogues))
            for code, coded in ((code, columns.codes[code]) for code in ORDER_CODES.values())
        }
        self._codes["category"] = columns.categories, self._categories
        self._codes["sku_prefix"] = prefixes, Grouped(prefixes, blocks.line_segment, blocks.catalogues)

    @property
    def latest(self) -> Catalogue:
        """The catalogue learnt from all orders: the one that serves."""
        return self._catalogue(self._blocks.catalogues - 1)

    def of_row(self, row: int) -> Catalogue:
        """The catalogue that the order at this row is compared with."""
        return self._catalogue(int(self._blocks.catalogue[row]))

    def ages(self) -> Floats:
        """How many days before each order its catalogue ended, (n,); 0 for those before the first block."""
        at = self._blocks.columns.numbers["at"]
        starts = np.append(self._blocks.starts, len(at) - 1)
        ages: Floats = np.maximum(at - at[starts[self._blocks.catalogue]], 0.0) / 86_400.0
        return ages

    def looked_up(self) -> LookedUp:
        """What all orders are compared with, each its own catalogue."""
        blocks, columns = self._blocks, self._blocks.columns
        least_price = self._lines.shop[0] * LEAST_PRICE_SHARE
        shop = dict(zip(USUAL_OF_SHOP, (*(self._shop[name] for name in _OF_SHOP), least_price), strict=True))
        return LookedUp(
            catalogue=blocks.catalogue,
            levels=self._levels.level,
            currency=self._currency.index,
            currencies=self._currency.values,
            hour_rarity=np.pad(self._hour_rarity, ((0, 0), (0, 1))),
            orders=(
                Table(blocks.catalogue, shop),
                *(self._rarity_table(code, name, blocks.catalogue) for name, code in ORDER_CODES.items()),
            ),
            lines=(
                self._usual_table("sku", self._skus, columns.skus),
                self._usual_table("category", self._categories, columns.categories),
                self._rarity_table("category", "category_rarity", blocks.line_catalogue),
                self._rarity_table("sku_prefix", "sku_prefix_rarity", blocks.line_catalogue),
            ),
        )

    def _usual_table(self, of: Literal["sku", "category"], grouped: Grouped, coded: Coded) -> Table:
        codes, catalogues, index = grouped.pairs(coded, self._blocks.line_catalogue)
        known, usual = self._usual(of, codes, catalogues)
        named = zip(Usual._fields, usual, strict=True)
        values = {f"{of}_{name}": column for name, column in named if name in USUAL_OF_LINE}
        return Table(index, values | {f"{of}_unknown": np.where(known, 0.0, 1.0)})

    def _usual(self, of: str, codes: Indices, catalogues: Indices) -> tuple[Bools, UsualColumns]:
        find = self._lines.of_skus if of == "sku" else self._lines.of_categories
        return find(codes, catalogues)

    def _rarity_table(self, code: Code, name: str, catalogue: Indices) -> Table:
        coded, grouped = self._codes[code]
        codes, catalogues, index = grouped.pairs(coded, catalogue)
        return Table(index, {name: self._rarity(code, codes, catalogues)})

    def _rarity(self, code: Code, codes: Indices, catalogues: Indices) -> Floats:
        coded, grouped = self._codes[code]
        rarity = rarity_of(grouped.share_as_rare(codes, catalogues), COMMON)
        return rarity if code in ALWAYS_TOLD else np.where(np.array(coded.values)[codes] == "", 0.0, rarity)

    def _usual_of_shop(self, value: Floats) -> dict[str, Floats]:
        """By the names in `Catalogue`, what is usual of an order's `value` (n,) and of a customer, (catalogues,)."""
        blocks, numbers = self._blocks, self._blocks.columns.numbers
        customer = blocks.columns.customers.index
        by_customer = np.argsort(customer, kind="stable")
        again = np.flatnonzero(np.diff(customer[by_customer]) == 0) + 1
        again = again[np.argsort(by_customer[again])]
        now, then = by_customer[again], by_customer[again - 1]
        told = np.flatnonzero(numbers["account_days"] >= 0)

        def middle(values: Floats, rows: Indices) -> Floats:
            first, end = blocks.seen(blocks.segment[rows])
            return ranked(values, first, end, REMEMBERED_OF_SHOP, 0.5)

        return usual_of_customers(
            basket=middle(value, np.arange(len(value))),
            step=middle(np.abs(np.log(value[now]) - np.log(value[then])), now),
            age=middle(numbers["account_days"][told], told),
            gap=middle((numbers["at"][now] - numbers["at"][then]) / 3600.0, now),
        )

    def _rarity_of_hours(self) -> Floats:
        """How rare orders are in each hour of the day, (catalogues, 24), among those whose hour is known."""
        hours = (self._blocks.columns.numbers["minute"] // 60).astype(np.int64)
        cells = np.bincount(self._blocks.segment * 25 + hours, minlength=self._blocks.catalogues * 25)
        return rarity_of_hours(cells.reshape(-1, 25)[:, :24].cumsum(axis=0))

    def _catalogue(self, number: int) -> Catalogue:
        if number not in self._known:
            self._known[number] = self._learnt(number)
        return self._known[number]

    def _learnt(self, number: int) -> Catalogue:
        currencies = self._currency.values
        seen = np.flatnonzero(self._levels.seen[number]).tolist()
        level = self._levels.level[number]
        return Catalogue(
            orders=int(self._blocks.seen(self._blocks.segment)[1][number]),
            reference_currency=currencies[self._levels.reference],
            currency_levels={currencies[place]: float(level[place]) for place in seen},
            skus=self._usual_by_code("sku", self._blocks.columns.skus, number),
            categories=self._usual_by_code("category", self._blocks.columns.categories, number),
            shop=Usual(*(float(column[number]) for column in self._lines.shop)),
            rarity={code: self._rarity_by_code(code, number) for code in CODES},
            hour_rarity=tuple(self._hour_rarity[number].tolist()),
            basket=float(self._shop["basket"][number]),
            spread=float(self._shop["spread"][number]),
            account_age_days=float(self._shop["account_age_days"][number]),
            gap_hours=float(self._shop["gap_hours"][number]),
        )

    def _usual_by_code(self, of: str, coded: Coded, number: int) -> dict[str, Usual]:
        codes = np.arange(len(coded.values))
        known, usual = self._usual(of, codes, np.full_like(codes, number))
        rows = zip(*(column.tolist() for column in usual), strict=True)
        return {
            code: Usual(*row)
            for code, row, is_known in zip(coded.values, rows, known.tolist(), strict=True)
            if is_known
        }

    def _rarity_by_code(self, code: Code, number: int) -> Rarity:
        coded, grouped = self._codes[code]
        codes = np.arange(len(coded.values))
        catalogues = np.full_like(codes, number)
        first, end = grouped.seen(codes, catalogues)
        values = self._rarity(code, codes, catalogues)
        known = np.flatnonzero(end > first).tolist()
        unseen = rarity_of(np.array(grouped.share_of_new(number)), COMMON)
        told = {coded.values[place]: float(values[place]) for place in known}
        return Rarity(told if code in ALWAYS_TOLD else {"": 0.0} | told, float(unseen))
