"""An immutable revision of a service, and the instance that serves it: started, watched, restarted, drained."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.container import ContainerError, Launch, launch
from infra.local.ports import free_port
from infra.local.supervisor.probes import DEFAULT_STARTUP, probe, started, watch
from infra.local.supervisor.process import Process
from infra.local.supervisor.upstream import Pool

_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_SECONDS = 10.0


class StartFailed(Exception):
    """The revision did not become ready; the message is Cloud Run's."""


class Revision:
    """One revision and, while it has traffic or a tag, the one instance of it."""

    def __init__(
        self,
        cloud: Cloud,
        service: str,
        name: str,
        spec: Mapping[str, Any],
        created: str,
        on_process: Callable[[], None],
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.name = name
        self.spec = spec
        self.created = created
        self.process: Process | None = None
        self.pool: Pool | None = None
        self.ready = asyncio.Event()
        self.restarts = 0
        self._keeper: asyncio.Task[None] | None = None
        self.on_process = on_process

    @property
    def log(self) -> Path:
        return self.cloud.logs / self.service / f"{self.name}.log"

    async def start(self) -> None:
        """Starts the instance and waits until its startup probe succeeds. Raises StartFailed, with nothing left
        running.
        """
        if self.running:
            return
        try:
            await self._start_process()
        except (StartFailed, ContainerError):
            await self._stop_process(0)
            raise
        self.keep()

    @property
    def running(self) -> bool:
        """Whether an instance is kept alive, ready or not."""
        return self._keeper is not None

    def keep(self) -> None:
        """Keeps an instance alive from now on, whether or not one has started yet."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _start_process(self) -> None:
        port = free_port()
        plan: Launch = await asyncio.to_thread(launch, self.cloud, self.service, self.name, self.spec, port)
        try:
            self.process = await Process.start(plan.command, plan.environment, plan.folder, self.log, port)
        except OSError as problem:
            raise StartFailed(
                f"Revision '{self.name}' is not ready and cannot serve traffic. The container's command can't be run: "
                f"{problem.strerror}: {plan.command[0]}"
            ) from None
        self.on_process()
        container = self.spec["containers"][0]
        startup = probe(container.get("startupProbe")) or DEFAULT_STARTUP
        process = self.process
        if not await started(startup, port, lambda: process.alive):
            raise StartFailed(self._did_not_start(process, startup.period * startup.failures))
        self.pool = Pool(port)
        self.ready.set()

    def _did_not_start(self, process: Process, seconds: float) -> str:
        how = (
            f"It was not ready after {seconds:.0f} s."
            if process.alive
            else f"Its process ended with code {process.process.returncode}."
        )
        return (
            f"Revision '{self.name}' is not ready and cannot serve traffic. The user-provided container failed to start"
            " and listen on the port defined provided by the PORT environment variable within the allocated timeout."
            f" {how} Logs for this revision: {self.log}\n{_tail(self.log)}"
        )

    async def _keep(self) -> None:
        """Restarts the instance whenever it ends or its liveness probe fails, at once the first time, then with
        growing pauses.
        """
        failures = 0
        while True:
            process = self.process
            if process is not None and self.ready.is_set():
                since = time.monotonic()
                await self._until_it_fails(process)
                self.ready.clear()
                self.restarts += 1
                failures = 0 if time.monotonic() - since > _STABLE_SECONDS else failures + 1
            await self._stop_process(1.0)
            await asyncio.sleep(_BACKOFF[min(max(failures - 1, 0), len(_BACKOFF) - 1)])
            try:
                await self._start_process()
            except (StartFailed, ContainerError) as problem:
                failures += 1
                print(f"{self.name}: {problem}", flush=True)

    async def _until_it_fails(self, process: Process) -> None:
        ended = asyncio.create_task(process.wait())
        waiting: set[asyncio.Task[Any]] = {ended}
        liveness = probe(self.spec["containers"][0].get("livenessProbe"))
        if liveness:

            async def unhealthy() -> None:
                print(f"{self.name}: the liveness probe failed {liveness.failures} times, restarting", flush=True)

            waiting.add(asyncio.create_task(watch(liveness, process.port, unhealthy)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _stop_process(self, grace: float) -> None:
        await self._end(self.process, self.pool, grace)

    async def _end(self, process: Process | None, pool: Pool | None, grace: float) -> None:
        """Ends an instance: the revision's own one, or one that another has taken the place of."""
        if self.pool is pool:
            self.pool = None
        if self.process is process:
            self.process = None
        if pool:
            pool.close()
        if process:
            await process.stop(grace)

    async def drain(self, longest: float) -> None:
        """Waits for the requests under way (at most `longest` seconds), then stops the instance. Whoever goes back to
        the revision meanwhile gets another one.
        """
        if self._keeper:
            self._keeper.cancel()
            self._keeper = None
        self.ready.clear()
        process, pool = self.process, self.pool
        if pool:
            await pool.idle(longest)
        await self._end(process, pool, 10.0)
        self.on_process()


def _tail(log: Path, lines: int = 12) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
