"""Which revisions answer a stack's callers: read from the service itself, and moved there.

What the engine's state says of traffic is what its last run wanted. A deployment that was cut off, or a person who
moved traffic by hand, leaves a service that is otherwise: so a deployment begins here, and going back ends here.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from delivery.asking import ask
from delivery.errors import DeliveryError
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import google_headers
from infra.config import CANARY_TAG
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.supervisor import client

RUN = "https://run.googleapis.com"
CHANGE_SECONDS, POLL_SECONDS = 300.0, 2.0
"""How long Cloud Run may take for a change that is under way, and how often it is asked."""
NAMED = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"


@dataclass(frozen=True)
class Share:
    """A revision's share of the requests in percent; `tag` is that of an address of its own."""

    revision: str
    percent: int
    tag: str = ""


@dataclass(frozen=True)
class Revision:
    """An immutable revision: what it runs. `sha256` is what it holds its model to; `promoted_at` is when the stack's
    own training job named that the champion, empty for another's."""

    name: str
    image: str
    model_version: str
    promoted_at: str = ""
    sha256: str = ""

    @property
    def digest(self) -> str:
        """Its image's, as sha256:…; empty where the image has none."""
        return self.image.partition("@")[2]


@dataclass(frozen=True)
class Standing:
    """What a split means: `stable` is proven; `candidate` is a canary that was left open, with `percent` of the
    traffic."""

    stable: str
    candidate: str = ""
    percent: int = 0


class LiveService(Protocol):
    """A service as it runs at this moment. Every method raises `DeliveryError` where it can't be asked."""

    def shares(self) -> list[Share]:
        """The split, once no change is under way any more; empty where there is no such service."""

    def revisions(self) -> list[Revision]:
        """The newest first."""

    def send_all(self, revision: str) -> None:
        """Give this revision all traffic, without a build or a new setting. Ends when it has it."""


def standing(shares: Sequence[Share]) -> Standing | None:
    """What a split means; None where nothing is served.

    The canary is the one with the tag that the program gives it. In a split that somebody made by hand none has it:
    then the smaller share is taken for the canary.
    """
    served = [share for share in shares if share.percent or share.tag == CANARY_TAG]
    if not served:
        return None
    canary = next((share for share in served if share.tag == CANARY_TAG), None)
    others = sorted((share for share in served if share is not canary), key=lambda share: -share.percent)
    if canary is None and len(others) > 1:
        canary = others.pop()
    if canary and (not others or canary.percent == 100):
        return Standing(canary.revision, canary.revision, canary.percent)
    if canary is None or canary.revision == others[0].revision:
        return Standing(others[0].revision)
    return Standing(others[0].revision, canary.revision, canary.percent)


def revision_of(service: LiveService, name: str) -> Revision | None:
    """The revision of this name, while the service has it."""
    return next((one for one in service.revisions() if one.name == name), None)


def serving(service: LiveService) -> Revision | None:
    """The proven revision; None where nothing serves."""
    found = standing(service.shares())
    return revision_of(service, found.stable) if found else None


def name_of(stack: Stack) -> str:
    """The name of a stack's scoring service, which the program gives it."""
    return f"orderguard-{stack.setting('environment')}-scorer"


def live_service(stack: Stack) -> LiveService:
    """The scoring service of a stack. Its name is that of the program, so it is found even where a first deployment was
    cut off before it had any output."""
    name = name_of(stack)
    if on_google_cloud(stack.environment):
        return CloudRun(stack.setting("project", "gcp"), stack.setting("region", "gcp"), name)
    return LocalRun(Cloud(home_from(stack.environment), stack.name), name)


