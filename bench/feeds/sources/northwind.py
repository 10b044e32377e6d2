"""Northwind, a food wholesaler's orders: github.com/pthom/northwind_psql (a dump of SQL inserts).

Days without hours.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment
from bench.feeds.places import country

FOLDER = "northwind_psql"


def lines(folder: Path) -> Iterator[Line]:
    """The order lines, each with its order and its product's category."""
    tables = inserts((folder / "northwind.sql").read_text("utf-8"))
    headers = {row[0]: row for row in tables["orders"]}
    categories = {row[0]: row[1] for row in tables["categories"]}
    category = {row[0]: categories[row[3]] for row in tables["products"]}
    for number, product, price, pieces, share in tables["order_details"]:
        header = headers[number]
        yield Line(
            order=number,
            at=moment(header[3], "%Y-%m-%d"),
            customer=header[1],
            currency="USD",
            sku=f"product-{product}",
            category=category[product],
            quantity=float(pieces),
            price=float(price),
            discount=round(float(price) * float(pieces) * float(share), 4) or None,
            country=country(header[13]),
            city=header[10],
            postcode=header[12],
            shipping=f"carrier-{header[6]}",
            shipping_cost=float(header[7]),
        )


def inserts(dump: str) -> dict[str, list[list[str]]]:
    """The rows of each table of a dump that has one insert a line; a NULL is the empty text."""
    tables: dict[str, list[list[str]]] = {}
    for name, values in re.findall(r"^INSERT INTO (\w+) VALUES \((.*)\);$", dump, re.MULTILINE):
        row = next(csv.reader([values], quotechar="'", skipinitialspace=True))
        tables.setdefault(name, []).append(["" if value == "NULL" else value for value in row])
    return tables
