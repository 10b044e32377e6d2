"""Learning catalogues: each block's from all orders before it, so in turn; what is learnt from is prepared by day.

Which codes there are, when each was met first and who bought those in doubt adds up in any order. What is usual depends
on what was usual before: one worker goes through the days, with a few of them in memory.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import numpy as np

from ml.article_evidence import FEWEST_CUSTOMERS, proven_of
from ml.backfill.beam.days import orders_of_day
from ml.backfill.beam.files import inside, opened_at, written_to
from ml.backfill.beam.job import Job
from ml.backfill.beam.keyed import part_of
from ml.backfill.beam.pasts import PAIR
from ml.backfill.beam.pieces import Piece
from ml.backfill.beam.secret import keyring, opened
from ml.backfill.beam.usual import Usual, currency_levels_of, segments
from ml.backfill.learning import ORDER_CODES, Learner, Piece as Lesson
from ml.backfill.local.catalogues import FOLDER
from ml.backfill.manifest import Written
from ml.backfill.output import RESULT
from ml.blocks import block_starts
from ml.currency_levels import net_values
from orderguard.features.columns import Coded, Indices
from orderguard.history import digest
from orderguard.masking.codes import decided, is_undecided, known_articles
from orderguard.model_version import sha256

LESSONS = "lessons"
"""In the folder of work: what is learnt from, by day."""
LINE_CODES = ("sku", "category")


@dataclass
class Codes:
    """Which codes of each kind are in use, with the place of the first order that has it; a few of the customers that
    bought each in doubt; and how many orders there are by day. Two of these add up to that of all their orders.
    """

    first: dict[str, dict[str, int]] = field(default_factory=dict)
    buyers: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    days: dict[int, int] = field(default_factory=dict)

    def merge(self, other: "Codes") -> None:
        """Take in the codes of other orders."""
        for kind, codes in other.first.items():
            mine = self.first.setdefault(kind, {})
            for code, place in codes.items():
                mine[code] = min(place, mine.get(code, place))
        for kind, bought in other.buyers.items():
            known = self.buyers.setdefault(kind, {})
            for code, customers in bought.items():
                known[code] = set(sorted(known.get(code, set()) | customers)[:FEWEST_CUSTOMERS])
        for day, count in other.days.items():
            self.days[day] = self.days.get(day, 0) + count


class MergeCodes(beam.CombineFn):
    """`Codes` to those of all orders."""

    def create_accumulator(self) -> Codes:
        return Codes()

    def add_input(self, accumulator: Codes, element: Codes) -> Codes:
        accumulator.merge(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Codes]) -> Codes:
        total = Codes()
        for one in accumulators:
            total.merge(one)
        return total

    def extract_output(self, accumulator: Codes) -> Codes:
        return accumulator


class PrepareLessons(beam.DoFn):
    """The orders of a day, and those before by the same customers, to a file to learn from, and to their `Codes`."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, group: tuple[int, Mapping[str, Iterable[Any]]]) -> Iterator[Codes]:
        key, values = group
        piece = orders_of_day(values["orders"], values["out"])
        if piece is None:
            return
        pairs = np.concatenate([np.empty(0, PAIR), *values["pairs"]])
        with written_to(_place(self._job, part_of(key))) as path, path.open("wb") as file:
            np.savez(file, **_lesson(piece, pairs))
        yield _codes(part_of(key), piece)


def _place(job: Job, day: int) -> str:
    return inside(job.work, LESSONS, f"{day:07}.npz")


def _lesson(piece: Piece, pairs: Any) -> dict[str, Any]:
    columns, numbers = piece.columns, piece.columns.numbers
    by_place = np.argsort(piece.place)
    row = by_place[np.searchsorted(piece.place[by_place], pairs["place"])]
    order = np.argsort(row, kind="stable")
    found = {"place": piece.place, "net": net_values(columns), "again": row[order]}
    found |= {name: numbers[name] for name in ("at", "minute", "account_days")}
    found |= {"line_order": columns.line_order, "price": columns.unit_price, "quantity": columns.quantity}
    found |= {name: pairs[name][order] for name in PAIR.names or () if name.startswith("before")}
    for kind, coded in _kinds(piece).items():
        found[kind], found[f"{kind}_values"] = coded.index, np.array(coded.values, dtype=str)
    return found


def _kinds(piece: Piece) -> dict[str, Coded]:
    columns = piece.columns
    return {code: columns.codes[code] for code in ORDER_CODES} | {"sku": columns.skus, "category": columns.categories}


def _codes(day: int, piece: Piece) -> Codes:
    found = Codes(days={day: len(piece.place)})
    customer = np.fromiter(map(digest, piece.columns.customers.values), np.int64)[piece.columns.customers.index]
    for kind, coded in _kinds(piece).items():
        rows = piece.columns.line_order if kind in LINE_CODES else np.arange(len(piece.place))
        first = np.full(len(coded.values), np.iinfo(np.int64).max)
        np.minimum.at(first, coded.index, piece.place[rows])
        found.first[kind] = dict(zip(coded.values, first.tolist(), strict=True))
        in_doubt = [number for number, value in enumerate(coded.values) if value.startswith("\x1f")]
        found.buyers[kind] = {
            coded.values[number]: set(np.unique(customer[rows[coded.index == number]])[:FEWEST_CUSTOMERS].tolist())
            for number in in_doubt
        }
    return found


class _Lesson(NamedTuple):
    """A day's file as it was read, with its codes by their numbers among all."""

    arrays: dict[str, Any]
    codes: dict[str, Indices]


