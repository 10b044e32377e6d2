"""A stand-in provider to ask directly, and small programs to run under the real engine."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.provider.server import Provider
from infra.local.provider.values import properties, struct
from infra.local.supervisor import client

SERVER = """
import http.server, os, pathlib, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/broken" and os.environ.get("BROKEN"):
            self.send_response(500); self.send_header("Content-Length", "0"); self.end_headers(); return
        names = ["K_REVISION", "K_SERVICE", "GREETING", "KEY", "FOLDER"]
        body = "|".join(os.environ.get(name, "") for name in names).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass

if os.environ.get("FAIL"):
    print("the reason why it fails"); sys.exit(3)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


class Refusal(Exception):
    """What the provider answered instead of a result."""


class Context:
    """The part of a gRPC context that the provider uses."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise Refusal(details)


class Asker:
    """Asks a provider as the engine does, in plain values."""

    def __init__(self, cloud: Cloud, project: str = "a-project") -> None:
        self.cloud = cloud
        self.providers = {name: Provider(name, cloud) for name in ("gcp", "docker")}
        for provider in self.providers.values():
            arguments = struct({"project": project, "region": "europe-west1"})
            provider.Configure(provider_pb2.ConfigureRequest(args=arguments), Context())

    def _provider(self, token: str) -> Provider:
        return self.providers[token.partition(":")[0]]

    @staticmethod
    def urn(token: str, name: str) -> str:
        return f"urn:pulumi:test::project::{token}::{name}"

    def check(
        self, token: str, inputs: Mapping[str, Any], name: str = "x", old: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], list[str]]:
        request = provider_pb2.CheckRequest(
            urn=self.urn(token, name), olds=struct(old or {}), news=struct(inputs), randomSeed=b"seed"
        )
        answer = self._provider(token).Check(request, Context())  # type: ignore[arg-type]
        return properties(answer.inputs), [failure.reason for failure in answer.failures]

    def create(
        self, token: str, inputs: Mapping[str, Any], name: str = "x", *, preview: bool = False
    ) -> dict[str, Any]:
        checked, failures = self.check(token, inputs, name)
        assert failures == []
        request = provider_pb2.CreateRequest(urn=self.urn(token, name), properties=struct(checked), preview=preview)
        answer = self._provider(token).Create(request, Context())  # type: ignore[arg-type]
        return {"id": answer.id, "raw": answer.properties, **properties(answer.properties)}

    def diff(self, token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(urn=self.urn(token, "x"), id="x", old_inputs=struct(old), news=struct(new))
        return self._provider(token).Diff(request, Context())  # type: ignore[arg-type]

    def delete(self, token: str, made: Mapping[str, Any], name: str = "x") -> None:
        values = {key: value for key, value in made.items() if key not in ("id", "raw")}
        request = provider_pb2.DeleteRequest(urn=self.urn(token, name), id=made["id"], properties=struct(values))
        self._provider(token).Delete(request, Context())  # type: ignore[arg-type]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An empty cloud; whatever its supervisor runs is stopped at the end."""
    made = Cloud(Home(tmp_path / "home"), "test")
    yield made
    client.stop(made)


@pytest.fixture
def ask(cloud: Cloud) -> Asker:
    return Asker(cloud)


@pytest.fixture
def context_folder(tmp_path: Path) -> Path:
    """A build context with a small web server."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    (folder / "Dockerfile").write_text('FROM python:3.11\nWORKDIR /srv\nENTRYPOINT ["python", "server.py"]\n')
    return folder


def until(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Polls until `holds()` is true, and returns its value; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := holds():
            return value
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {seconds} s")


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return until


class Program:
    """A Pulumi program of a few lines, run under the real engine on a local cloud of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "program"
        self.home = Home(folder / "home")
        self.folder.mkdir()
        (self.folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (self.folder / "Pulumi.test.yaml").write_text("config:\n  gcp:project: a-project\n  gcp:region: europe-west1\n")
        (self.folder / "server.py").write_text(SERVER)
        (self.folder / "Dockerfile").write_text('FROM python:3.11\nENTRYPOINT ["python", "server.py"]\n')
        (self.folder / ".dockerignore").write_text("Pulumi.*\n__main__.py\n")

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.home, "test")

    def write(self, source: str) -> None:
        (self.folder / "__main__.py").write_text("import pulumi\nimport pulumi_gcp as gcp\n" + source)

    def run(self, *arguments: str, extra: Mapping[str, str] | None = None) -> tuple[int, str]:
        done = pulumi.run(arguments, home=self.home, stack="test", project=self.folder, extra=extra)
        return done.returncode, done.stdout

    def state(self) -> str:
        return (self.home.state / ".pulumi" / "stacks" / "small" / "test.json").read_text()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    yield made
    client.stop(made.cloud)


def alive(pid: int) -> bool:
    """Whether any thread of a process still runs. A killed process's first thread may be a zombie while others still
    hold its files and locks, so the state of the process alone, which is that thread's, would say too early that it's
    gone.
    """
    try:
        return any(_runs(pid, thread) for thread in os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return False


def _runs(pid: int, thread: str) -> bool:
    try:
        return Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive
