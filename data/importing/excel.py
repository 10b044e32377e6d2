"""Workbooks, read row by row (openpyxl's read-only mode): cells as text, as a CSV file would have them."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date, datetime, time
from pathlib import Path

import openpyxl

from data.importing.errors import InputError

MOST_SHARED = 256 * 2**20
"""The texts of a workbook are held in memory: more of them than this are refused."""


def rows(path: Path, sheet: str | None, held: ExitStack) -> Iterator[list[str]]:
    """The rows of a sheet, the first one where none is named; `held` closes the workbook. Raises `InputError`."""
    try:
        with zipfile.ZipFile(path) as packed:
            sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
        if sizes.get("xl/sharedStrings.xml", 0) > MOST_SHARED:
            raise InputError("the workbook holds too much text for memory. Save its sheet as CSV, and import that.")
        file = held.enter_context(path.open("rb"))
        book = held.enter_context(closing(openpyxl.load_workbook(file, read_only=True, data_only=True)))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("the workbook can't be read. Open it, save it as .xlsx or CSV, and import that.") from None
    if sheet is not None and sheet not in book.sheetnames:
        raise InputError(f"the workbook has no sheet of the name in file.sheet; it has {len(book.sheetnames)}")
    for row in (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True):
        yield [_text(cell) for cell in row]


def _text(cell: object) -> str:
    """A cell as text: whole numbers without a point, midnight as the day alone, which is how Excel keeps days."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
