"""Secret Manager for its official client, which finds it by the variables alone and is used as against Google."""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import secretmanager
from google.cloud.secretmanager_v1.types import SecretVersion

from infra.local.apis import distil, messages
from infra.local.apis.identity import OWNER, Identity, door_of
from infra.local.apis.variables import leading, of_person
from infra.local.cloud import Cloud
from infra.local.home import REPOSITORY, Home
from infra.local.services.secretmanager import value
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker

PROJECT = "projects/a-project"
READER = "reader@a-project.iam.gserviceaccount.com"
# As in https://cloud.google.com/secret-manager/docs/samples: a program that knows nothing of this machine.
SAMPLE = """
import google_crc32c
from google.cloud import secretmanager

client = secretmanager.SecretManagerServiceClient()
name = client.secret_version_path("a-project", "of-the-program", "latest")
response = client.access_secret_version(request={"name": name})
crc32c = google_crc32c.Checksum()
crc32c.update(response.payload.data)
assert response.payload.data_crc32c == int(crc32c.hexdigest(), 16)
print("Plaintext:", response.payload.data.decode("UTF-8"))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A stack whose program has made a secret with one version, and lets one account read it."""
    cloud = Cloud(Home(tmp_path_factory.mktemp("secrets") / "home"), "test")
    ask = Asker(cloud)
    secret = ask.create("gcp:secretmanager/secret:Secret", {"secretId": "of-the-program", "replication": {"auto": {}}})
    ask.create("gcp:secretmanager/secretVersion:SecretVersion", {"secret": secret["id"], "secretData": "first"})
    grant = {"secretId": "of-the-program", "role": "roles/secretmanager.secretAccessor"}
    ask.create("gcp:secretmanager/secretIamMember:SecretIamMember", {**grant, "member": f"serviceAccount:{READER}"})
    yield cloud
    client.stop(cloud)


def official(cloud: Cloud, account: str) -> Any:
    """The official client over HTTP, as this account."""
    place = leading(cloud, Identity(account, "a-project"))["STORAGE_EMULATOR_HOST"]
    return secretmanager.SecretManagerServiceClient(
        transport="rest", client_options={"api_endpoint": place}, credentials=AnonymousCredentials()
    )


@pytest.fixture(scope="module")
def owner(stack: Cloud) -> Any:
    return official(stack, OWNER)


