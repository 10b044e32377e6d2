"""What the demonstration prints: a numbered act each, and of long commands only the steps that they tell."""

import io
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import count
from textwrap import fill

STEP = "==> "
WIDTH = 100
INDENT = "     "
_begun = time.monotonic()
_acts = count(1)


def act(title: str) -> None:
    """Begin an act."""
    print(f"\n{next(_acts)}. {title}  [{time.monotonic() - _begun:.0f} s]", flush=True)


def say(text: str) -> None:
    """Tell something of the act, in lines of a terminal's width."""
    print(fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False), flush=True)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows in columns as wide as they need; the first one to the left, the others to the right."""
    rows = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print(INDENT + "   ".join(cells), flush=True)


def _brief(step: str) -> str:
    """Without the figures of what is decided by figures."""
    return re.sub(r"^((?:example orders|callers): [^;]*).*", r"\1", step)


class _Steps(io.TextIOBase):
    """Shows whole lines that begin with STEP, and nothing else."""

    def __init__(self) -> None:
        self._shown, self._rest = sys.stdout, ""

    def write(self, text: str) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            if line.startswith(STEP):
                told = fill(_brief(line.removeprefix(STEP)), WIDTH, initial_indent="   · ", subsequent_indent=INDENT)
                print(told, file=self._shown, flush=True)
        return len(text)


@contextmanager
def steps() -> Iterator[None]:
    """Of what is printed until the end of the block, show the steps alone."""
    with redirect_stdout(_Steps()):
        yield
