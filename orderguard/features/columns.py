"""Orders as columns: what training works on instead of a million objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orderguard.features.facts import CODES, NUMBERS, codes_of, numbers_of
from orderguard.schema import MaskedOrder

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """A column of strings: `values[index]` is each row's."""

    index: Indices
    values: list[str]


@dataclass(frozen=True)
class Columns:
    """n orders with m lines.

    `numbers[name]` has shape (n,), see `orderguard.features.facts.NUMBERS`; lines stand in order of their orders.

    `line_order` (m,) is the row of each line's order.
    """

    order_tokens: list[str]
    customers: Coded
    numbers: dict[str, Floats]
    codes: dict[str, Coded]
    line_order: Indices
    quantity: Floats
    unit_price: Floats
    line_discount: Floats
    skus: Coded
    categories: Coded

    def __len__(self) -> int:
        return len(self.order_tokens)


class _Coder:
    """Numbers strings in order of first appearance."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.index: list[int] = []

    def add(self, value: str) -> None:
        self.index.append(self.known.setdefault(value, len(self.known)))

    def coded(self) -> Coded:
        return Coded(np.array(self.index, dtype=np.int64), list(self.known))


def columns_of(orders: Iterable[MaskedOrder]) -> Columns:
    """Orders as columns, in the order given."""
    tokens: list[str] = []
    customers, skus, categories = _Coder(), _Coder(), _Coder()
    codes = [_Coder() for _ in CODES]
    numbers: list[tuple[float, ...]] = []
    counts: list[int] = []
    lines: list[tuple[float, float, float]] = []
    for order in orders:
        tokens.append(order.order_token)
        customers.add(order.customer_token)
        numbers.append(numbers_of(order))
        for coder, value in zip(codes, codes_of(order), strict=True):
            coder.add(value)
        counts.append(len(order.items))
        for item in order.items:
            skus.add(item.sku)
            categories.add(item.category or "")
            lines.append((item.quantity, item.unit_price, item.discount or 0.0))
    table = np.array(numbers, dtype=np.float64).reshape(-1, len(NUMBERS))
    line_table = np.array(lines, dtype=np.float64).reshape(-1, 3)
    return Columns(
        order_tokens=tokens,
        customers=customers.coded(),
        numbers={name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(NUMBERS)},
        codes={name: coder.coded() for name, coder in zip(CODES, codes, strict=True)},
        line_order=np.repeat(np.arange(len(counts)), counts),
        quantity=np.ascontiguousarray(line_table[:, 0]),
        unit_price=np.ascontiguousarray(line_table[:, 1]),
        line_discount=np.ascontiguousarray(line_table[:, 2]),
        skus=skus.coded(),
        categories=categories.coded(),
    )


def taken(columns: Columns, rows: Indices) -> Columns:
    """The orders at these rows, in this order, as if there had been no others."""
    counts = np.bincount(columns.line_order, minlength=len(columns))
    starts = np.cumsum(counts) - counts
    sizes = counts[rows]
    line_order = np.repeat(np.arange(len(rows)), sizes)
    lines = np.arange(sizes.sum()) - (np.cumsum(sizes) - sizes)[line_order] + starts[rows][line_order]
    return Columns(
        order_tokens=[columns.order_tokens[row] for row in rows.tolist()],
        customers=_picked(columns.customers, rows),
        numbers={name: values[rows] for name, values in columns.numbers.items()},
        codes={name: _picked(coded, rows) for name, coded in columns.codes.items()},
        line_order=line_order,
        quantity=columns.quantity[lines],
        unit_price=columns.unit_price[lines],
        line_discount=columns.line_discount[lines],
        skus=_picked(columns.skus, lines),
        categories=_picked(columns.categories, lines),
    )


def _picked(coded: Coded, rows: Indices) -> Coded:
    """Some rows of a column. Values that none of them has go: a catalogue must not learn of them."""
    used, index = np.unique(coded.index[rows], return_inverse=True)
    return Coded(index, [coded.values[number] for number in used.tolist()])


def merged(parts: Sequence[Columns]) -> Columns:
    """The orders of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    parts = parts or [columns_of([])]
    before = np.cumsum([0] + [len(part) for part in parts[:-1]])
    return Columns(
        order_tokens=[token for part in parts for token in part.order_tokens],
        customers=_merged([part.customers for part in parts]),
        numbers={name: np.concatenate([part.numbers[name] for part in parts]) for name in NUMBERS},
        codes={name: _merged([part.codes[name] for part in parts]) for name in CODES},
        line_order=np.concatenate([part.line_order + start for part, start in zip(parts, before, strict=True)]),
        quantity=np.concatenate([part.quantity for part in parts]),
        unit_price=np.concatenate([part.unit_price for part in parts]),
        line_discount=np.concatenate([part.line_discount for part in parts]),
        skus=_merged([part.skus for part in parts]),
        categories=_merged([part.categories for part in parts]),
    )


def _merged(parts: Sequence[Coded]) -> Coded:
    known: dict[str, int] = {}
    indices = []
    for part in parts:
        mine = [known.setdefault(value, len(known)) for value in part.values]
        indices.append(np.array(mine, dtype=np.int64)[part.index])
    return Coded(np.concatenate(indices), list(known))
