"""Workbooks, read row by row (openpyxl's read-only mode): cells as text, as a CSV file would have them.

A workbook is a ZIP file of XML, so a small one can hold what fills any memory. What is held, and what is looked at, has
limits; defusedxml, which openpyxl takes by itself, refuses entities that grow.
"""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import BinaryIO

from orderguard.sources.mapping import File, MappingError
from orderguard.sources.tables import Table

ZIP = b"PK\x03\x04"
_BROKEN = "the workbook can't be read: open it, save it as .xlsx or CSV, and take that"


@dataclass(frozen=True)
class Limits:
    """How much a workbook may hold: bytes of texts, styles and the like, which are in memory at once; bytes of its
    sheets; cells, with the empty ones that a sheet leaves out. None: no limit, for a file of your own.
    """

    held: int
    sheets: int | None = None
    cells: int | None = None


OWN_FILE = Limits(held=256 * 2**20)


def workbook_table(file: BinaryIO, wanted: File, held: ExitStack, limits: Limits = OWN_FILE) -> Table:
    """The table in a sheet of a workbook, which `held` closes. Raises `MappingError`, also while rows are read."""
    rows = _rows(file, wanted.sheet, held, limits)
    columns = [*wanted.header]
    if not columns:
        columns = next(
            ([cell.strip() for cell in row] for row in rows if sum(bool(cell.strip()) for cell in row) > 1), []
        )
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) < 2:
        raise MappingError("the sheet has no line of several column names (name file.sheet for another)")
    width = len(columns)
    return Table(columns, (row[:width] for row in rows if any(row)), f"a sheet of {width} columns")


def _rows(file: BinaryIO, sheet: str | None, held: ExitStack, limits: Limits) -> Iterator[list[str]]:
    import openpyxl  # where a workbook comes, and not before: it takes a quarter of a second

    seen = 0
    try:
        _check_sizes(file, limits)
        book = held.enter_context(closing(openpyxl.load_workbook(file, read_only=True, data_only=True)))
        if sheet is not None and sheet not in book.sheetnames:
            raise MappingError(f"the workbook has no sheet of the name in file.sheet; it has {len(book.sheetnames)}")
        for row in (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True):
            seen += max(len(row), 1)
            if limits.cells is not None and seen > limits.cells:
                raise MappingError(
                    f"the sheet has more than {limits.cells:,} cells: save it as CSV, which is read faster"
                )
            yield [_text(cell) for cell in row]
    except MappingError:
        raise
    except Exception:  # whatever a broken workbook makes its readers stumble over: ZIP, XML, numbers, dates
        raise MappingError(_BROKEN) from None


def _check_sizes(file: BinaryIO, limits: Limits) -> None:
    """By the sizes that its table of contents tells: no more of a part is ever unpacked than stands there."""
    with zipfile.ZipFile(file) as packed:
        sizes = [(entry.filename.startswith("xl/worksheets/"), entry) for entry in packed.infolist()]
    texts = sum(entry.file_size for is_sheet, entry in sizes if not is_sheet)
    sheets = sum(entry.file_size for is_sheet, entry in sizes if is_sheet)
    if texts > limits.held or (limits.sheets is not None and sheets > limits.sheets):
        raise MappingError("the workbook holds too much for memory: save its sheet as CSV, and take that")


def _text(cell: object) -> str:
    """A cell as text: whole numbers without a point, midnight as the day alone, which is how Excel keeps days."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
