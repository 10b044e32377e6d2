"""The supervisor's process: `launch.py infra.local.supervisor HOME STACK`."""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from infra.local.cloud import Cloud, Damaged
from infra.local.events.watched import all_watched
from infra.local.files import read_json, write_json
from infra.local.home import Home
from infra.local.supervisor.apis_door import ApisDoor
from infra.local.supervisor.balancer import Balancers
from infra.local.supervisor.control import code_version, short_path
from infra.local.supervisor.process import Process, kill_group, note
from infra.local.supervisor.kept_server import KeptServer, StoreFailed
from infra.local.supervisor.kinds import kind_of
from infra.local.supervisor.scaling import limits
from infra.local.supervisor.service import DeployError, Service
from infra.local.supervisor.watch import Watch
from infra.local.volumes import in_memory
from orderguard.private_files import keep_private, make_private_folder

_LOOK_SECONDS = 2.0
_LARGEST_REQUEST = 64 * 1024 * 1024


class Supervisor:
    """All services of one stack, and its stores."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.services: dict[str, Service] = {}
        self.stores: dict[str, KeptServer] = {}
        self.apis = ApisDoor(cloud)
        self.watch = Watch(cloud)
        self.balancers = Balancers(cloud, self.services)
        self.stopped = asyncio.Event()
        self.folder = cloud.run.stat().st_ino
        self.code = code_version()
        self.here = limits()

    async def run(self) -> None:
        """Takes up what is on the disk, then serves until it is stopped."""
        self._end_orphans()
        self.apis.on_process = self._note_instances
        self.apis.open()
        for path in sorted((self.cloud.run / "stores").glob("*.json")):
            self._resume_store(path)
        for folder in (self.cloud.run, in_memory(self.cloud)):
            shutil.rmtree(folder / "volumes", ignore_errors=True)  # of instances that ended with an older supervisor
        for path in sorted((self.cloud.run / "services").glob("*.json")):
            await self._open(path)
        for service in self.services.values():  # once all fronts are open: an instance must not take the port of one
            service.resume()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopped.set)
        with short_path(self.cloud.run) as socket_path:
            Path(socket_path).unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._connected, socket_path, limit=_LARGEST_REQUEST)
            Path(socket_path).chmod(0o600)
        watching = [
            asyncio.create_task(one) for one in (self._end_with_folder(), self.watch.run(), self.balancers.run())
        ]
        try:
            await self.stopped.wait()
        finally:
            for task in watching:
                task.cancel()
            server.close()
            self.balancers.close()
            await self.watch.close()
            await asyncio.gather(*(service.close(forget=False) for service in self.services.values()))
            await asyncio.gather(*(store.stop() for store in self.stores.values()))
            await self.apis.close()

    def _is_there(self) -> bool:
        try:
            return self.cloud.run.stat().st_ino == self.folder
        except OSError:
            return False

    async def _end_with_folder(self) -> None:
        """Nobody can reach a supervisor whose folder was removed: it ends, and frees its ports."""
        while self._is_there():
            await asyncio.sleep(_LOOK_SECONDS)
        self.stopped.set()

    def _resume_store(self, path: Path) -> None:
        try:
            store = kind_of(path.stem).restored(self.cloud, path)
        except Damaged as problem:
            note(f"{path.stem}: its record is damaged ({problem}); `up` recreates the store")
            return
        self._watched(store)
        self.stores[store.name] = store
        store.keep()

    async def _open(self, path: Path) -> None:
        try:
            service = Service.restored(self.cloud, path, self.here)
        except Damaged as problem:
            note(f"{path.stem}: its record is damaged ({problem}); `up` recreates the service")
            return
        self._watched(service)
        self.services[service.name] = service
        try:
            await service.open()
        except OSError as problem:
            note(f"{service.name}: port {service.port} can't be opened: {problem.strerror}")

    def _end_orphans(self) -> None:
        """Ends what a killed supervisor's instances may have left behind."""
        noted = read_json(self.cloud.run / "instances.json")
        for one in noted if isinstance(noted, list) else ():
            if isinstance(one, dict) and isinstance(one.get("pid"), int):
                kill_group(one["pid"], one.get("started"))

    def _watched(self, one: Service | KeptServer) -> None:
        one.on_process = self._note_instances
        if isinstance(one, Service):
            one.balanced = lambda: self.balancers.leads_to(one.name)

    def _processes(self) -> Iterator[Process | None]:
        yield self.apis.process
        yield from (store.process for store in self.stores.values())
        for service in self.services.values():
            yield from (process for revision in service.all_revisions() for process in revision.processes())

    def _note_instances(self) -> None:
        if not self._is_there():
            return
        noted = [{"pid": one.pid, "started": one.started} for one in self._processes() if one]
        try:
            write_json(self.cloud.run / "instances.json", noted)
        except OSError as problem:
            note(f"what runs can't be noted: {problem.strerror}")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = await self._answer(json.loads(line))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"ok": True, **(await getattr(self, f"_do_{request['do']}")(request))}
        except (DeployError, StoreFailed) as problem:
            return {"ok": False, "error": str(problem)}
        except OSError as problem:
            return {"ok": False, "error": problem.strerror or str(problem), "taken": True}

    async def _do_deploy(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        service = self.services.get(name) or Service(self.cloud, name, self.here)
        self._watched(service)
        is_new = name not in self.services
        self.services[name] = service
        try:
            service.place = request.get("place", {})
            await service.move(request["port"] if is_new else service.port)
            await service.deploy(request["template"], request["traffics"], request.get("scaling") or {})
        except (DeployError, OSError):
            if is_new:
                del self.services[name]
                await service.close(forget=True)
            raise
        return service.status()

    async def _do_route(self, request: dict[str, Any]) -> dict[str, Any]:
        service = self.services.get(request["name"])
        if service is None:
            raise DeployError(f"There is no service '{request['name']}'.")
        await service.route(request["traffics"])
        return service.status()

    async def _do_standing(self, request: dict[str, Any]) -> dict[str, Any]:
        service = self.services.get(request["name"])
        return {"service": await service.settled() if service else None}

    async def _do_move(self, request: dict[str, Any]) -> dict[str, Any]:
        service = self.services.get(request["name"])
        if service:
            await service.move(request["port"])
        return {}

    async def _do_delete(self, request: dict[str, Any]) -> dict[str, Any]:
        service = self.services.pop(request["name"], None)
        if service:
            await service.close(forget=True)
        return self._left()

    def _left(self) -> dict[str, Any]:
        """How much is still kept alive; the supervisor ends with the last."""
        left = len(self.services) + len(self.stores) + sum(1 for _ in all_watched(self.cloud))
        left += sum(1 for _ in self.balancers.folder.glob("*.json"))
        if not left:
            asyncio.get_running_loop().call_later(0.1, self.stopped.set)
        return {"left": left}

    async def _do_deploy_store(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["name"]
        is_new = name not in self.stores
        store = kind_of(name).new(self.cloud, name, request["port"]) if is_new else self.stores[name]
        self._watched(store)
        self.stores[name] = store
        try:
            await store.deploy(request["spec"])
        except StoreFailed:
            if is_new:
                del self.stores[name]
                store.path.unlink(missing_ok=True)
            raise
        return store.access()

    async def _do_delete_store(self, request: dict[str, Any]) -> dict[str, Any]:
        store = self.stores.pop(request["name"], None)
        if store:
            await store.remove()
        return self._left()

    async def _do_status(self, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "code": self.code,
            "apis": self.apis.ports,
            "limits": asdict(self.here),
            "services": [one.status() for one in self.services.values()],
            "stores": [one.status() for one in self.stores.values()],
            "schedules": self.watch.status(),
            "balancers": self.balancers.status(),
        }

    async def _do_stop(self, request: dict[str, Any]) -> dict[str, Any]:
        asyncio.get_running_loop().call_later(0.1, self.stopped.set)
        return {}


def main(home: str, stack: str) -> int:
    """Goes on in the background; one supervisor a stack, so a second one ends at once."""
    cloud = Cloud(Home(Path(home)), stack)
    make_private_folder(cloud.run)
    with open(cloud.run / "supervisor.lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0
        lock.truncate(0)  # at once: with the lock held, what stands there is taken for the holder's pid
        # The lock belongs to the open file and passes to the child: there is no moment without it. Nobody has to wait
        # for the child, whose parent ends here.
        if os.fork():
            os._exit(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        uvloop.run(Supervisor(cloud).run())
    return 0


if __name__ == "__main__":
    keep_private()
    raise SystemExit(main(sys.argv[1], sys.argv[2]))
