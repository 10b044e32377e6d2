"""A recorded terminal as an SVG that plays."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.pictures.recording import Line, record
from bench.pictures.svg import COLUMNS, LONGEST_PAUSE, ROWS, drawn, shortened

SVG = "{http://www.w3.org/2000/svg}"


def test_a_command_is_recorded_as_a_terminal_shows_it(tmp_path: Path) -> None:
    code = r"import os; print('wide', os.environ['COLUMNS']); print('10 %\r100 %'); print('\033[31mred\033[0m')"
    lines = record([sys.executable, "-c", code], 72, tmp_path)
    assert [line.text for line in lines] == ["wide 72", "100 %", "red"]
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_a_command_that_fails_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 3: "):
        record([sys.executable, "-c", "raise SystemExit(3)"], 72, tmp_path)


def test_long_pauses_are_shortened() -> None:
    assert shortened([5.0, 5.25, 65.25, 65.25]) == [0.0, 0.25, 0.25 + LONGEST_PAUSE, 0.25 + LONGEST_PAUSE]


def test_each_line_appears_and_the_newest_are_in_sight() -> None:
    recording = [Line(float(number), f"<{number}> & " + "x" * 2 * COLUMNS) for number in range(ROWS + 12)]
    tree = ElementTree.fromstring(drawn(recording, "a & b"))
    texts = [text.text or "" for text in tree.iter(f"{SVG}text")]
    assert texts == [line.text[:COLUMNS] for line in recording]
    style = tree.findtext(f"{SVG}style") or ""
    assert "100% { transform: translateY(-216px) }" in style  # twelve lines of 18
