"""The table in a file, whatever it is written in."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from data.importing import excel
from data.importing.errors import InputError
from data.importing.texts import OLD_OFFICE, PDF, ZIP, beginning, lines_of, opened
from orderguard.sources.mapping import File, MappingError
from orderguard.sources.tables import Table, encoding_of, table_of, without_header

Told = Callable[[Callable[[], int]], None]


def table_in(path: Path, file: File, held: ExitStack, told: Told | None = None) -> Table:
    """The table of a CSV file or a workbook, which `held` closes. `told` gets what tells how far it was read.

    Raises `InputError`.
    """
    head = beginning(path)
    if head.startswith((OLD_OFFICE, PDF)):
        raise InputError("this is an old Excel file or a PDF. Save the table as .xlsx or CSV, and import that.")
    try:
        table = _workbook(path, file, held) if head.startswith(ZIP) else _text(path, head, file, held, told)
    except MappingError as error:
        raise InputError(f"{error}.") from None
    if not file.header and without_header(table.columns):
        raise InputError(
            "the first line seems to hold values, not the names of columns. Name them in a mapping:"
            ' [file] header = ["order", "date", …], and import with MAPPING=….'
        )
    return table


def _text(path: Path, head: bytes, file: File, held: ExitStack, told: Told | None) -> Table:
    encoding = file.encoding or encoding_of(head)
    try:
        text, read = opened(path, encoding, held)
    except LookupError:
        raise InputError("file.encoding is no encoding: write one such as utf-8, utf-16 or cp1252.") from None
    if told:
        told(read)
    if b"\0" in head and not encoding.startswith("utf-"):
        raise InputError("the file holds no text. Export a table as CSV or .xlsx, or JSON.")
    return table_of(lines_of(text), file, encoding)


def _workbook(path: Path, file: File, held: ExitStack) -> Table:
    rows = excel.rows(path, file.sheet, held)
    columns = [*file.header]
    if not columns:
        columns = next(
            ([cell.strip() for cell in row] for row in rows if sum(bool(cell.strip()) for cell in row) > 1), []
        )
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) < 2:
        raise MappingError("the sheet has no line of several column names (name file.sheet for another)")
    width = len(columns)
    return Table(columns, (row[:width] for row in chain(rows) if any(row)), f"a sheet of {width} columns")
