"""A wholesale gift shop in the United Kingdom, 2010 and 2011 (Chen, Sain and Guo, "Online Retail", UCI): the files by
day of github.com/databricks/Spark-The-Definitive-Guide.

Times have no zone. Cancellations (numbers with a letter before them) and corrections of the stock (no price and no
customer) are left out; orders without a customer are guests'.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment, table
from bench.feeds.places import country

FOLDER = "Spark-The-Definitive-Guide/data/retail-data/by-day"


def lines(folder: Path) -> Iterator[Line]:
    """The lines of all days."""
    for path in sorted(folder.glob("*.csv")):
        for row in table(path):
            customer = row["CustomerID"].removesuffix(".0")
            yield Line(
                order=row["InvoiceNo"],
                at=moment(row["InvoiceDate"], "%Y-%m-%d %H:%M:%S"),
                left_out=_left_out(row, customer),
                customer=customer or None,
                currency="GBP",
                sku=row["StockCode"],
                quantity=float(row["Quantity"]),
                price=float(row["UnitPrice"]),
                country=country(row["Country"]),
            )


def _left_out(row: dict[str, str], customer: str) -> str | None:
    if not row["InvoiceNo"].isdigit():
        return "lines of cancellations and adjustments"
    if not customer and float(row["UnitPrice"]) == 0:
        return "lines that correct the stock"
    return None
