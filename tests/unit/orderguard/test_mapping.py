"""Tables and documents through a mapping: what people write in TOML, and how values are read."""

import json
from pathlib import Path
from typing import Any

import pytest

from orderguard.sources import SOURCES, TABLES, source
from orderguard.sources.looking import of_document, of_table
from orderguard.sources.mapped import together
from orderguard.sources.mapping import File, MappingError, mapping_for, read_mapping, shipped, shipped_mapping
from orderguard.sources.plan import Plan
from orderguard.sources.proposing import propose
from orderguard.sources.tables import encoding_of, errors_for, table_of
from orderguard.sources.values import Moments, amount_in

EXAMPLES = Path(__file__).parents[3] / "data" / "examples"
SMALL = """
[order]
order_id = "no"
created_at = "at"
currency = { value = "EUR" }
[items]
sku = "sku"
quantity = "qty"
unit_price = "price"
"""
COLUMNS = ["no", "at", "sku", "qty", "price", "off", "state"]


def orders(mapping: str, *rows: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    plan = Plan(read_mapping(mapping), columns or COLUMNS)
    return together(plan, plan.runs([row.split("|") for row in rows]))


def with_values(values: str) -> str:
    return f'[values]\n{values}\n{SMALL}discount = "off"\n'


@pytest.mark.parametrize(
    ("text", "comma", "amount"),
    [
        ("12.50", False, 12.5),
        ("1,234.56", False, 1234.56),
        ("1 234.56", False, 1234.56),
        ("1'234.50", False, 1234.5),
        ("1,00,000.00", False, 100000.0),
        ("$1,234.56", False, 1234.56),
        ("US$ 12", False, 12.0),
        ("12.50 EUR", False, 12.5),
        ("(12.50)", False, -12.5),
        ("12.50-", False, -12.5),
        ("-€12.50", False, -12.5),
        ("1.234,56", True, 1234.56),
        ("1 234,56 €", True, 1234.56),
        ("R$ 12,5", True, 12.5),
        ("12", True, 12.0),
        ("1,23", False, None),
        ("1.23", True, None),
        ("1.2.3", False, None),
        ("12 of 14", False, None),
        ("1_000", False, None),
        ("nan", False, None),
        ("1e999", False, None),
        ("", False, None),
        ("²", False, None),
    ],
)
def test_an_amount_is_read_in_one_way_or_not_at_all(text: str, comma: bool, amount: float | None) -> None:
    assert amount_in(text, comma) == amount


@pytest.mark.parametrize(
    ("formats", "zone", "text", "read"),
    [
        ((), None, "2026-03-02T10:00:00Z", ("2026-03-02T10:00:00+00:00", True)),
        ((), None, "2026-03-02 10:00:00 +0100", ("2026-03-02T10:00:00+01:00", True)),
        ((), "Europe/Berlin", "2026-07-02 10:00", ("2026-07-02T10:00:00+02:00", True)),
        ((), "Europe/Berlin", "2026-07-02", ("2026-07-02T00:00:00+02:00", False)),
        (("%d.%m.%Y",), "Europe/Berlin", "02.07.2026", ("2026-07-02T00:00:00+02:00", False)),
        (("%m/%d/%Y %H:%M",), "UTC", "7/2/2026 9:05", ("7/2/2026 9:05", True)),
        (("%m/%d/%Y %H:%M",), "UTC", "7/2/2026 09:05", ("2026-07-02T09:05:00+00:00", True)),
        (("%d %b %Y %I:%M %p",), "UTC", "02 Jul 2026 09:05 PM", ("2026-07-02T21:05:00+00:00", True)),
        (("%d.%m.%Y", "%Y"), "UTC", "31.02.2026", ("31.02.2026", True)),
        ((), "UTC", "yesterday", ("yesterday", True)),
    ],
)
def test_a_moment_is_read_in_the_formats_that_are_named(
    formats: tuple[str, ...], zone: str | None, text: str, read: tuple[str, bool]
) -> None:
    assert Moments(formats, zone)(text) == read


def test_times_without_a_zone_are_counted_where_none_is_named() -> None:
    read = Moments()
    read("2026-03-02 10:00"), read("2026-03-02 10:00"), read("2026-03-02T10:00Z")
    assert read.without_zone == 2


@pytest.mark.parametrize(
    ("values", "row", "price", "discount"),
    [
        ("", "1|2026-01-01|a|2|10|1|", 10.0, 1.0),
        ('unit_price = "line"', "1|2026-01-01|a|2|10|1|", 5.0, 1.0),
        ('unit_price = "line after discount"', "1|2026-01-01|a|2|10|1|", 5.5, 1.0),
        ('unit_price = "line after discount"\ndiscount = "share"', "1|2026-01-01|a|2|10|0.2|", 6.25, 2.5),
        ('discount = "percent"', "1|2026-01-01|a|2|10|50|", 10.0, 10.0),
        ('discount = "piece"', "1|2026-01-01|a|2|10|1|", 10.0, 2.0),
        ("divide = 100", "1|2026-01-01|a|2|1000|100|", 10.0, 1.0),
        ("decimal_comma = true", "1|2026-01-01|a|2|1.010,50|1,5|", 1010.5, 1.5),
        ('unit_price = "line"', "1|2026-01-01|a|2|ten|1|", "ten", 1.0),
        ('unit_price = "line"', "1|2026-01-01|a|0|10|1|", 10.0, 1.0),
    ],
)
def test_price_and_discount_mean_what_the_mapping_says(values: str, row: str, price: object, discount: float) -> None:
    (order,) = orders(with_values(values), row)
    assert order["items"][0]["unit_price"] == price and order["items"][0].get("discount") == discount


def test_lines_of_an_order_are_found_wherever_they_stand() -> None:
    found = orders(SMALL, "1|2026-01-01|a|1|2", "2|2026-01-02|b|1|2", "1|2026-01-01|c|3|4", "|2026-01-02|d|1|1")
    assert [[line["sku"] for line in order["items"]] for order in found] == [["a", "c"], ["b"], ["d"]]
    assert "order_id" not in found[2]


def test_rows_below_an_order_fill_down_count_pieces_and_add_up() -> None:
    down = orders(f"{SMALL}[lines]\nfill_down = true\n", "1|2026-01-01|a|1|2", "||b|1|2", "2|2026-01-02|c|1|2")
    assert [len(order["items"]) for order in down] == [2, 1]
    pieces = orders(f"{SMALL}[lines]\none_piece_a_row = true\n", "1|2026-01-01|a|1|2", "1||a|1|2", "1||a|1|3")
    assert [line["quantity"] for line in pieces[0]["items"]] == [2, 1]
    freight = SMALL.replace("[items]", 'shipping.cost = { column = "off", sum = true }\n[items]')
    sums = orders(freight, "1|2026-01-01|a|1|2|1.5", "2|2026-01-01|a|1|2|9", "1|2026-01-01|b|1|2|0.25")
    assert [order["shipping"]["cost"] for order in sums] == [1.75, 9.0]


def test_what_is_no_order_is_told_by_the_column_that_says_so() -> None:
    said = orders(
        f'{SMALL}[[apart]]\ncolumn = "state"\nrefund = ["Refunded"]\n"test order" = ["*"]\n',
        *("1|2026-01-01|a|1|2|| refunded", "2|2026-01-01|a|1|2||x", "3|2026-01-01|a|1|2||"),
    )
    assert [order.get("_kind") for order in said] == ["refund", "test order", None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[order", "not TOML"),
        ("[order]\norder_id = 'a'", "lacks what every order needs: created_at, currency"),
        (SMALL.replace("created_at", "createdat"), "do you mean created_at?"),
        (SMALL.replace('"no"', "{ colum = 'no' }"), "colum"),
        (SMALL.replace('"no"', "{ column = 'no', value = 'x' }"), "order_id: name one of column"),
        (f"[values]\nzone = 'Mars/Olympus'\n{SMALL}", "values.zone is no time zone"),
        (f"[values]\nzone = '../etc'\n{SMALL}", "values.zone is no time zone"),
        (f"[values]\ndivide = 0\n{SMALL}", "values.divide"),
        (f"[values]\nprice = 'piece'\n{SMALL}", "price"),
    ],
)
def test_a_wrong_mapping_is_told_with_the_place_and_the_way_out(text: str, said: str) -> None:
    with pytest.raises(MappingError) as error:
        read_mapping(text)
    assert said in str(error.value)


def test_a_column_that_every_order_needs_has_to_be_there() -> None:
    with pytest.raises(MappingError, match="no column 'sku', which the mapping reads sku from"):
        Plan(read_mapping(SMALL), ["no", "at", "qty", "price"])
    assert Plan(read_mapping(with_values("")), ["no", "at", "sku", "qty", "price"]).absent == ["off"]


@pytest.mark.parametrize(
    ("data", "encoding", "columns"),
    [
        ("a;b\n1;2,5\n".encode(), "utf-8", ["a", "b"]),
        ("\ufeffa\tb\n1\t2\n".encode(), "utf-8-sig", ["a", "b"]),
        ("a,b\n1,2\n".encode("utf-16"), "utf-16", ["a", "b"]),
        (("größe,b\n" + "1,2\n" * 60).encode("utf-16-le"), "utf-16-le", ["größe", "b"]),
        ("größe|b\n1|2\n".encode("cp1252"), "cp1252", ["größe", "b"]),
        ("sep=;\r\na;b\r\n1;2\r\n".encode(), "utf-8", ["a", "b"]),
        ("Export of May\n\na,b\n1,2\n".encode(), "utf-8", ["a", "b"]),
        (" a  b\n 1  2\n 3 4\n".encode(), "utf-8", ["a", "b"]),
        ('a,b\n"x\ny",2\n'.encode(), "utf-8", ["a", "b"]),
    ],
)
def test_a_table_is_read_in_whatever_way_it_is_written(data: bytes, encoding: str, columns: list[str]) -> None:
    assert encoding_of(data) == encoding
    text = data.decode(encoding, errors_for(encoding))
    table = table_of(text.splitlines(keepends=True), File(), encoding)
    assert table.columns == columns
    assert all(len(row) == 2 for row in table.rows) and not table.left_out


def test_a_row_that_does_not_fit_is_left_out_and_a_stray_byte_is_read() -> None:
    table = table_of(["a,b\n", "1,2,\n", "1,2,3\n", "\n", "4,5\n"], File())
    assert [row[:2] for row in table.rows] == [["1", "2"], ["4", "5"]]
    assert table.left_out == {"more cells than columns": 1}
    assert b"caf\xe9 \xe2\x82\xac".decode("utf-8", errors_for("utf-8")) == "café €"


@pytest.mark.parametrize("text", ["", "\n\n", "one column\n1\n", '"a,b\n1,2'])
def test_what_is_no_table_is_told(text: str) -> None:
    with pytest.raises(MappingError):
        list(table_of(text.splitlines(keepends=True), File()).rows)


def test_each_mapping_that_ships_is_whole_and_says_where_its_files_are() -> None:
    for name in shipped():
        mapping = shipped_mapping(name)
        assert mapping.about and mapping.place.startswith("https://"), name
    for name in TABLES:
        assert mapping_for(name, table=True) or mapping_for(name, table=False)
    assert {"shopify", "woocommerce", "stripe", "magento", "olist"} <= {*SOURCES}


def rows_of(name: str) -> tuple[list[str], list[list[str]]]:
    with (EXAMPLES / name).open(newline="", encoding="utf-8") as file:
        table = table_of(file, File())
        return table.columns, list(table.rows)


@pytest.mark.parametrize(
    ("name", "taken", "kinds"),
    [
        ("shopify-orders.csv", "shopify-csv", [None, None, "refund", "cancellation"]),
        ("woocommerce-orders.csv", "woocommerce-csv", [None, "refund"]),
        ("amazon-orders.txt", "amazon", [None, "cancellation"]),
        ("bigcommerce-orders.csv", "bigcommerce", [None, "cancellation"]),
    ],
)
def test_an_export_is_known_by_its_columns(name: str, taken: str, kinds: list[str | None]) -> None:
    columns, rows = rows_of(name)
    known = of_table(columns)
    assert known and known[0] == taken
    plan = Plan(known[1], columns)
    found = together(plan, plan.runs(rows))
    assert [order.get("_kind") for order in found] == kinds
    first = found[0]
    assert len(first["items"]) == 2 and all(isinstance(line["unit_price"], float) for line in first["items"])
    assert first["billing_address" if taken == "woocommerce-csv" else "shipping_address"]["country"]


def test_what_vendors_write_in_tables_goes_where_it_belongs() -> None:
    columns, rows = rows_of("shopify-orders.csv")
    order = together(plan := Plan(shipped_mapping("shopify-csv"), columns), plan.runs(rows))[0]
    assert order["order_id"] == "7410991464" and order["shipping_address"]["postcode"] == "04103"
    assert order["note"] == "Please leave it\nwith the neighbours"
    columns, rows = rows_of("amazon-orders.txt")
    order = together(plan := Plan(shipped_mapping("amazon"), columns), plan.runs(rows))[0]
    assert order["shipping"]["cost"] == 4.5 and [line["unit_price"] for line in order["items"]] == [15.0, 8.5]
    columns, rows = rows_of("bigcommerce-orders.csv")
    order = together(plan := Plan(shipped_mapping("bigcommerce"), columns), plan.runs(rows))[0]
    assert [(line["sku"], line["quantity"], line["unit_price"]) for line in order["items"]] == [
        ("LEG-S", 1.0, 67.5),
        ("115", 2.0, 65.0),
    ]


def test_documents_go_through_a_mapping_too() -> None:
    document = json.loads((EXAMPLES / "magento-orders.json").read_text())
    first, second = source("magento")(document)
    assert [line["sku"] for line in first["items"]] == ["WS12-M-Orange", "24-WB04"]
    assert first["shipping_address"]["street"] == "123 Oak Ave, Apt 2" and second["_kind"] == "cancellation"
    assert list(source("magento")(document["items"][0])) == [first]
    row = {"Order ID": "1", "Order Date": "1/2/2026", "Product ID": "p", "Sales": "10", "Quantity": 2, "Discount": "0"}
    (order,) = source("superstore")([row])
    assert order["items"] == [{"sku": "p", "quantity": 2.0, "unit_price": 5.0}]
    assert list(source("superstore")("row")) == [{"currency": "USD", "items": []}]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"orders": [{"line_items": [], "financial_status": "paid"}]}, "shopify"),
        ({"data": {"orders": {"nodes": [{"lineItems": {}, "currencyCode": "EUR"}]}}}, "shopify"),
        ([{"line_items": [], "date_created_gmt": ""}], "woocommerce"),
        ({"object": "event", "data": {}}, "stripe"),
        ({"items": [{"increment_id": "1", "items": []}]}, "magento"),
        ([{"order_id": "1", "items": [], "currency": "EUR"}], "orders"),
        ({"weather": "fine"}, None),
        ([], None),
        (7, None),
    ],
)
def test_a_document_is_known_by_its_fields(document: object, name: str | None) -> None:
    assert of_document(document) == name


