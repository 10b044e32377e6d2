"""A seed as a file: whole or not at all, the same each time, and refused where it is damaged or of another form."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orderguard.history.seed import SEED_FILE, Entry, SeedError, SeedHeader, read_entries, read_header, write_seed

HEADER = SeedHeader(
    key="k1:abc", feature_set_version="4", made_of="0" * 64, orders=7, records=3, last_order=1_790_000_000.5
)
ENTRIES = [Entry("c:cus_k1_a", b"one"), Entry("e:dev_k1_b", b"\0" * 300), Entry("e:dev_k1_c", b"")]


def test_what_was_written_is_read_and_two_are_alike(tmp_path: Path) -> None:
    path = write_seed(tmp_path / "a", HEADER, ENTRIES)
    assert read_header(tmp_path / "a") == HEADER
    assert list(read_entries(tmp_path / "a")) == ENTRIES
    assert write_seed(tmp_path / "b", HEADER, iter(ENTRIES)).read_bytes() == path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_header(tmp_path / "none") is None


def test_a_damaged_one_gives_none_of_its_records(tmp_path: Path) -> None:
    path = write_seed(tmp_path, HEADER, ENTRIES)
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(SeedError, match="make seed-histories"):
            next(read_entries(tmp_path))
    for length in range(0, len(good), 11):
        path.write_bytes(good[:length])
        with pytest.raises(SeedError, match="make seed-histories"):
            next(read_entries(tmp_path))


def test_another_form_of_records_is_refused_with_the_way_out(tmp_path: Path) -> None:
    write_seed(tmp_path, msgspec.structs.replace(HEADER, form="ogc1+oge1"), ENTRIES)
    with pytest.raises(SeedError, match="ogc1.*make seed-histories"):
        read_header(tmp_path)


def test_a_seed_that_is_cut_off_while_it_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    before = write_seed(tmp_path, HEADER, ENTRIES).read_bytes()

    def broken() -> Iterator[Entry]:
        yield ENTRIES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_seed(tmp_path, HEADER, broken())
    with pytest.raises(SeedError, match="2 records instead of 3"):
        write_seed(tmp_path, HEADER, ENTRIES[:2])
    assert [path.name for path in tmp_path.iterdir()] == [SEED_FILE]
    assert (tmp_path / SEED_FILE).read_bytes() == before
