"""The local front of a stack's load balancer: HTTPS on 127.0.0.1, Cloud Armor and the URL map, then the Cloud Run
service, past its ingress and through its check of callers.
"""

import asyncio
import random
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from infra.local import clock
from infra.local.balancer.declared import Backend, Declared, Reader
from infra.local.balancer.request import Request
from infra.local.balancer.url_map import Target, choose
from infra.local.certificates import Certificates, make_certificates
from infra.local.cloud import Cloud, Damaged
from infra.local.files import read_object, write_json, write_whole
from infra.local.ports import free_port
from infra.local.supervisor.front import Front, Refusal
from infra.local.supervisor.kept_server import in_memory
from infra.local.supervisor.message import Head
from infra.local.supervisor.process import note
from infra.local.supervisor.service import Service
from infra.local.supervisor.upstream import LARGEST_HEAD, Pool

_TIMEOUT_SECONDS = 3600.0
_MOST_CONNECTIONS = 1_000
_LOOK_SECONDS = 0.5
_LEADS_NOWHERE = "no healthy upstream"


@dataclass(frozen=True)
class Answer:
    """What the balancer itself answers."""

    status: int
    location: str = ""
    text: str = ""

    def written(self, path: str) -> bytes:
        """The whole answer."""
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Refused"
        page = f"{self.text or f'{self.status} {reason}'}\n".encode()
        location = f"Location: {self.location}\r\n" if self.location else ""
        head = (
            f"HTTP/1.1 {self.status} {reason}\r\n{location}Content-Type: text/plain; charset=UTF-8\r\n"
            f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + page


class Balancers:
    """The load balancers of one stack. What is declared is read again when a request comes after a change."""

    def __init__(self, cloud: Cloud, services: Mapping[str, Service]) -> None:
        self.cloud, self.services = cloud, services
        self._reader = Reader(cloud)
        self._read_at: int | None = None
        self._declared: dict[str, Declared] = {}
        self._fronts: dict[str, _Front] = {}

    @property
    def folder(self) -> Path:
        return self.cloud.run / "balancers"

    def declared(self) -> dict[str, Declared]:
        """The balancers that the stack declares now, by name."""
        try:
            changed = (self.cloud.root / "resources").stat().st_mtime_ns
        except OSError:
            return {}
        if changed != self._read_at and any(self.folder.glob("*.json")):
            self._read_at = changed
            self._declared = {one.name: one for one in self._reader.read()}
        return self._declared

    def leads_to(self, service: str) -> bool:
        """Whether one of them is the way to a service."""
        declared = self.declared()
        return any(service in declared[name].services() for name in self._fronts if name in declared)

    async def run(self) -> None:
        """Open what has been made, and close what is gone, until it is cancelled."""
        while True:
            wanted = {path.stem: path for path in self.folder.glob("*.json")}
            for name in set(self._fronts) - set(wanted):
                self._fronts.pop(name).close()
            for name in sorted(set(wanted) - set(self._fronts)):
                await self._open(name, wanted[name])
            await asyncio.sleep(_LOOK_SECONDS)

    async def _open(self, name: str, path: Path) -> None:
        declared = self.declared().get(name)
        if declared is None:
            return  # its record comes after its file
        front = _Front(self, name, declared, path)
        try:
            await front.open()
        except OSError as problem:
            note(f"load balancer {name}: {problem}")
            return
        self._fronts[name] = front
        note(f"load balancer {name}: listens on {front.url}")

    def close(self) -> None:
        """Stop listening."""
        for front in self._fronts.values():
            front.close()

    def status(self) -> list[dict[str, Any]]:
        """What `status` shows."""
        declared = self.declared()
        return [front.status(declared[name]) for name, front in self._fronts.items() if name in declared]


class _Front:
    """One load balancer's listening socket."""

    def __init__(self, of: Balancers, name: str, declared: Declared, path: Path) -> None:
        self.of, self.name, self.secure, self._path = of, name, declared.secure, path
        kept = read_object(path, "port") or {}
        self.port = int(kept.get("port") or free_port())
        self._domains = [*declared.domains]
        self._certificates = self._known(kept)
        self._server: asyncio.Server | None = None
        self._connections = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}"

    def _known(self, kept: Mapping[str, Any]) -> Certificates:
        """The certificates that it had, as long as its domains are the same; else new ones."""
        try:
            if kept["domains"] == self._domains:
                return Certificates(**self.of.cloud.unseal(kept["sealed"]))
        except (Damaged, KeyError, TypeError):
            pass
        return make_certificates(self.name, self._domains)

    async def open(self) -> None:
        """Listen; on another port where somebody has taken its own. Raises OSError."""
        context = self._context() if self.secure else None
        try:
            self._server = await self._listening(context)
        except OSError:
            self.port = free_port()
            self._server = await self._listening(context)
        sealed = self.of.cloud.seal(asdict(self._certificates))
        write_whole(authority_of(self.of.cloud, self.name), self._certificates.authority.encode())
        write_json(self._path, {"port": self.port, "domains": self._domains, "sealed": sealed})

    async def _listening(self, context: ssl.SSLContext | None) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=context, limit=LARGEST_HEAD)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with in_memory(self._certificates.certificate, self._certificates.key) as (certificate, key):
            context.load_cert_chain(f"/proc/self/fd/{certificate}", f"/proc/self/fd/{key}")
        return context

    def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= _MOST_CONNECTIONS:
            writer.close()
            return
        self._connections += 1
        peer = writer.get_extra_info("peername", ("unknown",))[0]
        try:
            await _Visit(self, str(peer)).front().connected(reader, writer)
        finally:
            self._connections -= 1

    def status(self, declared: Declared) -> dict[str, Any]:
        """What `status` shows."""
        policies = [backend.policy for backend in declared.backends.values() if backend.policy]
        return {
            "name": self.name,
            "url": self.url,
            "domains": list(declared.domains),
            "authority": str(authority_of(self.of.cloud, self.name)) if self.secure else "",
            "services": sorted(declared.services()),
            "rules": [line for policy in policies for line in policy.told()],
            "declared_only": list(declared.declared_only),
        }