def test_a_mapping_is_proposed_that_reads_the_table() -> None:
    columns = [
        "Bestellnummer",
        "Datum",
        "Kunde ID",
        "Artikelnummer",
        "Menge",
        "Einzelpreis",
        "Bestellstatus",
        "Kassierer",
    ]
    rows = [
        ["1", "28.03.2026 14:05", "K1", "A", "2", "1.299,50 €", "bezahlt", "x"],
        ["2", "29.03.2026 09:00", "K2", "B", "1", "3,95 €", "storniert", "x"],
    ]
    proposal = propose(columns, rows)
    assert proposal.unmapped == ["Kassierer"] and "currency" in proposal.missing
    plan = Plan(read_mapping(proposal.text), columns)
    first, second = together(plan, plan.runs(rows))
    assert first["items"][0] == {"sku": "A", "quantity": 2.0, "unit_price": 1299.5} and first["currency"] == "EUR"
    assert first["created_at"] == "2026-03-28T14:05:00+00:00" and second["_kind"] == "cancellation"


def test_a_column_whose_name_says_nothing_is_taken_by_its_values_and_never_one_of_people() -> None:
    columns = ["ref", "when", "who", "dob", "mail", "how many", "paid", "cur"]
    rows = [
        [f"48{n}", f"2026-03-0{n}T10:00:00Z", "Erika", "1977-07-19", "e@x.example", "2", f"{n}.50", "GBP"]
        for n in (1, 2)
    ]
    proposal = propose(columns, rows)
    assert proposal.unmapped == ["who", "dob"] and any("names say nothing" in doubt for doubt in proposal.doubts)
    plan = Plan(read_mapping(proposal.text), columns)
    first, _ = together(plan, plan.runs(rows))
    assert (first["order_id"], first["created_at"][:10], first["currency"]) == ("481", "2026-03-01", "GBP")
    assert first["items"] == [{"sku": "article", "quantity": 2.0, "unit_price": 1.5}]


