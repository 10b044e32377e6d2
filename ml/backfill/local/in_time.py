"""Repeats left out, time order made: which orders count, and in which sequence."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.article_evidence import FEWEST_CUSTOMERS, proven_of
from ml.backfill.local.limits import Limits
from ml.backfill.local.parallel import each
from ml.backfill.local.reading import ID, Reading, spilled, width_of
from ml.backfill.local.records import (
    LINE,
    LINE_CODES,
    OF_ENTITY,
    SORTED,
    Vocabulary,
    columns_of_records,
    lines_of_orders,
    of_customer,
    of_entity,
    partitions,
    spilled_order,
)
from ml.backfill.local.shuffle import Indices, Records, Shuffle
from ml.backfill.settings import Settings
from ml.currency_levels import net_values
from ml.date_range import Allowed
from orderguard.catalogue import Catalogue
from orderguard.features.facts import CODES
from orderguard.masking.codes import decided, is_undecided, known_articles
from orderguard.private_files import open_private

Bits = NDArray[np.uint8]


class Routed(msgspec.Struct, kw_only=True):
    """Orders by time bucket. Bucket b begins at hour `hours[b]` and has `counts[b]` orders; `kept` counts them by file.

    `articles` are the codes that look like a person's number and are the shop's; `codes` those of all kinds by number,
    as they come out, `settled` which of them each number of a sku or category became.
    """

    hours: list[int]
    counts: list[int]
    kept: list[int]
    duplicates: int
    articles: list[str]
    codes: dict[str, list[str]]
    settled: dict[str, list[int]]

    @property
    def buckets(self) -> int:
        """How many time buckets there are."""
        return len(self.hours)

    @property
    def orders(self) -> int:
        """How many orders count."""
        return sum(self.counts)

    def offsets(self) -> Indices:
        """How many orders come before each bucket, and all, (buckets + 1,)."""
        return np.concatenate([[0], np.cumsum(np.array(self.counts, dtype=np.int64))])


def repeats(reading: Reading, allowed: Allowed, folder: Path) -> Bits:
    """Whether each usable order, by its row, has the id of an earlier one of those whose date can be right.

    A bit an order is all that is held of them.
    """
    ids = Shuffle(folder / "ids", ID, reading.id_parts)
    repeated = np.zeros(reading.orders // 8 + 1, dtype=np.uint8)
    for part in range(reading.id_parts):
        found = ids.read(part)
        found = found[~allowed.out(found["at"])]
        # The sort is stable and rows ascend, so the first of equal ids is the one that was read first.
        found = found[np.lexsort(found["id"].T)]
        rows = found["row"][1:][(found["id"][1:] == found["id"][:-1]).all(axis=1)]
        rows = rows.astype(np.int64)
        np.bitwise_or.at(repeated, rows >> 3, np.left_shift(1, rows & 7).astype(np.uint8))
    return repeated


def bucket_hours(reading: Reading, allowed: Allowed, limits: Limits) -> list[int]:
    """The hours (since 1970) that time buckets begin at, of about as many orders each."""
    inside = [(hour, count) for hour, count, first, last in reading.hours if last >= allowed.first]
    inside = [(hour, count) for hour, count in inside if hour * 3600.0 <= allowed.last]
    size = sum(count for _, count in inside) / limits.parts(sum(count for _, count in inside))
    hours: list[int] = []
    held = 0
    for hour, count in inside:
        if not hours or held >= size:
            hours.append(hour)
            held = 0
        held += count
    return hours


def route(reading: Reading, settings: Settings, limits: Limits, read: Path, folder: Path) -> Routed:
    """Send each order that counts to its time bucket; decide what orders prove of codes in doubt."""
    width, allowed, values = width_of(settings.keyring), reading.allowed(settings), reading.values(settings.keyring)
    repeated = repeats(reading, allowed, read)
    hours = bucket_hours(reading, allowed, limits)
    orders_out = Shuffle(folder / "orders", spilled_order(width), len(hours))
    lines_out = Shuffle(folder / "lines", LINE, len(hours))
    evidence = {name: _Evidence(values[name]) for name in LINE_CODES}
    ends, counts = np.cumsum(reading.counts), np.zeros(len(hours), dtype=np.int64)
    kept, duplicates = np.zeros(len(ends), dtype=np.int64), 0
    numbers = tqdm(range(reading.spills), desc="put in time order", disable=not settings.progress)
    for number in numbers:
        orders, lines = spilled(read, number, width)
        right = ~allowed.out(orders["at"])
        row = orders["row"].astype(np.int64)
        new = repeated[row >> 3] & np.left_shift(1, row & 7).astype(np.uint8) == 0
        duplicates += int((right & ~new).sum())
        lines = lines[np.repeat(right & new, orders["lines"])]
        orders = orders[right & new]
        bucket = np.searchsorted(hours, orders["at"] // 3600.0, side="right") - 1
        counts += np.bincount(bucket, minlength=len(hours))
        kept += np.bincount(np.searchsorted(ends, row[right & new], side="right"), minlength=len(ends))
        for name, proof in evidence.items():
            proof.add(lines[name], np.repeat(orders["customer"], orders["lines"]))
        orders_out.write(number, orders, bucket)
        lines_out.write(number, lines, np.repeat(bucket, orders["lines"]))
    articles, settled, codes = _settled(evidence, values, settings)
    return Routed(
        hours=hours,
        counts=counts.tolist(),
        kept=kept.tolist(),
        duplicates=duplicates,
        articles=articles,
        codes=codes,
        settled=settled,
    )


class _Evidence:
    """Which codes are in use, and of those in doubt a few that bought them: see `ml.article_evidence`. Two add up."""

    def __init__(self, values: Sequence[str]) -> None:
        self.used = np.zeros(len(values), dtype=bool)
        self.doubtful = np.fromiter(map(is_undecided, values), bool, len(values))
        self.buyers: dict[int, set[bytes]] = {}

    def add(self, numbers: Indices, customers: Records) -> None:
        """Take in the codes of lines (m,) and who bought them."""
        self.used[numbers] = True
        doubtful = np.flatnonzero(self.doubtful[numbers]) if self.doubtful.any() else ()
        for row in doubtful:
            buyers = self.buyers.setdefault(int(numbers[row]), set())
            if len(buyers) < FEWEST_CUSTOMERS:
                buyers.add(bytes(customers[row]))

    def proven(self, values: Sequence[str]) -> set[str]:
        """The codes in doubt that are articles'."""
        used = np.flatnonzero(self.used).tolist()
        return proven_of([values[number] for number in used], [len(self.buyers.get(number, ())) for number in used])


