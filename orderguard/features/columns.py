"""Orders as columns: what training works on instead of a million objects."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orderguard.features.facts import CODES, NUMBERS, codes_of, numbers_of
from orderguard.history import ENTITIES, digest, entity_tokens
from orderguard.presence import fields_told
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
    `entities` are the tokens of what each names, by the names in `orderguard.history.ENTITIES`, "" where it names none.
    `told` (n,) are the bits of the optional fields that each brings, see `orderguard.presence`.

    `line_order` (m,) is the row of each line's order.
    """

    customers: Coded
    entities: dict[str, Coded]
    numbers: dict[str, Floats]
    codes: dict[str, Coded]
    told: Indices
    line_order: Indices
    quantity: Floats
    unit_price: Floats
    line_discount: Floats
    skus: Coded
    categories: Coded

    def __len__(self) -> int:
        return len(self.customers.index)


def digests_of(tokens: Coded) -> Indices:
    """Each row's token as 32 bits, see `orderguard.history.digest`."""
    values: Indices = np.fromiter(map(digest, tokens.values), np.int64, len(tokens.values))
    return values[tokens.index]


def coded(values: Sequence[str]) -> Coded:
    """A column of these strings, numbered in order of first appearance."""
    known = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return Coded(np.fromiter(map(known.__getitem__, values), np.int64, len(values)), list(known))


def renumbered(numbers: NDArray[np.float64], values: Sequence[str]) -> Coded:
    """A column of `values[number]`, numbered in order of first appearance, as `coded` does it."""
    index, count = numbers.astype(np.int64), len(numbers)
    first = np.full(len(values), count)
    first[index[::-1]] = np.arange(count)[::-1]
    used = np.flatnonzero(first < count)
    used = used[np.argsort(first[used])]
    number = np.empty(len(values), dtype=np.int64)
    number[used] = np.arange(len(used))
    return Coded(number[index], [values[place] for place in used.tolist()])


def columns_of(orders: Sequence[MaskedOrder]) -> Columns:
    """Orders as columns, in the order given."""
    # Arrays take a tuple's floats several times faster than numpy takes a list of tuples.
    numbers = array("d")
    codes: list[str] = []
    tokens: list[str] = []
    for order in orders:
        numbers.extend(numbers_of(order))
        codes += codes_of(order)
        tokens += [token or "" for token in entity_tokens(order)]
    table = np.array(numbers).reshape(-1, len(NUMBERS))
    items = [item for order in orders for item in order.items]
    counts = np.fromiter((len(order.items) for order in orders), np.int64, len(orders))
    return Columns(
        customers=coded([order.customer_token for order in orders]),
        entities={name: coded(tokens[place :: len(ENTITIES)]) for place, name in enumerate(ENTITIES)},
        numbers={name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(NUMBERS)},
        codes={name: coded(codes[place :: len(CODES)]) for place, name in enumerate(CODES)},
        told=np.fromiter(map(fields_told, orders), np.int64, len(orders)),
        line_order=np.repeat(np.arange(len(orders)), counts),
        quantity=np.array([item.quantity for item in items], dtype=np.float64),
        unit_price=np.array([item.unit_price for item in items], dtype=np.float64),
        line_discount=np.array([item.discount or 0.0 for item in items], dtype=np.float64),
        skus=coded([item.sku for item in items]),
        categories=coded([item.category or "" for item in items]),
    )


def taken(columns: Columns, rows: Indices) -> Columns:
    """The orders at these rows, in this order, as if there had been no others."""
    lines = lines_of(columns, rows)
    sizes = np.bincount(columns.line_order, minlength=len(columns))[rows]
    return Columns(
        customers=_picked(columns.customers, rows),
        entities={name: _picked(coded, rows) for name, coded in columns.entities.items()},
        numbers={name: values[rows] for name, values in columns.numbers.items()},
        codes={name: _picked(coded, rows) for name, coded in columns.codes.items()},
        told=columns.told[rows],
        line_order=np.repeat(np.arange(len(rows)), sizes),
        quantity=columns.quantity[lines],
        unit_price=columns.unit_price[lines],
        line_discount=columns.line_discount[lines],
        skus=_picked(columns.skus, lines),
        categories=_picked(columns.categories, lines),
    )


def lines_of(columns: Columns, rows: Indices) -> Indices:
    """Which lines the orders at these rows have, in this order."""
    counts = np.bincount(columns.line_order, minlength=len(columns))
    starts = np.cumsum(counts) - counts
    sizes = counts[rows]
    lines: Indices = np.arange(sizes.sum()) + np.repeat(starts[rows] - (np.cumsum(sizes) - sizes), sizes)
    return lines


def _picked(coded: Coded, rows: Indices) -> Coded:
    """Some rows of a column. Values that none of them has go: a catalogue must not learn of them."""
    index = coded.index[rows]
    used = np.flatnonzero(np.bincount(index, minlength=len(coded.values)))
    number = np.empty(len(coded.values), dtype=np.int64)
    number[used] = np.arange(len(used))
    return Coded(number[index], [coded.values[place] for place in used.tolist()])


def merged(parts: Sequence[Columns]) -> Columns:
    """The orders of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    parts = parts or [columns_of([])]
    before = np.cumsum([0] + [len(part) for part in parts[:-1]])
    return Columns(
        customers=_merged([part.customers for part in parts]),
        entities={name: _merged([part.entities[name] for part in parts]) for name in ENTITIES},
        numbers={name: np.concatenate([part.numbers[name] for part in parts]) for name in NUMBERS},
        codes={name: _merged([part.codes[name] for part in parts]) for name in CODES},
        told=np.concatenate([part.told for part in parts]),
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
