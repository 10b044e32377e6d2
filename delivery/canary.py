"""A canary is judged by orders: example orders that it is scored with, and what real callers get of it.

At each step the new revision is asked at its own address, through the front door, whatever its share. Its answers are
compared with those that the stable revision gave while it had all traffic. Then both revisions' answers to real
callers are gathered for the step's minutes and compared (`delivery.comparing`). If there are too few callers, the
example orders decide, and the record says so.
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from delivery.asking import address_of, ask, identity_headers, local_key, older_of
from delivery.callers import Callers
from delivery.comparing import compared
from delivery.errors import DeliveryError
from delivery.probes import Answer, answers, are_own, differences, failures, probe_orders, unexpected
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import google_headers
from delivery.traffic import Revision
from infra.config import CANARY_TAG, REVISION_HEADER

SECRETS = "https://secretmanager.googleapis.com"
LOOKS = 4
"""How often a step looks at the callers' answers: what is bad is not given the whole of its minutes."""
READY = "/ready"
READY_SECONDS, POLL_SECONDS = 300.0, 1.0
"""A load balancer takes minutes until it knows a new way."""


@dataclass(frozen=True)
class Door:
    """Where example orders are scored, and what lets them in."""

    url: str
    headers: Mapping[str, str]


@dataclass
class Finding:
    """What was seen at a step. `decided_by` is `callers` or `example orders`."""

    percent: int
    orders: str
    callers: list[str] = field(default_factory=list)
    decided_by: str = "example orders"


class Canary:
    """A new revision beside the stable one. `stable_answers` are the stable revision's to the example orders, None
    where it does not know the deployment's key yet. `expected` are the scores that were recorded with the new model
    version, by the order's key."""

    def __init__(
        self,
        stack: Stack,
        callers: Callers,
        stable: Revision,
        candidate: Revision,
        stable_answers: list[Answer] | None,
        expected: Mapping[str, float],
    ) -> None:
        self._stack, self._callers = stack, callers
        self._stable, self._candidate = stable, candidate
        self._stable_answers, self._expected = stable_answers, expected
        self._orders = probe_orders(stack.environment)
        self._looks = LOOKS * len(stack.canary_steps())
        self.findings: list[Finding] = []

    def score(self, percent: int) -> str:
        """Score the example orders; what to say of it. Raises `DeliveryError` where the canary fails one, says
        something else than what was recorded with its model version, or than the stable revision."""
        finding = Finding(percent, "")
        self.findings.append(finding)
        door = door_of(self._stack, of_canary=True)
        self._wait(door)
        found = answers(self._orders, door.url, door.headers)
        finding.orders = failures(found, "the new revision")
        if finding.orders:
            raise DeliveryError(finding.orders)
        recorded, wrong = unexpected(self._orders, found, self._expected)
        finding.orders = f"{len(found)} scored; {recorded}"
        if wrong:
            raise DeliveryError(f"the new revision does not serve {self._candidate.model_version}: {wrong}")
        if self._stable_answers is None:
            finding.orders += "; the previous revision does not accept them"
            return finding.orders
        same = self._candidate.model_version == self._stable.model_version
        said, wrong = differences(self._stable_answers, found, same, are_own(self._stack.environment))
        finding.orders = f"{said}; {recorded}"
        if wrong:
            raise DeliveryError(f"the new revision scores otherwise than {self._stable.name}: {wrong}")
        return finding.orders

    def watch(self) -> str:
        """Gather callers' answers for the step's minutes; what to say of it. Raises `DeliveryError` as soon as they are
        worse."""
        minutes = self._stack.canary_minutes()
        self._callers.open()
        try:
            for _ in range(LOOKS if minutes else 1):
                time.sleep(minutes * 60 / LOOKS)
                self._look()
        finally:
            self._callers.close()
        finding = self.findings[-1]
        return f"decided by {finding.decided_by}; {'; '.join(finding.callers)}"

    def _look(self) -> None:
        finding = self.findings[-1]
        counts = [self._callers.counts(revision.name) for revision in (self._stable, self._candidate)]
        figures = compared(counts[0], counts[1], self._looks)
        finding.callers = [str(figure) for figure in figures]
        if not figures[0].undecided:
            finding.decided_by = "callers"
        if worse := [str(figure) for figure in figures if figure.refused]:
            raise DeliveryError(f"callers are worse off with the new revision: {'; '.join(worse)}")

    def _wait(self, door: Door) -> None:
        """Until the canary's own address is the canary's. A revision whose image is from before does not say who it is:
        one that says nothing is taken for the canary only beside a stable one that would."""
        known = {self._candidate.name, *([None] if self._stable_answers is not None else [])}
        end = time.monotonic() + READY_SECONDS
        while True:
            status, body = ask(door.url, READY, door.headers)
            if status == 200 and body.get("revision") in known:
                return
            if time.monotonic() > end:
                raise DeliveryError(
                    f"{door.url}{READY} is not {self._candidate.name}'s: {status or 'no connection'}, revision "
                    f"{body.get('revision')}, {body.get('reason') or ''}"
                )
            time.sleep(POLL_SECONDS)

    def told(self) -> list[dict[str, Any]]:
        """The findings, for the record."""
        return [asdict(finding) for finding in self.findings]


def scored_by_stable(stack: Stack) -> list[Answer] | None:
    """The stable revision's answers to the example orders, while it has all traffic; None where it does not take the
    deployment's key. Raises `DeliveryError` where it fails one."""
    if not stack.outputs().get("probe_key_secret"):
        return None
    door = door_of(stack, of_canary=False)
    found = answers(probe_orders(stack.environment), door.url, door.headers)
    if {one.status for one in found} == {401}:
        return None
    if wrong := failures(found, "the revision that serves"):
        raise DeliveryError(wrong)
    return found


def door_of(stack: Stack, *, of_canary: bool) -> Door:
    """The front door, or the canary's own way through it: by a header where a load balancer stands before the service,
    else by the address that Cloud Run gives its tag."""
    outputs = stack.outputs()
    url = address_of(stack, outputs)
    headers = {**identity_headers(stack, url), "X-API-Key": _key(stack, str(outputs["probe_key_secret"]))}
    if not of_canary:
        return Door(url, headers)
    host = f"{CANARY_TAG}---{urlsplit(url).netloc}"
    if not on_google_cloud(stack.environment):
        return Door(url, {**headers, "Host": host})
    if stack.setting("domain"):
        return Door(url, {**headers, REVISION_HEADER: CANARY_TAG})
    return Door(f"https://{host}", headers)


def _key(stack: Stack, secret: str) -> str:
    """The deployment's own key, which opens nothing but looking at an order's score."""
    if not on_google_cloud(stack.environment):
        return local_key(stack, secret)
    path = f"/v1/projects/{stack.setting('project', 'gcp')}/secrets/{secret}/versions/latest:access"
    status, body = ask(SECRETS, path, google_headers())
    if status != 200:
        raise DeliveryError(f"the deployment's own key can't be read: {status or 'nothing'} {body.get('error', '')}")
    return older_of(base64.b64decode(body["payload"]["data"]).decode())
