"""Superstore, an office supplier's orders in the United States: github.com/TimLafferty/Superstore-Sales.

Days without hours. `Sales` is what was paid: the price is what it was before the discount.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment, table

FOLDER = "Superstore-Sales"


def lines(folder: Path) -> Iterator[Line]:
    """The lines of the sample's one table."""
    for row in table(folder / "Sample - Superstore.csv"):
        paid, pieces, share = float(row["Sales"]), float(row["Quantity"]), float(row["Discount"])
        before = paid / (1 - share)
        yield Line(
            order=row["Order ID"],
            at=moment(row["Order Date"], "%m/%d/%Y"),
            customer=row["Customer ID"],
            currency="USD",
            sku=row["Product ID"],
            category=row["Sub-Category"],
            quantity=pieces,
            price=round(before / pieces, 4),
            discount=round(before - paid, 4) or None,
            country="US",
            region=row["State"],
            city=row["City"],
            postcode=row["Postal Code"],
            shipping=row["Ship Mode"],
        )
