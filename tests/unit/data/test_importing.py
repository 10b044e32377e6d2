"""`make import`: files as people have them, what is written, what is said, and what never is."""

import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from data.importing import documents, grouping
from data.importing.command import main
from orderguard.schema import decode_order

EXAMPLES = Path(__file__).parents[3] / "data" / "examples"
HEADER = "order no,order date,customer id,sku,qty,unit price,secret remark"
ROWS = [
    "1,2026-03-02 10:00:00,c1,mug,1,4.50,Zephyrine",
    "2,2026-03-02 11:00:00,c2,pot,2,9.00,",
    "1,2026-03-02 10:00:00,c1,cup,1,3.00,",
]
MAPPING = """
[values]
zone = "Europe/Berlin"
[order]
order_id = "order no"
created_at = "order date"
currency = { value = "EUR" }
customer.id = "customer id"
[items]
sku = "sku"
quantity = "qty"
unit_price = "unit price"
"""
Said = pytest.CaptureFixture[str]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return tmp_path


def imported(file: Path, *more: str) -> list[dict[str, Any]]:
    """The orders of an import that works, in the order of the file."""
    assert main([str(file), *more]) == 0
    (written,) = Path("data/raw").glob("import-*.ndjson")
    lines = written.read_bytes().splitlines()
    written.unlink()
    assert all(decode_order(line) for line in lines)
    return [json.loads(line) for line in lines]


def table(path: Path, rows: list[str], encoding: str = "utf-8") -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding)
    return path


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_each_example_is_taken_for_what_it_is(example: str, shop: Path, capsys: Said) -> None:
    orders = imported(EXAMPLES / example)
    said = capsys.readouterr().out
    assert orders and example.partition("-")[0] in said.splitlines()[0].lower()
    for personal in ("Probst", "Tarrant", "Beispielweg", "@example", "7410991464", "Grandma"):
        assert personal not in said


def test_lines_are_put_together_and_what_is_not_mapped_is_not_written(shop: Path, capsys: Said) -> None:
    first, second = imported(table(shop / "may.csv", ROWS), "--mapping", "mapping.toml")
    assert [line["sku"] for line in first["items"]] == ["mug", "cup"] and second["items"][0]["quantity"] == 2
    assert first["created_at"] == "2026-03-02T10:00:00+01:00"
    said = capsys.readouterr().out
    assert "2 orders of 3 lines" in said and "not mapped, and so not written: secret remark" in said
    assert "Zephyrine" not in said + json.dumps(first) and "may.csv" not in said
    assert [path.name for path in Path("data/raw").iterdir()] == []


def test_what_is_written_is_its_owners_and_named_by_its_content(shop: Path) -> None:
    file = table(shop / "of-zephyrine.csv", ROWS)
    assert main([str(file), "--mapping", "mapping.toml"]) == main([str(file), "--mapping", "mapping.toml"]) == 0
    (written,) = Path("data/raw").iterdir()
    assert written.name.startswith("import-mapping-") and written.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["utf-16", "cp1252", "gzip", "excel", "json list", "json lines"])
def test_the_same_orders_come_out_however_the_file_is_written(kind: str, shop: Path) -> None:
    expected = imported(table(shop / "plain.csv", ROWS), "--mapping", "mapping.toml")
    path = shop / f"other.{kind}"
    cells = [*csv.reader([HEADER, *ROWS])]
    if kind == "excel":
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        for row in cells:
            sheet.append([float(cell) if cell.replace(".", "").isdigit() else cell for cell in row])
        book.save(path)
        book.close()
    elif kind == "gzip":
        path.write_bytes(gzip.compress((shop / "plain.csv").read_bytes()))
    elif kind.startswith("json"):
        lines = [json.dumps({**order, "order_id": order["order_id"]}) for order in expected]
        path.write_text("[" + ",\n".join(lines) + "]" if kind == "json list" else "\n".join(lines))
        assert imported(path) == expected
        return
    else:
        table(path, ROWS, kind)
    assert imported(path, "--mapping", "mapping.toml") == expected


