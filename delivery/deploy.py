"""A deployment: up, look whether it is well, and go back where it is not.

Where the stack already serves well, a canary takes a share of the traffic first; where it does not, there is nothing to
lose, and a canary beside a broken revision would fail for its neighbour's faults. Before a new revision gets any
traffic, past cases are made for its model and its store of histories is seeded. The check asks the service where its
callers do (through the load balancer, where there is one): it must be ready with the version that it was told to serve,
and, where an API key is at hand, score orders without one failure. Going back is another deployment, of the image and
the model version that served before. How it ended is recorded, whichever way.
"""

import http.client
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from delivery.commands import REPOSITORY, commit, run, tag
from delivery.errors import DeliveryError
from delivery.models import Record
from delivery.seeding import seed
from delivery.stack import Stack, on_google_cloud
from infra.local.cloud import Cloud
from infra.local.files import write_whole
from infra.local.home import home_from
from infra.local.services import secretmanager

CANARY_PERCENT = 10
CHECKS = 50
READY_WITHIN_SECONDS = 120.0
WELL_WITHIN_SECONDS = 20.0
"""For a service that runs already: an instance that has to start takes a few."""
ORDER = {
    "order_id": "check",
    "created_at": "2026-01-05T12:00:00Z",
    "customer": {"id": "check"},
    "currency": "EUR",
    "items": [{"sku": "check", "quantity": 1, "unit_price": 10.0}],
}
"""The smallest order that the schema lets through."""
IDENTITIES = "https://iamcredentials.googleapis.com"
READY = "/ready"
"""Not /readyz: Cloud Run keeps some paths that end in z from callers outside."""
UNREACHED = (
    "(where a load balancer stands before it: does the domain point there, and has its certificate been issued?)"
)
REPORTS = REPOSITORY / "reports"


@dataclass(frozen=True)
class Deployment:
    """What was deployed where: the far end of the trace from a score to its orders."""

    stack: str
    commit: str
    tag: str | None
    image: str
    model_version: str
    manifest_sha256: str
    url: str
    outcome: str
    training_run: str = ""


def deploy(stack: Stack, model: Record, image_digest: str | None, trainer_digest: str | None) -> Deployment:
    """Deploy `model` with the pushed images (None: the program builds them itself). Raises `DeliveryError` after going
    back."""
    before = stack.outputs()
    release = tag() or commit()[:12]
    wanted = {"modelVersion": model.version}
    if image_digest and trainer_digest:
        wanted |= {"imageDigest": image_digest, "trainerImageDigest": trainer_digest}
    try:
        if _serves(stack, before):
            beside = {"stableRevision": str(before["revision"])}
            print(f"==> {stack.name}: the new revision, without traffic", flush=True)
            stack.up(wanted | beside | {"canaryPercent": "0"}, f"{release}: no traffic yet")
            print(f"==> {seed(stack)}", flush=True)
            print(f"==> canary: {CANARY_PERCENT} % of the traffic of {stack.name}", flush=True)
            stack.up(wanted | beside | {"canaryPercent": str(CANARY_PERCENT)}, f"{release}: canary")
            check(stack, model.version, before["model_version"])
            print(f"==> all traffic of {stack.name}", flush=True)
            stack.up(wanted, release)
        else:
            print(f"==> all traffic of {stack.name}", flush=True)
            stack.up(wanted, release)
            print(f"==> {seed(stack)}", flush=True)
        check(stack, model.version)
    except DeliveryError as problem:
        raise _go_back(stack, before, problem) from None
    done = _record(stack, stack.outputs(), "deployed", model)
    write(done)
    return done


def _serves(stack: Stack, before: Mapping[str, Any]) -> bool:
    """Whether the stack is well as it is, so that a canary has something to be held against."""
    if not before.get("revision"):
        return False
    try:
        check(stack, str(before.get("model_version", "")), within=WELL_WITHIN_SECONDS)
    except DeliveryError as problem:
        print(f"==> {stack.name} is not well as it is, so there is no canary: {problem}", flush=True)
        return False
    return True


def _go_back(stack: Stack, before: Mapping[str, Any], problem: DeliveryError) -> DeliveryError:
    """Deploy what served before and record how that ended; returns what to tell."""
    version = str(before.get("model_version", ""))
    if not before.get("revision"):
        write(_record(stack, before, "failed"))
        return DeliveryError(f"The first deployment of {stack.name} failed; there is nothing to go back to.\n{problem}")
    print(f"==> {stack.name} is not well; going back to {version}", flush=True)
    # This machine has the new version's files alone. Those of the old one are where it left them, in the bucket.
    old = {"modelVersion": version, "modelSource": "bucket"}
    if "@" in str(before.get("image")) and "@" in str(before.get("trainer_image")):
        old |= {
            "imageDigest": before["image"].rpartition("@")[2],
            "trainerImageDigest": before["trainer_image"].rpartition("@")[2],
        }
    try:
        stack.up(old, f"back to {version}")
        check(stack, version)
    except DeliveryError as worse:
        write(_record(stack, before, "failed, and so did going back"))
        return DeliveryError(
            f"{stack.name} needs a person. The deployment failed:\n{problem}\n"
            f"Going back to {version} failed too:\n{worse}"
        )
    write(_record(stack, stack.outputs(), "went back"))
    return DeliveryError(f"{stack.name} serves what it served before, because the deployment failed:\n{problem}")