def _settled(
    evidence: dict[str, _Evidence], values: dict[str, list[str]], settings: Settings
) -> tuple[list[str], dict[str, list[int]], dict[str, list[str]]]:
    """The codes that are kept, those of a version's catalogue or those proven here; the numbers that skus and
    categories get, and all codes by number.
    """
    given = Catalogue.read(settings.version_dir).articles if settings.version_dir else None
    articles = set(given or ())
    if given is None and any(proof.buyers for proof in evidence.values()):
        articles = set().union(*(proof.proven(values[name]) for name, proof in evidence.items()))
    doubt = known_articles(articles)
    known = {name: Vocabulary() for name in evidence}
    settled = {name: [known[name].number_of(decided(value, doubt)) for value in values[name]] for name in evidence}
    codes = {name: values[name] for name in CODES} | {name: vocabulary.values for name, vocabulary in known.items()}
    return sorted(articles), settled, codes


class Sorter:
    """Puts the orders of a bucket in time order, and sends what partitions of tokens need of them there."""

    def __init__(self, routed: Routed, settings: Settings, limits: Limits, source: Path, folder: Path) -> None:
        width = width_of(settings.keyring)
        self._routed, self._folder, self._offsets = routed, folder, routed.offsets()
        self._settled = {name: np.array(numbers, np.uint32) for name, numbers in routed.settled.items()}
        self._orders = Shuffle(source / "orders", spilled_order(width), routed.buckets)
        self._lines = Shuffle(source / "lines", LINE, routed.buckets)
        self._shuffles = shuffles(routed, settings, limits, folder)

    def sort(self, bucket: int) -> None:
        """Put one bucket in order."""
        orders, lines = self._orders.read(bucket), self._lines.read(bucket).copy()
        for name, numbers in self._settled.items():
            lines[name] = numbers[lines[name]]
        begin = lines_of_orders(orders)
        # Rows ascend, and the sort is stable: equal moments stay in the sequence of the files.
        order = np.argsort(orders["at"], kind="stable")
        sizes = orders["lines"][order].astype(np.int64)
        moved = np.repeat(begin[order] - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())
        orders, lines = orders[order], lines[moved]
        kept = np.empty(len(orders), SORTED)
        for name in SORTED.names or ():
            kept[name] = orders[name]
        self._send(bucket, orders, net_values(columns_of_records(kept, lines, self._routed.codes)))
        for name, data in (("orders", kept), ("lines", lines), ("at", np.ascontiguousarray(kept["at"]))):
            with open_private(self._folder / f"{name}-{bucket:07}", "wb") as file:
                file.write(data.tobytes())

    def _send(self, bucket: int, orders: Records, net: NDArray[np.float64]) -> None:
        place = self._offsets[bucket] + np.arange(len(orders))
        customers = self._shuffles.customers
        found = np.empty(len(orders), customers.dtype)
        for name in set(customers.dtype.names or ()) - {"place", "net"}:
            found[name] = orders[name]
        found["place"], found["net"] = place, net
        customers.write(bucket, found, partitions(found["customer"], customers.targets))
        for name, entities in self._shuffles.entities.items():
            rows = np.flatnonzero(orders[OF_ENTITY[name]] != b"")
            seen = np.empty(len(rows), entities.dtype)
            seen["entity"], seen["customer"] = orders[OF_ENTITY[name]][rows], orders["customer_digest"][rows]
            seen["place"] = place[rows]
            for field in ("at", "minute", "card", "number"):
                seen[field] = orders[field][rows]
            entities.write(bucket, seen, partitions(seen["entity"], entities.targets))


