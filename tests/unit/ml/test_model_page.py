"""The page on the model names every setting, command and gate that there is."""

import re
import tomllib
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.config import DEFAULT

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "technical" / "model.md").read_text("utf-8")


def settings(table: dict[str, object]) -> set[str]:
    return {
        name
        for key, value in table.items()
        for name in ({key, *settings(value)} if isinstance(value, dict) else {key})
        if name != "gates"
    }


def test_every_setting_is_on_the_page() -> None:
    names = settings(tomllib.loads(DEFAULT.read_text("utf-8")))
    assert len(names) > 30
    missing = {name for name in names if f"`{name}`" not in PAGE and f"`gates.{name}`" not in PAGE}
    assert missing == set()


def test_every_command_is_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    assert len(commands) == 13
    assert [name for name in commands if not re.search(rf"^\| `{name}\b", PAGE, re.MULTILINE)] == []
