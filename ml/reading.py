"""Reading order files (`.ndjson`, `.ndjson.gz`) piece by piece, masking each order on the spot, and setting bad lines
apart.
"""

import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from io import BufferedReader, BytesIO
from typing import Any, NamedTuple

import msgspec

from ml.column_masking import ColumnMasker
from ml.order_files import NAMESPACE, SUFFIXES, ReadingError
from ml.quarantine import Quarantined, masked_excerpt
from orderguard.features.columns import Columns
from orderguard.masking import Keyring, mask_order
from orderguard.masking.codes import Doubt, masked
from orderguard.order_folders import SAMPLE_FILE, keeps_apart
from orderguard.repair import Feed, Repair, Repaired, read_order
from orderguard.schema import CLASSIFICATION, UNDECODABLE, Order, OrderError, MaskedOrder

BLOCK_BYTES = 8 * 2**20
PIECE_BYTES = 2**17
CHUNK_ORDERS = 5_000
MAX_LINE_BYTES = 4 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LOOK_FOR_UNKNOWN_FIELDS_EVERY = 50


@dataclass(frozen=True)
class Block:
    """A part of a file that starts and ends with whole lines; a compressed file is one block. `position` is the file's,
    from 1.
    """

    path: Path
    start: int
    end: int
    position: int = 1


class SetApart(NamedTuple):
    """A line that holds a refund, a cancellation, an exchange or a test order, as `kind` says. `position` is its
    file's.
    """

    position: int
    line: int
    kind: str


@dataclass
class Tally:
    """What was found while reading. `repairs` counts orders by file position, field and reason, `repaired` those with
    any.
    """

    lines: int = 0
    blank: int = 0
    orders: int = 0
    repaired: int = 0
    repairs: Counter[tuple[int, Repair]] = field(default_factory=Counter)
    apart: list[SetApart] = field(default_factory=list)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    quarantined: list[Quarantined] = field(default_factory=list)

    def add(self, other: "Tally", lines_before: int = 0) -> None:
        """Add what was found in a later part of the same file, which begins after `lines_before` lines."""
        self.lines += other.lines
        self.blank += other.blank
        self.orders += other.orders
        self.repaired += other.repaired
        self.repairs.update(other.repairs)
        self.apart += [one._replace(line=one.line + lines_before) if lines_before else one for one in other.apart]
        self.unknown_fields.update(other.unknown_fields)
        self.quarantined += [
            msgspec.structs.replace(bad, line=bad.line + lines_before) if lines_before else bad
            for bad in other.quarantined
        ]


@dataclass(frozen=True)
class Chunk:
    """Some orders of a block, and what was found while reading them."""

    orders: list[MaskedOrder]
    tally: Tally


def order_files(data: Path) -> list[Path]:
    """The order files of a folder and the folders in it by name, or the one file.

    Raises `ReadingError` if there is none, if two have one name (manifest and quarantine tell files apart by name), or
    if the sample stands beside orders of your own.
    """
    if data.is_file():
        return [data]
    found = [path for path in data.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file()]
    if not found:
        raise ReadingError(
            "no order files in the folder of --data. Put *.ndjson or *.ndjson.gz there, or run `make orders`.",
            [str(data)],
        )
    made = [str(path) for path in found if SAMPLE_FILE.fullmatch(path.name)] if keeps_apart(data) else []
    if 0 < len(made) < len(found):
        raise ReadingError(
            f"{len(made)} of {len(found)} order files are the sample's (sample-YYYY-MM.ndjson): it never mixes with "
            "orders of your own. Put those into data/raw; `make orders` moves the sample to data/sample.",
            made,
        )
    names = Counter(path.name for path in found)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise ReadingError(f"more than one order file is called the same ({len(twice)} names). Rename them.", twice)
    return sorted(found, key=lambda path: path.name)


def blocks_of(path: Path, size: int = BLOCK_BYTES, position: int = 1) -> Iterator[Block]:
    """Cut a file into blocks of about `size` bytes, at line ends. Raises `ReadingError`."""
    try:
        total = path.stat().st_size
        if path.name.endswith(".gz"):
            yield Block(path, 0, total, position)
            return
        start = 0
        with path.open("rb") as file:
            while start < total:
                file.seek(min(start + size, total))
                while (piece := file.readline(MAX_LINE_BYTES)) and not piece.endswith(b"\n"):
                    pass
                end = file.tell()
                yield Block(path, start, end, position)
                start = end
    except OSError as error:
        raise ReadingError(f"order file {position}: can't be read ({error.strerror})", [str(path)]) from None


def blocks_of_files(paths: Sequence[Path], size: int = BLOCK_BYTES) -> Iterator[Block]:
    """The blocks of files one after the other, the files numbered. Raises `ReadingError`."""
    for position, path in enumerate(paths, 1):
        yield from blocks_of(path, size, position)


def lines_of(block: Block) -> Iterator[bytes | None]:
    """The lines of a block; None for one that is longer than `MAX_LINE_BYTES`, which is passed over without being
    held in memory.

    Raises `ReadingError` for a file that can't be read or whose compression is broken.
    """
    try:
        compressed = block.path.name.endswith(".gz")
        with gzip.open(block.path) if compressed else block.path.open("rb") as file:
            file.seek(block.start)
            yield from _lines(file, sys.maxsize if compressed else block.end - block.start)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        named = [str(block.path)]
        raise ReadingError(f"order file {block.position}: an incomplete gzip file. Copy it again.", named) from None
    except OSError as error:
        named = [str(block.path)]
        raise ReadingError(f"order file {block.position}: can't be read ({error.strerror})", named) from None


