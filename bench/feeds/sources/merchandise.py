"""The shop of a search engine's merchandise, 2019 (Kaggle, "Marketing Insights for E-Commerce Company"):
github.com/rahulraimau/Marketing-Insights-For-E-Commerce-Company1, the workbook.

Days without hours. Prices vary from line to line.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from bench.feeds.lines import Line, moment

FOLDER = "Marketing-Insights-For-E-Commerce-Company1"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def lines(folder: Path) -> Iterator[Line]:
    """The lines of the workbook's first sheet."""
    rows = sheet(folder / "Online_Sales.xlsx")
    columns = next(rows)
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        yield Line(
            order=row["Transaction_ID"],
            at=moment(row["Transaction_Date"], "%Y%m%d", "%m/%d/%Y"),
            customer=row["CustomerID"],
            currency="USD",
            sku=row["Product_SKU"],
            category=row["Product_Category"],
            quantity=float(row["Quantity"]),
            price=float(row["Avg_Price"]),
            shipping_cost=float(row["Delivery_Charges"]),
        )


def sheet(path: Path) -> Iterator[list[str]]:
    """The cells of a workbook's first sheet, row by row (ECMA-376: texts stand once, cells refer to them)."""
    with zipfile.ZipFile(path) as book:
        shared = ElementTree.parse(book.open("xl/sharedStrings.xml")).getroot()
        texts = ["".join(part.text or "" for part in entry.iter(f"{_MAIN}t")) for entry in shared]
        for _, row in ElementTree.iterparse(book.open("xl/worksheets/sheet1.xml")):
            if row.tag == f"{_MAIN}row":
                cells = {re.sub(r"\d", "", cell.get("r", "")): _value(cell, texts) for cell in row}
                yield list(cells.values())
                row.clear()


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    value = cell.findtext(f"{_MAIN}v") or ""
    return texts[int(value)] if cell.get("t") == "s" else value
