"""The executions of Cloud Run jobs, kept on the disk: who started one, how its tasks went, how it ended.

Times are those of the stack's clock. One whose process was killed says so: its file names the process.
"""

import os
import random
import string
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.files import read_object, write_json
from infra.local.supervisor.process import started_at
from orderguard.private_files import make_private_folder

KEPT = 50
"""How many of a job's executions are kept, the newest."""
RUNNING, SUCCEEDED, FAILED, KILLED = "running", "succeeded", "failed", "killed"
_NAMES = ("name", "job", "by", "created", "seconds", "count", "state", "codes", "attempts", "pid", "started", "log")


@dataclass
class Execution:
    """One execution. `codes` is the exit code of each task that has ended, by its index; `attempts` how often each was
    begun. `by` says what started it.
    """

    name: str
    job: str
    by: str
    created: str
    count: int
    log: str
    seconds: float = 0.0
    state: str = RUNNING
    codes: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    pid: int = 0
    started: str | None = None

    @property
    def succeeded(self) -> int:
        """How many of its tasks have."""
        return sum(code == 0 for code in self.codes.values())

    @property
    def retried(self) -> int:
        """How many attempts were made beyond the first of each task."""
        return sum(self.attempts.values()) - len(self.attempts)

    def told(self) -> str:
        """How it went, in words."""
        retried = f", {self.retried} retried" if self.retried else ""
        failed = sorted({code for code in self.codes.values() if code})
        codes = f" (exit {', '.join(map(str, failed))})" if failed else ""
        return f"{self.state}{codes}: {self.succeeded} of {self.count} tasks{retried}"


class Kept:
    """One execution and its file, from its beginning to its end."""

    def __init__(self, cloud: Cloud, job: str, count: int, by: str) -> None:
        # Cloud Run names one by five letters and digits. A name, not a secret.  # nosec B311
        name = f"{job}-{''.join(random.choices(string.ascii_lowercase + string.digits, k=5))}"  # nosec B311
        log = cloud.logs / job / f"{name}.log"
        pid = os.getpid()
        self.execution = Execution(name, job, by, clock.stamp(cloud), count, str(log), pid=pid, started=started_at(pid))
        self.log = log
        self._path = _folder(cloud, job) / f"{time.time_ns():020}-{name}.json"
        self._since = time.monotonic()
        make_private_folder(log.parent)
        self.save()
        for old in sorted(self._path.parent.glob("[0-9]*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)

    def save(self) -> None:
        """Write down how far it is."""
        self.execution.seconds = round(time.monotonic() - self._since, 3)
        write_json(self._path, asdict(self.execution))

    def end(self, state: str) -> None:
        """Write down how it ended."""
        self.execution.state = state
        self.save()


def executions(cloud: Cloud, job: str | None = None) -> list[Execution]:
    """The executions of a job, or of all, the oldest first."""
    found = (cloud.run / "jobs").glob(f"{cloud.short(job) if job else '*'}/[0-9]*.json")
    return list(_read(sorted(found, key=lambda path: path.name)))


def latest(cloud: Cloud) -> dict[str, Execution]:
    """The newest execution of each job that has one."""
    return {one.job: one for one in executions(cloud)}


def _read(paths: list[Path]) -> Iterator[Execution]:
    for path in paths:
        kept: dict[str, Any] | None = read_object(path, *_NAMES)
        if kept is None:
            continue
        one = Execution(**{name: kept[name] for name in _NAMES})
        if one.state == RUNNING and (one.started is None or started_at(one.pid) != one.started):
            one.state = KILLED
        yield one


def _folder(cloud: Cloud, job: str) -> Path:
    return cloud.run / "jobs" / cloud.short(job)
