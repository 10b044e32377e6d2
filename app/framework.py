"""FastAPI's part of the service: the quiet routes and the documentation.

It takes longer to import than the rest of the service together. So nothing else imports this module, and `Later` builds
it once orders can be scored.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import openapi, problems
from app.access import is_openai
from app.desk.away import DeskAway
from app.desk.off import routes as without_desk
from app.converting import routes as converting_routes
from app.door import routes as door_routes
from app.example import routes as example_routes
from app.explaining import routes as explaining_routes
from app.forgetting import routes as forgetting_routes
from app.history import HistoryStore
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Models
from app.problems import FieldError, Problem
from app.rag.recording import recorder
from app.rag.routes import Knowledge
from app.rag.routes import routes as rag_routes
from app.rag.settings import RagSettings
from app.routes import routes
from app.scoring.service import Scoring
from app.settings import Settings
from app.store_state import HistoriesWatch
from orderguard.version import VERSION


class Settling(Protocol):
    """Who keeps alerts."""

    async def settled(self) -> None:
        """Wait until all that was kept is in the database. Raises `DeskAway`."""


STATIC = Path(__file__).parent / "static"


def framework(
    settings: Settings,
    rag: RagSettings,
    models: Models,
    store: HistoryStore | None,
    watch: HistoriesWatch,
    scoring: Scoring,
    metrics: Metrics,
    logs: LogWriter,
    keeper: Settling | None = None,
) -> FastAPI:
    """The application that answers all routes but those of `app.scoring`, and documents all."""
    # A redirect to the path without its last slash would name the scheme and host that the client claimed.
    app = FastAPI(
        title="orderguard", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.include_router(routes(settings, models, store, watch, scoring, metrics))
    app.include_router(door_routes(settings))
    app.include_router(explaining_routes(scoring))
    app.include_router(example_routes(scoring))
    app.include_router(converting_routes(scoring))
    knowledge = Knowledge(scoring)
    app.include_router(rag_routes(rag, scoring, recorder(metrics, logs), knowledge))
    _add_desk(app, settings, scoring, knowledge, keeper)
    app.mount("/static", StaticFiles(directory=STATIC))
    for error, handler in (
        (HTTPException, _framework_problem),
        (RequestValidationError, _validation_problem),
        (Problem, _problem),
        (Exception, _internal_problem),
    ):
        app.add_exception_handler(error, handler)
    openapi.install(app)
    return app


def _add_desk(
    app: FastAPI, settings: Settings, scoring: Scoring, knowledge: Knowledge, keeper: Settling | None
) -> None:
    """The desk's routes, and the way to be forgotten. Without alerts the database's library is not imported."""
    if keeper is None:
        app.include_router(without_desk())
        app.include_router(forgetting_routes(scoring))
        return
    from app.desk.desk import Desk
    from app.desk.detail import Details
    from app.desk.identity import Identity
    from app.desk.routes import routes as desk_routes

    desk = Desk(settings, scoring.keyring)

    async def forget(customers: Sequence[str], orders: Sequence[str]) -> tuple[int, int]:
        try:
            await keeper.settled()  # or what is on its way would come after
        except DeskAway:
            raise Problem("alerts-away", headers={"Retry-After": "5"}) from None
        return await desk.forget(customers, orders)

    app.include_router(desk_routes(desk, Identity(settings), Details(desk, scoring, knowledge)))
    app.include_router(forgetting_routes(scoring, forget))


def _answer(request: Request, problem: Problem) -> Response:
    exchange = request.scope["state"]["exchange"]
    document = problem.document(exchange.request_id, openai=is_openai(exchange.path))
    return Response(document, problem.status, problem.headers, problems.MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _framework_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return _answer(request, problems.of_status(error.status_code, headers))


async def _validation_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(FieldError(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
    return _answer(request, Problem("invalid-request", errors=errors))


async def _internal_problem(request: Request, error: Exception) -> Response:
    return _answer(request, Problem("internal"))