class _Visit:
    """One client's connection: each of its requests is decided on before its body is read."""

    def __init__(self, front: _Front, address: str) -> None:
        self._of, self._front, self._address = front.of, front, address
        self._service: Service | None = None
        self._tag = ""

    def front(self) -> Front:
        """What serves the connection."""
        scheme = b"https" if self._front.secure else b"http"
        return Front(self._route, self._timeout, admits=self._admits, scheme=scheme)

    def _admits(self, head: Head) -> Any:
        """Why a request is not let in, None where it is: then it is as its backend gets it."""
        declared = self._of.declared().get(self._front.name)
        if declared is None:
            return Answer(404)
        request = self._request(head)
        if not request.path.startswith("/"):
            return Answer(400)
        target = choose(declared.url_map, request, _weighed)
        if target.status:
            return Answer(target.status, target.location)
        backend = declared.backends.get(target.backend) or Backend(lacks="it is not in the stack")
        added = target.added
        if backend.policy:
            verdict = backend.policy.decide(request, clock.now(self._of.cloud).timestamp())
            if verdict.status is not None:
                return Answer(verdict.status, verdict.location)
            added += verdict.added
        service = self._of.services.get(backend.service)
        if service is None:
            lacks = backend.lacks or f"there is no service {backend.service}"
            return Answer(502, text=f"{_LEADS_NOWHERE}: {target.backend.rpartition('/')[2]}: {lacks}")
        _rewrite(head, request, target, added)
        self._service, self._tag = service, backend.tag
        return service.admits(head)

    def _request(self, head: Head) -> Request:
        path, _, query = head.target.partition("?")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in reversed(head.headers)}
        method, host = head.method.decode("latin-1"), headers.get("host", "")
        return Request(self._address, method, host, path, query, headers, "https" if self._front.secure else "http")

    async def _route(self, head: Head, before: Pool | None) -> Pool | Refusal:
        assert self._service  # `_admits` has found it  # nosec B101
        return await self._service.place_for(head, before, self._tag)

    def _timeout(self) -> float:
        return self._service.timeout() if self._service else _TIMEOUT_SECONDS


def _weighed(backends: Sequence[tuple[str, int]]) -> str:
    weights = [weight for _, weight in backends]
    if not any(weights):
        return backends[0][0]
    return random.choices([name for name, _ in backends], weights)[0]  # a share, not a secret  # nosec B311


def _rewrite(head: Head, request: Request, target: Target, added: Sequence[tuple[str, str]]) -> None:
    """Let a request be as its backend gets it."""
    query = f"?{request.query}" if request.query else ""
    if target.path != request.path:
        head.first = b" ".join(
            [head.method, f"{target.path}{query}".encode("latin-1", "replace"), head.first.split(b" ")[2]]
        )
    names = {name.lower().encode() for name, _ in added} | ({b"host"} if target.host != request.host else set())
    headers = [(name, value) for name, value in head.headers if name.lower() not in names]
    if b"host" in names:
        headers.append((b"Host", target.host.encode("latin-1", "replace")))
    head.headers = [*headers, *((name.encode(), value.encode()) for name, value in added)]


def authority_of(cloud: Cloud, name: str) -> Path:
    """The certificate by which clients know the load balancer."""
    return cloud.run / "balancers" / f"{name}.pem"
