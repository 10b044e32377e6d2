"""Secret Manager: a version's value, for whoever the bindings allow it."""

from base64 import b64encode

import google_crc32c
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import iam
from infra.local.apis.callers import Caller, caller
from infra.local.cloud import Cloud
from infra.local.services import secretmanager


def routes(cloud: Cloud) -> list[BaseRoute]:
    """https://cloud.google.com/secret-manager/docs/reference/rest, as far as programs read values."""

    async def access(request: Request) -> Response:
        asks = caller(cloud, request.headers, request.scope.get("door"))
        return await run_in_threadpool(_accessed, asks, *(request.path_params[one] for one in _PARTS))

    return [Route("/v1/projects/{project}/secrets/{secret}/versions/{version}:access", access, methods=["GET"])]


_PARTS = ("project", "secret", "version")


def _accessed(asks: Caller, project: str, secret: str, version: str) -> Response:
    """Raises Denied, and Refused for a version that is not there."""
    name = f"projects/{project}/secrets/{secret}/versions/{version}"
    asks.require(iam.SECRET_ACCESS, name, f"secret:{project}/{secret}", f"project:{project}")
    data = secretmanager.value(asks.cloud, f"projects/{project}/secrets/{secret}", version).encode()
    return JSONResponse(
        {"name": name, "payload": {"data": b64encode(data).decode(), "dataCrc32c": str(google_crc32c.value(data))}}
    )
