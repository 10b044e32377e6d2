"""Orders by what they are looked at with: their ids, their customers, the entities that they name, their days.

A key is a part: the ids, the customers, or the entities of a kind, that follow each other in so many parts. Whatever is
known under a token is in one part alone, and a part has about as many orders as a worker's cache holds, so that its
facts are computed over columns. The orders of a part are put in the order of their moments once they are together: in a
batch a stateful transform would see them in any order, too, and would hold all of them back until the last has come.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import TaggedOutput

from ml.backfill.beam.job import Job
from ml.backfill.beam.pieces import Digests, Piece, Records, by_part, days_of
from ml.backfill.beam.secret import keyring, sealed
from ml.backfill.beam.sums import Counts
from ml.backfill.local.reading import part_of_id
from ml.backfill.local.records import LETTERS, of_customer, of_entity, partitions
from ml.currency_levels import net_values
from ml.date_range import Allowed
from ml.feature_engineering import first_of_each
from orderguard.features.columns import Coded, Columns, Indices, digests_of
from orderguard.history import ENTITIES, digest
from orderguard.masking import Keyring
from orderguard.masking.codes import is_undecided

CUSTOMERS, DAYS = 0, len(ENTITIES) + 1
"""Kinds of keys; entities' are counted from 1, as `ENTITIES` names them."""
_PARTS = 10**12
"""More than there are of a kind."""

ID = np.dtype([("id", "<u8", (2,)), ("at", "<f8"), ("place", "<i8"), ("parts", "<i4", (DAYS,))])
"""What tells a repeated order, and the parts of its customer and its entities, that are to be told of it; −1 for none.
"""
_NOBODY = Coded(np.empty(0, dtype=np.int64), [])


def key_of(kind: int, part: int) -> int:
    """A part of a kind as one number."""
    return kind * _PARTS + part


def kind_of(key: int) -> int:
    """The kind of a part."""
    return key // _PARTS


def part_of(key: int) -> int:
    """The number of a part among those of its kind."""
    return key % _PARTS


class Distribute(beam.DoFn):
    """A piece to what each step needs of it, by key: the orders by day; ids, what customers bought and what entities
    see, tagged `IDS`, `PURCHASES` and `SIGHTINGS`.
    """

    IDS, PURCHASES, SIGHTINGS = "ids", "purchases", "sightings"

    def __init__(self, job: Job) -> None:
        self._job, self._parts = job, job.parts

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)

    def process(self, piece: Piece) -> Iterator[Any]:
        columns, at = piece.columns, piece.columns.numbers["at"]
        number, customer = _numbers_of(piece.digests, self._keyring), digests_of(columns.customers)
        entities = [columns.entities[name] for name in ENTITIES]
        parts = np.stack([_part_of_tokens(one, self._parts) for one in (columns.customers, *entities)], axis=1)
        ids = np.empty(len(columns), ID)
        ids["id"], ids["at"], ids["place"], ids["parts"] = piece.digests, at, piece.place, parts
        for part, rows in by_part(part_of_id(ids["id"], self._parts)):
            yield TaggedOutput(self.IDS, (part, ids[rows]))
        bought = _bought(piece, number)
        for part, rows in by_part(parts[:, CUSTOMERS]):
            yield TaggedOutput(self.PURCHASES, (key_of(CUSTOMERS, part), bought[rows]))
        for kind, entity in enumerate(entities, 1):
            seen = _seen(piece, entity, customer, number)
            for part, rows in by_part(parts[:, kind]):
                yield TaggedOutput(self.SIGHTINGS, (key_of(kind, part), seen[rows]))
        alone = replace(piece, columns=_alone(columns, self._keyring))
        for day, rows in by_part(days_of(at)):
            yield key_of(DAYS, day), alone.taken(rows)


