"""What a file holds is read, put together, repaired where it has to be, and written: usable orders to one file, what
can't be used to another.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections import Counter
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import msgspec
from tqdm import tqdm

from data.importing.blocks import BLOCK_ROWS, Unclean, blocks, can_part, row_of
from data.importing.columns import Columns, Row, loose_part
from data.importing.grouping import Groups, Whole, file_count, packed, whole_orders
from data.importing.processes import each
from data.importing.report import Report
from data.importing.sources import Found
from data.importing.texts import unpacked_size
from orderguard.private_files import open_private
from orderguard.repair import Feed, read_order
from orderguard.schema import OrderError, encode_order
from orderguard.sources.plan import Plan
from orderguard.sources.tables import Table

ORDERS, BAD = "orders", "bad"
SHOWN = 3
CHUNK = 20_000
"""Rows that are read together."""
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
Tell = Callable[[int], object]


class Written(msgspec.Struct):
    """What was written: counts, and the first orders."""

    report: Report
    first: list[bytes]


def write(found: Found, folder: Path) -> Written:
    """Write what was found to the files `ORDERS` and `BAD` of a folder. A bar at the terminal shows progress."""
    plan, table = found.plan, found.table
    if plan is not None and table is not None:
        written = _of_table(found, plan, table, folder)
    else:
        with _bar(found.path.stat().st_size) as read:
            orders = _watched(((row, _encode(order), 0) for row, order in found.orders), found.read, read)
            written = _finish(orders, [0], plan, folder)
    written.report.left_out += found.left_out
    written.report.without_zone = plan.moments.without_zone if plan else 0
    return written


def digest_of(path: Path) -> str:
    """What names the content of a file of orders: the beginning of the SHA-256 of its lines."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece.replace(b"\n", b""))
    return digest.hexdigest()[:8]


def feed_of(plan: Plan | None) -> Feed:
    """How repair reads what a plan gives: its times without a zone are counted by the plan."""
    if plan is None:
        return Feed()
    values = plan.mapping.values
    return Feed(zone=values.zone or "UTC", decimal_comma=values.decimal_comma)


def reason_of(error: OrderError) -> str:
    """Field and reason of what can't be used, without the places of lines."""
    field = ".".join(part.split("[")[0] + ("[]" if "[" in part else "") for part in error.field.split("."))
    return f"{field}: {error.reason}" if field else error.reason


