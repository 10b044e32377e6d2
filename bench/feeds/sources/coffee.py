"""A coffee vending machine's sales, 2024 and 2025 (Yaroslav Isaienkov, "Coffee Sales"):
github.com/mhammadhasan123s/coffee-sales-time-series-mining.

Times to the minute, no zone. One cup an order, few prices; a card is a customer, who pays cash is a guest.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment, table

FOLDER = "coffee-sales-time-series-mining"


def lines(folder: Path) -> Iterator[Line]:
    """A line for each cup."""
    for number, row in enumerate(table(folder / "index_1.csv"), 1):
        yield Line(
            order=f"cup-{number}",
            at=moment(row["datetime"], "%Y/%m/%d %H:%M"),
            customer=row["card"] or None,
            currency="UAH",
            sku=row["coffee_name"].strip().capitalize(),
            quantity=1,
            price=float(row["money"]),
            payment=row["cash_type"],
        )
