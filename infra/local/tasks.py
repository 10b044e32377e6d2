"""The tasks of a job's execution: some at a time, each tried again as often as the job allows."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from infra.local.cloud import Cloud
from infra.local.container import Launch, in_order, launch_job
from infra.local.job_executions import Kept
from infra.local.supervisor.process import die_with_parent
from infra.local.volumes import prepared
from orderguard.private_files import open_private

TIMED_OUT = 124
"""Exit code of a task that did not end in its time."""
_RETRIES = 3
"""How often Cloud Run tries a task again where the job doesn't say."""


class Tasks:
    """All tasks of one execution. The last of a task's containers is the task; those that it waits for run beside it.

    Cloud Run begins as many tasks at a time as `parallelism` says, or as it has room for; this machine has room for one
    on each processor. `shows` is whether their output is shown, too.
    """

    def __init__(
        self, cloud: Cloud, kept: Kept, template: Mapping[str, Any], google: Mapping[str, str], *, shows: bool
    ) -> None:
        self.cloud, self.kept, self.google, self.shows = cloud, kept, google, shows
        self.spec: Mapping[str, Any] = template["template"]
        self.count = kept.execution.count
        room = os.cpu_count() or 1
        self.at_a_time = min(int(template.get("parallelism") or room), room, self.count)
        retries = self.spec.get("maxRetries")
        self.tries = 1 + int(_RETRIES if retries is None else retries)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def run(self) -> int:
        """Run every task to its end; the exit code of the last one that failed for good, or 0. Raises ContainerError
        for a container that can't be started.
        """
        with ThreadPoolExecutor(self.at_a_time) as pool:
            try:
                codes = list(pool.map(self._until_it_succeeds, range(self.count)))
            except BaseException:
                self._end()
                raise
        return next((code for code in reversed(codes) if code), 0)

    def _end(self) -> None:
        self._ended.set()
        with self._lock:
            for process in self._running:
                process.terminate()

    def _until_it_succeeds(self, index: int) -> int:
        code = 0
        for attempt in range(self.tries):
            if self._ended.is_set():
                break
            self._note(self.kept.execution.attempts, index, attempt + 1)
            code = self._attempt(index, attempt)
            if code == 0:
                break
        self._note(self.kept.execution.codes, index, code)
        return code

    def _note(self, what: dict[str, int], index: int, value: int) -> None:
        with self._lock:
            what[str(index)] = value
            self.kept.save()

    def _attempt(self, index: int, attempt: int) -> int:
        volumes = prepared(self.cloud, self.kept.execution.name, self.spec)

        def plan(container: int) -> Launch:
            one = self.kept.execution
            return launch_job(
                self.cloud, one.job, one.name, self.spec, container, volumes, (index, attempt, self.count), self.google
            )

        try:
            *beside, last = in_order(self.spec["containers"])
            with ExitStack() as running, open_private(self.kept.log, "ab") as log:
                for container in beside:
                    running.enter_context(self._beside(plan(container), log))
                return self._to_the_end(plan(last), log)
        finally:
            volumes.remove()

    def _to_the_end(self, plan: Launch, log: IO[bytes]) -> int:
        seconds = float(str(self.spec.get("timeout") or "600s").rstrip("s"))
        with self._started(plan, subprocess.PIPE) as process:
            assert process.stdout  # for the type checker  # nosec B101
            late = threading.Event()

            def end() -> None:
                late.set()
                process.kill()

            limit = threading.Timer(seconds, end)
            limit.start()
            try:
                for line in process.stdout:
                    log.write(line)
                    log.flush()
                    if self.shows:
                        sys.stdout.write(line.decode(errors="replace"))
                        sys.stdout.flush()
                code = process.wait()
                return TIMED_OUT if late.is_set() else code
            except BaseException:
                process.terminate()
                raise
            finally:
                limit.cancel()

    @contextmanager
    def _started(self, plan: Launch, output: int | IO[bytes]) -> "Iterator[subprocess.Popen[bytes]]":
        with subprocess.Popen(
            plan.command,
            env=plan.environment,
            cwd=plan.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # the thread that starts it waits for its end
        ) as process:
            with self._lock:
                self._running.add(process)
                if self._ended.is_set():
                    process.terminate()
            try:
                yield process
            finally:
                with self._lock:
                    self._running.discard(process)

    @contextmanager
    def _beside(self, plan: Launch, log: IO[bytes]) -> Iterator[None]:
        """A container that ends with the task."""
        with self._started(plan, log) as process:
            try:
                yield
            finally:
                process.kill()
