"""One instance of a revision that is kept alive: started, watched, restarted, drained."""

import asyncio
import re
import secrets
import time
from typing import Any, Protocol

from infra.local.container import declared_port, ingress
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


class Keeper(Protocol):
    """Whose the instance is: a revision. `affinity`: a client goes back to the instance that it was at before."""

    @property
    def affinity(self) -> bool: ...

    def make(self, port: int) -> Instance:
        """An instance that will run on this port."""

    async def may_start(self) -> bool:
        """Whether another one may take the place of one that has ended."""

    def got_ready(self, one: "KeptInstance") -> None:
        """From now on it takes requests."""

    def request_ended(self) -> None:
        """There is room for another one."""

    def process_changed(self) -> None:
        """Processes came or went."""


class KeptInstance:
    """An instance and the connections to it. `first`: it may have the port that the container declares."""

    def __init__(self, keeper: Keeper, *, first: bool) -> None:
        self._of = keeper
        self.first = first
        self._identity = secrets.token_hex(8)
        self.instance: Instance | None = None
        self.pool: Pool | None = None
        """Where requests go, as long as the instance is ready."""
        self.restarts = 0
        self.cold_start_ms: int | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def process(self) -> Process | None:
        """The process that gets the requests."""
        return self.instance.main if self.instance else None

    def processes(self) -> list[Process]:
        """All of the instance's."""
        return list(self.instance.processes.values()) if self.instance else []

    @property
    def active(self) -> int:
        """The requests that have a place here."""
        return self.pool.active if self.pool else 0

    def status(self) -> dict[str, Any]:
        """What `status` tells of it."""
        process = self.process
        return {
            "pid": process.pid if process else None,
            "port": process.port if process else None,
            "ready": self.pool is not None,
            "active": self.active,
            "cold_start_ms": self.cold_start_ms,
        }

    def idle_seconds(self) -> float:
        """How long it has been ready and had nothing to do."""
        return time.monotonic() - self.pool.idle_since if self.pool and not self.pool.active else 0.0

    async def start(self) -> None:
        """Starts and waits until the startup probe succeeds. Raises StartFailed, with nothing left running."""
        try:
            await self._start()
        except (StartFailed, ContainerError, OSError):
            await self._end(0)
            raise
        self.keep()

    def keep(self) -> None:
        """Keeps the instance alive from now on, whether or not it has started yet."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _start(self) -> None:
        """On the declared port; where others have that, on another, which the program is told as PORT."""
        instance = self._of.make(0)
        declared = declared_port(instance.containers[ingress(instance.spec)])
        if self.first and can_listen(declared):
            try:
                return await self._start_on(declared)
            except StartFailed:
                await self._end(0)
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
        began = time.monotonic()
        self.instance = instance = self._of.make(port)
        await instance.start(self._of.process_changed)
        self.cold_start_ms = round((time.monotonic() - began) * 1000)
        self.pool = Pool(port, self._of.request_ended, instance.name, self._identity if self._of.affinity else "")
        self._of.got_ready(self)

    async def _keep(self) -> None:
        """Restarts the instance whenever it ends or its liveness probe fails, at once the first time, then with
        growing pauses.
        """
        failures = 0
        while True:
            if self.instance is not None and self.pool is not None:
                since = time.monotonic()
                await self.instance.until_it_fails()
                self.restarts += 1
                failures = 0 if time.monotonic() - since > _STABLE_SECONDS else failures + 1
            await self._end(1.0)
            await asyncio.sleep(_BACKOFF[min(max(failures - 1, 0), len(_BACKOFF) - 1)])
            if not await self._of.may_start():
                return
            try:
                await self._start()
            except (StartFailed, ContainerError, OSError) as problem:  # OSError: the disk is full
                failures += 1
                note(f"{self.instance.name if self.instance else 'an instance'}: {problem}")

    async def _end(self, grace: float) -> None:
        instance, pool = self.instance, self.pool
        self.pool = None
        if pool:
            pool.close()
        if instance:
            await instance.stop(grace)
        self.instance = None

    async def drain(self, longest: float) -> None:
        """Takes no more requests, waits for those under way (at most `longest` seconds), then ends for good."""
        if self._keeper:
            self._keeper.cancel()
            self._keeper = None
        pool, self.pool = self.pool, None
        if pool:
            await pool.idle(longest)
            pool.close()
        await self._end(10.0)
        self._of.process_changed()
