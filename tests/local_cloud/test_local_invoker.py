"""Who may call a service at its URL: members with the right, by identity tokens as Google's, and nobody else."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local import iam
from infra.local.apis.identity import ISSUER, OWNER, access_token, identity_token
from infra.local.cloud import Cloud, Record
from infra.local.supervisor.invoker import Invokers, TurnedAway, everybody_may_call
from infra.local.supervisor.message import parse_head
from tests.local_cloud.conftest import Asker

PORT = 8123
URL = f"http://127.0.0.1:{PORT}"
SHOP = "shop@a-project.iam.gserviceaccount.com"
OTHER = "other@a-project.iam.gserviceaccount.com"
GRANT = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
SERVICE = "gcp:cloudrunv2/service:Service"


def declared(cloud: Cloud, **inputs: Any) -> None:
    """The record of a service, as the provider keeps it."""
    identity = "projects/a-project/locations/europe-west1/services/web"
    whole = {"name": "web", **inputs}
    cloud.put(Record(SERVICE, identity, "urn", "real", "t", "t", whole, {**whole, "project": "a-project"}))


@pytest.fixture
def invokers(cloud: Cloud, ask: Asker) -> Invokers:
    """The check before a service that the account of a shop may call."""
    declared(cloud)
    grant = {"name": "web", "location": "europe-west1", "role": "roles/run.invoker"}
    ask.create(GRANT, {**grant, "member": f"serviceAccount:{SHOP}"})
    return Invokers(cloud, "web")


def asked(invokers: Invokers, **headers: str) -> tuple[TurnedAway | None, dict[str, str]]:
    """What comes of a request, and the headers that the container gets."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = parse_head(f"GET /v1/model?x=1 HTTP/1.1\r\nHost: web\r\n{lines}\r\n".encode())
    found = invokers.admits(head, PORT)
    return found, {name.decode(): value.decode() for name, value in head.headers}


def status(invokers: Invokers, **headers: str) -> int:
    found, _ = asked(invokers, **headers)
    return found.status if found else 200


def test_a_member_is_let_in_by_its_token_and_loses_the_signature(cloud: Cloud, invokers: Invokers) -> None:
    token = identity_token(cloud, SHOP, URL)
    found, passed = asked(invokers, Authorization=f"Bearer {token}")
    assert found is None
    head, payload, signature = passed["Authorization"].removeprefix("Bearer ").split(".")
    assert signature == "SIGNATURE_REMOVED_BY_GOOGLE"
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["email"] == SHOP


def test_the_header_of_its_own_takes_precedence_and_leaves_authorization(cloud: Cloud, invokers: Invokers) -> None:
    token = f"bearer {identity_token(cloud, SHOP, URL)}"
    found, passed = asked(invokers, Authorization="Bearer an-api-key", X_Serverless_Authorization=token)
    assert found is None and passed["Authorization"] == "Bearer an-api-key"
    assert passed["X-Serverless-Authorization"].endswith(".SIGNATURE_REMOVED_BY_GOOGLE")
    assert status(invokers, Authorization=token, X_Serverless_Authorization="Bearer an-api-key") == 401


def test_who_shows_nothing_or_lacks_the_right_gets_403(cloud: Cloud, invokers: Invokers) -> None:
    assert status(invokers) == 403
    assert status(invokers, Authorization=f"Bearer {identity_token(cloud, OTHER, URL)}") == 403
    assert status(invokers, Authorization=f"Bearer {identity_token(cloud, OWNER, URL)}") == 200


FORGED = {"iss": ISSUER, "aud": URL, "sub": "1", "email": SHOP, "iat": 0, "exp": 2**33}


