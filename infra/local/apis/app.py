"""The HTTP side of a stack's interfaces: Google's own paths, and before them, where somebody was given an address of
one's own, `/i/DOOR`, which says who asks.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local.apis import kms, metadata, secretmanager, storage
from infra.local.apis.callers import Caller, Denied, Unauthenticated, caller
from infra.local.apis.rpc import routes as routes_of
from infra.local.apis.pubsub import methods
from infra.local.apis.identity import ISSUER, Identity, behind, public_keys
from infra.local.cloud import Cloud
from infra.local.provider.resource import Refused

DOORS = "/i/"
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


def make_app(cloud: Cloud) -> ASGIApp:
    """All interfaces of a stack."""
    routes: list[BaseRoute] = [
        *metadata.routes(cloud),
        *kms.routes(cloud),
        routes_of([*secretmanager.RPCS, *methods.PUBLISHES, *methods.PULLS], asking, error),
        Route("/oauth2/v3/certs", lambda _: JSONResponse(public_keys(cloud))),
        Route("/.well-known/openid-configuration", _discovery),
        *storage.routes(cloud),  # takes every other address, since it begins with the name of a bucket
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Unauthenticated: lambda _, problem: error(401, str(problem)),
            Denied: lambda _, problem: error(403, str(problem)),
            Refused: lambda _, problem: error(404, str(problem)),
            404: lambda _, problem: error(404, "The local cloud has no such interface."),
        },
    )
    app.state.cloud = cloud
    return _Doors(app, cloud)


def asking(request: Request) -> Caller:
    """Who sent a request. Raises Unauthenticated for a token that is none."""
    return caller(request.app.state.cloud, request.headers, request.scope.get("door"))


def error(status: int, message: str) -> Response:
    """An error as Google's interfaces state it (google.rpc.Status in JSON)."""
    said = {"code": status, "message": message, "status": _STATUSES.get(status, "UNKNOWN")}
    return JSONResponse({"error": said}, status)


def _discovery(request: Request) -> Response:
    """OpenID Connect's discovery document: where a verifier finds the keys."""
    keys = f"{request.base_url}oauth2/v3/certs"
    return JSONResponse({"issuer": ISSUER, "jwks_uri": keys, "id_token_signing_alg_values_supported": ["RS256"]})


class _Doors:
    """Takes `/i/DOOR` for the root of what follows, and notes whose it is: `scope["door"]`."""

    def __init__(self, app: ASGIApp, cloud: Cloud) -> None:
        self._app, self._cloud = app, cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(DOORS):
            door = scope["path"][len(DOORS) :].partition("/")[0]
            found: Identity | None = behind(self._cloud, door)
            if found is None:
                await error(404, "Nobody was given this address.")(scope, receive, send)
                return
            scope = {**scope, "root_path": f"{DOORS}{door}", "door": found}
        await self._app(scope, receive, send)