@dataclass(frozen=True)
class LocalRun:
    """A service of the local cloud: its supervisor knows and moves the traffic."""

    cloud: Cloud
    name: str

    def shares(self) -> list[Share]:
        return [Share(one["revision"], one["percent"], one["tag"] or "") for one in self._ask().get("traffic", ())]

    def revisions(self) -> list[Revision]:
        found = reversed(self._ask().get("revisions", ()))
        return [_revision(one["name"], str(one["image"]), one["settings"]) for one in found]

    def send_all(self, revision: str) -> None:
        traffics = [{"type": NAMED, "revision": revision, "percent": 100}]
        answer = client.request(self.cloud, {"do": "route", "name": self.name, "traffics": traffics})
        if not answer["ok"]:
            raise DeliveryError(f"{self.name} kept its traffic: {answer['error']}")

    def _ask(self) -> Mapping[str, Any]:
        if not (self.cloud.run / "services" / f"{self.name}.json").exists():
            return {}
        client.ensure(self.cloud)
        found = client.request(self.cloud, {"do": "standing", "name": self.name})
        return found.get("service") or {}


@dataclass(frozen=True)
class CloudRun:
    """A service of Cloud Run, by its interface: https://cloud.google.com/run/docs/reference/rest/v2."""

    project: str
    region: str
    name: str
    address: str = RUN

    @property
    def path(self) -> str:
        return f"/v2/projects/{self.project}/locations/{self.region}/services/{self.name}"

    def shares(self) -> list[Share]:
        found = self._service()
        latest = _last(found.get("latestReadyRevision", ""))
        return [
            Share(_last(one.get("revision", "")) or latest, int(one.get("percent") or 0), one.get("tag") or "")
            for one in found.get("trafficStatuses", ())
        ]

    def revisions(self) -> list[Revision]:
        listed = self._call(f"{self.path}/revisions?pageSize=100").get("revisions", [])
        newest = sorted(listed, key=lambda one: str(one.get("createTime", "")), reverse=True)
        return [_of_cloud_run(one) for one in newest]

    def send_all(self, revision: str) -> None:
        wanted = {"traffic": [{"type": NAMED, "revision": revision, "percent": 100}]}
        change = self._call(f"{self.path}?updateMask=traffic", wanted, "PATCH")
        operation = f"/v2/{change['name']}"
        end = time.monotonic() + CHANGE_SECONDS
        while not change.get("done"):
            if time.monotonic() > end:
                raise DeliveryError(f"{self.name} did not move its traffic to {revision} in {CHANGE_SECONDS:.0f} s.")
            time.sleep(POLL_SECONDS)
            change = self._call(operation)
        if problem := change.get("error"):
            raise DeliveryError(f"{self.name} kept its traffic: {problem.get('message', problem)}")

    def _service(self) -> dict[str, Any]:
        """The service once it has taken up its last change; empty where there is none."""
        end = time.monotonic() + CHANGE_SECONDS
        while (found := self._call(self.path, missing=True)).get("reconciling"):
            if time.monotonic() > end:
                raise DeliveryError(
                    f"{self.name} is still changing after {CHANGE_SECONDS:.0f} s; run this again later."
                )
            time.sleep(POLL_SECONDS)
        return found

    def _call(self, path: str, body: object = None, method: str = "", *, missing: bool = False) -> dict[str, Any]:
        status, found = ask(self.address, path, google_headers(), body, method=method)
        if missing and status == 404:
            return {}
        if status != 200:
            raise DeliveryError(f"{self.name}: Cloud Run answered {status or 'nothing'} {found.get('error', '')}")
        return found


def _of_cloud_run(one: Mapping[str, Any]) -> Revision:
    container = (one.get("containers") or [{}])[0]
    settings = {setting["name"]: setting.get("value", "") for setting in container.get("env", ())}
    return _revision(_last(one["name"]), str(container.get("image", "")), settings)


def _revision(name: str, image: str, settings: Mapping[str, str]) -> Revision:
    told = (settings.get(f"MODEL_{what}", "") for what in ("VERSION", "PROMOTED_AT", "SHA256"))
    return Revision(name, image, *told)


def _last(name: str) -> str:
    return name.rpartition("/")[2]
