"""Orders and their lines as records of fixed size: columns that were spilled, and columns again."""

from collections.abc import Sequence

import numpy as np

from orderguard.features.columns import Coded, Columns, digests_of
from orderguard.features.facts import CODES, NUMBERS
from orderguard.history import ENTITIES, digest
from ml.backfill.local.shuffle import Indices, Records

LINE_CODES = ("sku", "category")
OF_ENTITY = {name: f"of_{name}" for name in ENTITIES}
"""The field of an order's record that has the token of an entity of this kind."""
LETTERS = 22
"""So many letters at the end of a token are drawn at random, as good as."""
_ALPHABET = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_RANK = np.zeros(256, dtype=np.int64)
_RANK[np.frombuffer(_ALPHABET, np.uint8)] = np.arange(64)

LINE = np.dtype([*((name, "<u4") for name in LINE_CODES), ("quantity", "<f8"), ("price", "<f8"), ("discount", "<f8")])
_KEPT = [
    ("id", "<u8", (2,)),
    *((name, "<f8") for name in NUMBERS),
    *((name, "<u4") for name in CODES),
    ("told", "<i8"),
    ("lines", "<u4"),
]
SORTED = np.dtype(_KEPT)
"""An order in time order: without what its customer and its entities alone need."""


def spilled_order(width: int) -> np.dtype[np.void]:
    """An order as it is spilled: `row` counts usable orders in the sequence of the files, `id` (2,) tells its id from
    others, `number` is the digest of its token. Tokens have so many letters.
    """
    tokens = [(name, f"S{width}") for name in ("customer", *OF_ENTITY.values())]
    return np.dtype([("row", "<u8"), ("number", "<u4"), ("customer_digest", "<u4"), *tokens, *_KEPT])


def of_customer(width: int) -> np.dtype[np.void]:
    """An order as its customer's partition sees it. `place` counts orders in time order; `net` is in its currency."""
    digests = [(name, "<u4") for name in ("address", "device", "payment", "card", "currency", "number")]
    numbers = [(name, "<f8") for name in ("at", "net")]
    return np.dtype([("customer", f"S{width}"), ("place", "<u8"), *numbers, ("minute", "<u2"), *digests])


def of_entity(width: int) -> np.dtype[np.void]:
    """An order as the partition of one of its entities sees it; `customer` is a digest."""
    digests = [(name, "<u4") for name in ("customer", "card", "number")]
    return np.dtype([("entity", f"S{width}"), ("place", "<u8"), ("at", "<f8"), ("minute", "<u2"), *digests])


class Vocabulary:
    """Codes by number, in the order in which they were met."""

    def __init__(self, values: Sequence[str] = ()) -> None:
        self.number = {value: number for number, value in enumerate(values)}

    @property
    def values(self) -> list[str]:
        """The codes in the order of their numbers."""
        return list(self.number)

    def number_of(self, value: str) -> int:
        """The number of a code."""
        return self.number.setdefault(value, len(self.number))

    def numbers(self, coded: Coded) -> Indices:
        """Each row's number."""
        known = list(map(self.number_of, coded.values))
        return np.array(known, dtype=np.int64)[coded.index] if known else coded.index


Vocabularies = dict[str, Vocabulary]


def vocabularies() -> Vocabularies:
    """One for each kind of code."""
    return {name: Vocabulary() for name in (*CODES, *LINE_CODES)}


def records_of(
    columns: Columns, ids: bytes, tokens: Sequence[str], first_row: int, known: Vocabularies, dtype: np.dtype[np.void]
) -> tuple[Records, Records]:
    """The orders (n,) and their lines (m,). `ids` are the digests of the orders' ids, `tokens` their pseudonyms."""
    count = len(columns)
    orders, lines = np.empty(count, dtype), np.empty(len(columns.line_order), LINE)
    orders["row"] = np.arange(first_row, first_row + count)
    orders["id"] = np.frombuffer(ids, "<u8").reshape(-1, 2)
    orders["number"] = np.fromiter(map(digest, tokens), np.int64, count)
    orders["customer_digest"] = digests_of(columns.customers) if count else 0
    named = {"customer": columns.customers, **{OF_ENTITY[name]: columns.entities[name] for name in ENTITIES}}
    for name, coded in named.items():
        orders[name] = np.array(coded.values, dtype=dtype[name])[coded.index] if count else b""
    for name in NUMBERS:
        orders[name] = columns.numbers[name]
    for name in CODES:
        orders[name] = known[name].numbers(columns.codes[name])
    orders["told"] = columns.told
    orders["lines"] = np.bincount(columns.line_order, minlength=count)
    lines["sku"], lines["category"] = known["sku"].numbers(columns.skus), known["category"].numbers(columns.categories)
    lines["quantity"], lines["price"] = columns.quantity, columns.unit_price
    lines["discount"] = columns.line_discount
    return orders, lines


_NOBODY = Coded(np.empty(0, dtype=np.int64), [])


def columns_of_records(orders: Records, lines: Records, values: dict[str, list[str]]) -> Columns:
    """The orders as columns again, but for their customers and entities. `values` are the codes by their numbers."""
    return Columns(
        customers=Coded(np.zeros(len(orders), dtype=np.int64), [""]),
        entities={name: _NOBODY for name in ENTITIES},
        numbers={name: np.ascontiguousarray(orders[name]) for name in NUMBERS},
        codes={name: _coded(orders[name], values[name]) for name in CODES},
        told=np.ascontiguousarray(orders["told"]),
        line_order=np.repeat(np.arange(len(orders)), orders["lines"]),
        quantity=np.ascontiguousarray(lines["quantity"]),
        unit_price=np.ascontiguousarray(lines["price"]),
        line_discount=np.ascontiguousarray(lines["discount"]),
        skus=_coded(lines["sku"], values["sku"]),
        categories=_coded(lines["category"], values["category"]),
    )


def _coded(numbers: Indices, values: list[str]) -> Coded:
    """A column of codes, of those alone that are in it."""
    used, index = np.unique(numbers, return_inverse=True)
    return Coded(index.astype(np.int64), [values[number] for number in used.tolist()])


def coded_tokens(tokens: Records) -> Coded:
    """A column of tokens."""
    values, index = np.unique(tokens, return_inverse=True)
    return Coded(index.astype(np.int64), values.astype(str).tolist())


def partitions(tokens: Records, parts: int) -> Indices:
    """The partition (n,) of each token. Partitions follow each other as the letters that tokens end with do."""
    width = tokens.dtype.itemsize
    letters = np.ascontiguousarray(tokens).view(np.uint8).reshape(-1, width)[:, width - LETTERS : width - LETTERS + 2]
    found: Indices = (_RANK[letters[:, 0]] * 64 + _RANK[letters[:, 1]]) * parts >> 12
    return found


def lines_of_orders(orders: Records) -> Indices:
    """Where the lines of each order begin, and where the last one's end, (n + 1,)."""
    return np.concatenate([[0], np.cumsum(orders["lines"], dtype=np.int64)])
