"""Files are whole or absent."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.cloud import Cloud, Record
from infra.local.files import read_json, write_json, write_whole
from infra.local.home import REPOSITORY

WRITER = """
import sys
from pathlib import Path
from infra.local.files import write_json
number = 0
while True:
    number += 1
    write_json(Path(sys.argv[1]), {"number": number, "filling": "x" * 50_000})
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for rounds in (1, 7, 23):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            for _ in range(rounds):
                writer.stdout.readline()
            writer.kill()
        assert len(read_json(path)["filling"]) == 50_000


def test_a_failed_write_keeps_the_old_content_and_leaves_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})
    with pytest.raises(TypeError):
        write_whole(path, "text, not bytes")  # type: ignore[arg-type]
    assert read_json(path) == {"old": True}
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_missing_document_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None


def test_a_damaged_document_counts_as_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"number": 1})
    for content in (b"", path.read_bytes()[:-3], b"\xff\xfe"):
        path.write_bytes(content)
        assert read_json(path) is None


@pytest.mark.parametrize("damaged", ["resources/*.json", "key"])
@pytest.mark.parametrize("content", [b"", b'{"type": "t"', b"\xff"])
def test_a_damaged_record_counts_as_gone_and_is_made_again(cloud: Cloud, damaged: str, content: bytes) -> None:
    record = Record("t", "i", "urn", "real", "then", "now", {"secretData": "s"}, {})
    cloud.put(record)
    next(cloud.root.glob(damaged)).write_bytes(content)
    again = Cloud(cloud.home, cloud.stack)
    assert again.get("t", "i") is None
    assert list(again.all()) == []
    again.put(record)
    assert Cloud(cloud.home, cloud.stack).get("t", "i") == record


def test_a_record_is_sealed_on_the_disk_and_comes_back_whole(cloud: Cloud) -> None:
    record = Record("t", "i", "urn", "real", "then", "now", {"secretData": "in-the-clear"}, {"a": [1, {"b": None}]})
    cloud.put(record)
    assert cloud.get("t", "i") == record
    assert list(cloud.all("t")) == [record]
    files = [path for path in cloud.root.rglob("*") if path.is_file()]
    assert all(b"in-the-clear" not in path.read_bytes() for path in files)
    assert stat.S_IMODE((cloud.root / "key").stat().st_mode) == 0o600
    cloud.remove("t", "i")
    assert cloud.get("t", "i") is None
