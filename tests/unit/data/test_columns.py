"""Tables read a column at a time, or by several processes in blocks, give what the mapping's plan gives row by row."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.importing import blocks, grouping, writing
from data.importing.columns import Columns
from data.importing.command import main
from orderguard.repair import read_order
from orderguard.sources.mapping import read_mapping
from orderguard.sources.plan import Plan

COLUMNS = "no at cust mail land cur sku cat qty price off state note".split()
ODD = (
    *("", " ", "17850.0", "A-1 ", "x" * 600, "uk", "Germany", "eur", "XYZ", "1,5", "-1", "0", "€ 12", "nan", "\ufeff"),
    *(
        "2026-03-02",
        "02.03.2026 10:00",
        "2026-10-25 02:30:00",
        "2026-03-02T10:00:00Z",
        "1969-01-01 00:00:00",
        "é\u2028",
    ),
    *("2026-03-02 10:00", 'so "it" is', "two\nlines", "storniert"),
)
VALUES = (
    "",
    'zone = "Europe/Berlin"',
    'date_format = "%d.%m.%Y %H:%M"',
    'countries = "names"\nempty = ["NULL"]',
    'unit_price = "line"\ndiscount = "share"',
    "decimal_comma = true",
)
NUMBERS = ('"no"', '{ column = "no", strip = "A" }', '{ either = ["no", "cust"] }')
LINES = ("", "fill_down = true", 'by = "mail"', 'without = "note"')
MAPPING = """
[values]
{values}
[order]
order_id = {number}
created_at = "at"
currency = {currency}
customer.id = "cust"
customer.email = "mail"
shipping_address.country = "land"
shipping_address.city = {{ columns = ["cat", "state"], by = "-" }}
note = "note"
[items]
sku = "sku"
category = "cat"
quantity = "qty"
unit_price = "price"
discount = "off"
[lines]
{lines}
[[apart]]
column = "state"
cancellation = ["storniert"]
"""


def rows_of(chance: random.Random, orders: int) -> list[list[str]]:
    """Rows of a shop, some of them with cells that mean something else, or nothing."""
    rows = []
    for _ in range(orders):
        moment = f"2026-{chance.randint(1, 12):02}-{chance.randint(1, 28):02} {chance.randint(0, 23):02}:05:09"
        head = {"no": str(chance.randint(1, orders)), "at": moment, "cust": f"c{chance.randint(1, 5)}", "cur": "EUR"}
        for _ in range(chance.randint(1, 3)):
            line = {**head, "mail": "a@example.org", "land": "DE", "sku": f"s{chance.randint(1, 4)}", "price": "1.50"}
            line |= {"qty": "2", "cat": "mugs"}
            if chance.random() < 0.25:
                line[chance.choice(COLUMNS)] = chance.choice(ODD)
            rows.append([line.get(name, "") for name in COLUMNS])
    return [row[: chance.randint(3, len(row))] if chance.random() < 0.05 else row for row in rows]


def mapping_of(chance: random.Random) -> str:
    return MAPPING.format(
        values=chance.choice(VALUES),
        number=chance.choice(NUMBERS),
        currency=chance.choice(('"cur"', '{ value = "EUR" }')),
        lines=chance.choice(LINES),
    )


def test_each_part_is_what_the_plan_makes_of_its_rows() -> None:
    plain = 0
    for seed in range(150):
        chance = random.Random(seed)
        mapping, rows = read_mapping(mapping_of(chance)), rows_of(chance, 12)
        plan = Plan(mapping, COLUMNS)
        expected = [(key, row, json.dumps(order)) for row, key, order in Plan(mapping, COLUMNS).placed_runs(rows)]
        parts = [*Columns(plan, len(COLUMNS)).all_parts(rows, 1)]
        assert [(key, row, json.dumps(json.loads(line))) for key, row, line, _, _ in parts] == expected, seed
        for _, _, line, head, lines in parts:
            assert not head or line[:head].endswith(b'"items":[')
            if lines:
                read = read_order(line)
                assert read.order and not read.repairs and len(read.order.items) == lines
                plain += 1
    assert plain > 500, "most keep to the schema, and are known to"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_several_processes_write_the_same_bytes_as_one(
    seed: int, quoting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grouping, "PART_BYTES", 8_000)
    monkeypatch.setattr(blocks, "workers", lambda: 2)
    chance = random.Random(seed)
    with Path("orders.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting).writerows([COLUMNS, *rows_of(chance, 300)])
    Path("mapping.toml").write_text(mapping_of(chance).replace("fill_down = true", ""), "utf-8")
    calls: list[bool] = []

    def written(in_blocks: Callable[..., bool]) -> dict[str, bytes]:
        def can_part(*given: Any) -> bool:
            calls.append(in_blocks(*given))
            return calls[-1]

        monkeypatch.setattr(writing, "can_part", can_part)
        main(["orders.csv", "--mapping", "mapping.toml", "--out", "out", "--quarantine", "bad"])
        found = {str(path): path.read_bytes() for folder in ("out", "bad") for path in sorted(Path(folder).glob("*"))}
        for path in found:
            Path(path).unlink()
        return found

    expected = written(lambda *given: False)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1_500)
    monkeypatch.setattr(writing, "CHUNK", 50)
    assert written(blocks.can_part) == written(lambda *given: False) == expected
    assert expected and calls == [False, True, False]


def test_a_stray_quotation_mark_is_read_as_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows end can't be told from the marks then: the file is read from its beginning again."""
    monkeypatch.chdir(tmp_path)
    rows = [f'{number},2026-03-02 10:00:00,c,,DE,EUR,s{number},5" mug,1,2.00,,,' for number in range(200)]
    rows[90] = rows[90].replace('5"', '"5')
    Path("orders.csv").write_text("\n".join([",".join(COLUMNS), *rows, rows[0] + '"']), "utf-8")
    Path("mapping.toml").write_text(MAPPING.format(values="", number='"no"', currency='"cur"', lines=""), "utf-8")
    told = []
    for size in (10**9, 1_500):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        main(["orders.csv", "--mapping", "mapping.toml", "--out", f"out{size}"])
        told.append([path.read_bytes() for path in Path(f"out{size}").glob("*")])
    assert told[0] == told[1] and told[0]
