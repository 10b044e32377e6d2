"""Public order data become orders of the data contract, each source from rows as it writes them."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from bench.feeds.convert import SOURCES, main
from bench.feeds.lines import Counts, Line, moment, orders, write
from bench.feeds.sources.merchandise import sheet
from bench.feeds.sources.northwind import inserts
from orderguard.schema import MAX_ITEMS, Order, decode_order

OLIST = {
    "olist_orders_dataset.csv": "order_id,customer_id,order_status,order_purchase_timestamp\n"
    "one,visit-1,delivered,{moment}\nlost,visit-1,canceled,{moment}\n",
    "olist_order_items_dataset.csv": "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,"
    "freight_value\none,1,pan,s,,10.5,2\none,2,pan,s,,10.5,2\nlost,1,pan,s,,10.5,2\nelsewhere,1,pan,s,,1,1\n,,,,,,\n",
    "olist_order_payments_dataset.csv": "order_id,payment_sequential,payment_type\none,2,voucher\none,1,credit_card\n",
    "olist_products_dataset.csv": "product_id,product_category_name\npan,cozinha\n",
    "customers": "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
    "visit-1,ana,14409,franca,SP\n",
}


def olist(customers: str, moment: str) -> dict[str, str]:
    files = {name: text.replace("{moment}", moment) for name, text in OLIST.items()}
    return {customers if name == "customers" else name: text for name, text in files.items()}


RAW: dict[str, dict[str, str]] = {
    "cdnow": {"CDNOW_master.txt": " customer_id date cds dollars\n 00004 19970118  3   29.73\n"},
    "superstore": {
        "Sample - Superstore.csv": "\ufeffOrder ID,Order Date,Ship Mode,Customer ID,City,State,Postal Code,Product ID,"
        "Sub-Category,Sales,Quantity,Discount\nCA-1,11/8/2018,Second Class,CG-1,Henderson,Kentucky,42420,FUR-1,"
        "Chairs,80,2,0.2\n"
    },
    "northwind": {
        "northwind.sql": "INSERT INTO categories VALUES (1, 'Beverages', 'Tea, etc.', '\\x');\n"
        "INSERT INTO products VALUES (11, 'Chef''s tea', 8, 1, '10 boxes', 18, 39, 0, 10, 1);\n"
        "INSERT INTO orders VALUES (10248, 'VINET', 5, '1996-07-04', '1996-08-01', NULL, 3, 32.38, 'Vins', "
        "'59 rue de l''Abbaye', 'Reims', NULL, '51100', 'France');\n"
        "INSERT INTO order_details VALUES (10248, 11, 14, 12, 0.25);\n"
    },
    "olist": olist("olist_customers_dataset.csv", "2017-07-09 21:57:05"),
    "olist-cut": olist("olistcustomerdataset.csv", "7/9/2017 21:57"),
    "gifts": {
        "2010-12-01.csv": "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
        "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
        "C536366,85123A,HEART,-6,2010-12-01 09:00:00,2.55,17850.0,United Kingdom\n"
        "536367,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom\n"
    },
    "coffee": {
        "index_1.csv": "date,datetime,cash_type,card,money,coffee_name\n"
        "2024/3/1,2024/3/1 10:15,card,ANON-1,38.7,  LATTE \n2024/3/1,2024/3/1 10:16,cash,,40,Latte\n"
    },
    "takeaway": {
        "restaurant-1-orders.csv": "invoice,Order Date,description,Quantity,Product Price,Total products,City\n"
        "16118,03/08/19 20:25,Plain Papadum,2,0.8,6,London\n"
    },
}

SHARED = ("customer", "created_at", "currency", "sku", "quantity", "unit_price")
EXPECTED: dict[str, tuple[Any, ...]] = {
    "cdnow": ("00004", "1997-01-18T00:00:00+00:00", "USD", "cd", 3, 9.91),
    "superstore": ("CG-1", "2018-11-08T00:00:00+00:00", "USD", "FUR-1", 2, 50.0),
    "northwind": ("VINET", "1996-07-04T00:00:00+00:00", "USD", "product-11", 12, 14.0),
    "olist": ("ana", "2017-07-09T21:57:05+00:00", "BRL", "pan", 2, 10.5),
    "olist-cut": ("ana", "2017-07-09T21:57:00+00:00", "BRL", "pan", 2, 10.5),
    "gifts": ("17850", "2010-12-01T08:26:00+00:00", "GBP", "85123A", 6, 2.55),
    "coffee": ("ANON-1", "2024-03-01T10:15:00+00:00", "UAH", "Latte", 1, 38.7),
    "takeaway": ("guest-16118", "2019-08-03T20:25:00+00:00", "GBP", "Plain Papadum", 2, 0.8),
    "merchandise": ("17850", "2019-01-01T00:00:00+00:00", "USD", "NEST", 1, 153.71),
    "fixed": ("17850", "2019-01-01T00:00:00+00:00", "USD", "NEST", 1, 153.71),
}


def workbook(path: Path) -> None:
    """A workbook with a head and one line."""
    head = "CustomerID Transaction_ID Transaction_Date Product_SKU Product_Category Quantity Avg_Price Delivery_Charges"
    book = openpyxl.Workbook()
    (page,) = book.worksheets
    page.append(head.split())
    page.append([17850, 16679, 20190101, "NEST", "Nest-USA", 1, 153.71, 6.5])
    book.save(path)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for name, files in RAW.items():
        for file, text in files.items():
            path = folder / SOURCES[name][0] / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    book = folder / SOURCES["merchandise"][0] / "Online_Sales.xlsx"
    book.parent.mkdir(parents=True)
    workbook(book)
    return folder


@pytest.fixture(scope="module")
def converted(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feeds")
    assert main([str(raw), str(folder)]) == 0
    return folder


def read(path: Path) -> list[Order]:
    return [decode_order(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_becomes_orders_of_the_contract(converted: Path, name: str) -> None:
    order = read(converted / f"{name}.ndjson")[0]
    item = order.items[0]
    whose = order.customer and order.customer.id
    found = (whose, order.created_at.isoformat(), order.currency, item.sku, item.quantity, item.unit_price)
    assert dict(zip(SHARED, found, strict=True)) == dict(zip(SHARED, EXPECTED[name], strict=True))


def test_what_else_a_source_tells_is_kept(converted: Path) -> None:
    superstore, northwind, olist = (
        read(converted / f"{name}.ndjson")[0] for name in ("superstore", "northwind", "olist")
    )
    assert superstore.items[0].discount == pytest.approx(20.0)
    assert northwind.items[0].discount == pytest.approx(0.25 * 14 * 12)
    assert northwind.shipping_address and northwind.shipping_address.country == "FR"
    assert northwind.items[0].category == "Beverages"
    assert olist.payment and olist.payment.method == "credit_card"
    assert olist.shipping and olist.shipping.cost == 4.0


def test_the_shop_with_fixed_prices_tells_nothing_but_the_required_fields(converted: Path) -> None:
    line = msgspec.json.decode((converted / "fixed.ndjson").read_bytes().splitlines()[0])
    assert set(line) == {"order_id", "created_at", "customer", "currency", "items"}
    assert set(line["items"][0]) == {"sku", "quantity", "unit_price"}


def test_what_is_left_out_is_counted(raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(raw), str(tmp_path), "gifts", "olist"]) == 0
    said = capsys.readouterr().out
    assert (
        "gifts: 1 orders of 1 lines" in said and "1 lines of cancellations" in said and "1 lines that correct" in said
    )
    assert "olist: 1 orders of 1 lines" in said and "1 lines of cancelled orders" in said


def test_a_source_that_fails_says_why_and_stops_no_other(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / SOURCES["coffee"][0]).mkdir()
    (tmp_path / SOURCES["coffee"][0] / "index_1.csv").write_text(RAW["coffee"]["index_1.csv"])
    assert main([str(tmp_path), str(tmp_path), "takeaway", "coffee"]) == 1
    said = capsys.readouterr()
    assert "takeaway: not converted: FileNotFoundError" in said.err and "coffee: 2 orders" in said.out
    assert not (tmp_path / "takeaway.ndjson").exists()


def test_only_feeds_that_there_are_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path), "elsewhere"])


LINE = Line(order="1", at=moment("20240102", "%Y%m%d"), currency="EUR", sku="a", quantity=1, price=2.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": 0}, "lines without pieces, or with fewer than none"),
        ({"quantity": -3}, "lines without pieces, or with fewer than none"),
        ({"quantity": 0.25}, "lines of a part of a piece"),
        ({"price": -1.0}, "lines of a price below nothing"),
        ({"left_out": "refunds"}, "refunds"),
    ],
)
def test_what_the_contract_does_not_take_is_left_out(change: dict[str, Any], reason: str) -> None:
    counts = Counts()
    kept = list(orders([LINE, msgspec.structs.replace(LINE, **change)], counts))
    assert [len(order["items"]) for order in kept] == [1]
    assert counts.left_out == {reason: 1} and (counts.orders, counts.lines) == (1, 1)


def test_an_order_of_too_many_lines_is_left_out() -> None:
    counts = Counts()
    assert list(orders([LINE] * (MAX_ITEMS + 1), counts)) == []
    assert counts.left_out == {"orders of more than 5,000 lines": 1}


def test_orders_stand_by_time(tmp_path: Path) -> None:
    later = msgspec.structs.replace(LINE, order="0", at=moment("20240103", "%Y%m%d"), customer="c")
    write(tmp_path / "out.ndjson", [later, LINE])
    assert [(order.order_id, order.customer and order.customer.id) for order in read(tmp_path / "out.ndjson")] == [
        ("1", "guest-1"),
        ("0", "c"),
    ]


def test_a_moment_in_no_known_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="no time in any of"):
        moment("yesterday", "%Y-%m-%d")


def test_a_quoted_apostrophe_and_a_comma_stay_in_their_value() -> None:
    assert inserts("INSERT INTO t VALUES (1, 'a, b''c', NULL);\n") == {"t": [["1", "a, b'c", ""]]}


def test_a_sheet_is_read_row_by_row(tmp_path: Path) -> None:
    workbook(tmp_path / "book.xlsx")
    head, row = sheet(tmp_path / "book.xlsx")
    assert head[0] == "CustomerID" and row[-1] == "6.5"
    assert next(csv.reader([",".join(row)])) == row
