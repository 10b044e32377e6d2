"""Containers of images that are really built: by buildah, where this is root, else by the engine that is here."""

import json
import os
import shutil
import signal
import sys
import sysconfig
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery.rootfs import copy, shared_libraries, strip
from infra.local.cloud import Cloud
from infra.local.containers import engines, images
from infra.local.containers.run import command_of, user_of
from infra.local.containers.run import Mount
from infra.local.errors import ContainerError
from infra.local.home import Home
from infra.local.jobs import run_job
from infra.local.ports import free_port
from infra.local.services import docker
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker

ENGINE = "buildah" if os.geteuid() == 0 else engines.chosen({**os.environ, engines.VARIABLE: "engine"}) or ""
IMAGE = "docker:index/image:Image"
SERVICE, JOB = "gcp:cloudrunv2/service:Service", "gcp:cloudrunv2/job:Job"
MEMBER = f"serviceAccount:{'1' * 12}-compute@developer.gserviceaccount.com"
LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "tkinter", "__pycache__")
SERVER = """
import http.server, json, os, pathlib, signal, sys

def tried(act):
    try:
        return act()
    except OSError as problem:
        return problem.strerror

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({
            "user": [os.getuid(), os.getgid()], "folder": os.getcwd(), "root": sorted(os.listdir("/")),
            "variables": dict(os.environ), "capabilities": [
                line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")],
            "secret": tried(lambda: pathlib.Path("/keys/key").read_text()),
            "model": tried(lambda: pathlib.Path("/mnt/models/m").read_text()),
            "writes": [tried(lambda: pathlib.Path(path).write_text("x")) for path in
                       ("/mnt/models/n", "/keys/n", "/orders/n", "/empty/n", "/tmp/n", "/srv/n")],
        }).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass

def ended(*_):
    print("got SIGTERM", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, ended)
if "CLOUD_RUN_JOB" in os.environ:
    print("task", os.environ["CLOUD_RUN_TASK_INDEX"], os.getuid(), sys.argv[1:], flush=True)
    sys.exit(0)
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
DOCKERFILE = """
FROM scratch
COPY root/ /
COPY server.py /srv/server.py
ARG SAYS=nothing
ENV OF_IMAGE=${SAYS} HOST=0.0.0.0
WORKDIR /srv
USER app
ENTRYPOINT ["/python", "-S", "server.py"]
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build context with a root file system that holds this Python and nothing else."""
    folder = tmp_path_factory.mktemp("context")
    root, interpreter, library = folder / "root", Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    for path in (interpreter, *shared_libraries([interpreter, *library.glob("lib-dynload/*.so")])):
        copy(path, root)
        strip(root / path.relative_to("/"))
    shutil.copytree(library, root / library.relative_to("/"), ignore=shutil.ignore_patterns(*LEFT_OUT))
    (root / "python").symlink_to(interpreter)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0::/:/\napp:x:65532:65533::/:/\n")
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (folder / "server.py").write_text(SERVER)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


class Stack:
    """A service in real containers, deployed through the provider."""

    def __init__(self, ask: Any, context: Path) -> None:
        self.ask, self.cloud = ask, ask.cloud
        build = {"context": str(context), "args": {"SAYS": "hello"}}
        self.image: str = ask.create(IMAGE, {"imageName": "web:1", "build": build})["repoDigest"]
        everybody = {"project": "a-project", "role": "roles/run.invoker", "member": "allUsers"}
        ask.create("gcp:projects/iAMMember:IAMMember", everybody)

    def deploy(self, image: str = "", **fields: Any) -> dict[str, Any]:
        container = {"image": image or self.image, "ports": {"containerPort": free_port()}, **fields.pop("own", {})}
        envs = [{"name": name, "value": value} for name, value in fields.pop("envs", {}).items()]
        template = {"containers": [{**container, "envs": envs}], **fields}
        wanted = {"name": "web", "location": "europe-west1", "template": template, "deletionProtection": False}
        made: dict[str, Any] = self.ask.create(SERVICE, wanted, "web")
        return made

    def service(self) -> dict[str, Any]:
        found: dict[str, Any] = client.request(self.cloud, {"do": "status"})["services"][0]
        return found

    def pids(self) -> list[int]:
        return [pid for revision in self.service()["revisions"] for pid in revision["pids"]]


@pytest.fixture(scope="module")
def stack(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv(engines.VARIABLE, ENGINE)
        made = Stack(Asker(Cloud(Home(tmp_path_factory.mktemp("real") / "home"), "test")), base)
        yield made
    client.stop(made.cloud)
    docker.forget_all(made.cloud)


def answer(made: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(made["uri"], timeout=60) as found:
        told: dict[str, Any] = json.loads(found.read())
    return told


def test_what_was_built_runs_as_its_user_with_its_files_mounts_and_variables(
    stack: Stack, base: Path, is_alive: Callable[[int], bool], wait_until: Any
) -> None:
    for name in ("models", "orders"):
        stack.ask.create(
            "gcp:storage/bucket:Bucket", {"name": name, "location": "EU", "uniformBucketLevelAccess": True}
        )
        (stack.cloud.bucket(name) / "m").write_text("a model")
        (stack.cloud.bucket(name) / "m").chmod(0o600)
        binding = {"bucket": name, "role": "roles/storage.objectUser", "member": MEMBER}
        stack.ask.create("gcp:storage/bucketIAMMember:BucketIAMMember", binding, name)
    stack.ask.create("gcp:secretmanager/secret:Secret", {"secretId": "key", "replication": {"auto": {}}})
    version = {"secret": "projects/a-project/secrets/key", "secretData": "the-secret"}
    stack.ask.create("gcp:secretmanager/secretVersion:SecretVersion", version)
    reader = {"secretId": "key", "role": "roles/secretmanager.secretAccessor", "member": MEMBER}
    stack.ask.create("gcp:secretmanager/secretIamMember:SecretIamMember", reader)
    volumes = [
        {"name": "models", "gcs": {"bucket": "models", "readOnly": True}},
        {"name": "orders", "gcs": {"bucket": "orders"}},
        {"name": "keys", "secret": {"secret": "key", "items": [{"path": "key", "version": "1", "mode": 256}]}},
        {"name": "empty", "emptyDir": {"medium": "MEMORY"}},
    ]
    paths = {"models": "/mnt/models"}  # in a folder that the image does not have
    names = [str(one["name"]) for one in volumes]
    own = {"volumeMounts": [{"name": name, "mountPath": paths.get(name, f"/{name}")} for name in names]}
    account = MEMBER.partition(":")[2]
    told = answer(stack.deploy(envs={"GREETING": "a-greeting"}, own=own, volumes=volumes, serviceAccount=account))
    user = [65532, 65533] if ENGINE == "buildah" else [os.getuid(), os.getgid()]  # whose the mounts are
    assert (told["user"], told["folder"], told["capabilities"]) == (user, "/srv", ["0" * 16])
    of_image = {path.name for path in (base / "root").iterdir()} | {"srv"}
    found = set(told["root"]) - {".dockerenv", "run"}
    assert found == of_image | {"dev", "proc", "sys", "mnt", "orders", "keys", "empty"}
    assert (told["secret"], told["model"]) == ("the-secret", "a model")
    read_only, denied = os.strerror(30), os.strerror(13)
    assert told["writes"] == [read_only, read_only, 1, 1, 1, denied]
    written = stack.cloud.bucket("orders") / "n"
    assert written.read_text() == "x" and written.stat().st_uid == os.getuid()
    assert told["variables"]["OF_IMAGE"] == "hello" and told["variables"]["HOST"] == "127.0.0.1"
    assert {"PORT", "K_SERVICE", "K_REVISION", "GREETING", "PATH", "HOME"} <= set(told["variables"])
    service = stack.service()
    assert service["revisions"][0]["runs_by"] == ENGINE
    (pid,) = stack.pids()
    assert b"a-greeting" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    supervisor = client.running(stack.cloud) or 0
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid) and not is_alive(supervisor))
    client.ensure(stack.cloud)
    assert answer({"uri": service["url"]})["writes"][4] == 1
    assert list((stack.cloud.run / "rootfs").glob("*")) == []  # mounts, and what was written, are the process's


def test_a_rollout_under_load_fails_no_request_and_the_old_one_hears_that_it_ends(
    stack: Stack, wait_until: Any
) -> None:
    scaling = {"minInstanceCount": 2, "maxInstanceCount": 2}
    uri = stack.deploy(envs={"GREETING": "one"}, scaling=scaling)["uri"]
    wait_until(lambda: len(stack.pids()) == 2)
    seen: Counter[str] = Counter()
    failed: list[str] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            try:
                seen[answer({"uri": uri})["variables"]["GREETING"]] += 1
            except OSError as problem:
                failed.append(str(problem))

    callers = [threading.Thread(target=load) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        wait_until(lambda: seen["one"] > 20)
        stack.deploy(envs={"GREETING": "two"}, scaling=scaling)
        wait_until(lambda: seen["two"] > 20 and len(stack.pids()) == 2)
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert failed == []
    log = Path(stack.service()["revisions"][-2]["log"])
    assert log.read_text().count("got SIGTERM") == 2


def test_a_job_and_an_image_of_another_registry_run_and_one_that_is_nowhere_is_refused(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    found = docker.manifest(stack.cloud, stack.image) or {}
    public = "registry.example/team/web:1"
    engines.ask([ENGINE, "tag", found["engine"]["image"], public])
    try:
        assert answer(stack.deploy(public))["variables"]["OF_IMAGE"] == "hello"
        assert docker.runs_by(stack.cloud, public) == ENGINE
        inputs = {"name": "task", "location": "europe-west1", "deletionProtection": False}
        container = {"image": public, "args": ["a", "b c"]}
        inputs["template"] = {"taskCount": 1, "template": {"containers": [container], "maxRetries": 0}}
        stack.ask.create(JOB, inputs)
        assert run_job(stack.cloud, "task") == 0
        assert "task 0 65532 ['a', 'b c']" in capsys.readouterr().out
    finally:
        engines.ask([ENGINE, "rmi", public])
    with pytest.raises(Exception, match="Image 'registry.invalid/nowhere:1' not found. " + ENGINE + " pull failed: "):
        stack.deploy("registry.invalid/nowhere:1")


def test_an_image_is_another_one_with_an_engine_and_is_removed_with_its_root_when_nothing_needs_it(
    stack: Stack, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = {"build": {"context": str(base)}}
    real = docker.with_digest(build)["build"]["contextDigest"]
    engine = (docker.manifest(stack.cloud, stack.image) or {})["engine"]
    assert real.endswith(f"-{ENGINE}") and images.is_there(engine)
    docker.collect(stack.cloud, [])
    assert images.is_there(engine)  # the resource still needs it
    for record in list(stack.cloud.all(IMAGE)):
        stack.cloud.remove(record.type, record.id)
    docker.collect(stack.cloud, [])
    assert not images.is_there({**engine, "image": engine["tag"]})
    if ENGINE == "buildah":
        assert engine["root"] not in engines.ask(["buildah", "containers", "--format", "{{.ContainerName}}"])
    monkeypatch.delenv(engines.VARIABLE)
    assert docker.with_digest(build)["build"]["contextDigest"] == real.removesuffix(f"-{ENGINE}")


def test_which_engine_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_path(name: str, code: int) -> dict[str, str]:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {code}\n")
        program.chmod(0o755)
        return {"PATH": str(tmp_path)}

    nothing = {"PATH": str(tmp_path)}
    assert engines.chosen(nothing) is None and engines.chosen({**nothing, engines.VARIABLE: "auto"}) is None
    with pytest.raises(ContainerError, match="LOCAL_CLOUD_CONTAINERS=engine, but none of docker, podman, buildah"):
        engines.chosen({**nothing, engines.VARIABLE: "engine"})
    with pytest.raises(ContainerError, match="LOCAL_CLOUD_CONTAINERS=yes: write frozen, auto, engine or one of"):
        engines.chosen({**nothing, engines.VARIABLE: "yes"})
    on_path("docker", 1)  # its daemon does not answer
    on_path("podman", 0)
    here = {**on_path("buildah", 0), engines.VARIABLE: "auto"}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.chosen(here) == "podman"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert engines.chosen({**here, engines.VARIABLE: "buildah"}) == "buildah"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ContainerError, match="buildah needs root"):
        engines.chosen({**here, engines.VARIABLE: "buildah"})
    assert engines.chosen({**here, engines.VARIABLE: "frozen"}) is None
    with pytest.raises(ContainerError, match="none of docker works here"):
        engines.chosen({**here, engines.VARIABLE: "docker"})


def test_a_client_is_told_no_value_of_a_variable_and_ends_the_container_when_it_ends(cloud: Cloud) -> None:
    engine = {"name": "podman", "image": "abc", "folder": "", "user": "app"}
    container = {"resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}
    mounts = [Mount("/here", "/models", True), Mount("/there", "/orders", False)]
    variables = {"KEY": "a-secret", "PORT": "1"}
    command, environment = command_of(cloud, engine, container, ["/web", "-x"], variables, mounts)
    said = " ".join(command)
    assert "a-secret" not in said and environment["KEY"] == "a-secret" and "--env KEY --env PORT" in said
    assert "--volume /here:/models:ro --volume /there:/orders " in said and f"--user {os.getuid()}:" in said
    assert "--memory 536870912" in said and "--cpus 0.5" in said and said.endswith("--entrypoint /web abc -x")
    assert "--network host" in said and "--publish" not in said
    name = command[command.index("--name") + 1]
    assert command[4 : command.index("--")] == ["podman", "rm", "--force", "--time", "0", name]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ("", (0, 0)),
        ("7", (7, 0)),
        ("7:8", (7, 8)),
        ("app", (65532, 65533)),
        ("app:staff", (65532, 50)),
        ("65532", (65532, 65533)),
    ],
)
def test_an_images_user_is_a_number_or_a_name_of_its_own(tmp_path: Path, wanted: str, numbers: tuple[int, int]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/\napp:x:65532:65533::/:/\nnonsense\n")
    (tmp_path / "etc/group").write_text("staff:x:50:\n")
    assert user_of(wanted, tmp_path) == numbers
    with pytest.raises(ContainerError, match="'nobody' is not in its /etc/passwd"):
        user_of("nobody", tmp_path)
