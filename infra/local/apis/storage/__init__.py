"""Cloud Storage's API for official clients: the JSON API, and what clients use of the XML API.

A module a part of the API; `router.py` says which address is which call.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.apis.callers import Caller, Unauthenticated, caller
from infra.local.apis.storage.router import Router
from infra.local.cloud import Cloud
from infra.local.objects.failure import Failure

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def routes(cloud: Cloud) -> list[BaseRoute]:
    """One route for every address that is left."""
    router = Router(cloud, _who_asks)

    async def storage(request: Request) -> Response:
        return await router(request)

    return [Route("/{path:path}", storage, methods=_METHODS)]


def _who_asks(cloud: Cloud, request: Request) -> Caller:
    try:
        return caller(cloud, request.headers, request.scope.get("door"))
    except Unauthenticated:
        raise Failure(401, "authError", "Invalid Credentials") from None
