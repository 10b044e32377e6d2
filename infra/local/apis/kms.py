"""Cloud KMS: signing with a key, for whoever the bindings allow it."""

from base64 import b64decode, b64encode
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local import iam
from infra.local.apis.callers import Caller, caller
from infra.local.cloud import Cloud
from infra.local.services import kms


def routes(cloud: Cloud) -> list[BaseRoute]:
    """https://cloud.google.com/kms/docs/reference/rest, as far as programs sign."""

    async def sign(request: Request) -> Response:
        asks = caller(cloud, request.headers, request.scope.get("door"))
        return await run_in_threadpool(_signed, asks, str(request.path_params["version"]), await request.json())

    return [Route("/v1/{version:path}:asymmetricSign", sign, methods=["POST"])]


def _signed(asks: Caller, version: str, body: dict[str, Any]) -> Response:
    """Raises Denied, and Refused for a key that is not there."""
    key, project = version.partition("/cryptoKeyVersions/")[0], version.split("/")[1]
    asks.require(iam.KEY_SIGN, version, f"key:{key.rpartition('/')[2]}", f"project:{project}")
    signature = kms.sign(asks.cloud, version, b64decode(body["digest"]["sha256"]))
    return JSONResponse({"name": version, "signature": b64encode(signature).decode()})
