"""Imported first in a program's `__main__`: an interrupt at the keyboard ends the program in one line, wherever it is.

Python would print a traceback, also of the imports that follow. The process still ends by the signal, so a shell sees
130 and goes no further.
"""

import signal
import sys
from types import TracebackType


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted: the same command goes on or starts over", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def left_to_parent() -> None:
    """In a process that works for another one: it ends with that one, and says nothing itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


sys.excepthook = _told