def _lines(file: gzip.GzipFile | BufferedReader, left: int) -> Iterator[bytes | None]:
    """The lines in the next `left` bytes; None for one that is too long."""
    rest, too_long = b"", False
    while piece := file.read(min(PIECE_BYTES, left)):
        left -= len(piece)
        lines = BytesIO(rest + piece).readlines()
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            yield None if too_long or len(line) > MAX_LINE_BYTES else line
            too_long = False
        if len(rest) >= MAX_LINE_BYTES:
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long else rest


def tallies_of(block: Block, keyring: Keyring, take: Callable[[bytes | None], Repaired | None]) -> Iterator[Tally]:
    """Hand each line of a block to `take`, which raises `OrderError` for one that can't be used, and gives back what
    was repaired or set apart.

    Tells what was found after every `CHUNK_ORDERS` usable orders, and at the end. Line numbers of quarantined lines
    count from the block's start.
    """
    tally = Tally()
    for number, line in enumerate(lines_of(block), 1):
        tally.lines += 1
        if number == 1 and block.start == 0 and line is not None:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line is not None and line.isspace() or line == b"":
            tally.blank += 1
            continue
        try:
            read = take(line)
        except OrderError as error:
            excerpt = masked_excerpt(line or b"")
            token = keyring.token(NAMESPACE, block.path.name)
            bad = Quarantined(block.position, token, number, error.field, error.reason, excerpt)
            tally.quarantined.append(bad)
            continue
        if read is not None and read.apart:
            tally.apart.append(SetApart(block.position, number, read.apart))
            continue
        if read is not None and read.repairs:
            tally.repaired += 1
            tally.repairs.update((block.position, repair) for repair in read.repairs)
        tally.orders += 1
        if line is not None and number % LOOK_FOR_UNKNOWN_FIELDS_EVERY == 1:
            tally.unknown_fields.update(unknown_fields(_any(line)))
        if tally.orders >= CHUNK_ORDERS:
            yield tally
            tally = Tally()
    yield tally


def _any(line: bytes) -> Any:
    """A line's JSON, of any kind; None for what only repair could read."""
    try:
        return msgspec.json.decode(line)
    except UNDECODABLE:
        return None


def chunks_of(
    block: Block, keyring: Keyring, *, free_text: bool = True, doubt: Doubt = masked, feed: Feed = Feed()
) -> Iterator[Chunk]:
    """Read and mask a block's orders, `CHUNK_ORDERS` at a time. `doubt` is as in `mask_order`."""
    orders: list[MaskedOrder] = []

    def take(line: bytes | None) -> Repaired:
        read = read_line(line, feed)
        if read.order is not None:
            orders.append(mask_order(read.order, keyring, free_text=free_text, doubt=doubt))
        return read

    for tally in tallies_of(block, keyring, take):
        yield Chunk(orders.copy(), tally)
        orders.clear()


def columns_of_block(block: Block, masker: ColumnMasker, feed: Feed = Feed()) -> Iterator[tuple[Columns, bytes, Tally]]:
    """The same as columns without the texts, with the digests of the orders' ids."""

    def take(line: bytes | None) -> Repaired | None:
        if line is not None and masker.add(line):
            return None
        read = read_line(line, feed)
        if read.order is not None:
            whole = mask_order(read.order, masker.keyring, free_text=False, doubt=masker.doubt)
            masker.add_masked(read.order.order_id, whole)
        return read

    for tally in tallies_of(block, masker.keyring, take):
        yield *masker.columns(), tally


def read_line(line: bytes | None, feed: Feed = Feed()) -> Repaired:
    """What a line holds. Raises `OrderError` with a reason that holds no value of the line."""
    if line is None:
        raise OrderError("", f"longer than {MAX_LINE_BYTES} bytes")
    return read_order(line, feed)


def usable_order(line: bytes | None, feed: Feed = Feed()) -> Order:
    """The order in a line. Raises `OrderError`, for what is set apart as well."""
    read = read_line(line, feed)
    if read.order is None:
        raise OrderError("", f"set apart: {read.apart}")
    return read.order


def unknown_fields(value: Any, path: str = "") -> Iterator[str]:
    """Where an order holds fields that the schema does not name: `customer.*`. Not their names, which may be
    anything, personal data too.
    """
    if isinstance(value, list):
        for element in value:
            yield from unknown_fields(element, f"{path}[]")
    elif isinstance(value, dict):
        prefix = f"{path}." if path else ""
        for name, element in value.items():
            if prefix + name in _KNOWN_PATHS:
                yield from unknown_fields(element, prefix + name)
            else:
                yield f"{prefix}*"


_KNOWN_PATHS = frozenset(CLASSIFICATION) | {
    parent.removesuffix("[]") for path in CLASSIFICATION if (parent := path.rpartition(".")[0])
}


def masked_orders(
    paths: Sequence[Path],
    keyring: Keyring,
    tally: Tally | None = None,
    *,
    free_text: bool = True,
    doubt: Doubt = masked,
    feed: Feed = Feed(),
) -> Iterator[list[MaskedOrder]]:
    """The orders of files in the order of the files, masked, in lists of at most `CHUNK_ORDERS`.

    `tally` is added to, if given. Raises `ReadingError`.
    """
    found = tally or Tally()
    for position, path in enumerate(paths, 1):
        lines_before = 0
        for block in blocks_of(path, position=position):
            lines_of_block = 0
            for chunk in chunks_of(block, keyring, free_text=free_text, doubt=doubt, feed=feed):
                found.add(chunk.tally, lines_before)
                lines_of_block += chunk.tally.lines
                yield chunk.orders
            lines_before += lines_of_block