class Learn(beam.DoFn):
    """All days, in turn, to the catalogues, which are written, and to what orders are compared with."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)

    def process(self, _: None, codes: Codes) -> Iterator[Usual]:
        if not codes.days:
            yield Usual([], [])
            return
        config = self._job.request.catalogue
        assert config, "without a model catalogues are learnt"
        articles, numbers, values = self._settled(codes)
        days = _Days(self._job, codes, numbers)
        rows = block_starts(days, config.refresh_days, config.warm_up).tolist()
        days.starts = [days.moment(row) for row in rows]
        learner, ends = Learner(values), [*rows, len(days)]
        usual = Usual([], articles, days.starts, rows, [days[min(end, len(days) - 1)] for end in ends])
        for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            catalogue = learner.learn(partial(days.lessons, start, end))
            if end == len(days) and number == len(rows):
                catalogue = msgspec.structs.replace(catalogue, articles=articles)
            name = f"{FOLDER}/{number:04}.json"
            with written_to(inside(self._job.work, RESULT, name)) as path:
                path.write_bytes(msgspec.json.encode(catalogue, order="deterministic") + b"\n")
                usual.files.append(Written(path=name, sha256=sha256(path)))
            usual.levels.append(currency_levels_of(catalogue))
        yield usual

    def _settled(self, codes: Codes) -> tuple[list[str], dict[str, dict[str, int]], dict[str, list[str]]]:
        """The codes that are kept; of each kind the number of each code as it was read; and the codes by number."""
        read = {kind: sorted(first, key=first.__getitem__) for kind, first in codes.first.items()}
        plain = {kind: [opened(code, self._keyring) for code in found] for kind, found in read.items()}
        articles: set[str] = set()
        if any(codes.buyers.values()):
            for kind in LINE_CODES:
                counts = [len(codes.buyers[kind].get(code, ())) for code in read[kind]]
                articles |= proven_of(plain[kind], counts)
        doubt = known_articles(articles)
        numbers, values = {}, {}
        for kind, found in read.items():
            known: dict[str, int] = {}
            numbers[kind] = {
                code: known.setdefault(decided(text, doubt) if is_undecided(text) else text, len(known))
                for code, text in zip(found, plain[kind], strict=True)
            }
            values[kind] = list(known)
        return sorted(articles), numbers, values


class _Days:
    """The orders of all days in turn: a sequence of moments, and lessons between two rows."""

    def __init__(self, job: Job, codes: Codes, numbers: dict[str, dict[str, int]]) -> None:
        self.starts: list[tuple[float, int]] = []
        self._job, self._numbers = job, numbers
        self._days = sorted(codes.days)
        self._offsets = np.cumsum([0, *(codes.days[day] for day in self._days)])
        self._read = lru_cache(4)(self._lesson)

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def __getitem__(self, row: int, /) -> float:
        return self.moment(row)[0]

    def moment(self, row: int) -> tuple[float, int]:
        """When the order at this row was placed, and its place."""
        number = int(np.searchsorted(self._offsets, row, side="right")) - 1
        arrays = self._read(number).arrays
        here = row - int(self._offsets[number])
        return float(arrays["at"][here]), int(arrays["place"][here])

    def _lesson(self, number: int) -> _Lesson:
        with opened_at(_place(self._job, self._days[number])) as file:
            with np.load(file) as arrays:
                found = {name: arrays[name] for name in arrays.files}
        codes = {
            kind: np.array([known[code] for code in found[f"{kind}_values"].tolist()], dtype=np.int64)[found[kind]]
            for kind, known in self._numbers.items()
        }
        return _Lesson(found, codes)

    def lessons(self, start: int, end: int) -> Iterator[Lesson]:
        """The orders from row `start` until before `end`, a day at a time."""
        first, last = (int(np.searchsorted(self._offsets, row, side="right")) - 1 for row in (start, end - 1))
        for number in range(first, last + 1):
            offset = int(self._offsets[number])
            yield self._taken(self._read(number), max(start - offset, 0), end - offset)

    def _taken(self, lesson: _Lesson, begin: int, end: int) -> Lesson:
        arrays, codes = lesson
        orders = slice(begin, min(end, len(arrays["at"])))
        lines = slice(*np.searchsorted(arrays["line_order"], [orders.start, orders.stop]))
        pairs = slice(*np.searchsorted(arrays["again"], [orders.start, orders.stop]))
        again, before_at = arrays["again"][pairs], arrays["before_at"][pairs]
        return Lesson(
            codes={code: codes[code][orders] for code in ORDER_CODES},
            net=arrays["net"][orders],
            minute=arrays["minute"][orders],
            account_days=arrays["account_days"][orders],
            line_currency=codes["currency"][arrays["line_order"][lines]],
            sku=codes["sku"][lines],
            category=codes["category"][lines],
            price=arrays["price"][lines],
            quantity=arrays["quantity"][lines],
            again_currency=codes["currency"][again],
            again_net=arrays["net"][again],
            before_currency=self._currencies(arrays["before_currency"][pairs]),
            before_net=arrays["before_net"][pairs],
            before_segment=segments(self.starts, before_at, arrays["before_place"][pairs]),
            gap_hours=(arrays["at"][again] - before_at) / 3600.0,
        )

    def _currencies(self, letters: Any) -> Indices:
        values, index = np.unique(letters, return_inverse=True)
        names = values.astype("<u4").view("S4").astype(str).tolist()
        known = self._numbers["currency"]
        return np.array([known[name] for name in names], dtype=np.int64)[index]
