"""The shop of a search engine's merchandise, 2019 (Kaggle, "Marketing Insights for E-Commerce Company"):
github.com/rahulraimau/Marketing-Insights-For-E-Commerce-Company1, the workbook.

Days without hours. Prices vary from line to line.
"""

from collections.abc import Iterator
from pathlib import Path

import openpyxl

from bench.feeds.lines import Line, moment

FOLDER = "Marketing-Insights-For-E-Commerce-Company1"


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
    """The cells of a workbook's first sheet as text, row by row."""
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield ["" if value is None else str(value) for value in row]
    finally:
        book.close()
