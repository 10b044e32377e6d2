"""The table in a file, whatever it is written in."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from data.importing.errors import InputError
from data.importing.texts import OLD_OFFICE, PDF, beginning, lines_of, opened, reading
from orderguard.sources.mapping import File, MappingError
from orderguard.sources.tables import Table, encoding_of, is_text, table_of, without_header
from orderguard.sources.workbooks import ZIP, workbook_table

Told = Callable[[Callable[[], int]], None]


def table_in(path: Path, file: File, held: ExitStack, told: Told | None = None) -> Table:
    """The table of a CSV file or a workbook, which `held` closes. `told` gets what tells how far it was read.

    Raises `InputError`.
    """
    head = beginning(path)
    if head.startswith((OLD_OFFICE, PDF)):
        raise InputError("this is an old Excel file or a PDF. Save the table as .xlsx or CSV, and import that.")
    try:
        if head.startswith(ZIP):
            with reading():
                table = workbook_table(held.enter_context(path.open("rb")), file, held)
        else:
            table = _text(path, head, file, held, told)
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
    if not is_text(head, encoding):
        raise InputError("the file contains no text. Export a table as CSV or .xlsx, or JSON.")
    return table_of(lines_of(text), file, encoding)
