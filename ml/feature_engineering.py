"""From order files to a table of features: read, quarantine, mask, put in time order, learn what is usual, compute.

Reading and masking run on all cores; the result does not depend on how many there are.
"""

import gc
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.article_evidence import settled
from ml.blocks import block_starts
from ml.catalogue_learning import Catalogues
from ml.column_masking import ColumnMasker
from ml.date_range import out_of_range, quarantined
from ml.order_files import ReadingError, numbered
from ml.quarantine import check_share, quarantine_file, record
from ml.reading import BLOCK_BYTES, Block, Tally, blocks_of_files, columns_of_block
from ml.tails import Tails
from orderguard.catalogue import Catalogue
from orderguard.features.columns import Columns, lines_of, merged, taken
from orderguard.features.looked_up import LookedUp, looked_up
from orderguard.features.pasts import Pasts
from orderguard.features.shared import shared_facts
from orderguard.features.table import FEATURES
from orderguard.features.vector import column_features
from orderguard.interrupts import left_to_parent
from orderguard.masking import Keyring
from orderguard.masking.codes import undecided
from orderguard.model_version import DataFile, sha256
from orderguard.presence import Bits
from orderguard.repair import Feed

ORDERS_A_GROUP = 2**15
BYTES_A_WORKER = 32 * 2**20
"""Fewer bytes than this are not worth another process."""
BLOCKS_AHEAD = 3


class FeatureConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`refresh_days` and `warm_up` say how old a catalogue gets and which share of the orders only fills the first
    one, see `ml.blocks.block_starts`; `workers` 0 means all cores.
    """

    refresh_days: float = 7.0
    warm_up: float = 0.25
    bad_line_ceiling: float = 0.05
    earliest: date = date(1990, 1, 1)
    maximum_gap_days: float = 730.0
    quarantine: Path | None = None
    feed: Feed = Feed()
    workers: int = 0
    progress: bool = False


class Found(msgspec.Struct, frozen=True):
    """What was done about a field, in how many orders of a file, by the file's position. A line as a whole has no
    field.
    """

    file: int
    field: str
    reason: str
    orders: int


class ReadingReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over all files. `quarantined` is by reason; `unknown_fields` by place, looked for in every 50th line.

    `repaired` orders had something that was repaired. What, is in `repairs`; what was set apart and what was
    quarantined, by file, in `apart` and `refused`.
    """

    lines: int
    blank_lines: int
    orders: int
    duplicates: int
    quarantined: dict[str, int]
    unknown_fields: dict[str, int]
    repaired: int = 0
    repairs: list[Found] = []
    apart: list[Found] = []
    refused: list[Found] = []


class RowCatalogues(Protocol):
    """Catalogues of rows (n,), each learnt from orders before its row."""

    def ages(self) -> NDArray[np.float64]:
        """How old each row's catalogue was, in days (n,)."""

    def of_row(self, row: int) -> Catalogue:
        """The catalogue that the order at this row is compared with."""


@dataclass(frozen=True)
class FeatureTable:
    """n orders in time order.

    `X` is float32 of shape (n, d); `created_at` in epoch seconds; `told` are the bits of the optional
    fields that each order brings, see `orderguard.presence`. Each order is compared with the catalogue of its
    block, learnt from earlier orders alone: but for those before row `first`, which fill the first catalogue and are
    of no other use. `catalogue` is the one that serves, learnt from all orders.
    """

    X: NDArray[np.float32]
    created_at: NDArray[np.float64]
    told: Bits
    order_tokens: list[str]
    catalogue: Catalogue
    catalogues: RowCatalogues | None
    first: int
    report: ReadingReport
    data_files: list[DataFile]
    """A repeat of an order is not counted as taken from its file."""
    feed: Feed = Feed()
    """How the order files are read."""
    tails: Tails | None = None
    """Of all rows that a training would take, where those here are drawn from them."""

    def catalogue_ages(self) -> NDArray[np.float64] | None:
        """How old the catalogue that each order is compared with was, in days (n,)."""
        return self.catalogues.ages() if self.catalogues else None

    def catalogue_of(self, row: int) -> Catalogue:
        """The catalogue that the order at this row is compared with."""
        return self.catalogues.of_row(row) if self.catalogues else self.catalogue


