"""Asking a stack's service, and Google Cloud itself, over HTTP."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from delivery.commands import run
from delivery.errors import DeliveryError
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import bearer, google_headers, kept
from infra.local.apis.identity import owner_headers
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.services import secretmanager

IDENTITIES = "https://iamcredentials.googleapis.com"


def address_of(stack: Stack, outputs: Mapping[str, Any]) -> str:
    """Where callers reach the service: its own address answers nobody where a load balancer stands before it, but the
    machine's owner on the local cloud. Empty where the stack serves nothing yet."""
    return str(outputs.get("public_url" if on_google_cloud(stack.environment) else "url", ""))


def headers_for(stack: Stack, outputs: Mapping[str, Any], url: str) -> dict[str, str]:
    """What lets a request in: an identity token, and the API key where this caller may have it."""
    headers = identity_headers(stack, url)
    if on_google_cloud(stack.environment):
        return headers
    if secret := outputs.get("api_key_secret"):
        headers["X-API-Key"] = local_key(stack, str(secret))
    return headers


def caller_headers(stack: Stack, outputs: Mapping[str, Any], url: str) -> dict[str, str]:
    """`headers_for`, with the first key of API_KEY where this machine knows none."""
    headers = headers_for(stack, outputs, url)
    if key := stack.environment.get("API_KEY"):
        headers.setdefault("X-API-Key", key.partition(",")[0])
    return headers


def local_key(stack: Stack, secret: str) -> str:
    """The key in a secret of the local cloud that every revision takes."""
    return older_of(secretmanager.value(Cloud(home_from(stack.environment), stack.name), secret, "latest"))


def older_of(keys: str) -> str:
    """The one of a secret's keys that every revision takes: of two the older one, since the first belongs to a rotation
    that may not be deployed yet."""
    return keys.rpartition(",")[2]


def identity_headers(stack: Stack, url: str) -> dict[str, str]:
    """What proves to Cloud Run who asks; on this machine that it is its owner."""
    if not on_google_cloud(stack.environment):
        return owner_headers(Cloud(home_from(stack.environment), stack.name), url)
    account = stack.environment.get("DEPLOY_SERVICE_ACCOUNT")
    return bearer(kept(f"{account} for {url}", lambda: _identity_token(account, url)))


def _identity_token(account: str | None, audience: str) -> str:
    """A person's own token; for a workflow one that the account (its e-mail address) makes for itself, because gcloud
    makes none from a workflow's credentials."""
    if not account:
        return run(["gcloud", "auth", "print-identity-token"]).strip()
    path = f"/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    status, body = ask(IDENTITIES, path, google_headers(), {"audience": audience, "includeEmail": True})
    if status != 200:
        raise DeliveryError(f"{account} got no identity token for {audience}: {status} {body.get('error', '')}")
    return str(body["token"])


def ask(
    url: str, path: str, headers: Mapping[str, str], body: object = None, *, method: str = ""
) -> tuple[int, dict[str, Any]]:
    """One request on a connection of its own and the JSON object of its answer; status 0 where there is no connection.
    Without a `method` it is a GET, or a POST where there is a body."""
    status, content = fetch_bytes(url, path, headers, body, method=method)
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return 0, {}
    return status, found if isinstance(found, dict) else {}


def fetch_bytes(
    url: str, path: str, headers: Mapping[str, str], body: object = None, *, method: str = ""
) -> tuple[int, bytes]:
    """`ask` for what is no JSON: the status, and the answer as it came. A body of bytes goes as it is, and the headers
    say what it is.
    """
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=10)
    try:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        verb = method or ("GET" if body is None else "POST")
        connection.request(verb, path, content, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