def test_a_large_file_in_parts_gives_the_same_orders(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{number % 7},2026-03-02 10:00:00,c,s{number},1,2.00," for number in range(60)]
    file = table(shop / "many.csv", rows)
    expected = imported(file, "--mapping", "mapping.toml")
    monkeypatch.setattr(grouping, "PART_BYTES", 300)
    in_parts = imported(file, "--mapping", "mapping.toml")
    assert sorted(in_parts, key=lambda one: str(one["order_id"])) == sorted(
        expected, key=lambda one: str(one["order_id"])
    )
    assert in_parts != expected and len(in_parts) == 7


def test_a_list_is_read_piece_by_piece(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = {
        "order_id": "1",
        "created_at": "2026-03-02T10:00:00Z",
        "currency": "EUR",
        "items": [{"sku": "a", "quantity": 1, "unit_price": 2}],
    }
    (shop / "list.json").write_text(json.dumps([{**order, "order_id": str(number)} for number in range(50)], indent=1))
    monkeypatch.setattr(documents, "_PIECE", 64)
    assert [one["order_id"] for one in imported(shop / "list.json")] == [str(number) for number in range(50)]


def test_what_is_no_order_or_cannot_be_used_is_counted_and_told(shop: Path, capsys: Said) -> None:
    rows = [
        *ROWS,
        "3,someday,c3,mug,1,4.50,",
        "4,2026-03-02 10:00:00,c4,mug,-1,4.50,",
        "5,2026-03-02 10:00:00,c5,mug,1,4,50,x",
    ]
    assert len(imported(table(shop / "bad.csv", rows), "--mapping", "mapping.toml")) == 2
    said = capsys.readouterr().out
    assert "1 refund" in said and "1  created_at: " in said and "1  more cells than columns" in said
    (kept,) = Path("data/quarantine").iterdir()
    told = json.loads(kept.read_text())
    assert told["row"] == 4 and told["field"] == "created_at" and kept.stat().st_mode & 0o077 == 0
    assert "someday" not in kept.read_text() + said


def test_an_unknown_table_gets_a_mapping_proposed_that_works(shop: Path, capsys: Said) -> None:
    file = table(shop / "unknown.csv", ROWS)
    assert main([str(file)]) == 0
    said = capsys.readouterr().out
    proposed = Path("data/importing/proposed.toml")
    for words in (
        "no source and no mapping",
        "The first 3 orders",
        '"sku": "mug"',
        "(a pseudonym)",
        "Missing: currency",
    ):
        assert words in said
    assert "secret remark" in said and "Zephyrine" not in said and '"c1"' not in said
    assert [path for path in Path("data/raw").iterdir()] == []
    assert len(imported(file, "--mapping", str(proposed))) == 2


def test_each_file_of_a_folder_is_imported(shop: Path, capsys: Said) -> None:
    folder = shop / "months"
    folder.mkdir()
    table(folder / "b-may.csv", ROWS[:1])
    table(folder / "a-april.csv", ROWS[1:2])
    (folder / ".hidden").write_text("x")
    assert main([str(folder), "--mapping", "mapping.toml"]) == 0
    assert len([*Path("data/raw").iterdir()]) == 2
    (folder / "c.pdf").write_bytes(b"%PDF-1.7")
    assert main([str(folder), "--mapping", "mapping.toml"]) == 2
    told = capsys.readouterr()
    assert "File 3 of 3" in told.out and "2 of 3 files were imported." in told.out and "PDF" in told.err
    for file in folder.iterdir():
        file.unlink()
    assert main([str(folder)]) == 2 and "the folder contains no file" in capsys.readouterr().err


def test_a_large_bulk_operation_is_put_together_in_parts(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (EXAMPLES / "shopify-bulk-operation.jsonl").read_text("utf-8").splitlines()
    (shop / "bulk.jsonl").write_text("\n".join(sorted(lines, key=lambda line: "__parentId" in line)))
    expected = imported(shop / "bulk.jsonl")
    monkeypatch.setattr(grouping, "PART_BYTES", 300)
    assert imported(shop / "bulk.jsonl") == expected and len(expected[0]["items"]) == 2


def test_files_that_join_are_read_beside_each_other(shop: Path, capsys: Said) -> None:
    folder = shop / "olist"
    folder.mkdir()
    for name, text in {
        "olist_order_items_dataset.csv": "order_id,order_item_id,product_id,seller_id,price,freight_value\n"
        "o1,1,p1,s,10.0,2.5\no1,2,p1,s,10.0,2.5\no2,1,p2,s,5.0,1.0\no3,1,p2,s,5.0,1.0\n",
        "olist_orders_dataset.csv": "order_id,customer_id,order_status,order_purchase_timestamp\n"
        "o1,k1,delivered,2018-02-01 10:00:00\no2,k2,canceled,2018-02-01 10:00:00\n",
        "olist_customers_dataset.csv": "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city\n"
        "k1,u1,01310,sao paulo\nk9,u9,1,2,too many\n",
        "olist_order_payments_dataset.csv": "order_id,payment_sequential,payment_type,payment_value\n"
        "o1,2,voucher,5\no1,1,credit_card,20\n",
        "olist_products_dataset.csv": "product_id,product_category_name\np1,perfumaria\n",
    }.items():
        (folder / name).write_text(text)
    (order,) = imported(folder)
    assert "1  join.customers: more cells than columns" in capsys.readouterr().out
    assert order["items"] == [{"sku": "p1", "quantity": 2, "unit_price": 10, "category": "perfumaria"}]
    assert order["shipping"]["cost"] == 5 and order["payment"]["method"] == "credit_card"
    assert order["customer"]["id"] == "u1" and order["shipping_address"]["postcode"] == "01310"
    (folder / "olist_customers_dataset.csv").unlink()
    assert main([str(folder)]) == 2


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (None, [], "there is no such file"),
        (b"", [], "the file is empty"),
        (b"\x1f\x8b\x08\x00broken", [], "an incomplete gzip file"),
        (b"PK\x03\x04broken", [], "the workbook can't be read"),
        (b"\xd0\xcf\x11\xe0old", [], "old Excel file"),
        (b"%PDF-1.7", [], "old Excel file or a PDF"),
        (b"\x7fELF\x02\x01\x01" + bytes(60) + b"\x40\x00\x38\x00" * 40, [], "contains no text"),
        (bytes(range(1, 255)) * 4, [], "contains no text"),
        (b"{broken", [], "not JSON"),
        (b'[{"order_id": "1", "items": [], "currency": "EUR"}, {', [], "breaks off"),
        (b'{"weather": "fine"}', [], "Name SOURCE"),
        (b"one column\n1\n", [], "no table"),
        (b"1,2026-03-02,mug,1,4.50\n2,2026-03-02,mug,1,4.50\n", [], "[file] header"),
        (b"a,b\n1,2\n", ["--source", "shoppify"], "no such source; there are shopify"),
        (b"a,b\n1,2\n", ["--source", "stripe"], "JSON documents, and the file is a table"),
        (b"a,b\n1,2\n", ["--source", "shopify"], "no column 'Id' or 'Name'"),
        (b"a,b\n1,2\n", ["--mapping", "none.toml"], "the file of MAPPING can't be read"),
        (b"a,b\n1,2\n", ["--mapping", "mapping.toml"], "no column 'order no'"),
    ],
)
def test_bad_input_gets_one_clear_line(
    content: bytes | None, arguments: list[str], said: str, shop: Path, capsys: Said
) -> None:
    file = shop / "of-zephyrine.dat"
    if content is not None:
        file.write_bytes(content)
    assert main([str(file), *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1 and "zephyrine" not in told
    assert not Path("data/raw").exists() or [*Path("data/raw").iterdir()] == []


def test_an_import_that_breaks_off_leaves_nothing(shop: Path) -> None:
    (shop / "cut.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *ROWS * 9_000]).encode())[:-2_000])
    assert main([str(shop / "cut.csv.gz"), "--mapping", "mapping.toml"]) == 2
    assert [*Path("data/raw").iterdir()] == []


def test_memory_does_not_grow_with_the_file(shop: Path) -> None:
    """Ten times as many lines, hardly more memory: measured in processes of their own."""

    def peak(orders: int) -> int:
        path = shop / f"{orders}.csv"
        rows = (
            f"{number},2026-03-02 10:00:00,c{number},s{number % 90},1,{number % 99}.50," for number in range(orders)
        )
        path.write_text("\n".join([HEADER, *rows]))
        script = (
            "import sys; from data.importing import grouping; grouping.PART_BYTES = 40_000;"
            "from data.importing.command import main; assert main(sys.argv[1:]) == 0;"
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), "--mapping", "mapping.toml"],
            env={**os.environ, "PYTHONPATH": str(EXAMPLES.parents[1])},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.splitlines()[-1])

    assert peak(12_000) < peak(1_200) + 20_000
