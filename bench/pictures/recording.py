"""Run commands in a terminal of their own, and note each line that they print, and when."""

import os
import pty
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class Line(NamedTuple):
    """A line of a recording. `at` is in seconds from the command's start."""

    at: float
    text: str


def record(command: Sequence[str], columns: int, folder: Path) -> list[Line]:
    """Run a command in a terminal so wide; the lines that it prints. Raises RuntimeError where it fails."""
    ours, theirs = pty.openpty()
    begin, lines, rest = time.monotonic(), list[Line](), ""
    environment = {**os.environ, "COLUMNS": str(columns), "LINES": "60", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, cwd=folder) as process:
        os.close(theirs)
        while printed := _read(ours):
            rest += CONTROL.sub("", printed.decode(errors="replace"))
            *whole, rest = rest.split("\n")
            lines += [Line(time.monotonic() - begin, text.rstrip("\r").rpartition("\r")[2]) for text in whole]
    os.close(ours)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {rest or lines[-1:]}")
    return lines


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so at the end of a terminal.
        return b""
