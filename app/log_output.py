"""Where log lines go: what can be written at once is written, nobody waits for the rest, and nothing fails for it.

A pipe whose reader stands still is waited for with `MOST_WAITING` bytes of lines; what a failed write (a full disk, a
closed pipe) was to bring is lost. How many lines that were stands in a line of its own as soon as one can be written.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from io import UnsupportedOperation
from typing import IO

MOST_WAITING = 2**20
PIECE = select.PIPE_BUF
"""A pipe that is ready takes so many bytes without making the writer wait (POSIX, write and poll)."""


class LogOutput:
    """Writes lines to a stream, whole and in their order. `gap` makes the line for so many lost ones; `on_lost` is told
    of each loss once.
    """

    def __init__(self, stream: IO[bytes], gap: Callable[[int], bytes]) -> None:
        self._gap = gap
        self.on_lost: Callable[[int], None] = lambda lines: None
        self._waiting: deque[tuple[bytes, int]] = deque()
        """What is to be written, and how many lost lines it tells of."""
        self._size = 0
        self._torn = False
        """Whether a part of the first line is written already."""
        self._lost = 0
        """Lines that no gap line that waits tells of."""
        self._lock = threading.Lock()
        self._write: Callable[[bytes], int | None] = stream.write
        self._poll: Callable[[float], Sequence[object]] = lambda wait: [stream]
        try:
            descriptor = stream.fileno()
        except UnsupportedOperation:
            return
        # Not through the stream's own buffer: that would keep what could not be written, and fail with it again.
        self._write = partial(os.write, descriptor)
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        self._poll = ready.poll

    def add(self, line: bytes) -> int:
        """Take a line, and say how many bytes wait. It is lost where too many do: until half of them are written, so
        that one gap is one line.
        """
        with self._lock:
            self._tell_of_gap()
            if self._lost or self._size + len(line) > MOST_WAITING:
                self._lose(1)
            else:
                self._append(line, 0)
            return self._size

    def drain(self, wait_seconds: float = 0.0) -> bool:
        """Write what can be written, and say whether that was all. Waits so long for a reader that stands still."""
        deadline = time.monotonic() + wait_seconds
        with self._lock:
            while self._waiting or self._lost:
                self._tell_of_gap()
                if not self._poll(max(0.0, deadline - time.monotonic()) * 1_000 if wait_seconds else 0):
                    return False
                piece = self._piece()
                try:
                    written = self._write(piece)
                except BlockingIOError:
                    return False
                except OSError:
                    self._give_up()
                    return False
                self._take_out(len(piece) if written is None else written)
            return True

    def _append(self, line: bytes, tells_of: int) -> None:
        self._waiting.append((line, tells_of))
        self._size += len(line)

    def _tell_of_gap(self) -> None:
        if self._lost and self._size <= MOST_WAITING // 2:
            self._append(self._gap(self._lost), self._lost)
            self._lost = 0

    def _piece(self) -> bytes:
        """As many whole lines as one write may bring, or a part of one that is longer."""
        parts: list[bytes] = []
        size = 0
        for line, _ in self._waiting:
            size += len(line)
            if parts and size > PIECE:
                break
            parts.append(line)
        return b"".join(parts)[:PIECE]

    def _take_out(self, written: int) -> None:
        self._size -= written
        while written:
            line, tells_of = self._waiting.popleft()
            self._torn = written < len(line)
            if self._torn:
                self._waiting.appendleft((line[written:], tells_of))
                return
            written -= len(line)

    def _give_up(self) -> None:
        """Lose what waits, but for the rest of a line whose start is written: the lines after it must stay whole."""
        kept = [self._waiting.popleft()] if self._torn else []
        told = sum(tells_of for _, tells_of in self._waiting)
        self._lose(sum(tells_of == 0 for _, tells_of in self._waiting))
        self._lost += told
        self._waiting = deque(kept)
        self._size = sum(len(line) for line, _ in kept)

    def _lose(self, lines: int) -> None:
        self._lost += lines
        self.on_lost(lines)
