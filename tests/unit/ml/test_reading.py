"""Every way in which an order file can be odd has one defined outcome."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from ml.order_files import ReadingError
from ml.reading import (
    MAX_LINE_BYTES,
    Tally,
    blocks_of,
    chunks_of,
    lines_of,
    masked_orders,
    order_files,
    unknown_fields,
)
from orderguard.masking import Keyring, new_key_text
from orderguard.schema import MaskedOrder

KEYRING = Keyring.from_text(new_key_text())


def line(number: int = 1, **fields: object) -> bytes:
    order = {
        "order_id": f"o{number}",
        "created_at": "2026-03-02T10:00:00+01:00",
        "customer": {"id": "c1", "name": "Anna Beispiel"},
        "currency": "EUR",
        "items": [{"sku": "a", "quantity": 1, "unit_price": 3.5}],
    }
    return json.dumps(order | fields).encode()


def with_price(text: bytes) -> bytes:
    return line().replace(b"3.5", text)


def read(path: Path) -> tuple[list[MaskedOrder], Tally]:
    tally = Tally()
    return [order for chunk in masked_orders([path], KEYRING, tally) for order in chunk], tally


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (line()[:-9], "not valid JSON"),
        (line(note="xx").replace(b"xx", b"Gr\xfc\xdfe"), "not valid JSON"),
        (with_price(b"NaN"), "items[].unit_price: required field is missing"),
        (with_price(b"Infinity"), "items[].unit_price: required field is missing"),
        (with_price(b"1e999"), "items[].unit_price: number out of range"),
        (with_price(b"1e12"), "items[].unit_price: not a number from 0 to 1,000,000,000"),
        (with_price(b"9" * 400), "items[].unit_price"),
        (with_price(b'"3.5.1"'), "items[].unit_price: not a number, or one that can be read in two ways"),
        (with_price(b"true"), "items[].unit_price: not a number"),
        (line(items=[{"sku": "a", "quantity": 10**40, "unit_price": 1}]), "items[].quantity"),
        (line(items=[{"sku": "a", "quantity": 1e-9, "unit_price": 1}]), "items[].quantity"),
        (line(items=[]), "items: no line"),
        (
            line(items=[{"sku": "a", "quantity": 1, "unit_price": 1}] * 5001),
            "items: more than 5,000 lines",
        ),
        (line(currency="EURX"), "currency: not a currency of ISO 4217"),
        (line(currency="XYZ"), "currency: not a currency of ISO 4217"),
        (line(created_at="02/03/2026"), "created_at: a date that can be read in two ways"),
        (line(created_at="2026-02-30T10:00:00Z"), "created_at: not a moment that can be read in one way"),
        (line(created_at=None), "created_at: required field is missing"),
        (b"[]", "expected `object`, got `array`"),
        (b'{"unknown":' + b"[" * 100_000, "nested too deeply"),
        (b"\x00\x01", "not valid JSON"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_bad_line_is_quarantined_and_the_good_ones_around_it_are_read(bad: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(line(1) + b"\n" + bad + b"\n" + line(3) + b"\n")
    orders, tally = read(path)
    assert len(orders) == 2
    assert (tally.lines, tally.orders) == (3, 2)
    (found,) = tally.quarantined
    assert (found.position, found.file, found.line) == (1, KEYRING.token("file", "orders.ndjson"), 2)
    assert found.kind.startswith(kind)
    assert "Anna" not in found.excerpt and "Beispiel" not in found.excerpt


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"\n\n  \n", 0),
        (line(1) + b"\n" + line(2), 2),
        (b"\xef\xbb\xbf" + line(1) + b"\n" + line(2) + b"\n", 2),
        (line(1) + b"\r\n" + line(2) + b"\r\n", 2),
        (line(1) + b"\n\n" + line(2) + b"\n\n", 2),
        (b"  " + line(1) + b"\t\n", 1),
    ],
    ids=["empty", "blank lines only", "no last newline", "byte order mark", "CRLF", "blank lines", "white space"],
)
def test_harmless_oddities_are_read(content: bytes, count: int, tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(content)
    orders, tally = read(path)
    assert len(orders) == tally.orders == count
    assert tally.quarantined == []


def test_moments_keep_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    stamps = ["2026-03-02T23:30:00-05:00", "2026-03-03T04:30:00Z", "2026-03-03T10:15:00.25+05:45"]
    path.write_bytes(b"\n".join(line(number, created_at=stamp) for number, stamp in enumerate(stamps)))
    orders, _ = read(path)
    assert [order.created_at.hour for order in orders] == [23, 4, 10]
    assert orders[0].created_at == orders[1].created_at


def test_a_compressed_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    content = b"\n".join([line(1), b"{", line(2)])
    plain, compressed = tmp_path / "a.ndjson", tmp_path / "a.ndjson.gz"
    plain.write_bytes(content)
    compressed.write_bytes(gzip.compress(content))
    assert read(plain)[0] == read(compressed)[0]
    (bad,) = read(compressed)[1].quarantined
    assert (bad.position, bad.file, bad.line) == (1, KEYRING.token("file", "a.ndjson.gz"), 2)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-12], lambda data: b"no gzip", lambda data: data[:20] + b"?" * 30]
)
def test_a_broken_compressed_file_is_an_error_that_says_which(damage: object, tmp_path: Path) -> None:
    path = tmp_path / "broken.ndjson.gz"
    path.write_bytes(damage(gzip.compress(b"\n".join(line(number) for number in range(99)))))  # type: ignore[operator]
    with pytest.raises(ReadingError, match="^order file 1: an incomplete gzip file") as error:
        read(path)
    assert error.value.names == (str(path),)


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
def test_a_line_of_100_megabytes_is_quarantined_without_being_held_in_memory(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"long{suffix}"
    with gzip.open(path, "wb", 1) if suffix.endswith("gz") else path.open("wb") as file:
        file.write(line(1) + b'\n{"note":"')
        for _ in range(100):
            file.write(b"x" * 2**20)
        file.write(b'"}\n' + line(2) + b"\n")
    tracemalloc.start()
    orders, tally = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(orders) == 2
    assert [bad.reason for bad in tally.quarantined] == [f"longer than {MAX_LINE_BYTES} bytes"]
    assert peak < 8 * MAX_LINE_BYTES


def test_a_line_just_within_the_limit_is_read_and_one_beyond_is_not(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    short = line(1)
    for length, count in ((MAX_LINE_BYTES - 1, 1), (MAX_LINE_BYTES, 0)):
        path.write_bytes(short + b" " * (length - len(short)) + b"\n" + b" \n")
        assert read(path)[1].orders == count


@pytest.mark.parametrize("size", [1, 50, 700, 10_000])
def test_blocks_hold_every_line_exactly_once(size: int, tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    lines = [line(number) for number in range(20)] + [b"", b"{"]
    path.write_bytes(b"\n".join(lines))
    found = [text for block in blocks_of(path, size) for text in lines_of(block)]
    assert b"".join(text or b"" for text in found) == path.read_bytes()
    assert sum(chunk.tally.orders for block in blocks_of(path, size) for chunk in chunks_of(block, KEYRING)) == 20


def test_unknown_fields_are_counted_by_place_and_never_named() -> None:
    order = json.loads(
        line(customer={"id": "1", "anna@example.com": 1}, items=[{"sku": "a", "colour": "red"}], ssn="1")
    )
    assert sorted(unknown_fields(order)) == ["*", "customer.*", "items[].*"]


def test_unknown_fields_do_not_stop_an_order_and_show_in_the_tally(tmp_path: Path) -> None:
    path = tmp_path / "orders.ndjson"
    path.write_bytes(line(loyalty_card="12"))
    orders, tally = read(path)
    assert len(orders) == 1 and tally.unknown_fields == {"*": 1}


def test_files_of_a_folder_are_read_by_name_and_other_files_left_alone(tmp_path: Path) -> None:
    for name in ("b.ndjson", "a.ndjson.gz", "readme.md", ".c.ndjson.part"):
        (tmp_path / name).touch()
    assert [path.name for path in order_files(tmp_path)] == ["a.ndjson.gz", "b.ndjson"]
    assert order_files(tmp_path / "b.ndjson") == [tmp_path / "b.ndjson"]


def test_folders_in_a_folder_are_read_too(tmp_path: Path) -> None:
    """The pipeline starts for a file anywhere under data/raw."""
    for name in ("b.ndjson", "2026/a.ndjson", "2026/march/c.ndjson"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in order_files(tmp_path)] == ["a.ndjson", "b.ndjson", "c.ndjson"]
    (tmp_path / "2026" / "b.ndjson").write_text("")
    with pytest.raises(ReadingError, match="more than one order file is called the same .*Rename them") as error:
        order_files(tmp_path)
    assert error.value.names == ("b.ndjson",)


def test_a_folder_without_order_files_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="no order files in the folder"):
        order_files(tmp_path)


def test_a_file_that_is_not_there_is_an_error_that_says_which(tmp_path: Path) -> None:
    with pytest.raises(ReadingError, match="^order file 1: can't be read"):
        read(tmp_path / "gone.ndjson")
