"""An immutable revision of a service, and the instances that serve it: as many as the requests need, within its limits.

Requests that find no place wait in one queue, the first first. While a revision is served, a task looks after the
number of its instances.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.local import clock
from infra.local.apis.identity import Identity
from infra.local.cloud import Cloud
from infra.local.container import declared_port, ingress, lacking
from infra.local.errors import ContainerError
from infra.local.supervisor.instance import Instance, StartFailed
from infra.local.supervisor.kept_instance import KeptInstance
from infra.local.supervisor.process import Process, note
from infra.local.supervisor.scaling import Limits, Scaling, scaling_of, wanted
from infra.local.supervisor.upstream import Pool

_LOOK_SECONDS, _LOOKS_OF_A_SECOND = 0.25, 4
_LONGEST_PAUSE = 60.0
"""Until a further instance is tried again, where the last one did not start."""
_WAIT_SECONDS, _WAIT_COLD_STARTS = 10.0, 3.5
"""How long a request waits for a place: so long, or so many cold starts, whichever is longer
(cloud.google.com/run/docs/about-instance-autoscaling).
"""


class Moved(Exception):
    """The revision gets no requests any more: those that waited have to go elsewhere."""


class NoPlace(Exception):
    """A request has waited as long as it may. `full`: instances are there, and all of them have enough to do."""

    def __init__(self, *, full: bool) -> None:
        super().__init__()
        self.full = full


class Revision:
    """One revision and, while it has traffic or a tag, its instances."""

    def __init__(
        self,
        cloud: Cloud,
        service: str,
        name: str,
        spec: Mapping[str, Any],
        created: str,
        identity: Identity,
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.name = name
        self.spec = spec
        self.created = created
        self.identity = identity
        self.kept: list[KeptInstance] = []
        self.absent: str | None = None
        """Why this machine can't run it: then it is declared, and has no instance."""
        self.limited: str | None = None
        """Why there is no further instance, though the requests need one."""
        self.cold_start_ms: int | None = None
        self.on_process: Callable[[], None] = lambda: None
        self.scaling = scaling_of(spec, {}, 100, Limits())
        self._ended_restarts = 0
        self._ahead = 0.0
        self._failed, self._not_before = 0, 0.0
        self._reads_port = False
        self._ending: set[KeptInstance] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[Pool]] = deque()
        self._look = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether instances are kept as requests need them, be it none at this moment."""
        return self._keeper is not None

    @property
    def ready(self) -> bool:
        """Whether an instance can take requests."""
        return any(one.pool for one in self.kept)

    @property
    def active(self) -> int:
        """The requests under way."""
        return sum(one.active for one in self.kept)

    @property
    def restarts(self) -> int:
        """How often an instance was restarted."""
        return self._ended_restarts + sum(one.restarts for one in self.kept)

    def ports(self) -> list[int]:
        """Where its instances take requests."""
        return [one.instance.port for one in (*self.kept, *self._ending) if one.instance]

    def status(self) -> dict[str, Any]:
        """What `status` tells of its instances."""
        return {
            "ready": self.ready,
            "running": self.running,
            "instances": [one.status() for one in self.kept],
            "scaling": {"min": self.scaling.least, "max": self.scaling.most, "concurrency": self.scaling.concurrency},
            "idle_seconds": self.scaling.idle,
            "cold_start_ms": self.cold_start_ms,
            "limited": self.limited,
            "absent": self.absent,
            "skipped": {name: why for one in self.kept if one.instance for name, why in one.instance.skipped.items()},
            "restarts": self.restarts,
        }

    def processes(self) -> list[Process]:
        """Those of all instances, of such that finish their requests, too."""
        return [process for one in (*self.kept, *self._ending) for process in one.processes()]

    async def start(self) -> None:
        """Starts the instances that there must be, one at least, and waits until they are ready. Raises StartFailed
        where the first one does not start, with nothing left running. What this machine can't run gets none.
        """
        if self.running or await self._is_absent():
            return
        first = self._add()
        try:
            await first.start()
        except (StartFailed, ContainerError, OSError):
            self.kept.remove(first)
            raise
        others = [self._add() for _ in range(self.scaling.least - 1)]
        await asyncio.gather(*(self._start_another(one) for one in others))
        self._watch()

    def keep(self) -> None:
        """Keeps instances from now on, whether or not one has started yet."""
        if not self.running:
            if not self.kept:
                self._add().keep()
            self._watch()

    def _watch(self) -> None:
        self._move_on()
        self._keeper = asyncio.create_task(self._look_after())

    async def _is_absent(self) -> bool:
        container = self.spec["containers"][ingress(self.spec)]
        self.absent = await asyncio.to_thread(lacking, self.cloud, container)
        return self.absent is not None

    @property
    def affinity(self) -> bool:
        """Whether a client goes back to the instance that it was at before."""
        return self.scaling.affinity

    def make(self, port: int) -> Instance:
        """An instance that will run on this port."""
        return Instance(self.cloud, self.service, self.name, self.spec, port, self.identity)

    async def may_start(self) -> bool:
        """Whether this machine can still run it."""
        return not await self._is_absent()

    def process_changed(self) -> None:
        """Processes came or went."""
        self.on_process()

    def got_ready(self, one: KeptInstance) -> None:
        """An instance takes requests from now on."""
        self.cold_start_ms = one.cold_start_ms
        declared = declared_port(self.spec["containers"][ingress(self.spec)])
        self._reads_port = self._reads_port or declared not in {other.port for other in one.processes()}
        self.request_ended()
        self._look.set()

    def request_ended(self) -> None:
        """There is room: who waits may go on."""
        while self._waiting and (pool := self._place()):
            waiting = self._waiting.popleft()
            if not waiting.done():
                pool.enter()
                waiting.set_result(pool)

    def _add(self) -> KeptInstance:
        first = not any(one.first for one in (*self.kept, *self._ending))
        self.kept.append(KeptInstance(self, first=first))
        return self.kept[-1]

    def rescale(self, scaling: Scaling) -> None:
        """Other limits apply from now on."""
        self.scaling = scaling
        self._look.set()

    def _place(self, preferred: str = "") -> Pool | None:
        """The instance that has the fewest requests, among as many as the requests need: the others get idle, and end.
        None where each has as many as it takes.
        """
        scaling = self.scaling
        ready = [one.pool for one in self.kept if one.pool]
        for pool in ready:
            if preferred and pool.identity == preferred and pool.active < scaling.concurrency:
                return pool
        count = max(1, scaling.least, -(-(self.active + 1) // scaling.target))
        for some in (ready[:count], ready[count:]):
            best = min(some, key=lambda pool: pool.active, default=None)
            if best and best.active < scaling.concurrency:
                return best
        return None

    async def place(self, preferred: str = "") -> Pool:
        """The instance that takes a request, which has to `leave` it; waits for one as Cloud Run queues requests.
        Raises NoPlace, and Moved where the revision gets no requests any more.
        """
        if not self._waiting and (pool := self._place(preferred)):
            pool.enter()
            return pool
        waiting: asyncio.Future[Pool] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._look.set()
        try:
            async with asyncio.timeout(max(_WAIT_SECONDS, _WAIT_COLD_STARTS * (self.cold_start_ms or 0) / 1000)):
                return await waiting
        except TimeoutError:
            self._give_up(waiting)
            raise NoPlace(full=self.ready) from None
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise

    def _give_up(self, waiting: asyncio.Future[Pool]) -> None:
        """Who waited has gone, perhaps just when a place was found."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if waiting.done() and not waiting.cancelled() and not waiting.exception():
            waiting.result().leave()

    def send_away(self) -> None:
        """Those who wait here go elsewhere."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(Moved())

    async def _look_after(self) -> None:
        """As many instances as the requests need, from now on."""
        second: deque[int] = deque(maxlen=_LOOKS_OF_A_SECOND)
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS if self.kept or self.scaling.least else None):
                    await self._look.wait()
            except TimeoutError:
                second.append(self.active + len(self._waiting))
            self._look.clear()
            self._move_on()
            mean = second if len(second) == _LOOKS_OF_A_SECOND else ()
            count = wanted(self.scaling, self.active, len(self._waiting), mean)
            self._grow(count)
            self._shrink(count)

    def _move_on(self) -> None:
        """Where the stack's clock was moved on, whoever has nothing to do has had it for so much longer."""
        before, self._ahead = self._ahead, (clock.now(self.cloud) - datetime.now(UTC)).total_seconds()
        if (jump := self._ahead - before) > _LOOK_SECONDS:
            for one in self.kept:
                if one.pool and not one.active:
                    one.pool.idle_since -= jump

    def _grow(self, count: int) -> None:
        if not self.kept and count and not self.absent:
            self._add().keep()
        # Until it is known that the program reads PORT, a further instance could take the first one's port.
        if (self.ready or (self._reads_port and self.kept)) and time.monotonic() >= self._not_before:
            for _ in range(count - len(self.kept)):
                self._in_background(self._start_another(self._add()))

    async def _start_another(self, one: KeptInstance) -> None:
        try:
            await one.start()
        except (StartFailed, ContainerError, OSError) as problem:
            if one not in self.kept:  # ended meanwhile
                return
            self.kept.remove(one)
            self._failed += 1
            for_good = isinstance(problem, StartFailed) and problem.taken
            pause = float("inf") if for_good else min(2.0**self._failed, _LONGEST_PAUSE)
            self._not_before = time.monotonic() + pause
            self.limited = (
                "a container has a port of its own, whatever PORT says, so only one can run here"
                if for_good
                else str(problem)
            )
            note(f"{self.name}: no further instance: {problem}")
            return
        self._failed, self.limited = 0, None
        if one not in self.kept:  # drained meanwhile
            await one.drain(0)

    def _shrink(self, count: int) -> None:
        """End what has had nothing to do for long enough, the youngest first."""
        scaling = self.scaling
        for one in reversed(self.kept.copy()):
            longest = self.scaling.idle if len(self.kept) <= max(scaling.most, 1) else 0.0
            if len(self.kept) > max(count, scaling.least) and not one.active and one.idle_seconds() > longest:
                self._end(one, 0.0)

    def _end(self, one: KeptInstance, longest: float) -> asyncio.Task[None]:
        self.kept.remove(one)
        self._ended_restarts += one.restarts
        self._ending.add(one)

        async def end() -> None:
            try:
                await one.drain(longest)
            finally:
                self._ending.discard(one)

        return self._in_background(end())

    def _in_background(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, longest: float) -> None:
        """Waits for the requests under way (at most `longest` seconds), then stops the instances. Whoever goes back to
        the revision meanwhile gets others.
        """
        if self._keeper:
            self._keeper.cancel()
            self._keeper = None
        self.send_away()
        for one in self.kept.copy():
            self._end(one, longest)
        await asyncio.gather(*self._tasks, return_exceptions=True)  # those that were ending before, too
        self.on_process()
