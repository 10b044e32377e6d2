"""As many instances as the requests need: out and in, to zero and back, full, limited by the program, in a canary."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.commands.status import _rest, health_of
from infra.local.commands.warnings import warnings
from infra.local.ports import free_port
from infra.local.services.cloudrun import as_v2
from infra.local.supervisor import revision, traffic
from infra.local.supervisor.scaling import Limits, Scaling, limits, scaling_of, wanted
from infra.local.supervisor.service import Service

SERVER = """
import asyncio, os, sys

async def answered(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            path = head.split(b" ")[1].decode()
            while path == "/hold" and not os.path.exists(os.environ["OPEN"]):
                await asyncio.sleep(0.01)
            body = f"{os.getpid()} {os.environ['K_REVISION']} {os.environ.get('GREETING', '')}".encode()
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()

async def main():
    port = int(os.environ.get("FIXED") or os.environ["PORT"])
    server = await asyncio.start_server(answered, "127.0.0.1", port)
    await server.serve_forever()

asyncio.run(main())
"""


class Web:
    """A service in this process, its instances as processes of their own."""

    def __init__(self, ask: Any, context: Path, here: Limits) -> None:
        (context / "server.py").write_text(SERVER)
        image = ask.create("docker:index/image:Image", {"imageName": "web:1", "build": {"context": str(context)}})
        self.image = image["repoDigest"]
        self.cloud: Cloud = ask.cloud
        self.service = Service(self.cloud, "web", here)
        self.gate = context / "open"

    async def deploy(
        self,
        least: int = 0,
        most: int = 3,
        concurrency: int = 1,
        traffics: list[Mapping[str, Any]] | None = None,
        port: int | None = None,
        template: dict[str, Any] | None = None,
        **variables: str,
    ) -> str:
        """Returns the latest revision's name."""
        envs = [{"name": name, "value": value} for name, value in {"OPEN": str(self.gate), **variables}.items()]
        container = {"image": self.image, "envs": envs, "ports": {"containerPort": port or free_port()}}
        scaling = {"minInstanceCount": least, "maxInstanceCount": most}
        whole = {"containers": [container], "scaling": scaling, "maxInstanceRequestConcurrency": concurrency}
        await self.service.deploy({**whole, **(template or {})}, traffics or [], {})
        return self.service.latest

    async def get(self, path: str = "/", *headers: str, host: str = "web") -> tuple[str, list[str], str]:
        """Status and headers, and the words of the body: pid, revision, greeting."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return head, body.split(" "), head.split(" ")[1]

    def instances(self, number: int = -1) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.status()["revisions"][number]["instances"]
        return found

    def ready(self, number: int = -1) -> int:
        return sum(one["ready"] for one in self.instances(number))


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60.0):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
def run(ask: Any, context_folder: Path) -> Callable[..., None]:
    """Runs a scenario with a service, and ends it."""

    def run(scenario: Callable[[Web], Awaitable[None]], idle: float = 60.0, most: int = 10) -> None:
        @asynccontextmanager
        async def started() -> AsyncIterator[Web]:
            web = Web(ask, context_folder, Limits(idle, most))
            await web.service.move(free_port())
            try:
                yield web
            finally:
                await web.service.close(forget=True)

        async def whole() -> None:
            async with started() as web:
                await scenario(web)

        uvloop.run(whole())  # as the supervisor does

    return run


def test_from_one_to_the_most_and_to_zero_and_back(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision, "_WAIT_SECONDS", 60.0)
    monkeypatch.setattr(revision, "_WAIT_COLD_STARTS", 0.0)

    async def scenario(web: Web) -> None:
        await web.deploy(most=3)
        assert web.ready() == 1
        held = [asyncio.create_task(web.get("/hold"))]
        await until(lambda: web.instances()[0]["active"] == 1)
        held += [asyncio.create_task(web.get("/hold")) for _ in range(2)]
        await until(lambda: [one["active"] for one in web.instances()] == [1, 1, 1])
        monkeypatch.setattr(revision, "_WAIT_SECONDS", 0.2)
        head, body, status = await web.get()  # all three are busy, and there may be no fourth
        assert status == "429" and " ".join(body).startswith("The request was aborted because there was no available")
        web.gate.touch()
        answers = await asyncio.gather(*held)
        assert {status for _, _, status in answers} == {"200"} and len({body[0] for _, body, _ in answers}) == 3
        await until(lambda: web.instances() == [])
        told = web.service.status()
        assert health_of(web.cloud, {"services": [told]})["web"] == (
            True,
            "scaled to zero: the next request starts an instance",
        )
        monkeypatch.setattr(revision, "_WAIT_SECONDS", 60.0)
        assert (await web.get())[2] == "200"
        found = {"services": [web.service.status()], "stores": [], "supervisor": 1, "resources": {}}
        (line,) = [line for line in _rest(found) if "instances" in line]
        assert "100 %  instances 1 (from 0 to 3, 1 requests each)  last cold start " in line

    run(scenario, idle=0.3)


def test_a_rollout_under_load_fails_no_request_and_starts_the_least_first(run: Any) -> None:
    async def scenario(web: Web) -> None:
        await web.deploy(least=1, most=2, GREETING="one")
        seen: Counter[tuple[str, str]] = Counter()
        ended = asyncio.Event()

        async def load() -> None:
            while not ended.is_set():
                _, body, status = await web.get()
                seen[status, body[-1]] += 1

        callers = [asyncio.create_task(load()) for _ in range(4)]
        await until(lambda: web.ready() == 2 and seen["200", "one"] > 20)
        await web.deploy(least=2, most=2, GREETING="two")
        assert web.ready() == 2
        await until(lambda: seen["200", "two"] > 20 and not web.instances(0))
        ended.set()
        await asyncio.gather(*callers)
        assert set(seen) == {("200", "one"), ("200", "two")}

    run(scenario)


def test_the_least_are_kept_each_by_itself_and_none_is_ended_for_being_idle(run: Any) -> None:
    async def scenario(web: Web) -> None:
        await web.deploy(least=2, concurrency=10)
        first, second = (one["pid"] for one in web.instances())
        os.kill(first, signal.SIGKILL)
        await until(lambda: web.instances()[0]["pid"] not in (None, first) and web.ready() == 2)
        assert web.instances()[1]["pid"] == second and web.service.status()["revisions"][0]["restarts"] == 1
        held = [asyncio.create_task(web.get("/hold")) for _ in range(2)]
        await until(lambda: [one["active"] for one in web.instances()] == [1, 1])  # the least share the requests
        web.gate.touch()
        await asyncio.gather(*held)
        clock.advance(web.cloud, timedelta(minutes=15))
        (served,) = web.service.revisions.values()
        await until(lambda: served._ahead > 800)  # it has looked since
        assert web.ready() == 2

    run(scenario)


def test_the_stacks_clock_brings_the_end_of_what_is_idle_and_of_nothing_else(run: Any) -> None:
    async def scenario(web: Web) -> None:
        await web.deploy(most=2)
        held = asyncio.create_task(web.get("/hold"))
        await until(lambda: web.instances()[0]["active"] == 1)
        assert (await web.get())[2] == "200" and web.ready() == 2
        clock.advance(web.cloud, timedelta(minutes=15))
        await until(lambda: len(web.instances()) == 1)
        web.gate.touch()
        assert (await held)[2] == "200"
        clock.advance(web.cloud, timedelta(minutes=15))
        await until(lambda: web.instances() == [])

    run(scenario)


def test_a_program_that_does_not_read_port_has_one_instance_and_that_is_said(run: Any) -> None:
    async def scenario(web: Web) -> None:
        port = free_port()
        await web.deploy(most=3, port=port, FIXED=str(port))
        held = [asyncio.create_task(web.get("/hold")) for _ in range(2)]
        await until(lambda: web.service.status()["revisions"][0]["limited"])
        assert (
            "web has 1 of 3 instances: a container has a port of its own, whatever PORT says, so only one can run here"
            in (warnings([web.service.status()]))
        )
        web.gate.touch()
        assert {status for _, _, status in await asyncio.gather(*held)} == {"200"}

    run(scenario)


def test_a_canarys_share_is_exact_whatever_its_instances_have_to_do(run: Any) -> None:
    async def scenario(web: Web) -> None:
        first = await web.deploy(most=2, concurrency=2, GREETING="one")
        split: list[Mapping[str, Any]] = [
            {"type": traffic.LATEST, "percent": 20, "tag": "canary"},
            {"revision": first, "percent": 80},
        ]
        await web.deploy(most=1, concurrency=1, traffics=split, GREETING="two")
        answers = await asyncio.gather(*(web.get() for _ in range(100)))
        assert Counter(body[-1] for _, body, _ in answers) == {"one": 80, "two": 20}
        assert (await web.get(host="canary---web.example"))[1][-1] == "two"

    run(scenario)


def test_a_client_with_session_affinity_goes_back_to_its_instance(run: Any) -> None:
    async def scenario(web: Web) -> None:
        await web.deploy(least=2, concurrency=10, template={"sessionAffinity": True})
        head, (pid, *_), _ = await web.get()
        (cookie,) = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Set-Cookie: GAESA=")]
        again = await asyncio.gather(*(web.get("/", f"Cookie: a=b; {cookie.partition(';')[0]}") for _ in range(6)))
        assert {body[0] for _, body, _ in again} == {pid} and not any("Set-Cookie" in head for head, _, _ in again)
        assert {body[0] for _, body, _ in await asyncio.gather(*(web.get() for _ in range(6)))} > {pid}

    run(scenario)


CONTAINERS: dict[str, Any] = {"containers": [{}]}


@pytest.mark.parametrize(
    ("template", "service", "share", "scaling"),
    [
        ({}, {}, 100, (0, 10, 80)),
        ({"maxInstanceRequestConcurrency": 7}, {}, 100, (0, 10, 7)),
        ({"containers": [{"resources": {"limits": {"cpu": "500m"}}}]}, {}, 100, (0, 10, 1)),
        ({"scaling": {"minInstanceCount": 2, "maxInstanceCount": 4}}, {}, 0, (2, 4, 80)),
        ({"scaling": {"minInstanceCount": 20, "maxInstanceCount": 40}}, {}, 100, (10, 10, 80)),
        ({"scaling": {"maxInstanceCount": 0}}, {}, 100, (0, 10, 80)),
        ({"scaling": {"maxInstanceCount": 4}}, {"maxInstanceCount": 3}, 100, (0, 3, 80)),
        ({}, {"minInstanceCount": 4}, 100, (4, 10, 80)),
        ({}, {"minInstanceCount": 4}, 20, (1, 10, 80)),
        ({}, {"minInstanceCount": 4}, 0, (0, 10, 80)),
        ({}, {"scalingMode": "MANUAL", "manualInstanceCount": 4}, 75, (3, 3, 80)),
        ({}, {"scalingMode": "MANUAL", "manualInstanceCount": 4}, 0, (1, 1, 80)),
        ({}, {"scalingMode": "MANUAL", "manualInstanceCount": 0}, 100, (0, 0, 80)),
        ({}, {"scalingMode": "AUTOMATIC", "manualInstanceCount": 4}, 100, (0, 10, 80)),
    ],
)
def test_what_a_service_asks_for(
    template: dict[str, Any], service: dict[str, Any], share: int, scaling: tuple[int, int, int]
) -> None:
    found = scaling_of({**CONTAINERS, **template}, service, share, Limits())
    assert (found.least, found.most, found.concurrency) == scaling


@pytest.mark.parametrize(
    ("active", "waiting", "second", "count"),
    [
        (0, 0, (0, 0, 0, 0), 1),
        (10, 0, (), 1),
        (10, 1, (), 2),
        (10, 25, (), 4),
        (10, 90, (), 4),  # the most
        (7, 0, (6, 6, 6, 6), 1),
        (7, 0, (6, 7, 7, 7), 2),  # more than 60 % of the places, for a second
        (0, 0, (20, 0, 0, 0), 1),  # for a moment alone
    ],
)
def test_how_many_instances_requests_need(active: int, waiting: int, second: tuple[int, ...], count: int) -> None:
    assert wanted(Scaling(least=1, most=4, concurrency=10), active, waiting, second) == count


def test_the_machines_limits_come_from_the_environment() -> None:
    assert limits({}) == Limits() == limits({"LOCAL_CLOUD_IDLE_SECONDS": "0", "LOCAL_CLOUD_MOST_INSTANCES": "-3"})
    given = {"LOCAL_CLOUD_IDLE_SECONDS": "900", "LOCAL_CLOUD_MOST_INSTANCES": "4"}
    assert limits(given) == Limits(idle=900.0, most=4)


def test_the_older_interface_has_them_as_annotations() -> None:
    template = {"metadata": {"annotations": {"autoscaling.knative.dev/maxScale": "5"}}, "spec": {}}
    service = {"annotations": {"run.googleapis.com/minScale": "2"}}
    found = as_v2({"name": "web", "metadata": service, "template": template})
    assert found["template"]["scaling"] == {"maxInstanceCount": 5} and found["scaling"] == {"minInstanceCount": 2}
