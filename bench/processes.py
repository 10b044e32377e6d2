"""Processor time of all processes that a command starts, by what they are.

The engine ends its plugins without waiting for them, so nobody is told what they took. They are looked at while they
run, a few times a second: what a process does after the last look, a tenth of a second at most, is missing.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

MARK = "ORDERGUARD_BENCH_RUN"
_EVERY = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Within `with Watch(name, kinds) as watch`, looks at the processes in whose environment stands `MARK=name`.

    `kinds` maps a part of a command line to what to call such a process; the first that fits counts, and the rest are
    `others`. `watch.seconds` has the processor seconds of each kind at the end.
    """

    def __init__(self, name: str, kinds: Mapping[str, str]) -> None:
        self.seconds: dict[str, float] = {}
        self._wanted, self._kinds = f"{MARK}={name}".encode(), kinds
        self._by_process: dict[str, tuple[str, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_until_ended)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        for called, seconds in self._by_process.values():
            self.seconds[called] = self.seconds.get(called, 0.0) + seconds

    def _look_until_ended(self) -> None:
        while not self._ended.wait(_EVERY):
            for process in filter(str.isdigit, os.listdir("/proc")):
                self._look_at(process)

    def _look_at(self, process: str) -> None:
        folder = Path("/proc", process)
        try:
            if self._wanted not in (folder / "environ").read_bytes().split(b"\0"):
                return
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # It has ended, or is somebody else's.
            return
        called = next((name for part, name in self._kinds.items() if part in command), "others")
        self._by_process[process] = called, (int(fields[11]) + int(fields[12])) / _TICKS
