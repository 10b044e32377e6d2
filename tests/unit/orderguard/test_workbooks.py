"""Workbooks: what they may hold is bounded, and what is broken is told."""

import io
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack

import openpyxl
import pytest

from orderguard.sources.mapping import File, MappingError
from orderguard.sources.whole import whole
from orderguard.sources.workbooks import Limits, workbook_table

SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
BEGIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
HEAD = b'<row r="1"><c t="str"><v>order no</v></c><c t="str"><v>price</v></c></row>'
END = b"</sheetData></worksheet>"
LIMITS = Limits(held=50_000, sheets=100_000, cells=3_000)


def workbook(changed: Mapping[str, bytes]) -> bytes:
    """A workbook of a head and one order, some of whose parts are others."""
    book, plain, packed = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.worksheets[0].append(["order no", "date", "price"])
    book.worksheets[0].append(["1", "2026-03-02", 4.5])
    book.save(plain)
    book.close()
    with zipfile.ZipFile(plain) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for name, part in ({name: before.read(name) for name in before.namelist()} | dict(changed)).items():
            after.writestr(name, part)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({SHEET: BEGIN + HEAD + b'<row><c r="XFD1"/></row>' * 2_000 + END}, "more than 3,000 cells"),
        ({SHEET: BEGIN + HEAD + b'<row r="1048576"><c/></row>' + END}, "more than 3,000 cells"),
        ({SHEET: BEGIN + HEAD + b" " * 100_000 + END}, "too much for memory"),
        ({TEXTS: b"<sst>" + b"<si><t>a</t></si>" * 4_000 + b"</sst>"}, "too much for memory"),
        ({SHEET: b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + BEGIN + HEAD + b"<row><c><v>&a;</v></c></row>" + END}, "CSV"),
        ({SHEET: BEGIN + HEAD + b"<row><c><v>x</v></c>"}, "save it as .xlsx or CSV"),
        ({"xl/workbook.xml": b"<workbook/>"}, "save it as .xlsx or CSV"),
    ],
    ids=["columns", "rows", "sheet", "texts", "entities", "interrupted", "no sheet"],
)
def test_a_small_file_that_grows_or_is_broken_is_refused(changed: Mapping[str, bytes], said: str) -> None:
    with ExitStack() as held, pytest.raises(MappingError, match=said):
        list(workbook_table(io.BytesIO(workbook(changed)), File(), held, LIMITS).rows)


def test_a_workbook_of_orders_is_read() -> None:
    told = whole(workbook({}))
    assert len(told.orders) == 1 and b'"2026-03-02T00:00:00' in told.orders[0]
