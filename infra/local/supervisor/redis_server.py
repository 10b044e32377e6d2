"""An instance of Memorystore: a real Redis or Valkey on 127.0.0.1, kept alive, with its data in the home."""

import asyncio
import os
import secrets
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.local.certificates import Certificates, make_certificates
from infra.local.cloud import Cloud, Damaged
from infra.local.errors import LocalCloudError
from infra.local.files import read_object, write_json
from infra.local.ports import free_port, require_free
from infra.local.supervisor.process import Process, note
from orderguard.private_files import make_private_folder

PROGRAMS = ("valkey-server", "redis-server")
_START_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_PING_EVERY, _PING_WITHIN, _PINGS_THAT_FAIL = 5.0, 5.0, 3
_BACKOFF = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_STABLE_SECONDS = 10.0
# cloud.google.com/memorystore/docs/redis/product-constraints: what runs here without them runs there.
_BLOCKED = (
    "ACL BGREWRITEAOF BGSAVE CONFIG DEBUG FAILOVER LASTSAVE MIGRATE MODULE PSYNC REPLCONF REPLICAOF SAVE SHUTDOWN"
    " SLAVEOF SYNC"
).split()


class StoreFailed(Exception):
    """The server did not start; the message says why."""


def server_program(path: str | None = None) -> str | None:
    """The server that PATH holds, Valkey before Redis."""
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path))), None)


class RedisServer:
    """One server. `spec` is what the provider hands over: `program`, `memory` (bytes), `policy`, `auth`, `tls`,
    `persistent`. The password and the certificates are made here, once, and kept sealed.

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
    def new(cls, cloud: Cloud, name: str, port: int) -> "RedisServer":
        """A server that has not been started yet."""
        kept = {"spec": {}, "password": secrets.token_urlsafe(32), "certificates": asdict(make_certificates(name))}
        return cls(cloud, name, kept, port)

    @classmethod
    def restored(cls, cloud: Cloud, path: Path) -> "RedisServer":
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
        """The data, in Redis's own format."""
        return self.cloud.root / "redis" / self.name

    @property
    def log(self) -> Path:
        return self.cloud.logs / self.name / "server.log"

    def _save(self) -> None:
        kept = {"spec": self.spec, "password": self.password, "certificates": asdict(self.certificates)}
        write_json(self.path, {"port": self.port, "sealed": self.cloud.seal(kept)})

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
        make_private_folder(self.folder)
        program = str(self.spec["program"])
        if not Path(program).exists():
            program = server_program() or program
        with _in_memory(self.certificates.certificate, self.certificates.key) as files:
            try:
                # By standard input: a password is in no argument and in no file.
                configuration = "\n".join(self._configuration(*files)).encode()
                environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder)}
                self.process = await Process.start(
                    [program, "-"], environment, self.folder, self.log, self.port, configuration, files
                )
            except OSError as problem:
                raise StoreFailed(f"{program} can't be run: {problem.strerror}") from None
            self.on_process()
            if not await self._started(self.process):
                await self._end(1.0)
                raise StoreFailed(f"{program} did not start. Its log: {self.log}")

    def _find_port(self) -> None:
        """Another one where somebody has taken the server's meanwhile; the next `up` tells the services."""
        try:
            require_free(self.port)
        except LocalCloudError:
            self.port = free_port()
            self._save()

    def _configuration(self, certificate: int, key: int) -> Iterator[str]:
        spec = self.spec
        yield from ("bind 127.0.0.1", "daemonize no", f"dir {_quoted(str(self.folder))}", 'logfile ""')
        if spec["tls"]:
            yield from ("port 0", f"tls-port {self.port}", "tls-auth-clients no")
            yield from (f"tls-cert-file /proc/self/fd/{certificate}", f"tls-key-file /proc/self/fd/{key}")
            yield 'tls-protocols "TLSv1.2 TLSv1.3"'
        else:
            yield f"port {self.port}"
        if spec["auth"]:
            yield f"requirepass {_quoted(self.password)}"
        yield from (f"maxmemory {spec['memory']}", f"maxmemory-policy {spec['policy']}")
        # What is kept is kept to the last second, other than in Google Cloud: a developer's machine is restarted often.
        yield from ('save ""', f"appendonly {'yes' if spec['persistent'] else 'no'}", "appendfsync everysec")
        yield from (f'rename-command {command} ""' for command in _BLOCKED)

    async def _started(self, process: Process) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while process.alive and time.monotonic() < deadline:
            if await self.answers(_PING_WITHIN):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def answers(self, within: float) -> bool:
        """Whether the server takes its password and commands: not while it still reads its data."""
        secure = ssl.create_default_context(cadata=self.certificates.authority) if self.spec["tls"] else None
        known = f"AUTH {self.password}\r\n" if self.spec["auth"] else ""
        try:
            async with asyncio.timeout(within):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=secure)
                try:
                    writer.write(f"{known}PING\r\n".encode())
                    if known:
                        await reader.readline()
                    return (await reader.readline()).startswith(b"+PONG")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
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
        authority = self.certificates.authority if self.spec["tls"] else ""
        return {"port": self.port, "password": self.password if self.spec["auth"] else "", "authority": authority}


@contextmanager
def _in_memory(*texts: str) -> Iterator[list[int]]:
    """Descriptors of files that only this process and its children can open."""
    descriptors = []
    try:
        for text in texts:
            descriptors.append(os.memfd_create("certificate"))
            os.write(descriptors[-1], text.encode())
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
