"""The interfaces of a stack: who asks is told by tokens as Google makes them, and Google's own library gets them."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import google.auth.compute_engine
import jwt
import pytest
from google.auth.compute_engine import _metadata
from google.auth.transport.requests import Request
from google.oauth2 import id_token

from infra.local import iam
from infra.local.apis.callers import Caller, Denied, Unauthenticated, caller
from infra.local.apis.identity import (
    OWNER,
    Identity,
    Untrusted,
    access_token,
    account_of,
    behind,
    door_of,
    identity_token,
    verified,
)
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.files import read_json
from infra.local.home import Home
from infra.local.ports import straight
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker

ACCOUNT = "web@a-project.iam.gserviceaccount.com"
WHO = Identity(ACCOUNT, "a-project", "europe-west1")
AUDIENCE = "https://web.example"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    made = Cloud(Home(tmp_path_factory.mktemp("apis") / "home"), "test")
    yield made
    client.stop(made)


@pytest.fixture
def metadata(stack: Cloud, monkeypatch: pytest.MonkeyPatch) -> str:
    """The metadata server's address, which Google's library finds, too."""
    place = leading(stack, WHO)["GCE_METADATA_HOST"]
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", place)
    monkeypatch.setenv("GCE_METADATA_IP", place)
    return place


def asked(place: str, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    request = urllib.request.Request(
        f"http://{place}{path}", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with straight().open(request, timeout=30) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as problem:
        with problem:
            return problem.code, problem.read().decode(), dict(problem.headers)


def test_googles_library_finds_the_metadata_server_and_gets_both_tokens(stack: Cloud, metadata: str) -> None:
    request = Request()
    assert _metadata.ping(request)
    credentials = google.auth.compute_engine.Credentials()
    credentials.refresh(request)
    assert (credentials.service_account_email, account_of(stack, credentials.token or "")) == (ACCOUNT, ACCOUNT)
    assert _metadata.get_project_id(request) == "a-project"
    token = id_token.fetch_id_token(request, AUDIENCE)
    keys = f"http://{metadata}/oauth2/v3/certs"
    claims = id_token.verify_token(token, request, audience=AUDIENCE, certs_url=keys)
    assert (claims["iss"], claims["email"], claims["email_verified"]) == (id_token._GOOGLE_ISSUERS[1], ACCOUNT, True)
    assert claims == verified(stack, token, [AUDIENCE])


def test_the_metadata_server_answers_as_googles_does(metadata: str) -> None:
    flavored = {"Metadata_Flavor": "Google"}
    place = "/computeMetadata/v1"
    status, text, headers = asked(metadata, f"{place}/instance/service-accounts/default/email", **flavored)
    assert (status, text, headers["metadata-flavor"]) == (200, ACCOUNT, "Google")
    assert asked(metadata, f"{place}/instance/service-accounts/default/token")[0] == 403
    assert asked(metadata, f"{place}/project/project-id", X_Forwarded_For="1.2.3.4", **flavored)[0] == 403
    assert asked(metadata, f"{place}/instance/service-accounts/default/identity", **flavored)[0] == 400
    assert asked(metadata, f"{place}/instance/service-accounts/other@x/token", **flavored)[0] == 404
    assert asked(metadata, f"{place}/instance/", **flavored)[1] == "id\nregion\nservice-accounts/\nzone\n"
    number = asked(metadata, f"{place}/project/numeric-project-id", **flavored)[1]
    assert asked(metadata, f"{place}/instance/region", **flavored)[1] == f"projects/{number}/regions/europe-west1"
    whole = json.loads(asked(metadata, f"{place}/?recursive=true", **flavored)[1])
    assert whole["project"] == {"numericProjectId": number, "projectId": "a-project"}
    assert whole["instance"]["serviceAccounts"]["default"]["email"] == ACCOUNT


def test_only_an_address_that_was_given_to_somebody_tells_who_asks(stack: Cloud, metadata: str) -> None:
    port = metadata.partition("/")[0]
    flavored = {"Metadata_Flavor": "Google"}
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    assert asked(port, path, **flavored)[0] == 404
    assert asked(port, f"/i/{door_of(stack, WHO)[:-1]}x{path}", **flavored)[0] == 404
    other = Cloud(Home(stack.home.root.parent / "other"), "test")
    assert asked(port, f"/i/{door_of(other, WHO)}{path}", **flavored)[0] == 404
    assert behind(stack, door_of(stack, WHO)) == WHO


@pytest.mark.parametrize(
    "why, token",
    [
        ("Expired", lambda cloud: identity_token(cloud, ACCOUNT, AUDIENCE, time.time() - 3700)),
        ("Audience", lambda cloud: identity_token(cloud, ACCOUNT, "https://other.example")),
        ("Immature", lambda cloud: identity_token(cloud, ACCOUNT, AUDIENCE, time.time() + 3600)),
        ("Signature", lambda cloud: identity_token(cloud, ACCOUNT, AUDIENCE)[:-8] + "AAAAAAAA"),
        ("Algorithm", lambda cloud: jwt.encode({"aud": AUDIENCE, "email": ACCOUNT}, "k" * 32, "HS256")),
        ("Algorithm", lambda cloud: jwt.encode({"aud": AUDIENCE, "email": ACCOUNT}, "", "none")),
        ("Decode", lambda cloud: access_token(cloud, ACCOUNT)),
    ],
)
def test_a_token_that_proves_nothing_is_told_why(stack: Cloud, why: str, token: Any) -> None:
    with pytest.raises(Untrusted, match=why):
        verified(stack, token(stack), [AUDIENCE])


def test_bindings_decide_for_accounts_and_the_owner_may_do_all(cloud: Cloud, ask: Asker) -> None:
    ask.create("gcp:storage/bucket:Bucket", {"name": "a-bucket", "location": "EU"})
    where = ("bucket:a-bucket", "project:a-project")
    web, anybody = Caller(cloud, ACCOUNT), Caller(cloud, "")
    with pytest.raises(Denied, match="storage.objects.get"):
        web.require(iam.OBJECT_READ, "a-bucket", *where)
    with pytest.raises(Unauthenticated):
        anybody.require(iam.OBJECT_READ, "a-bucket", *where)
    assert Caller(cloud, OWNER).allows(iam.OBJECT_READ, *where)
    grant = {"bucket": "a-bucket", "role": "roles/storage.objectViewer"}
    ask.create("gcp:storage/bucketIAMMember:BucketIAMMember", {**grant, "member": f"serviceAccount:{ACCOUNT}"})
    assert web.allows(iam.OBJECT_READ, *where) and not anybody.allows(iam.OBJECT_READ, *where)
    ask.create("gcp:storage/bucketIAMMember:BucketIAMMember", {**grant, "member": "allAuthenticatedUsers"}, "all")
    assert not anybody.allows(iam.OBJECT_READ, *where)


def test_who_asks_is_the_tokens_account_before_the_addresses(stack: Cloud) -> None:
    token = access_token(stack, ACCOUNT)
    assert caller(stack, {"authorization": f"Bearer {token}"}, Identity(OWNER)).account == ACCOUNT
    assert caller(stack, {}, Identity(OWNER)).account == OWNER
    assert caller(stack, {}).account == ""
    old, longer = access_token(stack, ACCOUNT, time.time() - 3700), access_token(stack, ACCOUNT, time.time() + 3600)
    moved = longer.partition(".")[0] + "." + longer.split(".")[1] + "." + token.rpartition(".")[2]
    for wrong in (token[:-1], "ya29.x", old, moved, identity_token(stack, ACCOUNT, AUDIENCE)):
        with pytest.raises(Unauthenticated):
            caller(stack, {"authorization": f"Bearer {wrong}"}, Identity(OWNER))


def test_a_killed_process_is_back_on_its_port_with_the_next_request(stack: Cloud, metadata: str) -> None:
    def running() -> list[int]:
        return [one["pid"] for one in read_json(stack.run / "instances.json")]

    asked(metadata, "/")
    before = running()
    os.kill(before[0], signal.SIGKILL)
    assert asked(metadata, "/")[0] == 200
    assert len(before) == len(running()) == 1 and before != running()
    client.stop(stack)
    assert leading(stack, WHO)["GCE_METADATA_HOST"] == metadata
