"""A backfill in processes of its own: how long it takes, how much memory all of them hold, and what a kill leaves."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple


class Used(NamedTuple):
    """Wall and processor seconds, and the most memory that all processes held together, in MiB; a page that several
    share counts once.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


def command(data: Path, out: Path, *more: str) -> list[str]:
    """The backfill as people call it."""
    return [sys.executable, "-m", "ml", "backfill", "--in", str(data), "--out", str(out), "--json", *more]


def watched(words: list[str], key: Path) -> Used:
    """Run a command to its end, and watch what it takes."""
    begun, before = time.monotonic(), os.times()
    process = subprocess.Popen(words, env=_environment(key), stdout=subprocess.DEVNULL, start_new_session=True)
    peak = [0.0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            peak[0] = max(peak[0], _memory(process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    code = process.wait()
    ended.set()
    looking.join()
    if code:
        raise SystemExit(f"the backfill ended with {code}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Used(time.monotonic() - begun, cpu, peak[0])


def killed(words: list[str], key: Path, after: float) -> bool:
    """Kill a command and all that it started after so many seconds; whether it was still running."""
    process = subprocess.Popen(words, env=_environment(key), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def _environment(key: Path) -> dict[str, str]:
    return {**os.environ, "MASKING_KEY_FILE": str(key)}


def _memory(session: int) -> float:
    """The proportional share of memory of all processes of a session, in MiB."""
    total = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(name)) != session:
                continue
            rollup = Path("/proc", name, "smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
