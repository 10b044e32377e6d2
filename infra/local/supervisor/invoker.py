"""Who may call a service at its URL, as Cloud Run decides it (cloud.google.com/run/docs/authenticating/overview).

A caller shows an identity token for the service's URL, or for one of its custom audiences, of a member that holds
`run.routes.invoke`. Without one it is let in where everybody may call (`allUsers`), or where the check is switched off.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from infra.local import iam
from infra.local.apis.identity import OWNER, SKEW_SECONDS, Untrusted, member_of, verified
from infra.local.cloud import Cloud, Record
from infra.local.supervisor.ingress import is_for_balancer, is_marked
from infra.local.supervisor.message import Head

SERVICES = ("gcp:cloudrunv2/service:Service", "gcp:cloudrun/service:Service")
_OWN, _COMMON = b"x-serverless-authorization", b"authorization"
_REMOVED = b"SIGNATURE_REMOVED_BY_GOOGLE"
_NOT_CHECKED = "run.googleapis.com/invoker-iam-disabled"
_MOST_TOKENS = 1000
_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{status} {reason}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {reason}</h1>
<h2>{says} <code>{path}</code>{rest}.</h2>
<h2></h2>
</body></html>
"""


@dataclass(frozen=True)
class TurnedAway:
    """What somebody gets who may not call."""

    status: int
    reason: str
    says: str
    rest: str
    header: str = ""

    def written(self, path: str) -> bytes:
        """The whole answer, as Google's front end gives it."""
        words = {"status": self.status, "reason": self.reason, "says": self.says, "rest": self.rest}
        page = _PAGE.format(path=escape(path), **words).encode()
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\n{self.header}Content-Type: text/html; charset=UTF-8\r\n"
            f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + page


NOT_FOUND = TurnedAway(404, "Page not found", "The requested URL", " was not found on this server")
NOBODY = TurnedAway(403, "Forbidden", "Your client does not have permission to get URL", " from this server")
UNTRUSTED = TurnedAway(
    401,
    "Unauthorized",
    "Your client does not have permission to the requested URL",
    "",
    'WWW-Authenticate: Bearer error="invalid_token" error_description="The access token could not be verified"\r\n',
)


class Invokers:
    """The check before one service. A service that no stack has declared is not checked."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self._declared: tuple[iam.Policies | None, Record | None] = (None, None)
        self._tokens: dict[bytes, Mapping[str, Any]] = {}

    def at_own_url(self, head: Head, port: int, *, balanced: bool) -> TurnedAway | None:
        """What `admits` says, for a request that came past the load balancer where one leads to the service."""
        inside = is_marked(self.cloud, head)
        _, record = self._known()
        if balanced and not inside and record and is_for_balancer(record.inputs) and not self._is_owner(head, port):
            return NOT_FOUND
        return self.admits(head, port)

    def _known(self) -> tuple[iam.Policies, Record | None]:
        """The bindings and the service as they are declared now."""
        policies = iam.current(self.cloud)
        if self._declared[0] is not policies:
            self._declared = policies, _record(self.cloud, self.name)
            self._tokens.clear()
        return policies, self._declared[1]

    def _is_owner(self, head: Head, port: int) -> bool:
        record = self._known()[1]
        for name in (_OWN, _COMMON):
            kind, _, token = head.get(name).partition(b" ")
            if record and kind.lower() == b"bearer":
                try:
                    return bool(self._claims(token.strip(), _audiences(record, port))["email"] == OWNER)
                except Untrusted:
                    continue
        return False

    def admits(self, head: Head, port: int) -> TurnedAway | None:
        """None for a request that is let in. The token that let it in loses its signature on the way."""
        policies, record = self._known()
        if record is None or _lets_everybody(record, policies):
            return None
        name = next((one for one in (_OWN, _COMMON) if head.get(one)), None)
        if name is None:
            return NOBODY
        kind, _, token = head.get(name).partition(b" ")
        try:
            claims = self._claims(token.strip(), _audiences(record, port)) if kind.lower() == b"bearer" else None
        except Untrusted:
            claims = None
        if claims is None:
            return UNTRUSTED
        account = str(claims["email"])
        if account != OWNER and not policies.allows(member_of(account), iam.SERVICE_INVOKE, *_where(record)):
            return NOBODY
        unsigned = b"Bearer " + token.strip().rpartition(b".")[0] + b"." + _REMOVED
        head.headers = [(key, unsigned if key.lower() == name else value) for key, value in head.headers]
        return None

    def _claims(self, token: bytes, audiences: list[str]) -> Mapping[str, Any]:
        """An identity token's. Raises Untrusted. What was found once is not looked for again."""
        known = self._tokens.get(token)
        if known and known["exp"] + SKEW_SECONDS <= time.time():
            raise Untrusted("expired")
        if known is None or known["aud"] not in audiences:
            known = verified(self.cloud, token.decode("latin-1"), audiences)
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[token] = known
        return known


def everybody_may_call(cloud: Cloud, name: str) -> bool:
    """Whether a service lets in who does not say who."""
    record = _record(cloud, name)
    return record is None or _lets_everybody(record, iam.current(cloud))


def _record(cloud: Cloud, name: str) -> Record | None:
    return next((one for one in cloud.all(*SERVICES) if one.inputs.get("name") == name), None)


def _where(record: Record) -> tuple[str, str]:
    project = str(record.outputs.get("project"))
    return f"service:{project}/{record.inputs['name']}", f"project:{project}"


def _lets_everybody(record: Record, policies: iam.Policies) -> bool:
    annotations = (record.inputs.get("metadata") or {}).get("annotations") or {}
    unchecked = record.inputs.get("invokerIamDisabled") is True or annotations.get(_NOT_CHECKED) == "true"
    return unchecked or policies.allows("", iam.SERVICE_INVOKE, *_where(record))


def _audiences(record: Record, port: int) -> list[str]:
    own = [f"http://{host}:{port}{end}" for host in ("127.0.0.1", "localhost") for end in ("", "/")]
    return own + [str(one) for one in record.inputs.get("customAudiences") or ()]
