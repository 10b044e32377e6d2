"""The container contract: ports, sidecars, secret volumes, fixed revisions, and what this machine can't run."""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.local.commands.warnings import warnings
from infra.local.ports import free_port
from infra.local.provider.resource import Place
from infra.local.services.cloudrunv2 import read_service
from infra.local.sockets import can_listen
from infra.local.supervisor import client

SERVICE = "gcp:cloudrunv2/service:Service"
SERVICE_V1 = "gcp:cloudrun/service:Service"
ASKED = """
import http.server, json, os, pathlib, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = {name: os.environ.get(name) for name in ("PORT", "K_REVISION", "FILE", "GREETING")}
        if os.environ.get("FILE"):
            path = pathlib.Path(os.environ["FILE"])
            found |= {"secret": path.read_text(), "mode": path.stat().st_mode & 0o777}
        if os.environ.get("ASK"):
            found["beside"] = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{os.environ['ASK']}/").read())
        body = json.dumps(found).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
address = (os.environ.get("ADDRESS", "127.0.0.1"), int(os.environ.get("FIXED") or os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


class Stack:
    """Services deployed through the provider, as the engine would."""

    def __init__(self, ask: Any, context: Path) -> None:
        self.ask, self.cloud = ask, ask.cloud
        (context / "server.py").write_text(ASKED)
        image = ask.create("docker:index/image:Image", {"imageName": "web:1", "build": {"context": str(context)}})
        self.image = image["repoDigest"]
        everybody = {"project": "a-project", "role": "roles/run.invoker", "member": "allUsers"}
        ask.create("gcp:projects/iAMMember:IAMMember", everybody)

    def container(self, port: int | None = None, **fields: Any) -> dict[str, Any]:
        envs = [{"name": name, "value": str(value)} for name, value in fields.pop("envs", {}).items()]
        ports = {"ports": {"containerPort": port}} if port else {}
        return {"image": self.image, "envs": envs, **ports, **fields}

    def deploy(self, *containers: dict[str, Any], name: str = "web", **template: Any) -> dict[str, Any]:
        wanted = {"name": name, "location": "europe-west1", "template": {"containers": list(containers), **template}}
        made: dict[str, Any] = self.ask.create(SERVICE, {**wanted, "deletionProtection": False}, name)
        return made

    def services(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.request(self.cloud, {"do": "status"})["services"]
        return found


@pytest.fixture
def stack(ask: Any, context_folder: Path) -> Stack:
    return Stack(ask, context_folder)


def answer(made: dict[str, Any]) -> dict[str, Any]:
    with urllib.request.urlopen(made["uri"], timeout=60) as found:
        told: dict[str, Any] = json.loads(found.read())
    return told


def refusal(stack: Stack, *containers: dict[str, Any], **template: Any) -> str:
    with pytest.raises(Exception, match="Error waiting to deploy Service") as raised:
        stack.deploy(*containers, **template)
    return str(raised.value)


def test_port_is_the_containers_own_and_another_one_where_that_is_taken(stack: Stack) -> None:
    port = free_port()
    assert answer(stack.deploy(stack.container(port)))["PORT"] == str(port)
    moved = answer(stack.deploy(stack.container(port), name="other"))["PORT"]
    assert moved != str(port)
    assert answer(stack.deploy(stack.container(port, envs={"GREETING": "again"})))["GREETING"] == "again"


def test_a_program_that_ignores_port_runs_on_its_declared_one_is_updated_there_and_refused_where_it_is_taken(
    stack: Stack,
) -> None:
    port = free_port()
    first = answer(stack.deploy(stack.container(port, envs={"FIXED": port})))
    second = answer(stack.deploy(stack.container(port, envs={"FIXED": port, "GREETING": "again"})))
    assert second["GREETING"] == "again" and second["K_REVISION"] != first["K_REVISION"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        said = refusal(stack, stack.container(taken, envs={"FIXED": taken}))
    assert f"port {taken} is taken by" in said and f"(pid {os.getpid()})" in said and "does not read PORT" in said
    assert answer({"uri": stack.services()[0]["url"]})["GREETING"] == "again"


def test_a_program_that_listens_elsewhere_is_told_where(stack: Stack) -> None:
    elsewhere = free_port()
    probe = {"tcpSocket": {"port": 0}, "periodSeconds": 2, "failureThreshold": 1}
    said = refusal(stack, stack.container(free_port(), envs={"FIXED": elsewhere}, startupProbe=probe))
    assert f"it listens on 127.0.0.1:{elsewhere}" in said


def test_what_listens_beyond_this_machine_is_named(stack: Stack, wait_until: Any) -> None:
    port = free_port()
    stack.deploy(stack.container(port, envs={"ADDRESS": ""}))
    assert any(line.startswith(f"web listens on 0.0.0.0:{port}, reachable") for line in warnings(stack.services()))
    stack.deploy(stack.container(port, envs={"ADDRESS": "0.0.0.0"}))  # told to; the local cloud tells it better
    wait_until(lambda: warnings(stack.services()) == [])


def test_sidecars_start_before_who_waits_for_them_and_end_with_the_instance(stack: Stack, wait_until: Any) -> None:
    beside = free_port()
    sidecar = stack.container(name="side", envs={"FIXED": beside, "GREETING": "beside"})
    sidecar["startupProbe"] = {"tcpSocket": {"port": beside}, "periodSeconds": 1, "failureThreshold": 60}
    main = stack.container(free_port(), name="main", envs={"ASK": beside}, dependsOns=["side"])
    told = answer(stack.deploy(main, sidecar))
    assert told["beside"]["GREETING"] == "beside" and told["beside"]["PORT"] is None
    before = stack.services()[0]["revisions"][0]["pids"]
    assert len(before) == 2
    os.kill(before[0], 9)  # the sidecar, which started first
    wait_until(lambda: len(set(stack.services()[0]["revisions"][0]["pids"]) - set(before)) == 2)
    assert answer({"uri": stack.services()[0]["url"]})["beside"]["GREETING"] == "beside"


def test_a_secret_volume_holds_the_items_with_their_modes_off_the_disk(stack: Stack, ask: Any) -> None:
    secret = ask.create("gcp:secretmanager/secret:Secret", {"secretId": "key", "replication": {"auto": {}}})
    inputs = {"secret": secret["id"], "secretData": "the-secret-in-a-file"}
    ask.create("gcp:secretmanager/secretVersion:SecretVersion", inputs)
    volumes = [{"name": "keys", "secret": {"secret": "key", "items": [{"path": "a/key", "version": "1", "mode": 256}]}}]
    main = stack.container(free_port(), envs={"FILE": "/keys/a/key"})
    main["volumeMounts"] = [{"name": "keys", "mountPath": "/keys"}]
    assert "roles/secretmanager.secretAccessor" in refusal(stack, main, volumes=volumes)
    account = f"serviceAccount:{'1' * 12}-compute@developer.gserviceaccount.com"
    ask.create(
        "gcp:secretmanager/secretIamMember:SecretIamMember",
        {"secretId": "key", "role": "roles/secretmanager.secretAccessor", "member": account},
    )
    told = answer(stack.deploy(main, volumes=volumes, serviceAccount=account.partition(":")[2]))
    assert (told["secret"], told["mode"]) == ("the-secret-in-a-file", 0o400)
    assert not Path(told["FILE"]).is_relative_to(stack.cloud.home.root)
    client.request(stack.cloud, {"do": "delete", "name": "web"})
    assert not Path(told["FILE"]).exists()


def test_a_service_whose_port_was_taken_while_it_was_down_gets_another(stack: Stack, wait_until: Any) -> None:
    made = stack.deploy(stack.container(free_port(), envs={"GREETING": "still here"}))
    port = int(made["uri"].rpartition(":")[2])
    place = Place(project="a-project", number="1", region="", urn="", type=SERVICE)
    os.kill(client.running(stack.cloud) or 0, signal.SIGKILL)
    wait_until(lambda: can_listen(port))
    with socket.create_server(("127.0.0.1", port)):
        client.ensure(stack.cloud)
        moved = read_service(stack.cloud, {}, place, made) or {}
    assert moved["uri"] != made["uri"] and answer(moved)["GREETING"] == "still here"


def test_a_fixed_revision_is_kept_and_another_template_under_its_name_refused(stack: Stack) -> None:
    port = free_port()
    assert answer(stack.deploy(stack.container(port), revision="web-one"))["K_REVISION"] == "web-one"
    assert "409: Revision named 'web-one' with different configuration already exists" in refusal(
        stack, stack.container(port, envs={"GREETING": "x"}), revision="web-one"
    )
    stack.deploy(stack.container(port, envs={"GREETING": "x"}), revision="web-two")
    back = answer(stack.deploy(stack.container(port), revision="web-one"))
    assert (back["K_REVISION"], back["GREETING"]) == ("web-one", None)


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        (None, "its image us-docker.pkg.dev/cloudrun/container/hello is not on this machine"),
        ("FROM nginx\n", "the command of its base image"),
        ('FROM node\nCMD ["node-of-an-image", "index.js"]\n', "its command 'node-of-an-image' is not on this machine"),
    ],
)
def test_what_this_machine_can_not_run_comes_up_declared_and_says_why(
    stack: Stack, context_folder: Path, dockerfile: str | None, why: str
) -> None:
    image = "us-docker.pkg.dev/cloudrun/container/hello"
    if dockerfile:
        (context_folder / "Dockerfile").write_text(dockerfile)
        build = {"context": str(context_folder)}
        image = stack.ask.create("docker:index/image:Image", {"imageName": "own:1", "build": build})["repoDigest"]
    made = stack.deploy({"image": image})
    with pytest.raises(urllib.error.HTTPError) as failed:
        answer(made)
    said = failed.value.read().decode()
    assert failed.value.code == 503 and why in said and "LOCAL_CLOUD_CONTAINERS=auto" in said
    assert any(why in line for line in warnings(stack.services()))


def test_a_service_of_the_older_interface_runs_as_well(ask: Any, stack: Stack, cloud: Cloud) -> None:
    container = {"image": stack.image, "ports": [{"containerPort": free_port()}]}
    container["envs"] = [{"name": "GREETING", "value": "v1"}]
    inputs = {
        "location": "europe-west1",
        "name": "old",
        "template": {"metadata": {"name": "old-one"}, "spec": {"containers": [container], "timeoutSeconds": 60}},
        "traffics": [{"percent": 100, "latestRevision": True}],
    }
    made = ask.create(SERVICE_V1, inputs)
    told = answer({"uri": made["statuses"][0]["url"]})
    assert (told["GREETING"], told["K_REVISION"]) == ("v1", "old-one")
    ask.delete(SERVICE_V1, made)
    assert client.running(cloud) is None
