"""Instances under load on the local cloud: out from one to four, a rollout, in to zero, and the cold start back.

A small server that starts at once, and this repository's scoring service, each behind the local cloud's front. Callers
ask again as soon as they are answered; an answer other than 200 is a failure.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.home import REPOSITORY, Home
from infra.local.ports import free_port
from infra.local.services import docker, secretmanager
from infra.local.supervisor import client

REPORT = Path("reports/bench/scale.json")
MOST, IDLE_SECONDS, LOAD_SECONDS = 4, 5, float(os.environ.get("BENCH_SECONDS", "5"))
SERVER = """
import asyncio, os

async def answered(reader, writer):
    try:
        while await reader.readuntil(b"\\r\\n\\r\\n"):
            await asyncio.sleep(0.05)  # a request that waits for something else
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()

async def main():
    server = await asyncio.start_server(answered, os.environ["HOST"], int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""
ORDER = {
    "order_id": "bench-1",
    "created_at": "2026-11-02T10:15:00Z",
    "customer": {"id": "c-1"},
    "currency": "EUR",
    "items": [{"sku": "MUG-01", "quantity": 2, "unit_price": 9.5}],
}


@dataclass
class Result:
    """What was measured of one service."""

    name: str
    cold_start_ms: int = 0
    out_seconds: float = 0.0
    to_zero_seconds: float = 0.0
    first_answer_ms: int = 0
    answered: int = 0
    answered_in_rollout: int = 0
    failed: int = 0


class Service:
    """A service that is up, how it is asked, and how a new revision of it is rolled out."""

    def __init__(self, cloud: Cloud, name: str, request: bytes, roll: Callable[[], None]) -> None:
        self.cloud, self.name, self.request, self.roll = cloud, name, request, roll
        self.port = int(str(self.status()["url"]).rpartition(":")[2])
        self.answered = self.failed = 0
        self.stopped = False

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = next(
            one for one in client.request(self.cloud, {"do": "status"})["services"] if one["name"] == self.name
        )
        return found

    def ready(self) -> int:
        revision = self.status()["revisions"][-1]
        return sum(one["ready"] for one in revision["instances"])

    async def call(self) -> None:
        """Ask until told to stop, on a connection that stays."""
        writer = None
        while not self.stopped:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(self.request)
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0].split(b":")[1]))
                good = head.startswith(b"HTTP/1.1 200 ")
                self.answered, self.failed = self.answered + good, self.failed + (not good)
                if b"connection: close" in head.lower():
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError):
                self.failed += 1
                writer = None
        if writer:
            writer.close()

    async def until(self, holds: Callable[[], bool]) -> float:
        """The seconds until it holds, looked at 50 times a second."""
        begun = time.monotonic()
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.02)
        return time.monotonic() - begun


async def measured(service: Service, callers: int) -> Result:
    """Load, a rollout under it, silence, one request."""
    found = Result(service.name)
    await service.until(lambda: service.ready() == 1)
    calling = [asyncio.create_task(service.call()) for _ in range(callers)]
    found.out_seconds = round(await service.until(lambda: service.ready() == MOST), 2)
    await asyncio.sleep(LOAD_SECONDS)
    before, revision = service.answered, service.status()["latest"]
    await asyncio.to_thread(service.roll)
    await asyncio.sleep(LOAD_SECONDS)
    if service.status()["latest"] == revision:
        raise SystemExit(f"{service.name}: no new revision was rolled out")
    found.answered_in_rollout = service.answered - before
    service.stopped = True
    await asyncio.gather(*calling)
    found.to_zero_seconds = round(await service.until(lambda: not service.status()["revisions"][-1]["instances"]), 1)
    service.stopped, begun, sofar = False, time.monotonic(), service.answered
    last = asyncio.create_task(service.call())
    await service.until(lambda: service.answered > sofar)
    found.first_answer_ms = round((time.monotonic() - begun) * 1000)
    service.stopped = True
    await last
    found.cold_start_ms = service.status()["revisions"][-1]["cold_start_ms"]
    found.answered, found.failed = service.answered, service.failed
    return found


def small(home: Home) -> Result:
    """A server that starts at once; four requests an instance."""
    cloud, context = Cloud(home, "small"), home.root / "context"
    context.mkdir(parents=True)
    (context / "server.py").write_text(SERVER)
    (context / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python", "-I", "server.py"]\n')
    client.ensure(cloud)
    image = f"small@{docker.push_image(cloud, 'small:1', context, context / 'Dockerfile', None, {})}"
    port = free_port()

    def deploy(version: str) -> None:
        container = {"image": image, "envs": [{"name": "VERSION", "value": version}]}
        template = {
            "containers": [container],
            "scaling": {"maxInstanceCount": MOST},
            "maxInstanceRequestConcurrency": 4,
        }
        asked = {"do": "deploy", "name": "small", "port": port, "template": template, "traffics": []}
        answer = client.request(cloud, asked)
        if not answer["ok"]:
            raise SystemExit(answer["error"])

    try:
        deploy("1")
        request = b"GET / HTTP/1.1\r\nHost: small\r\n\r\n"
        return asyncio.run(measured(Service(cloud, "small", request, lambda: deploy("2")), 16))
    finally:
        client.stop(cloud)


def own(home: Home) -> Result:
    """The scoring service of the stack `local`, with other limits; eight requests an instance."""
    cloud = Cloud(home, "local")
    limits = {"minInstances": 0, "maxInstances": MOST, "concurrency": 8}

    def up(timeout: int) -> None:
        settings = {**limits, "requestTimeoutSeconds": timeout}
        words = [word for name, value in settings.items() for word in ("--config", f"orderguard:{name}={value}")]
        done = pulumi.run(["up", "--yes", "--skip-preview", *words], home=home, project=REPOSITORY)
        if done.returncode:
            raise SystemExit(done.stdout)

    try:
        up(30)
        outputs = json.loads(pulumi.run(["stack", "output", "--json"], home=home).stdout)
        key = secretmanager.value(cloud, str(outputs["api_key_secret"]), "latest").partition(",")[0]
        body = json.dumps(ORDER).encode()
        head = [
            "POST /v1/score?record=false HTTP/1.1",
            "Host: own",
            f"X-API-Key: {key}",
            "Content-Type: application/json",
        ]
        request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
        name = client.request(cloud, {"do": "status"})["services"][0]["name"]
        return asyncio.run(measured(Service(cloud, name, request, lambda: up(31)), 32))
    finally:
        pulumi.run(["destroy", "--yes"], home=home, project=REPOSITORY)
        client.stop(cloud)


def main() -> None:
    """Measure, print a table, write reports/bench/scale.json."""
    os.environ["LOCAL_CLOUD_IDLE_SECONDS"] = str(IDLE_SECONDS)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for measure in (small, own):
            results.append(measure(Home(Path(folder) / measure.__name__)))
            print(row(results[-1]), flush=True)
    with suppress(FileExistsError):
        REPORT.parent.mkdir(parents=True)
    REPORT.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")


def row(one: Result) -> str:
    """A result in a line."""
    return (
        f"{one.name:24} 1 to {MOST} instances in {one.out_seconds:.2f} s; {one.answered} answers,"
        f" {one.answered_in_rollout} in a rollout, {one.failed} failed; zero {one.to_zero_seconds:.1f} s after the load"
        f" (idle {IDLE_SECONDS} s); then an answer in {one.first_answer_ms} ms, cold start {one.cold_start_ms} ms"
    )
