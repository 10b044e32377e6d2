"""What a service answers under the desk's routes that keeps no alerts."""

from fastapi import APIRouter
from starlette.responses import Response

from app.problems import Problem

PATHS = (
    *("/v1/alerts", "/v1/alerts.csv", "/v1/alerts/{rest:path}"),
    *("/v1/outcomes", "/v1/outcomes.ndjson", "/v1/precision"),
)


def routes() -> APIRouter:
    """The router of all of them. None is documented: there is nothing behind them."""
    router = APIRouter()

    @router.get("/v1/me", include_in_schema=False)
    async def me() -> Response:
        return Response(b'{"name":null,"source":"none","alerts":false}', media_type="application/json")

    async def off() -> Response:
        raise Problem("not-found", "alerts are off: set ALERTS_URL")

    for path in PATHS:
        router.add_api_route(path, off, methods=["GET", "POST"], include_in_schema=False)
    return router
