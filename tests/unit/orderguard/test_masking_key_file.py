"""`python -m orderguard.masking key-file PATH`."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from orderguard.masking import Keyring
from orderguard.masking.__main__ import main


def test_a_key_file_is_made_for_its_owner_alone_and_nothing_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "masking-key"
    done = subprocess.run(
        [sys.executable, "-m", "orderguard.masking", "key-file", str(path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["masking-key"]
    Keyring.from_environment({"MASKING_KEY_FILE": str(path)})


def test_a_key_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "masking-key"
    assert main(["key-file", str(path)]) == 0
    before = path.read_text()
    assert main(["key-file", str(path)]) == 0
    assert path.read_text() == before


def test_a_file_that_holds_no_key_is_an_error_that_repeats_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "masking-key"
    path.write_text("k1:hunter2")
    assert main(["key-file", str(path)]) == 2
    shown = capsys.readouterr()
    assert "masking key" in shown.err
    assert "hunter2" not in shown.out + shown.err


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["key-file", str(tmp_path / "file" / "masking-key")]) == 2
    assert "can't be written" in capsys.readouterr().err
