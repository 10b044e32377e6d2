"""What catalogues say about columns of orders: one catalogue for all of them, or for each order the one of its time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from orderguard.catalogue import REFERENCE, Catalogue, Code, Rarity, Usual, sku_prefix
from orderguard.features.columns import Coded, Columns, Floats, Indices, coded
from orderguard.features.lines import LEAST_PRICE_SHARE

ORDER_CODES: dict[str, Code] = {
    "channel_rarity": "channel",
    "payment_rarity": "payment_method",
    "currency_rarity": "currency",
    "country_rarity": "country",
}
USUAL_OF_LINE = {
    "lowest_price": "lowest_price",
    "highest_price": "highest_price",
    "quantity": "usual_quantity",
}
_AS_FOUND = ("category_rarity", "sku_prefix_rarity")
USUAL_OF_SHOP = ("usual_basket", "usual_spread", "usual_account_days", "usual_gap_hours", "least_price")


@dataclass(frozen=True)
class Table:
    """Values that several rows share: row i has `values[name][index[i]]`."""

    index: Indices
    values: dict[str, Floats]


@dataclass(frozen=True)
class LookedUp:
    """What n orders with m lines are compared with.

    `catalogue` (n,) numbers each order's catalogue, `levels` (catalogues, currencies) has what one reference unit
    costs in each, `currency` (n,) numbers the orders' currencies, whose codes are `currencies`. `hour_rarity` is
    (catalogues, 25): the last stands for an hour that is not known. The tables of `orders` have n rows, those of
    `lines` m.
    """

    catalogue: Indices
    levels: Floats
    currency: Indices
    currencies: list[str]
    hour_rarity: Floats
    orders: tuple[Table, ...]
    lines: tuple[Table, ...]

    def taken(self, rows: Indices, lines: Indices) -> "LookedUp":
        """The same for some orders and their lines."""
        return replace(
            self,
            catalogue=self.catalogue[rows],
            currency=self.currency[rows],
            orders=tuple(replace(table, index=table.index[rows]) for table in self.orders),
            lines=tuple(replace(table, index=table.index[lines]) for table in self.lines),
        )

    def of_orders(self, minute: Floats) -> dict[str, Floats]:
        """By name, a value an order, (n,); `minute` of the day says in which hour each stands."""
        facts = {
            "level": self.levels[self.catalogue, self.currency],
            "hour_rarity": self.hour_rarity[self.catalogue, minute.astype(np.int64) // 60],
        }
        return facts | _values(self.orders)

    def of_lines(self) -> dict[str, Floats]:
        """By the names of `LINE_USUAL`, a value a line, (m,); without the usual price, which no formula needs."""
        found = _values(self.lines)
        unknown = found["sku_unknown"]
        usual = {
            USUAL_OF_LINE[name]: np.where(unknown > 0.0, found[f"category_{name}"], found[f"sku_{name}"])
            for name in USUAL_OF_LINE
        }
        return {"unknown": unknown, **usual} | {name: found[name] for name in _AS_FOUND}


def _values(tables: Iterable[Table]) -> dict[str, Floats]:
    return {name: values[table.index] for table in tables for name, values in table.values.items()}


def prefixes_of(skus: Coded) -> Coded:
    """The prefix of each row's sku."""
    of_sku = coded([sku_prefix(sku) for sku in skus.values])
    return Coded(of_sku.index[skus.index], of_sku.values)


def usual_of_shop(catalogue: Catalogue) -> tuple[float, ...]:
    """The values named in `USUAL_OF_SHOP`."""
    least_price = catalogue.shop.price * LEAST_PRICE_SHARE
    return catalogue.basket, catalogue.spread, catalogue.account_age_days, catalogue.gap_hours, least_price


def looked_up(columns: Columns, catalogue: Catalogue, other_currencies: Iterable[str] = ()) -> LookedUp:
    """All orders compared with one catalogue. `other_currencies` are those that only histories know."""
    currency = columns.codes["currency"]
    currencies = list(dict.fromkeys((*currency.values, *other_currencies)))
    everywhere = np.zeros(len(columns), dtype=np.int64)
    shop = {name: np.array([value]) for name, value in zip(USUAL_OF_SHOP, usual_of_shop(catalogue), strict=True)}
    rarity = catalogue.rarity
    return LookedUp(
        catalogue=everywhere,
        levels=np.array([[catalogue.levels.get(code, REFERENCE).level for code in currencies]]),
        currency=currency.index,
        currencies=currencies,
        hour_rarity=np.array([(*catalogue.hour_rarity, 0.0)]),
        orders=(
            Table(everywhere, shop),
            *(_rarity(columns.codes[code], name, rarity[code]) for name, code in ORDER_CODES.items()),
        ),
        lines=(
            _usual(columns.skus, "sku", catalogue.skus, catalogue.shop),
            _usual(columns.categories, "category", catalogue.categories, catalogue.shop),
            _rarity(columns.categories, "category_rarity", rarity["category"]),
            _rarity(prefixes_of(columns.skus), "sku_prefix_rarity", rarity["sku_prefix"]),
        ),
    )


def _rarity(codes: Coded, name: str, rarity: Rarity) -> Table:
    return Table(codes.index, {name: np.array([rarity.of.get(code, rarity.unseen) for code in codes.values])})


def _usual(codes: Coded, of: str, known: Mapping[str, Usual], otherwise: Usual) -> Table:
    usual = np.array([known.get(code, otherwise) for code in codes.values]).reshape(-1, len(Usual._fields))
    values = {f"{of}_{name}": usual[:, place] for place, name in enumerate(Usual._fields) if name in USUAL_OF_LINE}
    return Table(codes.index, values | {f"{of}_unknown": np.array([float(code not in known) for code in codes.values])})
