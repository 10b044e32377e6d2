"""An Indian takeaway in London, 2016 to 2019 (Henslersoftware, "Takeaway Food Orders"):
github.com/kademarsharath/restaurant_apriori_viz.

Times to the minute, no zone. No customers: every order is a guest's, so there are no histories.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment, table

FOLDER = "restaurant_apriori_viz"


def lines(folder: Path) -> Iterator[Line]:
    """The lines of its one table."""
    for row in table(folder / "restaurant-1-orders.csv"):
        yield Line(
            order=row["invoice"],
            at=moment(row["Order Date"], "%d/%m/%y %H:%M", "%d/%m/%Y %H:%M"),
            currency="GBP",
            sku=row["description"],
            quantity=float(row["Quantity"]),
            price=float(row["Product Price"]),
        )