def _alone(columns: Columns, known: Keyring) -> Columns:
    """The orders without entities, and, unless a code of theirs is undecided, without customers. What is undecided may
    be personal, and is sealed.
    """
    skus, categories = columns.skus, columns.categories
    undecided = any(map(is_undecided, (*skus.values, *categories.values)))
    return replace(
        columns,
        customers=columns.customers if undecided else Coded(np.zeros(len(columns), dtype=np.int64), [""]),
        entities=dict.fromkeys(ENTITIES, Coded(np.zeros(len(columns), dtype=np.int64), [""])),
        skus=sealed(skus, known) if undecided else skus,
        categories=sealed(categories, known) if undecided else categories,
    )


def _part_of_tokens(coded: Coded, parts: int) -> Indices:
    """The part of each row's token, −1 for none."""
    tokens = _letters(coded)
    of_token = np.where(tokens == b"", -1, partitions(tokens, parts)) if tokens.dtype.itemsize > LETTERS else -1
    found: Indices = np.broadcast_to(of_token, len(coded.values))[coded.index]
    return found


def _letters(coded: Coded) -> Records:
    tokens: Records = np.array(coded.values, dtype="S")
    return tokens


def _numbers_of(digests: Digests, known: Keyring) -> Indices:
    """The digests of the tokens of orders with these digests of ids."""
    tokens = known.written("order", digests.tobytes())
    return np.fromiter(map(digest, tokens), np.int64, len(tokens))


def _seen(piece: Piece, entity: Coded, customer: Indices, number: Indices) -> Records:
    tokens, numbers = _letters(entity), piece.columns.numbers
    seen = np.empty(len(piece.place), of_entity(max(1, tokens.dtype.itemsize)))
    seen["entity"], seen["place"], seen["customer"], seen["number"] = (
        tokens[entity.index],
        piece.place,
        customer,
        number,
    )
    for name in ("at", "card", "minute"):
        seen[name] = numbers[name]
    return seen


def _bought(piece: Piece, number: Indices) -> Records:
    """What customers' records keep of orders. The currency's letters stand in its number."""
    columns = piece.columns
    tokens, currency = _letters(columns.customers), columns.codes["currency"]
    bought = np.empty(len(columns), of_customer(max(1, tokens.dtype.itemsize)))
    bought["customer"], bought["place"], bought["number"] = tokens[columns.customers.index], piece.place, number
    bought["net"] = net_values(columns)
    bought["currency"] = np.array(currency.values, "S4").view("<u4")[currency.index]
    for name in ("at", "minute", "address", "device", "payment", "card"):
        bought[name] = columns.numbers[name]
    return bought


def currencies_of(numbers: Records) -> Coded:
    """The currencies whose letters stand in these numbers (n,)."""
    values, index = np.unique(numbers, return_inverse=True)
    return Coded(index.astype(np.int64), [code.decode() for code in values.astype("<u4").view("S4").tolist()])


class FindRepeats(beam.DoFn):
    """All ids of a part to the places of the orders that do not count, by the keys of the steps that have to leave them
    out: those out of the range of dates, and those that repeat an earlier line's id. What was counted goes aside,
    tagged `COUNTS`.
    """

    COUNTS = "counts"

    def process(self, group: tuple[int, Iterable[Records]], allowed: Allowed) -> Iterator[Any]:
        ids = np.concatenate(list(group[1]))
        ids = ids[np.argsort(ids["place"])]
        misdated = allowed.out(ids["at"])
        within = np.flatnonzero(~misdated)
        out = misdated.copy()
        out[within] = ~first_of_each(ids["id"][within])
        yield TaggedOutput(self.COUNTS, Counts.of(ids, misdated, out))
        left_out = ids[out]
        for kind in range(DAYS):
            for part, rows in by_part(left_out["parts"][:, kind].astype(np.int64)):
                yield key_of(kind, part), left_out["place"][rows]
        for day, rows in by_part(days_of(left_out["at"])):
            yield key_of(DAYS, day), left_out["place"][rows]
