"""An immutable revision of a service, and the instance that serves it: started, watched, restarted, drained."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.apis.identity import Identity
from infra.local.cloud import Cloud
from infra.local.container import declared_port, ingress, lacking
from infra.local.errors import ContainerError
from infra.local.ports import free_port
from infra.local.sockets import can_listen, holder
from infra.local.supervisor.instance import Instance, StartFailed
from infra.local.supervisor.process import Process, note
from infra.local.supervisor.upstream import Pool

_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STABLE_SECONDS = 10.0
_COLLIDED = re.compile(r"already in use|EADDRINUSE|address in use", re.IGNORECASE)
"""What programs log that listen on their declared port, whatever PORT is, where another has it."""


class Revision:
    """One revision and, while it has traffic or a tag, the one instance of it."""

    def __init__(
        self,
        cloud: Cloud,
        service: str,
        name: str,
        spec: Mapping[str, Any],
        created: str,
        identity: Identity,
        on_process: Callable[[], None],
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.name = name
        self.spec = spec
        self.created = created
        self.identity = identity
        self.instance: Instance | None = None
        self.pool: Pool | None = None
        self.ready = asyncio.Event()
        self.restarts = 0
        self.absent: str | None = None
        """Why this machine can't run it: then it is declared, and has no instance."""
        self._keeper: asyncio.Task[None] | None = None
        self.on_process = on_process

    @property
    def process(self) -> Process | None:
        """The process that gets the requests."""
        return self.instance.main if self.instance else None

    def processes(self) -> list[Process]:
        """All of the instance's."""
        return list(self.instance.processes.values()) if self.instance else []

    async def start(self) -> None:
        """Starts the instance and waits until its startup probe succeeds. Raises StartFailed, with nothing left
        running. What this machine can't run gets no instance.
        """
        if self.running or await self._is_absent():
            return
        try:
            await self._start_instance()
        except (StartFailed, ContainerError, OSError):
            await self._stop_instance(0)
            raise
        self.keep()

    async def _is_absent(self) -> bool:
        container = self.spec["containers"][ingress(self.spec)]
        self.absent = await asyncio.to_thread(lacking, self.cloud, container)
        return self.absent is not None

    @property
    def running(self) -> bool:
        """Whether an instance is kept alive, ready or not."""
        return self._keeper is not None

    def keep(self) -> None:
        """Keeps an instance alive from now on, whether or not one has started yet."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _start_instance(self) -> None:
        """On the declared port; where others have that, on another, which the program is told as PORT."""
        declared = declared_port(self.spec["containers"][ingress(self.spec)])
        if can_listen(declared):
            try:
                return await self._start_on(declared)
            except StartFailed:
                await self._stop_instance(0)
                if can_listen(declared):
                    raise  # else somebody was faster
        taken = holder(declared)
        try:
            await self._start_on(free_port())
        except StartFailed as problem:
            how = f"taken{taken}" if taken else "not to be opened by this user"
            raise StartFailed(
                f"{problem}\nThe container's port {declared} is {how}, so it was told another as PORT: a program that"
                f" does not read PORT runs once {declared} is free, or with another containerPort.",
                taken=declared if _COLLIDED.search(str(problem)) else None,
            ) from None

    async def _start_on(self, port: int) -> None:
        self.instance = instance = Instance(self.cloud, self.service, self.name, self.spec, port, self.identity)
        await instance.start(self.on_process)
        self.pool = Pool(port)
        self.ready.set()

    async def _keep(self) -> None:
        """Restarts the instance whenever it ends or its liveness probe fails, at once the first time, then with
        growing pauses.
        """
        failures = 0
        while True:
            instance = self.instance
            if instance is not None and self.ready.is_set():
                since = time.monotonic()
                await instance.until_it_fails()
                self.ready.clear()
                self.restarts += 1
                failures = 0 if time.monotonic() - since > _STABLE_SECONDS else failures + 1
            await self._stop_instance(1.0)
            await asyncio.sleep(_BACKOFF[min(max(failures - 1, 0), len(_BACKOFF) - 1)])
            if await self._is_absent():
                return
            try:
                await self._start_instance()
            except (StartFailed, ContainerError, OSError) as problem:  # OSError: the disk is full
                failures += 1
                note(f"{self.name}: {problem}")

    async def _stop_instance(self, grace: float) -> None:
        await self._end(self.instance, self.pool, grace)

    async def _end(self, instance: Instance | None, pool: Pool | None, grace: float) -> None:
        """Ends an instance: the revision's own one, or one that another has taken the place of."""
        if self.pool is pool:
            self.pool = None
        if self.instance is instance:
            self.instance = None
        if pool:
            pool.close()
        if instance:
            await instance.stop(grace)

    async def drain(self, longest: float) -> None:
        """Waits for the requests under way (at most `longest` seconds), then stops the instance. Whoever goes back to
        the revision meanwhile gets another one.
        """
        if self._keeper:
            self._keeper.cancel()
            self._keeper = None
        self.ready.clear()
        instance, pool = self.instance, self.pool
        if pool:
            await pool.idle(longest)
        await self._end(instance, pool, 10.0)
        self.on_process()
