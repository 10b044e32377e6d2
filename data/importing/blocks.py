"""A large text file in blocks of whole rows, read by several processes. Where a block ends is a guess by its quotation
marks; each process looks whether it was right, and if one was not, the file is read from its beginning in one piece.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from data.importing.columns import Columns, Row
from data.importing.grouping import packed
from data.importing.processes import each, workers
from data.importing.texts import reading, unpacked
from orderguard.sources.mapping import MappingError
from orderguard.sources.plan import Plan
from orderguard.sources.tables import LONGEST_CELL, Text, errors_for, row_cells, table_of, usable_rows

BLOCK_BYTES = 2 * 2**20
LONGEST_BLOCK = 16 * 2**20
BLOCK_ROWS = 2**32
"""A row's number is that of its block times this, and its place in it, counted from 1; 0 and less in the one before."""
_LAST = "the last row of a block"
_ENCODINGS = ("utf-8", "utf-8-sig", "cp1252")


class Unclean(Exception):
    """A block did not end where a row ends."""


class Block(NamedTuple):
    """What a process made of a block: rows at its begin that may belong to an order before it, records, rows at its end
    that the next block may go on with; how many rows there were, how many were left out, and times without a zone.
    """

    begin: list[Row]
    records: dict[int, list[bytes]]
    end: list[Row]
    rows: int
    left_out: Counter[str]
    without_zone: int


def row_of(number: int, rows_before: Sequence[int]) -> int:
    """The row in the whole file; `rows_before` says how many there are before each block."""
    block, place = divmod(number + BLOCK_ROWS // 2, BLOCK_ROWS)
    return rows_before[block] + place - BLOCK_ROWS // 2


def can_part(text: Text | None, plan: Plan, size: int) -> bool:
    """Whether a file is worth it, and each of its rows can be read alone."""
    return (
        text is not None
        and size > 2 * BLOCK_BYTES
        and workers() > 1
        and Columns.can_read(plan)
        and not plan.mapping.lines.fill_down
        and text.encoding in _ENCODINGS
        and text.delimiter != " "
    )


def blocks(
    path: Path, text: Text, plan: Plan, width: int, count: int, read: Callable[[int], object]
) -> Iterator[Block]:
    """The blocks of a file in its order; `count` is the number of files to part records into. `read` is told how many
    bytes were read. Raises `Unclean`.
    """
    columns = Columns(plan, width)

    def work(given: tuple[int, bytes]) -> Block | None:
        number, data = given
        left_out: Counter[str] = Counter()
        try:
            rows = [*_rows(text, data, number == 0, left_out, plan, width)]
        except (MappingError, Unclean):
            return None
        zoneless = plan.moments.without_zone
        starts, keys = columns.starts(rows)
        if len(starts) < 2:
            return Block(rows, {}, [], len(rows), left_out, 0)
        begin, end = starts[1], starts[-1]
        places = [place - begin for place in starts[1:-1]]
        parts = columns.parts(rows[begin:end], places, keys[1:-1], number * BLOCK_ROWS + begin + 1)
        records = packed(parts, count)
        records = {place: [b"".join(some)] for place, some in records.items()}
        without_zone = plan.moments.without_zone - zoneless
        return Block(rows[:begin], records, rows[end:], len(rows), left_out, without_zone)

    with ExitStack() as held:
        for block in each(work, enumerate(_cut(path, read, held))):
            if block is None:
                raise Unclean
            yield block


def _cut(path: Path, read: Callable[[int], object], held: ExitStack) -> Iterator[bytes]:
    """The bytes of a file, cut at ends of lines before which quotation marks stand in pairs. Raises `Unclean`."""
    with reading():
        file = held.enter_context(path.open("rb"))
        stream = unpacked(file, file.peek(2)[:2])
        rest = b""
        while piece := stream.read(BLOCK_BYTES):
            rest += piece
            end = rest.rfind(b"\n") + 1
            odd = rest.count(b'"', 0, end) % 2
            while odd and end:
                before = rest.rfind(b"\n", 0, end - 1) + 1
                odd ^= rest.count(b'"', before, end) % 2
                end = before
            if len(rest) - end > LONGEST_BLOCK:
                raise Unclean
            read(file.tell())
            if end:
                yield rest[:end]
                rest = rest[end:]
        if rest:
            yield rest


def _rows(text: Text, data: bytes, first: bool, left_out: Counter[str], plan: Plan, width: int) -> Iterator[Row]:
    """The rows of a block, of the first one without the header. Raises `Unclean`."""
    encoding = text.encoding if first else text.encoding.removesuffix("-sig")
    written = data.decode(encoding, errors_for(encoding))
    if first:
        table = table_of(chain(io.StringIO(written, newline=""), [_LAST]), plan.mapping.file, text.encoding)
        if table.text != text or len(table.columns) != width:
            raise Unclean
    else:
        cells = _cells(written, text.delimiter)
        yield from cells if {*map(len, cells)} == {width} else usable_rows(iter(cells), width, left_out)
        return
    ended = False
    for row in table.rows:
        if row == [_LAST]:
            ended = True
        else:
            yield row
    if not ended:
        raise Unclean
    left_out.update(table.left_out)


def _cells(written: str, delimiter: str) -> list[Row]:
    """The rows of a text: of one without quotation marks what stands between delimiters. Raises `Unclean`."""
    plain = written.replace("\r\n", "\n")
    lines = plain.split("\n")
    if '"' not in plain and "\r" not in plain and max(map(len, lines)) < LONGEST_CELL:
        if not lines[-1]:
            lines.pop()
        return [line.split(delimiter) for line in lines]
    cells = [*row_cells(chain(io.StringIO(written, newline=""), [_LAST]), delimiter)]
    if cells.pop() != [_LAST]:
        raise Unclean
    return cells
