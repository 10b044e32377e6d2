"""Parts of one order that do not stand together are put together, in memory or, for a large file, in files on disk of
which each holds all parts of its orders.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from data.importing.columns import Part
from orderguard.private_files import open_private
from orderguard.sources.plan import merge, merge_sums

PART_BYTES = 6 * 2**20
"""How much of the input falls to one file, which is read back as a whole."""
MOST_PARTS = 480
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


Whole = tuple[int, bytes, int]
"""The first row of an order, the order as JSON, and how many lines it has if it keeps to the schema, else 0."""


def file_count(size: int) -> int:
    """How many files so many bytes of input are parted into; one is none: it is held in memory."""
    return min(MOST_PARTS, size // PART_BYTES + 1)


def packed(parts: Iterable[Part], count: int) -> dict[int, list[bytes]]:
    """The parts as records, by the number of the file that they belong to."""
    found: dict[int, list[bytes]] = {}
    for key, row, line, head, lines in parts:
        name = _encode(key)
        record = b"%b\t%d\t%d\t%d\t%b\n" % (name, row, head, lines, line)
        found.setdefault(crc32(name) % count, []).append(record)
    return found


class Groups:
    """Takes parts of orders as `records`, or in files at `paths` where there are several."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        self.records: list[bytes] = []
        self.paths = [folder / f"part-{number}" for number in range(count)] if count > 1 else []
        self._files: list[BinaryIO] = []

    def begin(self) -> None:
        """Begin, or start over."""
        self.end()
        self.records.clear()
        self._files = [open_private(path, "wb") for path in self.paths]

    def add(self, records: dict[int, list[bytes]]) -> None:
        """Take what `packed` tells."""
        if not self._files:
            self.records += records.get(0, [])
        else:
            for number, some in records.items():
                self._files[number].write(b"".join(some))

    def end(self) -> None:
        """There are no more parts."""
        for file in self._files:
            file.close()
        self._files = []


def whole_orders(records: Iterable[bytes], sums: tuple[str, ...]) -> Iterator[Whole]:
    """The orders whose parts are all among the records."""
    known: dict[bytes, list[bytes]] = {}
    for record in records:
        name, part = record.split(b"\t", 1)
        known.setdefault(name, []).append(part)
    for name, parts in known.items():
        if len(parts) > 1 and name != b'""':
            yield _together(parts, sums)
            continue
        for part in parts:
            row, _, lines, line = part.split(b"\t", 3)
            yield int(row), line[:-1], int(lines)


def _read(part: bytes) -> tuple[int, bytes, int, int]:
    row, head, lines, line = part.split(b"\t", 3)
    return int(row), line[:-1], int(head), int(lines)


def _together(records: list[bytes], sums: tuple[str, ...]) -> Whole:
    """The order of several parts. Where they differ in their lines alone, these are strung together."""
    parts = sorted(map(_read, records))
    row, line, head, _ = parts[0]
    begin = line[:head]
    if head and all(other == head and more.startswith(begin) for _, more, other, _ in parts):
        items = b",".join(filter(None, (more[head:-2] for _, more, _, _ in parts)))
        plain = all(lines for _, _, _, lines in parts)
        return row, begin + items + b"]}", sum(lines for _, _, _, lines in parts) if plain else 0
    orders = [_decode(more) for _, more, _, _ in parts]
    first = orders[0]
    first["items"] = [item for order in orders for item in order.get("items", [])]
    for order in orders[1:]:
        merge_sums(first, order, sums)
        merge(first, {**order, "items": []})
    return row, _encode(first), 0
