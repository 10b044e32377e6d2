"""A Cloud Run service: its revisions, its traffic and its stable port, kept on the disk and alive."""

import asyncio
import random
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.apis.identity import identity_of
from infra.local.cloud import Cloud, Damaged
from infra.local.container import ingress
from infra.local.errors import ContainerError
from infra.local.files import read_object, write_json
from infra.local.services import docker
from infra.local.supervisor import traffic
from infra.local.supervisor.front import AFFINITY, NONE_READY, Front, Refusal, listen
from infra.local.supervisor.invoker import Invokers, TurnedAway, everybody_may_call
from infra.local.supervisor.instance import StartFailed
from infra.local.supervisor.message import Head
from infra.local.supervisor.revision import Moved, NoPlace, Revision
from infra.local.supervisor.scaling import Limits, Scaling, scaling_of
from infra.local.supervisor.upstream import Pool

_KEPT_REVISIONS = 20
_ALL_BUSY = Refusal(429, "The request was aborted because there was no available instance.")

WAY_OUT = (
    "To run it here, use a container engine (LOCAL_CLOUD_CONTAINERS=auto), or build its image in the program"
    " (pulumi_docker.Image), from a Dockerfile whose command is on this machine."
)


class DeployError(Exception):
    """The deployment failed and nothing changed; the message is Cloud Run's."""


