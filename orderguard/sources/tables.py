"""Rows of text in whatever way people write tables: encodings, separators, quotes, lines above the header."""

import codecs
import csv
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from orderguard.sources.mapping import File, MappingError

HEAD_BYTES = 262_144
LOOKED_AT = 50
LOOKED_AT_BYTES = 4096
LONGEST_CELL = 1_048_576
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {"Cc", "Cn", "Co", "Cs"}
_BLANKS = "\t\n\v\f\r"
_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {"tab": "\t", "comma": ",", "semicolon": ";", "spaces": " "}
LOOSELY = "orderguard-cp1252"
"""How to decode UTF-8 that isn't in places: bytes that are none are read as Windows' western code page."""


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(LOOSELY, _as_windows)


class Text(NamedTuple):
    """How a table in a text is written."""

    delimiter: str
    encoding: str


@dataclass
class Table:
    """A table, read row by row. `left_out` counts rows that can't be used, by reason. A workbook has no `text`."""

    columns: list[str]
    rows: Iterator[list[str]]
    told: str
    left_out: Counter[str] = field(default_factory=Counter)
    text: Text | None = None


def encoding_of(head: bytes) -> str:
    """How a text is encoded, from its beginning: by its mark, by where zero bytes stand, else UTF-8 or Windows-1252."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[1:200:2].count(0) > 20:
        return "utf-16-le"
    if head[0:200:2].count(0) > 20:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def is_text(head: bytes, encoding: str) -> bool:
    """Whether a file's beginning is text: hardly a character of it is none, or controls a device."""
    if b"\0" in head and not encoding.startswith("utf-"):
        return False
    letters = head[:LOOKED_AT_BYTES].decode(encoding, "replace")
    none = sum(unicodedata.category(letter) in _NO_TEXT and letter not in _BLANKS for letter in letters)
    return none * 20 <= len(letters)


def errors_for(encoding: str) -> str:
    """What to do about bytes that the encoding doesn't have: nothing stops a file because of one letter."""
    return LOOSELY if encoding.startswith("utf-8") else "replace"


def table_of(lines: Iterable[str], file: File, encoding: str = "utf-8") -> Table:
    """The table in lines of text. Raises `MappingError` for a text that is no table."""
    lines = iter(lines)
    head = [*islice(lines, LOOKED_AT)]
    if head and head[0].lower().startswith("sep="):
        delimiter: str | None = head.pop(0).strip()[4:5] or None
    else:
        delimiter = None
    wanted = file.delimiter and _NAMES.get(file.delimiter, file.delimiter)
    if wanted is not None and len(wanted) != 1:
        raise MappingError("file.delimiter has to be one character, or one of tab, semicolon, comma and spaces")
    found = wanted or delimiter or delimiter_of(head)
    cells = row_cells(chain(head, lines), found)
    columns = [*file.header]
    if not columns:
        for row in cells:
            if sum(bool(cell.strip()) for cell in row) > 1:
                columns = [cell.strip().lstrip("\ufeff") for cell in row]
                break
    if len(columns) < 2:
        raise MappingError(
            "this is no table: there is no line of several column names (name file.delimiter if there is)"
        )
    name = {"\t": "tabs", " ": "blanks"}.get(found, f"{found!r}")
    table = Table(columns, iter(()), f"a table of {len(columns)} columns, parted by {name}, in {encoding}")
    table.text = Text(found, encoding)
    table.rows = usable_rows(cells, len(columns), table.left_out)
    return table


def delimiter_of(head: list[str]) -> str:
    """The separator that cuts the first lines into the most columns, most of them alike."""
    best, most = ",", 0.0
    for candidate in _DELIMITERS:
        widths = [len(row) for row in row_cells(iter(head), candidate) if any(row)]
        if not widths or widths[0] < 2:
            continue
        alike = sum(width == widths[0] for width in widths) / len(widths)
        if widths[0] * alike > most:
            best, most = candidate, widths[0] * alike
    if most:
        return best
    words = [len(line.split()) for line in head if line.strip()]
    return " " if words and words[0] > 1 and words.count(words[0]) * 2 > len(words) else best


def without_header(columns: list[str]) -> bool:
    """Whether the first line holds values rather than names: a number, a date or an e-mail address stands in it."""
    return any(name and (name[0].isdigit() and name[-1].isdigit() or "@" in name) for name in columns)


def row_cells(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The rows of a text, each as long as it is. Raises `MappingError`."""
    if delimiter == " ":
        yield from (line.split() for line in lines)
        return
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:
        raise MappingError(
            f"line {reader.line_num}: a cell of more than {LONGEST_CELL:,} characters; a quotation mark before it may"
            " not be closed"
        ) from None


def usable_rows(cells: Iterator[list[str]], width: int, left_out: Counter[str]) -> Iterator[list[str]]:
    """The rows of a table of so many columns, without blank ones; those that don't fit are counted."""
    for row in cells:
        if len(row) > width:
            if any(cell.strip() for cell in row[width:]):
                left_out["more cells than columns"] += 1
                continue
        elif not any(row) or not any(cell.strip() for cell in row):
            continue
        yield row