def _record(stack: Stack, outputs: Mapping[str, Any], outcome: str, model: Record | None = None) -> Deployment:
    """What `outputs` say serves now; `model` is known for what was just deployed."""
    return Deployment(
        stack=stack.name,
        commit=commit(),
        tag=tag(),
        image=str(outputs.get("image", "")),
        model_version=str(outputs.get("model_version", "")),
        manifest_sha256=model.manifest_sha256 if model else "",
        url=address_of(stack, outputs),
        outcome=outcome,
        training_run=model.run if model else "",
    )


def check(stack: Stack, *versions: str, within: float | None = None) -> None:
    """Ask the service until it is ready with one of `versions`, then `CHECKS` times in a row without a failure.

    Raises `DeliveryError` where it does not get ready in time (`within` seconds, else READY_WITHIN_SECONDS), or fails
    once.
    """
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    headers = headers_for(stack, outputs, url)
    end = time.monotonic() + (READY_WITHIN_SECONDS if within is None else within)
    while True:
        status, body = ask(url, READY, headers)
        if status == 200 and body.get("model_version") in versions:
            break
        if time.monotonic() > end:
            raise DeliveryError(
                f"{url}{READY} did not answer with model version {' or '.join(versions)}: "
                f"{status or 'no connection'} {body.get('reason') or ''}{'' if status else UNREACHED}"
            )
        time.sleep(0.5)
    failures = [status for status, _ in (ask(url, READY, headers) for _ in range(CHECKS)) if status != 200]
    if "X-API-Key" in headers:
        failures += [
            status for status, _ in (ask(url, "/v1/score", headers, ORDER) for _ in range(CHECKS)) if status != 200
        ]
    if failures:
        raise DeliveryError(f"{url} failed {len(failures)} of its checks; the first with status {failures[0]}")


def address_of(stack: Stack, outputs: Mapping[str, Any]) -> str:
    """Where callers reach the service: its own address answers nobody where a load balancer stands before it, and the
    local cloud has none. Empty where the stack serves nothing yet."""
    return str(outputs.get("public_url" if on_google_cloud(stack.environment) else "url", ""))


def headers_for(stack: Stack, outputs: Mapping[str, Any], url: str) -> dict[str, str]:
    """What lets a request in: an identity token on Google Cloud, and the API key where this caller may have it."""
    headers: dict[str, str] = {}
    if on_google_cloud(stack.environment):
        headers["Authorization"] = f"Bearer {_identity_token(stack.environment.get('DEPLOY_SERVICE_ACCOUNT'), url)}"
    elif secret := outputs.get("api_key_secret"):
        cloud = Cloud(home_from(stack.environment), stack.name)
        headers["X-API-Key"] = secretmanager.value(cloud, str(secret), "latest").partition(",")[0]
    return headers


def _identity_token(account: str | None, audience: str) -> str:
    """A person's own token; for a workflow one that the account (its e-mail address) makes for itself, because gcloud
    makes none from a workflow's credentials."""
    if not account:
        return run(["gcloud", "auth", "print-identity-token"]).strip()
    headers = {"Authorization": f"Bearer {run(['gcloud', 'auth', 'print-access-token']).strip()}"}
    path = f"/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    status, body = ask(IDENTITIES, path, headers, {"audience": audience, "includeEmail": True})
    if status != 200:
        raise DeliveryError(f"{account} got no identity token for {audience}: {status} {body.get('error', '')}")
    return str(body["token"])


def ask(url: str, path: str, headers: Mapping[str, str], body: object = None) -> tuple[int, dict[str, Any]]:
    """One request on a connection of its own; status 0 where there is no connection."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=10)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(
            "GET" if body is None else "POST", path, content, {**headers, "Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        found = json.loads(answer.read() or b"{}")
        return answer.status, found if isinstance(found, dict) else {}
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def report(stack: str) -> Path:
    """Where the record of a stack's deployment lies for the steps that follow."""
    return REPORTS / f"deployment-{stack}.json"


def write(deployment: Deployment) -> None:
    """Keep the record for the steps that follow (`reports/`) and for `make trace` (`.local/deployments/`)."""
    text = json.dumps(asdict(deployment), indent=2) + "\n"
    kept = history_folder() / f"{deployment.stack}-{deployment.tag or deployment.commit[:12]}.json"
    for path in (report(deployment.stack), kept):
        write_whole(path, text.encode())


def history_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this machine keeps the records of its deployments."""
    return Path(environment.get("LOCAL_CLOUD_HOME", REPOSITORY / ".local")) / "deployments"