class Shuffles:
    """Where orders go from their time buckets: to the partitions of their customers and of each kind of entity."""

    def __init__(self, customers: Shuffle, entities: dict[str, Shuffle]) -> None:
        self.customers, self.entities = customers, entities


def shuffles(routed: Routed, settings: Settings, limits: Limits, folder: Path) -> Shuffles:
    """Those in the folder where orders were sorted."""
    width, parts = width_of(settings.keyring), limits.parts(routed.orders)
    return Shuffles(
        Shuffle(folder / "customers", of_customer(width), parts),
        {name: Shuffle(folder / name, of_entity(width), parts) for name in OF_ENTITY},
    )


def sorted_bucket(folder: Path, bucket: int) -> tuple[Records, Records]:
    """The orders of a bucket in time order, and their lines."""
    return np.fromfile(folder / f"orders-{bucket:07}", SORTED), np.fromfile(folder / f"lines-{bucket:07}", LINE)


def sort_all(routed: Routed, settings: Settings, limits: Limits, source: Path, folder: Path) -> int:
    """Put all buckets in time order; how many orders there are."""
    sorter = Sorter(routed, settings, limits, source, folder)
    with tqdm(total=routed.buckets, desc="sort", disable=not settings.progress) as bar:
        for _ in each(sorter.sort, routed.buckets, settings.jobs, bar):
            pass
    return routed.orders
