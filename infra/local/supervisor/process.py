"""One instance of a revision: a process of its own session that dies with the supervisor."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from orderguard.private_files import make_private_folder, open_private

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL, as Cloud Run grants it."""
_LARGEST_LOG = 50 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def note(line: str) -> None:
    """A line of the supervisor's log; what keeps services alive must not end with the disk that the log is on."""
    try:
        print(line, flush=True)
    except OSError:
        pass


def started_at(pid: int) -> str | None:
    """When a process began, in clock ticks: pid and this name a process for good. None where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def kill_group(pid: int, started: str | None) -> None:
    """Ends a process group for good, if its leader is still the process that was meant."""
    if started is not None and started_at(pid) == started:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def die_with_parent() -> None:
    """Run between fork and exec: the kernel ends the new process when the thread that started it ends, however that
    happens.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A started command. Its environment goes to the kernel and nowhere else; its output goes to a log file."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.pid = process.pid
        self.started = started_at(process.pid)

    @classmethod
    async def start(
        cls,
        command: list[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        port: int,
        told: bytes = b"",
        passed: Sequence[int] = (),
    ) -> "Process":
        """`told` is its standard input, `passed` are descriptors that it gets. Raises OSError where the command can't
        be run.
        """
        make_private_folder(log.parent)
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            os.replace(log, log.with_suffix(".log.1"))
        with open_private(log, "ab") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environment),
                cwd=folder,
                stdin=asyncio.subprocess.PIPE if told else asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
                pass_fds=tuple(passed),
            )
        if process.stdin:
            process.stdin.write(told)
            process.stdin.close()
        return cls(process, port)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def wait(self) -> int:
        """The exit code, once the process has ended."""
        return await self.process.wait()

    async def stop(self, grace: float = GRACE_SECONDS) -> None:
        """SIGTERM, then after the grace SIGKILL to all that is left of it."""
        if self.alive:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), grace)
            except TimeoutError:
                pass
        self.kill()
        await self.process.wait()

    def kill(self) -> None:
        """Ends the process and its children at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
