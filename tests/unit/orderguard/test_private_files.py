"""What is made private is its owner's alone, whatever the umask."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.files import locked, write_json, write_whole
from ml.quarantine import quarantine_file
from ml.registry import building
from orderguard.masking.__main__ import write_key_file
from orderguard.private_files import kept_private, make_private_folder, open_private
from tests.modes import shared

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_every_way_to_write_makes_files_and_folders_private(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b" / "c")
    with open_private(tmp_path / "a" / "log", "ab") as file:
        file.write(b"line")
    write_whole(tmp_path / "d" / "e" / "object", b"raw")
    write_json(tmp_path / "f" / "record.json", {})
    write_whole(tmp_path / "script", b"", executable=True)
    with locked(tmp_path / "g" / "h" / "lock"):
        pass
    with quarantine_file(tmp_path / "quarantine" / "bad.ndjson"):
        pass
    write_key_file(tmp_path / "i" / "masking-key")
    with building(tmp_path / "models") as aside:
        (aside / "model.onnx").write_bytes(b"")
        (aside / "plots").mkdir()
        assert shared(tmp_path) == []
    assert len(list(tmp_path.rglob("*"))) > 12 and shared(tmp_path) == []
    assert (tmp_path / "script").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("umask")
def test_a_file_is_private_before_a_byte_is_in_it(tmp_path: Path) -> None:
    with open_private(tmp_path / "new", "wb"):
        assert shared(tmp_path) == []


@pytest.mark.usefixtures("umask")
def test_what_is_private_for_a_while_leaves_the_umask_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(KeyError), kept_private():
        (tmp_path / "private").write_text("")
        raise KeyError
    current = os.umask(0)
    os.umask(current)
    (tmp_path / "as usual").write_text("")
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
    assert (tmp_path / "as usual").stat().st_mode & 0o777 == 0o666 & ~current


PROGRAMS = [
    *("app/__main__.py", "app/forget.py", "ml/__main__.py", "ml/forget.py", "infra/local/__main__.py"),
    *("infra/local/provider/__main__.py", "infra/local/supervisor/__main__.py"),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_keeps_what_it_and_its_libraries_write_private(program: str) -> None:
    *_, start = (REPOSITORY / program).read_text("utf-8").partition('if __name__ == "__main__":\n')
    assert start.lstrip().startswith("keep_private()\n")


def test_it_holds_for_child_processes(tmp_path: Path) -> None:
    child = f"open({str(tmp_path / 'child')!r}, 'w')"
    script = (
        "import os, subprocess, sys; os.umask(0); from orderguard.private_files import keep_private; keep_private();"
        f" subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)
    assert (tmp_path / "child").stat().st_mode & 0o777 == 0o600
