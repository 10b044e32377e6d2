"""The doors of a stack's interfaces: listening sockets of this supervisor. The process that answers there is started
with the first connection, and again with the next one after it has ended.
"""

import asyncio
import socket
import sys
from collections.abc import Callable

from infra.local.cloud import Cloud
from infra.local.files import read_object, write_json
from infra.local.home import LAUNCH, bytecode_cache, user_cache
from infra.local.ports import free_port
from infra.local.supervisor.process import Process, note

DOORS = ("http", "pubsub", "proxy")
"""HTTP; plain gRPC for PUBSUB_EMULATOR_HOST; the proxy by which unchanged clients come."""
_PAUSE_SECONDS = 1.0
"""Before a process that ended at once is started again."""
_BACKLOG = 1024


class ApisDoor:
    """The sockets, and the process while it runs."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.process: Process | None = None
        self.on_process: Callable[[], None] = lambda: None
        self._sockets: dict[str, socket.socket] = {}
        self._running: asyncio.Task[None] | None = None

    @property
    def ports(self) -> dict[str, int]:
        """Door's name → its port of 127.0.0.1."""
        return {name: int(one.getsockname()[1]) for name, one in self._sockets.items()}

    def open(self) -> None:
        """Listen where the supervisor before this one did; elsewhere where somebody has taken that meanwhile."""
        known = read_object(self.cloud.run / "apis.json") or {}
        for name in DOORS:
            self._sockets[name] = _listening(known.get(name))
        if self.ports != known:
            write_json(self.cloud.run / "apis.json", self.ports)
        self._watch()

    def _watch(self) -> None:
        for one in self._sockets.values():
            asyncio.get_running_loop().add_reader(one, self._wanted)

    def _unwatch(self) -> None:
        for one in self._sockets.values():
            asyncio.get_running_loop().remove_reader(one)

    def _wanted(self) -> None:
        """Somebody connects: the process takes it from here."""
        self._unwatch()
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        doors = [f"{name}={one.fileno()}" for name, one in self._sockets.items()]
        command = [sys.executable, str(LAUNCH), "infra.local.apis", str(self.cloud.home.root), self.cloud.stack, *doors]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPYCACHEPREFIX": str(bytecode_cache()),
            "XDG_CACHE_HOME": str(user_cache().parent),
        }
        passed = [one.fileno() for one in self._sockets.values()]
        try:
            self.process = await Process.start(
                command, environment, self.cloud.root, self.cloud.logs / "apis.log", self.ports["http"], passed=passed
            )
            self.on_process()
            await self.process.wait()
            note("the interfaces ended; they start again when they are asked")
        except OSError as problem:
            note(f"the interfaces did not start: {problem.strerror}")
        self.process = None
        await asyncio.sleep(_PAUSE_SECONDS)
        self._watch()

    async def close(self) -> None:
        """Ends the process, and what was waiting."""
        self._unwatch()
        if self._running:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self.process:
            await self.process.stop()
        for one in self._sockets.values():
            one.close()
        self._sockets = {}


def _listening(port: object) -> socket.socket:
    wanted = port if isinstance(port, int) else free_port()
    for one in (wanted, 0):
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setblocking(False)
        try:
            opened.bind(("127.0.0.1", one))
        except OSError:
            opened.close()
            continue
        opened.listen(_BACKLOG)
        return opened
    raise OSError("no port of 127.0.0.1 is free")