def build_features(
    paths: Sequence[Path],
    keyring: Keyring,
    config: FeatureConfig = FeatureConfig(),
    *,
    catalogue: Catalogue | None = None,
) -> FeatureTable:
    """Features of all orders in files.

    Catalogues are learnt from the orders, or one is given for all (features of new data for an old model).

    Raises `ReadingError` if a file can't be read or no order is left, and `TooManyBadLines` above the ceiling of bad
    lines.
    """
    read = read_columns(paths, keyring, config)
    rows = rows_in_time_order(read.columns, read.digests)
    if not len(rows):
        raise ReadingError(f"no usable order in {len(paths)} order files", [path.name for path in paths])
    ends = np.cumsum([read.counts[path] for path in paths])
    kept = np.diff(np.searchsorted(np.sort(rows), ends), prepend=0).tolist()
    tally, digests, duplicates = read.tally, read.digests[rows].tobytes(), len(read.columns) - len(rows)
    columns, articles = settled(taken(read.columns, rows), catalogue.articles if catalogue else None)
    read.columns = columns
    learnt, first = None, 0
    if catalogue:
        usual = looked_up(columns, catalogue)
    else:
        starts = block_starts(columns.numbers["at"], config.refresh_days, config.warm_up)
        learnt, first = Catalogues(columns, starts), int(starts[0]) if len(starts) else len(columns)
        usual = learnt.looked_up()
        catalogue = msgspec.structs.replace(learnt.latest, articles=articles)
    return FeatureTable(
        X=features_of(columns, usual, workers_for(read.size, config.workers)),
        created_at=columns.numbers["at"],
        told=columns.told,
        order_tokens=keyring.written("order", digests),
        catalogue=catalogue,
        catalogues=learnt,
        first=first,
        report=ReadingReport(
            lines=tally.lines,
            blank_lines=tally.blank,
            orders=len(columns),
            duplicates=duplicates,
            quarantined=dict(sorted(Counter(bad.kind for bad in tally.quarantined).items())),
            unknown_fields=dict(sorted(tally.unknown_fields.items())),
            repaired=tally.repaired,
            repairs=found_by_file(Counter({(file, *repair): count for (file, repair), count in tally.repairs.items()})),
            apart=found_by_file(Counter((one.position, "", one.kind) for one in tally.apart)),
            refused=found_by_file(Counter((bad.position, bad.place, bad.reason) for bad in tally.quarantined)),
        ),
        data_files=[
            DataFile(position=file.position, token=file.token, sha256=read.hashes[file.path], orders=orders)
            for file, orders in zip(numbered(paths, keyring), kept, strict=True)
        ],
        feed=config.feed,
    )


def found_by_file(counts: Counter[tuple[int, str, str]]) -> list[Found]:
    """What was found, by its file, field and reason: by file, then the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (pair[0][0], -pair[1], pair[0]))
    return [Found(*place, count) for place, count in ordered]


@dataclass
class Read:
    """All usable orders in the order of the files; `digests` (n, 2) tell their ids apart. And what was found on the
    way: `counts` is the number of orders by file, `hashes` the SHA-256 of each, `size` all files' bytes.
    """

    columns: Columns
    digests: NDArray[np.uint64]
    tally: Tally
    counts: dict[Path, int]
    hashes: dict[Path, str]
    size: int


def read_columns(paths: Sequence[Path], keyring: Keyring, config: FeatureConfig) -> Read:
    """Read and mask all orders of some files."""
    blocks = list(blocks_of_files(paths, BLOCK_BYTES))
    parts: list[Columns] = []
    digests = bytearray()
    total = Tally()
    lines_before, counts = Counter[Path](), Counter[Path](dict.fromkeys(paths, 0))
    hashes: dict[Path, str] = {}
    size = sum(block.end - block.start for block in blocks)
    bar = tqdm(total=size, desc="read and mask", unit="B", unit_scale=True, disable=not config.progress)
    with bar, quarantine_file(config.quarantine) as file:
        for block, (columns, ids, tally) in zip(
            blocks, masked_blocks(blocks, keyring, workers_for(size, config.workers), config.feed), strict=True
        ):
            parts.append(columns)
            digests += ids
            bad_before = len(total.quarantined)
            total.add(tally, lines_before[block.path])
            record(file, total.quarantined[bad_before:])
            lines_before[block.path] += tally.lines
            counts[block.path] += tally.orders
            if block.path not in hashes:  # while the workers are busy with the other blocks
                hashes[block.path] = sha256(block.path)
            bar.update(block.end - block.start)
            bar.set_postfix(orders=total.orders, refresh=False)
        columns, two_of_each = merged(parts), np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
        if misdated := out_of_range(columns.numbers["at"], config.earliest, config.maximum_gap_days):
            lines = quarantined(numbered(paths, keyring), counts, misdated, [*total.quarantined, *total.apart])
            record(file, lines)
            total.quarantined += lines
            total.orders -= len(lines)
            counts.subtract(Counter(_file_of_row(counts, row) for row in misdated))
            kept = np.setdiff1d(np.arange(len(columns)), list(misdated))
            columns, two_of_each = taken(columns, kept), two_of_each[kept]
    check_share(Counter(bad.kind for bad in total.quarantined), total.lines - total.blank, config.bad_line_ceiling)
    hashes |= {path: sha256(path) for path in paths if path not in hashes}
    return Read(columns, two_of_each, total, dict(counts), hashes, size)


def _file_of_row(counts: Mapping[Path, int], row: int) -> Path:
    """The file that a usable order is in, of which each has its number in `counts`, in the order of reading."""
    for path, count in counts.items():
        if row < count:
            return path
        row -= count
    raise IndexError(row)


def workers_for(size: int, wanted: int) -> int:
    """How many processes to read `size` bytes with."""
    return wanted or min(len(os.sched_getaffinity(0)), max(1, size // BYTES_A_WORKER))


def masked_blocks(
    blocks: list[Block], keyring: Keyring, workers: int, feed: Feed = Feed()
) -> Iterator[tuple[Columns, bytes, Tally]]:
    """Each block's orders as columns, the digests of their ids and what was found, in the order of the blocks."""
    if workers <= 1:
        masker = ColumnMasker(keyring, undecided)
        for block in blocks:
            yield masked_block(block, masker, feed)
        return
    # Forked, so that the key is inherited: a keyring is never serialised.
    try:
        with ProcessPoolExecutor(workers, get_context("fork"), _begin_worker, (keyring, feed)) as pool:
            yield from _in_turn(pool, blocks, workers)
    except BrokenProcessPool:
        raise ReadingError(
            f"one of {workers} reading processes was ended from outside, perhaps for want of memory. Use fewer workers."
        ) from None


