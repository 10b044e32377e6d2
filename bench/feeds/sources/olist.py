"""Olist, a marketplace in Brazil, in a small cut: github.com/cab-g/bravida-analytics-case.

Times have no zone. Each piece is a line of the source: equal ones are put together. Cancelled orders are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment, table

FOLDER = "bravida-analytics-case/data"
CUSTOMERS = "olist_customers_dataset.csv"
LOST = ("canceled", "unavailable")


def lines(folder: Path, customers: str = CUSTOMERS) -> Iterator[Line]:
    """The lines, each with its order, customer, payment and category; `customers` is the name of that table."""
    headers = {row["order_id"]: row for row in table(folder / "olist_orders_dataset.csv") if row["order_id"]}
    buyers = {row["customer_id"]: row for row in table(folder / customers)}
    payments = {
        row["order_id"]: row["payment_type"]
        for row in table(folder / "olist_order_payments_dataset.csv")
        if row["payment_sequential"] == "1"
    }
    categories = {
        row["product_id"]: row["product_category_name"] for row in table(folder / "olist_products_dataset.csv")
    }
    pieces: Counter[tuple[str, str, str]] = Counter()
    freight: defaultdict[str, float] = defaultdict(float)
    for row in table(folder / "olist_order_items_dataset.csv"):
        pieces[row["order_id"], row["product_id"], row["price"]] += 1
        freight[row["order_id"]] += float(row["freight_value"] or 0)
    for (order, product, price), count in pieces.items():
        header = headers.get(order)
        if not header:  # the cuts don't fit each other, and one ends in empty rows
            continue
        buyer = buyers.get(header["customer_id"], {})
        yield Line(
            order=order,
            at=moment(header["order_purchase_timestamp"], "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M"),
            left_out=_left_out(header["order_status"], price),
            customer=buyer.get("customer_unique_id"),
            currency="BRL",
            sku=product,
            category=categories.get(product),
            quantity=count,
            price=float(price or 0),
            payment=payments.get(order),
            country="BR",
            region=buyer.get("customer_state"),
            city=buyer.get("customer_city"),
            postcode=buyer.get("customer_zip_code_prefix"),
            shipping_cost=round(freight[order], 2),
        )


def _left_out(status: str, price: str) -> str | None:
    if status in LOST:
        return "lines of cancelled orders"
    return None if price else "lines without a price"
