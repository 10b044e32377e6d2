"""The routes that are asked now and then: model, features, drift, health, metrics, documentation and the page."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from app import docs_page, openapi, past_cases
from app.contract import Health, Readiness
from app.drift_watch import DriftAnswer
from app.history import HistoryStore
from app.metrics import MEDIA_TYPE, Metrics
from app.models import Models
from app.problems import Problem
from app.scoring.service import Scoring
from app.settings import Settings
from app.store_state import HistoriesWatch
from orderguard.model_version import DataFile
from orderguard.features import FEATURE_SET_VERSION, FEATURES
from orderguard.model_version import Undecided

STATIC = Path(__file__).parent / "static"


class FeatureAnswer(msgspec.Struct, frozen=True):
    """A feature that the model looks at."""

    name: str
    meaning: str
    unit: str
    group: str


class FeaturesAnswer(msgspec.Struct, frozen=True):
    """The feature set, in the order of the vector."""

    feature_set_version: str
    features: list[FeatureAnswer]


class ModelAnswer(msgspec.Struct, frozen=True):
    """The version that is served and where it comes from. `undecided` are the figures of its gates that there were too
    few orders for, and what would decide them. `refused` says which versions could not be used, and why. `past_cases`
    says how many there are under which key, or why there are none.
    """

    version: str
    threshold: float
    commit: str | None
    tag: str | None
    data_sha256: str
    first_order: str
    last_order: str
    sample: bool
    feature_set_version: str
    parameters: dict[str, Any]
    metrics: dict[str, float]
    libraries: dict[str, str]
    data: list[DataFile]
    files: dict[str, str]
    score_distribution: dict[str, list[float]]
    undecided: list[Undecided]
    shadow_version: str | None
    refused: dict[str, str]
    history_store: str
    past_cases: str
    rules: dict[str, str | int] | None
    revision: str | None


def routes(
    settings: Settings,
    models: Models,
    store: HistoryStore | None,
    watch: HistoriesWatch,
    scoring: Scoring,
    metrics: Metrics,
) -> APIRouter:
    """The router of all of them."""
    router = APIRouter()

    @router.get("/v1/model", **openapi.answers(ModelAnswer, "The model that is served, and its lineage", "model"))
    async def model() -> Response:
        serving = models.serving
        if serving is None:
            raise Problem("not-ready", models.reason or "", headers={"Retry-After": "5"})
        manifest = serving.scorer.manifest
        found = await asyncio.to_thread(past_cases.find, settings.histories_dir, serving.version, settings.keyring)
        return _json(
            ModelAnswer(
                version=serving.version,
                threshold=manifest.threshold,
                commit=manifest.commit,
                tag=manifest.tag,
                data_sha256=manifest.data_sha256,
                first_order=manifest.first_order,
                last_order=manifest.last_order,
                sample=manifest.sample,
                feature_set_version=manifest.feature_set_version,
                parameters=manifest.parameters,
                metrics=manifest.metrics,
                libraries=manifest.libraries,
                data=manifest.data,
                files=manifest.files,
                undecided=manifest.undecided,
                score_distribution=serving.drift.score_distribution(),
                shadow_version=models.shadow.version if models.shadow else None,
                refused=models.refused,
                history_store=store.name if store else "off",
                past_cases=found.told,
                rules=scoring.deciding.description() if scoring.deciding else None,
                revision=settings.revision,
            )
        )

    @router.get("/v1/features", **openapi.answers(FeaturesAnswer, "The features and what they mean", "model"))
    async def features() -> Response:
        listed = [FeatureAnswer(f.name, f.meaning, f.unit, f.group) for f in FEATURES]
        return _json(FeaturesAnswer(FEATURE_SET_VERSION, listed))

    @router.get("/v1/drift", **openapi.answers(DriftAnswer, "Recent orders against the reference set", "model"))
    async def drift() -> Response:
        serving = models.serving
        if serving is None:
            raise Problem("not-ready", models.reason or "", headers={"Retry-After": "5"})
        await watch.look()
        report = await asyncio.to_thread(serving.drift.report, watch.state)
        return _json(serving.drift.answer(report, serving.version, watch.answer(report)))

    # Cloud Run keeps paths that end in z from callers outside: they ask /health and /ready, probes inside the others.
    @router.get("/health", include_in_schema=False)
    @router.get("/healthz", **openapi.answers(Health, "The process is up", "operations"))
    async def healthz() -> Response:
        return _json(Health("ok"))

    @router.get("/ready", include_in_schema=False)
    @router.get("/readyz", **openapi.answers(Readiness, "Whether orders can be scored", "operations", unready=True))
    async def readyz() -> Response:
        ready = models.serving is not None
        version = models.serving.version if models.serving else None
        return _json(
            Readiness(ready, version, None if ready else models.reason, settings.revision), 200 if ready else 503
        )

    @router.get("/metrics", **openapi.text("Counters in Prometheus' text format", "operations"))
    async def prometheus() -> Response:
        return Response(metrics.text(), media_type=MEDIA_TYPE.decode())

    @router.get("/openapi.json", include_in_schema=False)
    async def document(request: Request) -> Response:
        return _json(request.app.openapi())

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return Response(docs_page.page(request.app.openapi()), media_type="text/html")

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    return router


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
