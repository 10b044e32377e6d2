"""Lines of one order that do not stand together are put together, in memory or, for a large file, in parts on disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from orderguard.private_files import open_private
from orderguard.sources.documents import Loose
from orderguard.sources.plan import merge, merge_sums

PART_BYTES = 24 * 2**20
"""How much of the input falls to one part, which is read back as a whole."""
MOST_PARTS = 240
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode

Part = tuple[int, bytes]
"""The first row of an order, and the order as JSON."""


class Groups:
    """Takes parts of orders with their number, tells whole orders. The parts of one order land in one file."""

    def __init__(self, folder: Path, size: int, sums: tuple[str, ...] = ()) -> None:
        self._sums = sums
        count = min(MOST_PARTS, size // PART_BYTES + 1)
        self._known: dict[str, list[Part]] = {}
        self._files: list[BinaryIO] = []
        if count > 1:
            self._files = [open_private(folder / f"part-{number}", "w+b") for number in range(count)]

    def add(self, key: str, row: int, order: Loose) -> None:
        """Take a part of an order."""
        line = _encode(order)
        if self._files:
            name = _encode(key)
            self._files[crc32(name) % len(self._files)].write(b"%b\t%d\t%b\n" % (name, row, line))
        else:
            self._known.setdefault(key, []).append((row, line))

    def orders(self) -> Iterator[Part]:
        """The whole orders."""
        if not self._files:
            yield from self._together(self._known)
        for file in self._files:
            file.seek(0)
            known: dict[str, list[Part]] = {}
            for written in file:
                name, row, line = written.split(b"\t", 2)
                known.setdefault(_decode(name), []).append((int(row), line[:-1]))
            file.close()
            yield from self._together(known)

    def _together(self, known: dict[str, list[Part]]) -> Iterator[Part]:
        for key, parts in known.items():
            if len(parts) == 1 or not key:
                yield from parts
                continue
            orders = [_decode(line) for _, line in parts]
            first = orders[0]
            first["items"] = [item for order in orders for item in order.get("items", [])]
            for order in orders[1:]:
                merge_sums(first, order, self._sums)
                merge(first, {**order, "items": []})
            yield parts[0][0], _encode(first)