class Service:
    """One service. `place` is the project and the region that it is in, as the provider hands them over; `scaling` is
    its own, beside that of each revision's template; `here` are this machine's limits.
    """

    def __init__(self, cloud: Cloud, name: str, here: Limits = Limits()) -> None:
        self.cloud = cloud
        self.name = name
        self.here = here
        self.scaling: Mapping[str, Any] = {}
        self.port = 0
        self.place: Mapping[str, Any] = {}
        self.revisions: dict[str, Revision] = {}
        self.targets: list[traffic.Target] = []
        self.traffics: list[Mapping[str, Any]] = []
        self.latest = ""
        self.on_process: Callable[[], None] = lambda: None
        self.balanced: Callable[[], bool] = lambda: False
        """Whether a load balancer of the stack leads to it."""
        self._invokers = Invokers(cloud, name)
        self._server: asyncio.Server | None = None
        self._starting: Revision | None = None
        self._deploying = asyncio.Lock()
        self._draining: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> Path:
        return self.cloud.run / "services" / f"{self.name}.json"

    @classmethod
    def restored(cls, cloud: Cloud, path: Path, here: Limits = Limits()) -> "Service":
        """A service as a supervisor before this one left it. Raises Damaged for a record that can't be read."""
        record = read_object(path, "port", "sealed")
        if record is None:
            raise Damaged("not a JSON document")
        kept = cloud.unseal(record["sealed"])
        service = cls(cloud, path.stem, here)
        try:
            service.port, service.latest, service.traffics = int(record["port"]), kept["latest"], kept["traffics"]
            service.place = kept.get("place") or {}
            service.scaling = kept.get("scaling") or {}
            for one in kept["revisions"]:
                service.revisions[one["name"]] = service._revision(one["name"], one["spec"], one["created"])
        except (KeyError, TypeError, ValueError):
            raise Damaged("not a service") from None
        service.targets = traffic.targets(service.traffics, service.latest)
        service._rescale()
        return service

    def _save(self) -> None:
        kept = {
            "latest": self.latest,
            "traffics": self.traffics,
            "place": self.place,
            "scaling": self.scaling,
            "revisions": [
                {"name": one.name, "spec": one.spec, "created": one.created} for one in self.revisions.values()
            ],
        }
        write_json(self.path, {"port": self.port, "sealed": self.cloud.seal(kept)})

    async def open(self) -> None:
        """Listens on the service's port. Raises OSError where it is taken."""
        if self._server is None:
            self._server = await listen(self._front(), self.port)

    def _front(self) -> Front:
        return Front(self.place_for, self.timeout, admits=self._admits_at_own_url)

    def _admits_at_own_url(self, head: Head) -> TurnedAway | None:
        return self._invokers.at_own_url(head, self.port, balanced=self.balanced())

    def admits(self, head: Head) -> TurnedAway | None:
        """Why a request that comes through a load balancer is not let in; None where it is."""
        return self._invokers.admits(head, self.port)

    def resume(self) -> None:
        """Starts what was being served, and keeps trying what does not start."""
        for name in traffic.served(self.targets):
            if name in self.revisions:
                self.revisions[name].keep()

    def timeout(self) -> float:
        """The longest that a request may take, in seconds."""
        revision = self.revisions.get(self.latest)
        return float(str((revision.spec.get("timeout") if revision else None) or "300s").rstrip("s"))

    async def place_for(self, head: Head, before: Pool | None, tag: str = "") -> Pool | Refusal:
        """The next revision's instance, or why there is none; waits for a place there, as Cloud Run queues requests.
        Who was sent in vain before stays with the revision. A tag names one, as the host's name may.
        """
        chosen = before.revision if before else ""
        while self.targets:
            if not chosen or chosen not in traffic.served(self.targets):
                host = f"{tag}---" if tag else head.get(b"host").decode("latin-1")
                named = traffic.tagged(self.targets, host)
                if tag and not named:
                    return Refusal(404, f"No revision of {self.name} has the tag {tag}.")
                chosen = (named or traffic.choose(self.targets)).revision
            revision = self.revisions[chosen]
            if revision.absent:
                return Refusal(503, f"{self.name} is declared only: {revision.absent}. {WAY_OUT}")
            try:
                return await revision.place(head.cookie(AFFINITY).decode("latin-1"))
            except NoPlace as none:
                return _ALL_BUSY if none.full else Refusal(503, NONE_READY)
            except Moved:
                continue
        return Refusal(503, NONE_READY)

    async def deploy(
        self, template: Mapping[str, Any], traffics: list[Mapping[str, Any]], scaling: Mapping[str, Any]
    ) -> None:
        """A new revision where the template changed, then the traffic. Raises DeployError with the old state
        untouched.
        """
        async with self._deploying:
            named = template.get("revision")
            spec = {key: value for key, value in template.items() if key != "revision"}
            latest, created = self.latest, None
            if named in self.revisions:
                if self.revisions[named].spec != spec:
                    raise DeployError(
                        f"googleapi: Error 409: Revision named '{named}' with different configuration already exists.,"
                        " alreadyExists"
                    )
                latest = named
            elif named or not latest or self.revisions[latest].spec != spec:
                created = self._next_revision(named, spec)
                latest = created.name
            wanted = self._wanted(traffics, latest)
            stopped: list[Revision] = []
            if created:
                created.rescale(self._scaling(created, wanted, scaling))
                stopped = await self._start_new(created)
                self.revisions[created.name] = created
            try:
                await self._serve(wanted, traffics, latest, scaling)
            except DeployError:
                if created:
                    del self.revisions[created.name]
                    await created.drain(0)
                await self._start_again(stopped)
                raise

    async def _start_new(self, created: Revision) -> list[Revision]:
        """Starts a revision beside those that serve; in place of one that has the port which it can't do without.
        Returns those that it took the place of. Raises DeployError with the old state.
        """
        self._starting = created
        stopped: list[Revision] = []
        try:
            try:
                await created.start()
            except StartFailed as problem:
                stopped = [one for one in self.revisions.values() if problem.taken and problem.taken in one.ports()]
                if not stopped:
                    raise
                for one in stopped:
                    await one.drain(self.timeout())
                await created.start()
        except (StartFailed, ContainerError, OSError) as problem:
            await self._start_again(stopped)
            raise DeployError(str(problem)) from None
        finally:
            self._starting = None
        return stopped

    @staticmethod
    async def _start_again(stopped: list[Revision]) -> None:
        for one in stopped:
            one.keep()

    async def route(self, traffics: list[Mapping[str, Any]]) -> None:
        """Moves traffic between the revisions that there are. Raises DeployError, with the traffic as it was, for one
        that is not there or does not start.
        """
        async with self._deploying:
            await self._serve(self._wanted(traffics, self.latest), traffics, self.latest, self.scaling)

    async def settled(self) -> dict[str, Any]:
        """What `status` says once no deployment is under way."""
        async with self._deploying:
            return self.status()

    def _wanted(self, traffics: list[Mapping[str, Any]], latest: str) -> list[traffic.Target]:
        """Where these send requests. Raises DeployError for a revision that is not there."""
        wanted = traffic.targets(traffics, latest)
        for one in wanted:
            if one.revision not in {*self.revisions, latest}:
                raise DeployError(f"Revision '{one.revision}' in the traffic of service '{self.name}' was not found.")
        return wanted

    def _scaling(self, revision: Revision, targets: list[traffic.Target], scaling: Mapping[str, Any]) -> Scaling:
        return scaling_of(revision.spec, scaling, traffic.share(targets, revision.name), self.here)

    def _rescale(self) -> None:
        """The instances that each revision may have follow the traffic that it gets."""
        for revision in self.revisions.values():
            revision.rescale(self._scaling(revision, self.targets, self.scaling))

    async def _serve(
        self, wanted: list[traffic.Target], traffics: list[Mapping[str, Any]], latest: str, scaling: Mapping[str, Any]
    ) -> None:
        needed = list(traffic.served(wanted))
        for name in needed:
            try:
                await self.revisions[name].start()
            except (StartFailed, ContainerError, OSError) as problem:
                raise DeployError(str(problem)) from None
        self.targets, self.traffics, self.latest, self.scaling = wanted, traffics, latest, scaling
        self._rescale()
        for name in list(self.revisions)[:-_KEPT_REVISIONS]:
            if name not in needed:
                del self.revisions[name]
        self._save()
        for name, revision in self.revisions.items():
            if name in needed:
                continue
            revision.send_away()
            if revision.running:
                task = asyncio.create_task(revision.drain(self.timeout()))
                self._draining.add(task)
                task.add_done_callback(self._draining.discard)

    def _next_revision(self, named: Any, spec: Mapping[str, Any]) -> Revision:
        numbers = [
            int(part) for name in self.revisions for part in name.split("-") if part.isdigit() and len(part) == 5
        ]
        suffix = "".join(random.choices(string.ascii_lowercase, k=3))  # a name, not a secret  # nosec B311
        name = str(named or f"{self.name}-{max(numbers, default=0) + 1:05d}-{suffix}")
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return self._revision(name, spec, created)

    def _revision(self, name: str, spec: Mapping[str, Any], created: str) -> Revision:
        identity = identity_of(spec, str(self.place.get("project", "")), str(self.place.get("region", "")))
        revision = Revision(self.cloud, self.name, name, spec, created, identity)
        revision.on_process = lambda: self.on_process()
        return revision

    def all_revisions(self) -> list[Revision]:
        """The kept revisions and the one that is just starting."""
        return [*self.revisions.values(), *([self._starting] if self._starting else [])]

    async def move(self, port: int) -> None:
        """Listens on another port. Raises OSError, with the old one kept, where it is taken."""
        if port != self.port or self._server is None:
            opened = await listen(self._front(), port)
            if self._server:
                self._server.close()
            self._server, self.port = opened, port
            if self.latest:
                self._save()

    async def close(self, *, forget: bool) -> None:
        """Stops everything; `forget` also removes what is kept on the disk."""
        if self._server:
            self._server.close()
            self._server = None
        if forget:
            self.path.unlink(missing_ok=True)
        await asyncio.gather(*(revision.drain(5.0) for revision in self.revisions.values() if revision.running))
        await asyncio.gather(*self._draining, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        """What `status` shows."""
        return {
            "name": self.name,
            "url": f"http://127.0.0.1:{self.port}",
            "open": self._server is not None,
            "everybody": everybody_may_call(self.cloud, self.name),
            "latest": self.latest,
            "traffics": self.traffics,
            "traffic": [
                {"revision": one.revision, "percent": one.percent, "tag": one.tag, "latest": one.latest}
                for one in self.targets
            ],
            "revisions": [
                {
                    "name": one.name,
                    "created": one.created,
                    "image": one.spec["containers"][ingress(one.spec)]["image"],
                    "images": [container["image"] for container in one.spec["containers"]],
                    "runs_by": docker.runs_by(self.cloud, one.spec["containers"][ingress(one.spec)]["image"]),
                    "settings": _plain(one.spec),
                    "pids": [process.pid for process in one.processes()],
                    **one.status(),
                    "log": str(self.cloud.logs / self.name / f"{one.name}.log"),
                }
                for one in self.revisions.values()
            ],
        }


def _plain(spec: Mapping[str, Any]) -> dict[str, str]:
    """A revision's variables, without those that come from a secret."""
    given = spec["containers"][ingress(spec)].get("envs") or ()
    return {one["name"]: str(one["value"]) for one in given if one.get("value") and not one.get("valueSource")}
