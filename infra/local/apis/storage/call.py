"""One call of the Storage API: who asks, for what, with which parameters."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from infra.local.cloud import Cloud
from infra.local.objects.bucket import settings
from infra.local.objects.conditions import Conditions, conditions, number
from infra.local.objects.failure import Failure, invalid
from infra.local.objects.store import Store

MOST_JSON = 8 << 20
"""Bytes of a body that is JSON."""
_ABOUT = {"objects": "the Google Cloud Storage object", "buckets": "the Google Cloud Storage bucket"}


class Asks(Protocol):
    """Who asks. `member` is empty for somebody who says nothing of themselves and is nobody that is known."""

    @property
    def member(self) -> str: ...  # noqa: D102

    def allows(self, permission: str, *resources: str) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class Call:
    """A request, with its body where that is no content of an object."""

    cloud: Cloud
    request: Request
    caller: Asks
    query: Mapping[str, str]
    body: bytes = b""

    @property
    def base(self) -> str:
        """The address of the API."""
        return str(self.request.base_url).rstrip("/")

    def allows(self, permission: str, bucket: str, name: str = "") -> bool:
        """Whether the caller may do this to a bucket, or to an object of it."""
        known = settings(self.cloud, bucket)
        if not self.caller.member and known.is_never_public:
            return False
        whole = (f"bucket:{bucket}", f"project:{known.project}")
        return self.caller.allows(permission, *([f"bucket:{bucket}/objects/{name}"] if name else []), *whole)

    def require(self, permission: str, bucket: str, name: str = "") -> None:
        """Raise Failure in Google Cloud's words where the caller may not."""
        if not self.allows(permission, bucket, name):
            raise denied(self.caller.member, permission)

    def require_in_project(self, permission: str, project: str) -> None:
        """The same for what isn't in a bucket yet."""
        if not self.caller.allows(permission, f"project:{project}"):
            raise denied(self.caller.member, permission)

    def store(self, bucket: str, permission: str, name: str = "") -> Store:
        """The bucket's objects. Raises Failure where there is no bucket, or no right on it or on the object."""
        store = Store(self.cloud, bucket)
        self.require(permission, bucket, name)
        return store

    def json(self) -> dict[str, Any]:
        """The body's JSON object; an empty one for an empty body. Raises Failure."""
        if not self.body.strip():
            return {}
        try:
            found = json.loads(self.body)
        except ValueError:
            raise Failure(400, "parseError", "Parse Error: the body is no JSON.") from None
        if not isinstance(found, dict):
            raise Failure(400, "parseError", "Parse Error: the body is no JSON object.")
        return found

    @property
    def generation(self) -> int | None:
        """The generation that is asked for."""
        return number(self.query, "generation")

    @property
    def conditions(self) -> Conditions:
        """The preconditions."""
        return conditions(self.query)

    def flag(self, name: str) -> bool:
        """Whether a parameter says `true`. Raises Failure for what is neither true nor false."""
        text = self.query.get(name, "false").lower()
        if text not in ("true", "false"):
            raise invalid(f"Invalid argument: {name} has to be true or false, not {text[:40]!r}.")
        return text == "true"


def denied(member: str, permission: str) -> Failure:
    """The caller may not."""
    kind = _ABOUT.get(permission.split(".")[1], "the Google Cloud project")
    who = member.partition(":")[2] or "Anonymous caller"
    told = f"{who} does not have {permission} access to {kind}. Permission '{permission}' denied on resource (or it may"
    return Failure(403 if member else 401, "forbidden" if member else "required", f"{told} not exist).")


def answer(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document."""
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    usual = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate"}
    return Response(content, status, {**usual, **(headers or {})}, "application/json; charset=UTF-8")


def refusal(failure: Failure) -> Response:
    """A failure as Google's APIs tell it."""
    if failure.status == 304:
        return Response(status_code=304)
    error: dict[str, Any] = {"message": failure.message, "domain": "global", "reason": failure.reason}
    if failure.status == 412:
        error |= {"locationType": "header", "location": "If-Match"}
    document = {"error": {"code": failure.status, "message": failure.message, "errors": [error]}}
    return answer(document, failure.status, {"WWW-Authenticate": "Bearer"} if failure.status == 401 else None)
