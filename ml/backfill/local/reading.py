"""The first step: order files to masked records on the disk, block by block, and what was found on the way."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from tqdm import tqdm

from ml.backfill.local.limits import Limits
from ml.backfill.local.records import LINE, Vocabularies, records_of, spilled_order, vocabularies
from ml.backfill.local.shuffle import Indices, Records, Shuffle
from ml.backfill.output import LEFT, RESULT
from ml.backfill.settings import Settings
from ml.column_masking import ColumnMasker
from ml.date_range import Allowed, Hours, lines_of_rows
from ml.feature_engineering import Found, collector_off, found_by_file, masked_blocks, workers_for
from ml.order_files import numbered
from ml.quarantine import Quarantined, TooManyBadLines, check_share, quarantine_file, record
from ml.reading import BLOCK_BYTES, Block, Tally, blocks_of_files, columns_of_block
from orderguard.features.columns import Columns, merged
from orderguard.masking import Keyring
from orderguard.masking.codes import is_undecided, undecided
from orderguard.private_files import open_private

QUARANTINE = Path("quarantine", "bad-lines.ndjson")
ID = np.dtype([("id", "<u8", (2,)), ("row", "<u8"), ("at", "<f8")])
_UNUSABLE = np.dtype([("position", "<u4"), ("line", "<u8")])
_BYTES_AN_ORDER = 256
_SEALED = "code"


class Reading(msgspec.Struct, kw_only=True):
    """What was read. `orders` counts usable ones, by file in `counts`; `later` of them were placed after the moment
    that is asked about, and are not spilled. `hours` are of the others, see `ml.date_range.Hours`; `codes` are the
    values of each kind of code by number, sealed where `doubtful` says that they may be personal; `id_parts`
    partitions the ids.
    """

    lines: int = 0
    blank: int = 0
    orders: int = 0
    later: int = 0
    misdated: int = 0
    repaired: int = 0
    repairs: list[Found] = []
    apart: list[Found] = []
    refused: list[Found] = []
    quarantined: dict[str, int] = {}
    unknown_fields: dict[str, int] = {}
    counts: list[int] = []
    hours: list[tuple[int, int, float, float]] = []
    codes: dict[str, list[str]] = {}
    doubtful: dict[str, list[bool]] = {}
    spills: int = 0
    id_parts: int = 1

    def allowed(self, settings: Settings) -> Allowed:
        """The range of dates that can be right."""
        hours = Hours()
        hours.hours = {hour: (count, first, last) for hour, count, first, last in self.hours}
        return hours.allowed(settings.config.input.earliest, settings.config.input.maximum_gap_days)

    def values(self, keyring: Keyring) -> dict[str, list[str]]:
        """The codes by number."""
        return {
            name: [
                keyring.unseal(_SEALED, value) or "" if doubtful else value
                for value, doubtful in zip(values, self.doubtful[name], strict=True)
            ]
            for name, values in self.codes.items()
        }


def width_of(keyring: Keyring) -> int:
    """How many letters a pseudonym has."""
    return len(keyring.token("order", ""))


def spilled(folder: Path, number: int, width: int) -> tuple[Records, Records]:
    """Orders and lines that were spilled, in the sequence of the files."""
    return np.fromfile(folder / f"orders-{number:07}", spilled_order(width)), np.fromfile(
        folder / f"lines-{number:07}", LINE
    )


def read_orders(paths: Sequence[Path], settings: Settings, limits: Limits, work: Path, folder: Path) -> Reading:
    """Read, mask and spill all orders. Raises `ReadingError`, and `TooManyBadLines`, where bad lines are in the
    output's quarantine by then.
    """
    # A former attempt that was killed may have left part of a file here, under a name of its own.
    shutil.rmtree((work / RESULT / QUARANTINE).parent, ignore_errors=True)
    blocks = list(blocks_of_files(paths, BLOCK_BYTES))
    size = sum(block.end - block.start for block in blocks)
    found = Reading(id_parts=limits.id_parts(size // _BYTES_AN_ORDER))
    spill, counted, hours = _Spill(folder, settings, limits, found.id_parts), Findings(), Hours()
    counts, lines_before, lines_here = Counter[int](), Counter[int](), 0
    bar = tqdm(total=size, desc="read and mask", unit="B", unit_scale=True, disable=not settings.progress)
    with bar, quarantine_file(work / RESULT / QUARANTINE) as file:
        with open_private(folder / "unusable", "wb") as unusable:
            for part in _masked(blocks, settings, limits, size):
                position, tally = part.block.position, Tally()
                tally.add(part.tally, lines_before[position])
                record(file, tally.quarantined)
                without = [(line.position, line.line) for line in tally.quarantined]
                without += [(line.position, line.line) for line in tally.apart]
                unusable.write(np.array(without, _UNUSABLE).tobytes())
                counted.add(tally)
                found.later += spill.add(part.columns, part.ids, found.orders, hours)
                found.orders += len(part.columns)
                counts[position] += len(part.columns)
                lines_here += tally.lines
                if part.last:
                    lines_before[position], lines_here = lines_before[position] + lines_here, 0
                    bar.update(part.block.end - part.block.start)
                    bar.set_postfix(orders=found.orders, refresh=False)
        found.spills = spill.end()
        found.counts = [counts[position] for position in range(1, len(paths) + 1)]
        found.hours = [(hour, *facts) for hour, facts in sorted(hours.hours.items())]
        for line in _misdated(found, paths, settings, folder):
            found.misdated += 1
            record(file, [line])
            counted.bad(line)
    found.doubtful = {name: list(map(is_undecided, known.values)) for name, known in spill.known.items()}
    found.codes = {
        name: [settings.keyring.seal(_SEALED, value) if is_undecided(value) else value for value in known.values]
        for name, known in spill.known.items()
    }
    counted.tell(found)
    if not found.quarantined:
        (work / RESULT / QUARANTINE).unlink()
        (work / RESULT / QUARANTINE).parent.rmdir()
    return found


def check_quarantined(found: Reading, settings: Settings, work: Path) -> None:
    """Raise `TooManyBadLines` above the ceiling. What is wrong with the lines is left for whoever repairs the feed."""
    try:
        check_share(Counter(found.quarantined), found.lines - found.blank, settings.config.input.maximum_bad_share)
    except TooManyBadLines as error:
        path = settings.out / LEFT
        shutil.copyfile(work / RESULT / QUARANTINE, path)
        raise TooManyBadLines(f"{error} The lines: {path}") from None


class Findings:
    """What was found while reading, counted; the lines themselves are in the quarantine."""

    def __init__(self) -> None:
        self.total, self.kinds = Tally(), Counter[str]()
        self.repairs, self.apart, self.refused = (Counter[tuple[int, str, str]]() for _ in range(3))

    def add(self, tally: Tally) -> None:
        """Count what a tally has, and forget its lines."""
        for line in tally.quarantined:
            self.bad(line)
        self.apart.update((one.position, "", one.kind) for one in tally.apart)
        for (position, (field, reason)), count in tally.repairs.items():
            self.repairs[position, field, reason] += count
        tally.quarantined, tally.apart, tally.repairs = [], [], Counter()
        self.total.add(tally)

    def bad(self, line: Quarantined) -> None:
        """Count a bad line."""
        self.kinds[line.kind] += 1
        self.refused[line.position, line.place, line.reason] += 1

    def tell(self, found: Reading) -> None:
        """Write down all that."""
        found.lines, found.blank, found.repaired = self.total.lines, self.total.blank, self.total.repaired
        found.unknown_fields = dict(sorted(self.total.unknown_fields.items()))
        found.quarantined = dict(sorted(self.kinds.items()))
        found.repairs, found.apart, found.refused = map(found_by_file, (self.repairs, self.apart, self.refused))


class _Spill:
    """Orders on their way to the disk, some tens of thousands at a time."""

    def __init__(self, folder: Path, settings: Settings, limits: Limits, id_parts: int) -> None:
        self.known: Vocabularies = vocabularies()
        self._folder, self._keyring, self._at, self._limits = folder, settings.keyring, settings.at, limits
        self._dtype = spilled_order(width_of(settings.keyring))
        self._ids = Shuffle(folder / "ids", ID, id_parts)
        self._held: list[tuple[Records, Records]] = []
        self._count = self._written = 0

    def add(self, columns: Columns, ids: bytes, first_row: int, hours: Hours) -> int:
        """Take orders, the first of which is the usable one of this number; how many of them are too late."""
        tokens = self._keyring.written("order", ids)
        orders, lines = records_of(columns, ids, tokens, first_row, self.known, self._dtype)
        later = 0
        if self._at is not None:
            wanted = orders["at"] <= self._at
            later = len(orders) - int(wanted.sum())
            orders, lines = orders[wanted], lines[np.repeat(wanted, orders["lines"])]
        hours.add(orders["at"])
        self._held.append((orders, lines))
        self._count += len(orders)
        if self._count >= self._limits.spilled:
            self._write()
        return later

    def end(self) -> int:
        """Write what is left; how many spills there are."""
        if self._count:
            self._write()
        return self._written

    def _write(self) -> None:
        orders, lines = (np.concatenate(parts) for parts in zip(*self._held, strict=True))
        for name, records in (("orders", orders), ("lines", lines)):
            with open_private(self._folder / f"{name}-{self._written:07}", "wb") as file:
                file.write(records.tobytes())
        ids = np.empty(len(orders), ID)
        for name in ("id", "row", "at"):
            ids[name] = orders[name]
        self._ids.write(self._written, ids, part_of_id(ids["id"], self._ids.targets))
        self._held, self._count, self._written = [], 0, self._written + 1


def part_of_id(ids: Indices, parts: int) -> Indices:
    """The partition (n,) of orders' ids (n, 2)."""
    found: Indices = ((ids[:, 0] >> np.uint64(44)) * np.uint64(parts) >> np.uint64(20)).astype(np.int64)
    return found


