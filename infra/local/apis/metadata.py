"""The metadata server, as containers of Cloud Run find it: tokens of their own identity, and where they run.

cloud.google.com/run/docs/container-contract#metadata-server. It answers only at an address that somebody was given
(`/i/DOOR`), since that says who asks.
"""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import iam
from infra.local.apis.identity import SECONDS, Identity, access_token, identity_token, member_of
from infra.local.cloud import Cloud
from infra.local.provider.outputs import digits, project_number

_FLAVOR = {"Metadata-Flavor": "Google", "Server": "Metadata Server for Serverless"}
_ROOT = "/computeMetadata/v1"
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email"]


def routes(cloud: Cloud) -> list[BaseRoute]:
    """The server's paths. `/` is what libraries ask to find out whether there is one."""

    def answer(request: Request) -> Response:
        return _answer(cloud, request)

    def ping(request: Request) -> Response:
        return PlainTextResponse("computeMetadata/\n", headers=_FLAVOR)

    return [Route("/", ping), Route(_ROOT, answer), Route(f"{_ROOT}/{{path:path}}", answer)]


def _answer(cloud: Cloud, request: Request) -> Response:
    identity: Identity | None = request.scope.get("door")
    if identity is None:
        return _said("not found", 404)
    if request.headers.get("metadata-flavor") != "Google" or "x-forwarded-for" in request.headers:
        return _said("Missing required header: Metadata-Flavor: Google", 403)
    asked = request.query_params
    parts = [part for part in request.path_params.get("path", "").split("/") if part]
    if parts[:2] == ["instance", "service-accounts"] and len(parts) == 4:
        if parts[2] not in ("default", identity.account):
            return _said("not found", 404)
        if parts[3] == "identity":
            audience = asked.get("audience", "")
            if not audience:
                return _said("non-empty audience parameter required", 400)
            return _said(identity_token(cloud, identity.account, audience))
        if parts[3] == "token":
            token = _token(cloud, identity)
            return _json({"access_token": token, "expires_in": SECONDS, "token_type": "Bearer"})
    found: Any = _tree(identity)
    for part in parts:
        if not isinstance(found, Mapping) or part not in found:
            return _said("not found", 404)
        found = found[part]
    if asked.get("recursive", "").lower() == "true" or (asked.get("alt") == "json" and not isinstance(found, Mapping)):
        return _json(_camel(found))
    if isinstance(found, Mapping):
        return _said("".join(f"{name}/\n" if isinstance(one, Mapping) else f"{name}\n" for name, one in found.items()))
    return _said("\n".join(found) if isinstance(found, list) else str(found))


def _token(cloud: Cloud, identity: Identity) -> str:
    """An access token: the one that opens the stack's stores, where the account may log in to them."""
    member, policies = member_of(identity.account), iam.current(cloud)
    logins = (iam.SQL_LOGIN, iam.VALKEY_CONNECT)
    if any(policies.allows(member, login, f"project:{identity.project}") for login in logins):
        return iam.store_token(cloud)
    return access_token(cloud, identity.account)


def _tree(identity: Identity) -> dict[str, Any]:
    number = project_number(identity.project)
    place = f"projects/{number}"
    account = {"aliases": ["default"], "email": identity.account, "identity": "", "scopes": _SCOPES, "token": ""}
    return {
        "instance": {
            "id": digits(f"{identity.account} {identity.region}", 19),
            "region": f"{place}/regions/{identity.region}",
            "service-accounts": {"default": account, identity.account: account},
            "zone": f"{place}/zones/{identity.region}-1",
        },
        "project": {"numeric-project-id": number, "project-id": identity.project},
    }


def _camel(found: Any) -> Any:
    """A tree as `recursive=true` shows it: names in camel case, without what is made only when it is asked for."""
    if not isinstance(found, Mapping):
        return found
    shown = {name: one for name, one in found.items() if name not in ("identity", "token")}
    return {_camel_name(name): _camel(one) for name, one in shown.items()}


def _camel_name(name: str) -> str:
    if "@" in name:
        return name
    first, *rest = name.split("-")
    return first + "".join(part.capitalize() for part in rest)


def _said(text: str, status: int = 200) -> Response:
    return Response(text, status, {**_FLAVOR, "Content-Type": "application/text"})


def _json(value: Any) -> Response:
    return Response(json.dumps(value), 200, {**_FLAVOR, "Content-Type": "application/json"})
