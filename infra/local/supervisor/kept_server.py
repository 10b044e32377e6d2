"""A server of this machine that the supervisor keeps alive, with its data in the home."""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from infra.local.certificates import Certificates, make_certificates
from infra.local.cloud import Cloud, Damaged
from infra.local.errors import LocalCloudError
from infra.local.files import read_object, write_json
from infra.local.ports import free_port, require_free
from infra.local.supervisor.process import Process, note

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_PING_EVERY, _PING_WITHIN, _PINGS_THAT_FAIL = 5.0, 5.0, 3
_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_STABLE_SECONDS = 10.0


class StoreFailed(Exception):
    """The server did not start; the message says why."""


class KeptServer:
    """One server. A kind of it says how it is started and whether it answers. Its password and certificates are made
    here, once, and kept sealed.

    A server that ends, or does not answer for a quarter of a minute, is started again, at once the first time.
    """

    def __init__(self, cloud: Cloud, name: str, kept: Mapping[str, Any], port: int) -> None:
        self.cloud, self.name, self.port = cloud, name, port
        self.spec: Mapping[str, Any] = kept["spec"]
        self.password: str = kept["password"]
        self.certificates = Certificates(**kept["certificates"])
        self.process: Process | None = None
        self.restarts = 0
        self.on_process: Callable[[], None] = lambda: None
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    def new(cls, cloud: Cloud, name: str, port: int) -> Self:
        """A server that has not been started yet."""
        kept = {"spec": {}, "password": secrets.token_urlsafe(32), "certificates": asdict(make_certificates(name))}
        return cls(cloud, name, kept, port)

    @classmethod
    def restored(cls, cloud: Cloud, path: Path) -> Self:
        """A server as a supervisor before this one left it. Raises Damaged for a record that can't be read."""
        record = read_object(path, "port", "sealed")
        if record is None:
            raise Damaged("not a JSON document")
        kept = cloud.unseal(record["sealed"])
        try:
            return cls(cloud, path.stem, kept, int(record["port"]))
        except (KeyError, TypeError, ValueError):
            raise Damaged("not a store") from None

    @property
    def path(self) -> Path:
        return self.cloud.run / "stores" / f"{self.name}.json"

    @property
    def folder(self) -> Path:
        """The data, in the server's own format."""
        raise NotImplementedError

    @property
    def log(self) -> Path:
        return self.cloud.logs / self.name / "server.log"

    def _save(self) -> None:
        kept = {"spec": self.spec, "password": self.password, "certificates": asdict(self.certificates)}
        write_json(self.path, {"port": self.port, "sealed": self.cloud.seal(kept)})

    async def _begin(self) -> Process:
        """A new process, on `self.port`. Raises StoreFailed."""
        raise NotImplementedError

    async def answers(self, within: float) -> bool:
        """Whether the server does its work."""
        raise NotImplementedError

    async def deploy(self, spec: Mapping[str, Any]) -> None:
        """Runs the server as `spec` has it, with the data that there is. Raises StoreFailed, with the server as it was
        before.
        """
        if self.spec == spec and self._keeper:
            return
        before, self.spec = self.spec, spec
        await self.stop()
        try:
            await self._start()
        except StoreFailed:
            self.spec = before
            if before:
                self.keep()
            raise
        self._save()
        self.keep()

    def keep(self) -> None:
        """Keeps the server alive from now on, whether or not it has started yet."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        failures = 0
        while True:
            if self.process:
                since = time.monotonic()
                await self._until_it_fails(self.process)
                self.restarts += 1
                failures = 0 if time.monotonic() - since > _STABLE_SECONDS else failures + 1
            await self._end(1.0)
            await asyncio.sleep(_BACKOFF[min(max(failures - 1, 0), len(_BACKOFF) - 1)])
            try:
                await self._start()
            except StoreFailed as problem:
                failures += 1
                note(f"{self.name}: {problem}")

    async def _until_it_fails(self, process: Process) -> None:
        ended = asyncio.create_task(process.wait())
        failed = 0
        try:
            while failed < _PINGS_THAT_FAIL:
                done, _ = await asyncio.wait({ended}, timeout=_PING_EVERY)
                if done:
                    return
                failed = 0 if await self.answers(_PING_WITHIN) else failed + 1
            note(f"{self.name}: does not answer, restarting")
        finally:
            ended.cancel()

    async def _start(self) -> None:
        self._find_port()
        self.process = await self._begin()
        self.on_process()
        if not await self._started(self.process):
            await self._end(1.0)
            raise StoreFailed(f"{self.spec['program']} did not start. Its log: {self.log}")

    def _find_port(self) -> None:
        """Another one where somebody has taken the server's meanwhile; the next `up` tells the services."""
        try:
            require_free(self.port)
        except LocalCloudError:
            self.port = free_port()
            self._save()

    async def _started(self, process: Process) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.alive and time.monotonic() < deadline:
            if await self.answers(_PING_WITHIN):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def stop(self) -> None:
        """Ends the server, which writes down what it holds."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        await self._end(10.0)

    async def _end(self, grace: float) -> None:
        process, self.process = self.process, None
        if process:
            await process.stop(grace)
            self.on_process()

    async def remove(self) -> None:
        """Ends the server for good: record and data go, too."""
        await self.stop()
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        """What `status` shows; no secret."""
        return {
            "name": self.name,
            "program": Path(str(self.spec["program"])).name,
            "port": self.port,
            "pid": self.process.pid if self.process else None,
            "restarts": self.restarts,
            "log": str(self.log),
        }

    def access(self) -> dict[str, Any]:
        """What the provider passes on to those who may connect."""
        raise NotImplementedError


@contextmanager
def in_memory(*texts: str) -> Iterator[list[int]]:
    """Descriptors of files that only this process and its children can open."""
    descriptors = []
    try:
        for text in texts:
            descriptors.append(os.memfd_create("certificate"))
            os.fchmod(descriptors[-1], 0o600)
            os.write(descriptors[-1], text.encode())
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