@pytest.mark.parametrize(
    "token",
    [
        lambda cloud: identity_token(cloud, SHOP, URL, time.time() - 3700),
        lambda cloud: identity_token(cloud, SHOP, "https://web.example"),
        lambda cloud: identity_token(cloud, SHOP, f"{URL}0"),
        lambda cloud: access_token(cloud, SHOP),
        lambda _: jwt.encode(FORGED, rsa.generate_private_key(65537, 2048), "RS256"),
        lambda _: jwt.encode(FORGED, "", "none"),
        lambda cloud: identity_token(cloud, SHOP, URL).rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE",
        lambda cloud: identity_token(cloud, SHOP, URL)[:-4],
        lambda _: "an-api-key",
        lambda _: "",
        lambda _: "\x80\xff",
    ],
    ids=["expired", "audience", "longer", "access", "key", "none", "unsigned", "cut", "word", "empty", "bytes"],
)
def test_a_token_that_proves_nothing_gets_401(cloud: Cloud, invokers: Invokers, token: Callable[[Cloud], str]) -> None:
    good = identity_token(cloud, SHOP, URL)
    assert status(invokers, Authorization=f"Bearer {good}") == 200
    head = parse_head(
        b"GET / HTTP/1.1\r\nHost: web\r\nAuthorization: Bearer %s\r\n\r\n" % token(cloud).encode("latin-1")
    )
    found = invokers.admits(head, PORT)
    assert found is not None and found.status == 401
    assert 'WWW-Authenticate: Bearer error="invalid_token"' in found.written("/").decode()


def test_a_token_that_was_good_once_is_not_good_for_ever(
    cloud: Cloud, invokers: Invokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = iam.current(cloud)
    monkeypatch.setattr(iam, "current", lambda _: policies)  # else what is known of tokens is forgotten with them
    token = f"Bearer {identity_token(cloud, SHOP, URL, time.time() - 3000)}"
    assert status(invokers, Authorization=token) == 200
    later = time.time() + 620
    monkeypatch.setattr("infra.local.supervisor.invoker.time.time", lambda: later)
    assert status(invokers, Authorization=token) == 401


def test_bindings_count_from_the_moment_that_they_are_there(cloud: Cloud, ask: Asker, invokers: Invokers) -> None:
    other = f"Bearer {identity_token(cloud, OTHER, URL)}"
    grant = {"name": "web", "location": "europe-west1", "role": "roles/run.invoker"}
    assert status(invokers, Authorization=other) == 403
    made = ask.create(GRANT, {**grant, "member": f"serviceAccount:{OTHER}"}, "other")
    assert status(invokers, Authorization=other) == 200
    ask.delete(GRANT, made, "other")
    assert status(invokers, Authorization=other) == 403
    ask.create(GRANT, {**grant, "member": "allAuthenticatedUsers"}, "accounts")
    assert (status(invokers, Authorization=other), status(invokers)) == (200, 403)
    assert not everybody_may_call(cloud, "web")
    ask.create(GRANT, {**grant, "member": "allUsers"}, "all")
    assert everybody_may_call(cloud, "web")
    found, passed = asked(invokers, Authorization="Bearer whatever")
    assert found is None and passed["Authorization"] == "Bearer whatever"


def test_what_the_service_says_of_itself_counts(cloud: Cloud, invokers: Invokers) -> None:
    custom = f"Bearer {identity_token(cloud, SHOP, 'https://scoring.example.com')}"
    assert status(invokers, Authorization=custom) == 401
    declared(cloud, customAudiences=["https://scoring.example.com"])
    assert status(invokers, Authorization=custom) == 200
    declared(cloud, invokerIamDisabled=True)
    assert status(invokers) == 200
    declared(cloud, metadata={"annotations": {"run.googleapis.com/invoker-iam-disabled": "true"}})
    assert status(invokers) == 200
    assert status(Invokers(cloud, "not-declared")) == 200


def test_the_page_is_googles_and_repeats_nothing_that_could_act(invokers: Invokers) -> None:
    found, _ = asked(invokers)
    assert found is not None
    head, _, page = found.written("/<script>").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n") and f"Content-Length: {len(page)}".encode() in head
    assert b"Your client does not have permission to get URL <code>/&lt;script&gt;</code> from this server." in page