def run(sample: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    kept = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-W", "ignore", "-c", sample]
    return subprocess.run(command, env={**kept, **variables}, capture_output=True, text=True, timeout=300)


def test_googles_sample_runs_unchanged_by_grpc_as_a_person_and_as_a_container(stack: Cloud) -> None:
    for variables in (of_person(stack), leading(stack, Identity(READER, "a-project", "europe-west1"))):
        done = run(SAMPLE, variables)
        assert done.stdout == "Plaintext: first\n", done.stderr
    refused = run(SAMPLE, leading(stack, Identity("other@a-project.iam.gserviceaccount.com", "a-project")))
    assert "PermissionDenied" in refused.stderr and "secretmanager.versions.access" in refused.stderr


def test_versions_are_added_read_disabled_and_destroyed(stack: Cloud, owner: Any) -> None:
    secret = owner.create_secret(
        parent=PROJECT, secret_id="mine", secret={"replication": {"automatic": {}}, "labels": {"a": "b"}}
    )
    assert secret.name.endswith("/secrets/mine") and secret.labels == {"a": "b"}
    with pytest.raises(exceptions.NotFound, match="has no versions"):
        owner.access_secret_version(name=f"{PROJECT}/secrets/mine/versions/latest")
    data = b"\xff\x00 not text"
    first = owner.add_secret_version(
        parent=secret.name, payload={"data": data, "data_crc32c": google_crc32c.value(data)}
    )
    owner.add_secret_version(parent=f"{PROJECT}/secrets/mine", payload={"data": b"second"})
    with pytest.raises(exceptions.BadRequest, match="checksum"):
        owner.add_secret_version(parent=secret.name, payload={"data": b"x", "data_crc32c": 1})
    told = owner.access_secret_version(name=first.name)
    assert (told.payload.data, told.payload.data_crc32c) == (data, google_crc32c.value(data))
    latest = f"{secret.name}/versions/latest"
    assert owner.access_secret_version(name=latest).payload.data == b"second"
    assert value(stack, "mine", "latest") == "second"  # what a service's variable gets

    owner.disable_secret_version(name=f"{secret.name}/versions/2")
    with pytest.raises(exceptions.BadRequest, match="is in DISABLED state"):
        owner.access_secret_version(name=latest)
    owner.enable_secret_version(name=f"{secret.name}/versions/2")
    owner.destroy_secret_version(name=first.name)
    with pytest.raises(exceptions.BadRequest, match="is in DESTROYED state"):
        owner.access_secret_version(name=first.name)
    with pytest.raises(exceptions.BadRequest, match="already DESTROYED"):
        owner.enable_secret_version(name=first.name)
    states = [one.state for one in owner.list_secret_versions(parent=secret.name)]
    assert states == [SecretVersion.State.ENABLED, SecretVersion.State.DESTROYED]

    owner.update_secret(
        secret={"name": secret.name, "version_aliases": {"good": 2}}, update_mask={"paths": ["version_aliases"]}
    )
    assert owner.access_secret_version(name=f"{secret.name}/versions/good").payload.data == b"second"
    with pytest.raises(exceptions.Conflict):
        owner.create_secret(parent=PROJECT, secret_id="mine", secret={"replication": {"automatic": {}}})
    names = [one.name.rpartition("/")[2] for one in owner.list_secrets(request={"parent": PROJECT, "page_size": 1})]
    assert names == ["mine", "of-the-program"]
    owner.delete_secret(name=secret.name)
    with pytest.raises(exceptions.NotFound):
        owner.get_secret(name=secret.name)


def test_bindings_decide_each_call(stack: Cloud) -> None:
    reader = official(stack, READER)
    assert reader.access_secret_version(name=f"{PROJECT}/secrets/of-the-program/versions/1").payload.data == b"first"
    calls: tuple[Callable[[], Any], ...] = (
        lambda: reader.add_secret_version(parent=f"{PROJECT}/secrets/of-the-program", payload={"data": b"x"}),
        lambda: reader.get_secret(name=f"{PROJECT}/secrets/of-the-program"),
        lambda: reader.list_secrets(parent=PROJECT),
        lambda: reader.create_secret(parent=PROJECT, secret_id="x", secret={}),
        lambda: reader.access_secret_version(name=f"{PROJECT}/secrets/not-there/versions/1"),
    )
    for call in calls:
        with pytest.raises(exceptions.Forbidden, match="denied on resource"):
            call()


def test_the_proxy_serves_who_shows_an_address_and_passes_other_hosts_on(stack: Cloud) -> None:
    port = client.apis(stack)["proxy"]

    def answer(asked: str, user: str = "") -> bytes:
        shown = f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:-'.encode()).decode()}\r\n" if user else ""
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(f"{asked} HTTP/1.1\r\nHost: x\r\n{shown}\r\n".encode())
            return connection.recv(200).partition(b"\r\n")[0]

    owner = door_of(stack, Identity(OWNER, "a-project"))
    assert answer("CONNECT secretmanager.googleapis.com:443", owner) == b"HTTP/1.1 200 Connection Established"
    assert answer("CONNECT secretmanager.googleapis.com:443").startswith(b"HTTP/1.1 407")
    assert answer("CONNECT secretmanager.googleapis.com:443", owner[:-1]).startswith(b"HTTP/1.1 407")
    assert answer("GET http://127.0.0.1/", owner).startswith(b"HTTP/1.1 405")
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert answer(f"CONNECT 127.0.0.1:{other.getsockname()[1]}", owner) == b"HTTP/1.1 200 Connection Established"
        taken = other.getsockname()[1]
    assert answer(f"CONNECT 127.0.0.1:{taken}", owner).startswith(b"HTTP/1.1 502")


def test_the_descriptions_of_messages_are_those_of_the_official_clients() -> None:
    assert messages.DESCRIBED.read_bytes() == distil.described(), "run `python -m infra.local.apis.distil`"


def test_status_prints_what_a_shell_evaluates(stack: Cloud) -> None:
    environment = {**os.environ, "LOCAL_CLOUD_HOME": str(stack.home.root)}
    command = [sys.executable, "-m", "infra.local", "status", "--env", "--stack", "test"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    shell = subprocess.run(
        ["sh", "-c", f'{done.stdout}\nprintf %s "$STORAGE_EMULATOR_HOST $PUBSUB_EMULATOR_HOST"'],
        capture_output=True,
        text=True,
    )
    told = of_person(stack)
    assert shell.stdout == f"{told['STORAGE_EMULATOR_HOST']} {told['PUBSUB_EMULATOR_HOST']}"