def test_what_the_name_of_a_column_says_of_its_values_is_taken() -> None:
    columns = [
        "Bestell-Nr.",
        "Bestelldatum",
        "Kunden-Nr.",
        "Kunde",
        "Artikelnr.",
        "Menge",
        "Einzelpreis (CHF)",
        "Rabatt %",
        "PLZ",
    ]
    rows = [["R-1", "03.02.2026 14:05", "K-7", "Erika", "T-1", "4", "6,50", "10", "8001"], [""] * 9]
    proposal = propose(columns, rows)
    plan = Plan(read_mapping(proposal.text), columns)
    (order,) = together(plan, plan.runs(rows[:1]))
    assert order["currency"] == "CHF" and order["items"][0]["discount"] == pytest.approx(2.6)


def test_countries_by_name_are_no_repair_where_the_mapping_says_so() -> None:
    mapped = SMALL.replace("[items]", 'shipping_address.country = "state"\n[items]')
    rows = [f"{place}|2026-01-01|a|1|2||{name}" for place, name in enumerate(("Germany", "US", "UK", "Narnia"), 1)]
    found = orders(f'[values]\ncountries = "names"\n{mapped}', *rows)
    assert [order["shipping_address"]["country"] for order in found] == ["DE", "US", "GB", "Narnia"]
    columns = [*COLUMNS[:-1], "country"]
    assert 'countries = "names"' in propose(columns, [row.split("|") for row in rows]).text
    assert "countries" not in propose(columns, [rows[1].split("|")]).text


def test_two_ways_of_reading_a_day_are_told() -> None:
    proposal = propose(["order", "date", "sku", "qty", "price"], [["1", "03/04/2026", "a", "1", "2"]])
    assert any("%d/%m/%Y or %m/%d/%Y" in doubt for doubt in proposal.doubts)