@contextmanager
def _bar(size: int) -> Iterator[Tell]:
    """What takes how many bytes were read, and shows it at a terminal."""
    with tqdm(total=size or None, desc="read", unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
        yield lambda read: bar.update(read - bar.n)


def _watched(orders: Iterable[Whole], read: Callable[[], int], tell: Tell) -> Iterator[Whole]:
    orders = iter(orders)
    while piece := [*islice(orders, 2_000)]:
        yield from piece
        tell(read())


def _of_table(found: Found, plan: Plan, table: Table, folder: Path) -> Written:
    size = unpacked_size(found.path)
    groups, rows_before = Groups(folder, file_count(size)), [0]
    with _bar(found.path.stat().st_size) as tell:
        groups.begin()
        if not can_part(table.text, plan, size):
            _in_one_piece(plan, table, groups, found.read, tell)
        elif not _in_blocks(found.path, plan, table, groups, rows_before, tell):
            groups.begin()
            _in_one_piece(plan, table, groups, found.read, tell)
    groups.end()
    if not groups.paths:
        return _finish(whole_orders(groups.records, plan.sums), rows_before, plan, folder)
    return _finish_files(groups.paths, rows_before, plan, folder)


def _in_blocks(path: Path, plan: Plan, table: Table, groups: Groups, rows_before: list[int], tell: Tell) -> bool:
    """Read a file by several processes; False where its blocks can't be told, and it has to be read in one piece."""
    assert table.text is not None
    columns = Columns(plan, len(table.columns))
    waiting: list[Row] = []
    left_out: Counter[str] = Counter()
    without_zone = number = 0

    def take(rows: list[Row], number: int, place: int) -> None:
        groups.add(packed(columns.all_parts(rows, number * BLOCK_ROWS + place), groups.count))

    try:
        for number, block in enumerate(blocks(path, table.text, plan, len(table.columns), groups.count, tell)):
            before = len(waiting)
            waiting += block.begin
            if block.end:
                take(waiting, number, 1 - before)
                groups.add(block.records)
                waiting = block.end
            rows_before.append(rows_before[-1] + block.rows)
            without_zone += block.without_zone
            left_out.update(block.left_out)
    except Unclean:
        del rows_before[1:]
        plan.moments.without_zone = 0
        return False
    take(waiting, number + 1, 1 - len(waiting))
    plan.moments.without_zone += without_zone
    table.left_out.clear()
    table.left_out.update(left_out)
    return True


def _in_one_piece(plan: Plan, table: Table, groups: Groups, read: Callable[[], int], tell: Tell) -> None:
    """Read a table in this process."""
    if not Columns.can_read(plan):
        orders = (loose_part(key, row, order) for row, key, order in plan.placed_runs(table.rows))
        while some := [*islice(orders, CHUNK)]:
            groups.add(packed(some, groups.count))
            tell(read())
        return
    columns = Columns(plan, len(table.columns))
    waiting: list[Row] = []
    row = 1
    while rows := [*islice(table.rows, CHUNK)]:
        rows = waiting + rows
        places, keys = columns.starts(rows)
        last = next((last for last in range(len(keys) - 1, 0, -1) if keys[last]), 0)
        end = places[last]
        groups.add(packed(columns.parts(rows[:end], places[:last], keys[:last], row), groups.count))
        waiting = rows[end:]
        row += end
        tell(read())
    groups.add(packed(columns.all_parts(waiting, row), groups.count))


def _finish(
    orders: Iterable[Whole], rows_before: list[int], plan: Plan | None, folder: Path, part: str = ""
) -> Written:
    """Repair orders and write them, those of one part of the whole to files of their own."""
    written = Written(Report(), [])
    report, first, feed = written.report, written.first, feed_of(plan)
    counts_pieces = plan is not None and plan.mapping.lines.one_piece_a_row
    with open_private(folder / f"{ORDERS}{part}", "wb") as out, open_private(folder / f"{BAD}{part}", "wb") as bad:
        for row, line, lines in orders:
            if not lines:
                if plan is not None and counts_pieces:
                    line = _encode(plan.finished(_decode(line)))
                try:
                    repaired = read_order(line, feed)
                except OrderError as error:
                    report.quarantined[reason_of(error)] += 1
                    told = {"row": row_of(row, rows_before), "field": error.field, "reason": error.reason}
                    bad.write(_encode(told) + b"\n")
                    continue
                if repaired.apart:
                    report.apart[repaired.apart] += 1
                    continue
                assert repaired.order
                if repaired.repairs:
                    report.repaired_orders += 1
                    report.repairs.update({f"{repair.field}: {repair.reason}" for repair in repaired.repairs})
                    line = encode_order(repaired.order)
                lines = len(repaired.order.items)
            if len(first) < SHOWN:
                first.append(line)
            report.orders += 1
            report.lines += lines
            out.write(line)
            out.write(b"\n")
    return written


def _finish_files(paths: Sequence[Path], rows_before: list[int], plan: Plan, folder: Path) -> Written:
    """The same for files of parts, several at a time; what they give is strung together in their order."""
    written = Written(Report(), [])

    def finish(path: Path) -> Written:
        with path.open("rb") as records:
            return _finish(whole_orders(records, plan.sums), rows_before, plan, folder, f"-{path.name}")

    with ExitStack() as held:
        out = held.enter_context(open_private(folder / ORDERS, "wb"))
        bad = held.enter_context(open_private(folder / BAD, "wb"))
        for path, found in zip(paths, each(finish, paths), strict=True):
            written.report.add(found.report)
            written.first = (written.first + found.first)[:SHOWN]
            for name, whole in ((ORDERS, out), (BAD, bad)):
                part = folder / f"{name}-{path.name}"
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 20)
                part.unlink()
            path.unlink()
    return written
