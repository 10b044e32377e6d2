"""Puts the service together: `create_app(settings)` is the ASGI application that `python -m app` serves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import openapi, problems
from app.direct import DirectHandlers
from app.drift_watch import REPORT_SECONDS
from app.edge import JSON_TYPES, NDJSON_TYPES, DirectRoute, Edge
from app.express import ExpressLane
from app.history import open_store
from app.logs import DriftLine, LogWriter
from app.metrics import Metrics
from app.models import Models
from app.problems import FieldError, Problem
from app.rag.recording import recorder
from app.rag.routes import routes as rag_routes
from app.rag.settings import RagSettings
from app.routes import routes
from app.scoring import Scoring, warm
from app.settings import Settings

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings, rag: RagSettings | None = None, logs: LogWriter | None = None) -> Edge:
    """The whole service. `rag` settles who words the answers of /v1/ask; `logs` defaults to standard output."""
    logs = logs or LogWriter(settings.log_level)
    metrics = Metrics()
    models = Models(settings, logs, metrics, warm)
    store = open_store(settings.history_url, settings.history_ttl_days)
    scoring = Scoring(settings.keyring, models, store, metrics, logs)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await models.start()
        watch = asyncio.create_task(watch_drift(models, logs, metrics))
        yield
        watch.cancel()
        await models.stop()
        if store is not None:
            await store.close()
        logs.flush()

    app = FastAPI(title="orderguard", version="1", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.include_router(routes(settings, models, store, metrics))
    app.include_router(rag_routes(rag or RagSettings(), scoring, recorder(metrics, logs)))
    app.mount("/static", StaticFiles(directory=STATIC))
    for error, handler in (
        (HTTPException, _framework_problem),
        (RequestValidationError, _validation_problem),
        (Problem, _problem),
        (Exception, _internal_problem),
    ):
        app.add_exception_handler(error, handler)
    openapi.install(app)

    direct = DirectHandlers(settings, scoring, metrics, logs)
    one = DirectRoute("/v1/score", JSON_TYPES, handler=direct.score)
    others = [
        DirectRoute("/v1/score/batch", JSON_TYPES, handler=direct.batch),
        DirectRoute("/v1/score/stream", NDJSON_TYPES, stream=direct.stream),
    ]
    edge = Edge(app, [one, *others], settings, logs, metrics)
    if store is None or store.immediate:
        edge.express = ExpressLane(one, edge, direct, scoring, settings.max_concurrency)
    return edge


async def watch_drift(models: Models, logs: LogWriter, metrics: Metrics) -> None:
    """Compare recent orders with the reference every half minute, and publish the result."""
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        model = models.serving
        if model is None:
            continue
        try:
            report = await asyncio.to_thread(model.drift.report)
        except Exception as error:
            logs.failure(error, event="drift")
            continue
        for variable in report.variables:
            metrics.drift.labels(variable.name).set(variable.psi)
        metrics.drifted.set(report.drifted)
        if model.drift.record(report, logs.now()):
            moved = {variable.name: variable.psi for variable in report.variables if variable.drifted}
            logs.write(
                DriftLine(
                    severity="WARNING" if report.drifted else "INFO",
                    time=logs.now(),
                    event="drift",
                    message="Recent orders differ from the reference." if report.drifted else "No drift is seen.",
                    drifted=report.drifted,
                    psi=moved,
                    orders=report.rows,
                    model_version=model.version,
                )
            )


def _answer(request: Request, problem: Problem) -> Response:
    document = problem.document(request.scope["state"]["exchange"].request_id)
    return Response(document, problem.status, problem.headers, problems.MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _framework_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, problems.of_status(error.status_code, dict(error.headers or {})))


async def _validation_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(FieldError(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
    return _answer(request, Problem("invalid-request", errors=errors))


async def _internal_problem(request: Request, error: Exception) -> Response:
    return _answer(request, Problem("internal"))