def _in_turn(pool: ProcessPoolExecutor, blocks: list[Block], workers: int) -> Iterator[tuple[Columns, bytes, Tally]]:
    """What the pool makes of the blocks, in their order. A worker is a few blocks ahead at most: what was read and not
    taken yet is held in memory.
    """
    ahead: deque[Future[tuple[Columns, bytes, Tally]]] = deque()
    for block in blocks:
        ahead.append(pool.submit(_masked_block_of_worker, block))
        if len(ahead) > workers * BLOCKS_AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def masked_block(block: Block, masker: ColumnMasker, feed: Feed = Feed()) -> tuple[Columns, bytes, Tally]:
    """One block's orders as columns, the digests of their ids, and what was found while reading them."""
    tally, parts, digests = Tally(), [], b""
    with collector_off():
        for columns, ids, found in columns_of_block(block, masker, feed):
            tally.add(found)
            parts.append(columns)
            digests += ids
    return merged(parts), digests, tally


@contextmanager
def collector_off() -> Iterator[None]:
    """Orders make no cycles, and looking for cycles among many thousands of them takes as long as reading them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_worker: list[tuple[ColumnMasker, Feed]] = []


def _begin_worker(keyring: Keyring, feed: Feed) -> None:
    left_to_parent()
    _worker[:] = [(ColumnMasker(keyring, undecided), feed)]


def _masked_block_of_worker(block: Block) -> tuple[Columns, bytes, Tally]:
    return masked_block(block, *_worker[0])


def rows_in_time_order(columns: Columns, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The rows sorted by time (equal times stay in the order of the files), without those that repeat an earlier
    line's order id.
    """
    rows = np.flatnonzero(first_of_each(digests))
    return rows[np.argsort(columns.numbers["at"][rows], kind="stable")]


def first_of_each(digests: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each row of digests (n, 2) is the first with its values, (n,)."""
    first = np.ones(len(digests), dtype=bool)
    if len(np.unique(digests[:, 0])) < len(digests):
        by_id = np.lexsort(digests.T)
        repeats = (digests[by_id[1:]] == digests[by_id[:-1]]).all(axis=1)
        first[by_id[1:][repeats]] = False
    return first


def features_of(columns: Columns, usual: LookedUp, threads: int) -> NDArray[np.float32]:
    """`column_features`, a group of customers at a time: what one group takes fits into the processor's cache. What
    customers share is counted over all of them first.
    """
    known = Pasts.empty()
    shared = shared_facts(columns, known.customers, known.entities)
    columns = replace(columns, entities={})
    features = np.empty((len(columns), len(FEATURES)), dtype=np.float32)
    groups = len(columns) // ORDERS_A_GROUP + 1
    orders_before = np.cumsum(np.bincount(columns.customers.index)) - 1
    group = (orders_before * groups // len(columns))[columns.customers.index]

    def compute(number: int) -> None:
        rows = np.flatnonzero(group == number)
        lines = lines_of(columns, rows)
        features[rows] = column_features(
            taken(columns, rows),
            usual.taken(rows, lines),
            {name: values[rows] for name, values in shared.items()},
        )

    with ThreadPoolExecutor(threads) as pool:
        deque(pool.map(compute, range(groups)), maxlen=0)
    return features
