"""One instance of a revision: its containers as processes of this machine, which start, live and end together."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.apis.identity import Identity
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.container import declared_port, in_order, ingress, lacking, launch, name_of
from infra.local.errors import not_ready
from infra.local.sockets import Listener, holder, listening
from infra.local.supervisor.probes import DEFAULT_STARTUP, Probe, answers, probe, started, watch
from infra.local.supervisor.process import Process, note
from infra.local.volumes import Volumes, prepared

_ELSEWHERE_SECONDS = 20.0
"""How long a container with the usual startup probe may listen elsewhere alone, before it is told so. Cloud Run waits
for four minutes."""
_LOOK_SECONDS = 1.0


class StartFailed(Exception):
    """The revision did not become ready; the message is Cloud Run's. `taken` is the port that the
    program listens on whatever PORT is, and others have."""

    def __init__(self, message: str, taken: int | None = None) -> None:
        super().__init__(message)
        self.taken = taken


class Instance:
    """The containers of one revision. `skipped` names those that this machine can't run, and why."""

    def __init__(
        self, cloud: Cloud, service: str, name: str, spec: Mapping[str, Any], port: int, identity: Identity
    ) -> None:
        self.cloud, self.service, self.name, self.spec = cloud, service, name, spec
        self.identity = identity
        self.port = port
        self.processes: dict[int, Process] = {}
        self.skipped: dict[str, str] = {}
        self._volumes: Volumes | None = None
        self._apart = False

    @property
    def containers(self) -> Sequence[Mapping[str, Any]]:
        return list(self.spec["containers"])

    @property
    def main(self) -> Process | None:
        """The process that gets the requests."""
        return self.processes.get(ingress(self.spec))

    @property
    def alive(self) -> bool:
        return all(process.alive for process in self.processes.values())

    def log(self, index: int) -> Path:
        """Where a container's output goes."""
        which = "" if index == ingress(self.spec) else f".{name_of(self.containers[index], index)}"
        return self.cloud.logs / self.service / f"{self.name}{which}.log"

    async def start(self, on_process: Callable[[], None]) -> None:
        """Starts each container after those that it depends on, and waits until all are ready. Raises StartFailed and
        ContainerError; whatever had started is then still to be stopped.
        """
        self._volumes = await asyncio.to_thread(prepared, self.cloud, self.name, self.spec)
        main = ingress(self.spec)
        for index in in_order(self.containers):
            container = self.containers[index]
            if index != main and (why := await asyncio.to_thread(lacking, self.cloud, container)):
                self.skipped[name_of(container, index)] = why
                continue
            await self._run(index)
            on_process()
            if index == main:
                await self._wait_for_main()
            elif startup := probe(container.get("startupProbe")):
                await self._wait_for(index, startup)

    async def _run(self, index: int) -> None:
        assert self._volumes is not None  # for the type checker  # nosec B101
        google = await asyncio.to_thread(leading, self.cloud, self.identity)
        plan = await asyncio.to_thread(
            launch, self.cloud, self.service, self.name, self.spec, index, self._volumes, self.port, google
        )
        self._apart = self._apart or plan.apart
        try:
            self.processes[index] = await Process.start(
                plan.command, plan.environment, plan.folder, self.log(index), self.port
            )
        except OSError as problem:
            raise StartFailed(
                f"{not_ready(self.name)} The container's command can't be run: {problem.strerror}: {plan.command[0]}"
            ) from None

    async def _wait_for(self, index: int, startup: Probe) -> None:
        process = self.processes[index]
        if not await started(startup, self._probed(startup, index), lambda: process.alive):
            raise StartFailed(self._did_not_start(index, startup.period * startup.failures))

    async def _wait_for_main(self) -> None:
        """Until the container that gets the requests answers on its port, and not somebody else there."""
        index = ingress(self.spec)
        given = probe(self.containers[index].get("startupProbe"))
        startup = given or DEFAULT_STARTUP
        port = self._probed(startup, index)
        clock = asyncio.get_running_loop()
        deadline = clock.time() + startup.delay + startup.period * startup.failures
        looked, elsewhere = clock.time(), 0.0
        while self.alive and clock.time() < deadline:
            if await answers(startup, port) and (port != self.port or self._is_ours()):
                return
            await asyncio.sleep(0.05)
            if given is None and clock.time() - looked > _LOOK_SECONDS:
                looked = clock.time()
                elsewhere = elsewhere + _LOOK_SECONDS if self.heard() else 0.0
                if elsewhere > _ELSEWHERE_SECONDS:
                    break
        raise StartFailed(self._did_not_start(index, clock.time() - deadline + startup.period * startup.failures))

    def _probed(self, wanted: Probe, index: int) -> int:
        """The port that a container's probe looks at: that of the one that gets the requests may have been moved."""
        declared = declared_port(self.containers[index])
        if index == ingress(self.spec) and wanted.port in (None, declared):
            return self.port
        return wanted.port or declared

    def heard(self) -> list[Listener]:
        """What the instance's processes listen on."""
        found = listening({one.pid for one in self.processes.values()})
        return sorted(set().union(*found.values()))

    def _is_ours(self) -> bool:
        return self._apart or self.port in {one.port for one in self.heard()} or not holder(self.port)

    def _did_not_start(self, index: int, seconds: float) -> str:
        ended = next((at for at, one in self.processes.items() if not one.alive), None)
        if ended is None:
            elsewhere = ", ".join(map(str, self.heard())) or "nothing"
            how = f"It was not ready after {seconds:.0f} s; it listens on {elsewhere}."
        else:
            code = self.processes[ended].process.returncode
            how = f"Its process ended with code {code}."
            how = how if ended == index else f"The sidecar {name_of(self.containers[ended], ended)!r}: {how}"
            index = ended
        log, main = self.log(index), self.containers[ingress(self.spec)]
        moved = "" if self.port == declared_port(main) else f" (PORT={self.port})"
        return (
            f"{not_ready(self.name)} The user-provided container failed to start and listen on the port defined"
            f" provided by the PORT environment variable within the allocated timeout{moved}."
            f" {how} Logs for this revision: {log}\n{tail(log)}"
        )

    async def until_it_fails(self) -> None:
        """Returns once a process has ended or a liveness probe has failed so often as it may."""
        waiting = {asyncio.create_task(self._ended(one)) for one in self.processes.values()}
        for index, container in enumerate(self.containers):
            liveness = probe(container.get("livenessProbe"))
            if not liveness or index not in self.processes:
                continue
            waiting.add(asyncio.create_task(watch(liveness, self._probed(liveness, index), self._unhealthy)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    @staticmethod
    async def _ended(process: Process) -> None:
        await process.wait()

    async def _unhealthy(self) -> None:
        note(f"{self.name}: the liveness probe failed too often in a row, restarting")

    async def stop(self, grace: float) -> None:
        """Ends all processes, those that get the requests first, and removes what was theirs alone."""
        await asyncio.gather(*(process.stop(grace) for process in self.processes.values()))
        if self._volumes:
            self._volumes.remove()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