class _Part(NamedTuple):
    """Orders of a block, the last of them or not."""

    block: Block
    columns: Columns
    ids: bytes
    tally: Tally
    last: bool


def _masked(blocks: Sequence[Block], settings: Settings, limits: Limits, size: int) -> Iterator[_Part]:
    """All orders in the sequence of the files. A compressed file can't be cut: a large one is read here, piece by
    piece.
    """
    feed, workers = settings.config.input.feed, min(settings.jobs, workers_for(size, 0))

    def is_large(block: Block) -> bool:
        return block.path.name.endswith(".gz") and block.end > limits.compressed

    for large, some in groupby(blocks, is_large):
        together = list(some)
        if not large:
            for block, found in zip(together, masked_blocks(together, settings.keyring, workers, feed), strict=True):
                yield _Part(block, *found, last=True)
            continue
        for block in together:
            masker = ColumnMasker(settings.keyring, undecided)
            with collector_off():
                for found in columns_of_block(block, masker, feed):
                    yield _Part(block, *found, last=False)
            yield _Part(block, merged([]), b"", Tally(), last=True)


def _misdated(found: Reading, paths: Sequence[Path], settings: Settings, folder: Path) -> Iterator[Quarantined]:
    """The lines of orders with a date that can't be right, file by file."""
    allowed = found.allowed(settings)
    if not any(first < allowed.first or last > allowed.last for _, _, first, last in found.hours):
        return
    rows: dict[int, str] = {}
    for number in range(found.spills):
        orders, _ = spilled(folder, number, width_of(settings.keyring))
        out = orders[allowed.out(orders["at"])]
        rows.update((row, allowed.reason(at)) for row, at in zip(out["row"].tolist(), out["at"].tolist(), strict=True))
    unusable = np.fromfile(folder / "unusable", _UNUSABLE)
    start = 0
    for file, count in zip(numbered(paths, settings.keyring), found.counts, strict=True):
        here = {row - start: reason for row, reason in rows.items() if start <= row < start + count}
        start += count
        if here:
            lines = unusable["line"][unusable["position"] == file.position]
            yield from lines_of_rows(file, here, set(lines.tolist()))
