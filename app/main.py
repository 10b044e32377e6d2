"""Put the service together: `create_app(settings)` is the ASGI application that `python -m app` serves."""

import asyncio
from contextlib import suppress

from app.drift_watch import REPORT_SECONDS
from app.edge import JSON_TYPES, NDJSON_TYPES, DirectRoute, Edge
from app.exchange import Application
from app.history import HistoryUnavailable, store_of
from app.history.watch import StoreWatch
from app.later import Later
from app.logs import DriftLine, LogWriter
from app.memory import return_memory, settle_memory
from app.metrics import Metrics
from app.models import Models
from app.rag.settings import RagSettings
from app.scoring.answers import warm
from app.scoring.deciding import Deciding
from app.scoring.handlers import BATCH, ONE, STREAM, Handlers
from app.scoring.service import Scoring
from app.settings import Settings
from app.store_state import HistoriesWatch
from orderguard.drift import DriftReport


def create_app(settings: Settings, rag: RagSettings | None = None, logs: LogWriter | None = None) -> Edge:
    """The whole service. `rag` settles who words the answers of /v1/ask; `logs` defaults to standard output."""
    logs = logs or LogWriter(settings.log_level)
    metrics = Metrics()
    logs.on_lost(metrics.lost_lines.inc)
    models = Models(settings, logs, metrics, warm)
    store = store_of(settings, StoreWatch(metrics, logs))
    deciding = Deciding(settings, metrics, logs)
    scoring = Scoring(settings.keyring, models, store, metrics, logs, settings.histories_dir, deciding)
    watch = HistoriesWatch(store, settings.keyring, settings.history_ttl_days)
    tasks: list[asyncio.Task[None]] = []

    keeper = None
    if settings.alerts_url != "off":
        # A service that keeps no alerts does without; the database's library comes later, in a thread.
        from app.desk.keeper import Keeper

        keeper = Keeper(settings, logs, metrics)
    handlers = Handlers(settings, scoring, metrics, logs, keeper)
    hooks = None
    if settings.serve == "hooks":
        # A service that serves the rest does without them.
        from app.hooks.serving import HooksAlone

        hooks = HooksAlone(settings, models, store, scoring, handlers, metrics, logs)

    def build() -> Application:
        try:
            if hooks is not None:
                return hooks.application
            from app.framework import framework

            return framework(settings, rag or RagSettings(), models, store, watch, scoring, metrics, logs, keeper)
        finally:
            settle_memory()

    later = Later(build)

    async def complete() -> None:
        await models.looked.wait()
        if keeper is not None:
            keeper.start()
        try:
            await later.built()
        except Exception as error:
            logs.failure(error)

    async def start() -> None:
        await models.start()
        if hooks is not None:
            await hooks.telling.start()
        if store is not None:
            with suppress(HistoryUnavailable):
                await store.take([], record=False)  # so that no order waits for a connection, or for a script
        tasks.extend(asyncio.create_task(work) for work in (watch_drift(models, watch, logs, metrics), complete()))

    async def stop() -> None:
        for task in tasks:
            task.cancel()
        if hooks is not None:
            await hooks.telling.stop()
        await models.stop()
        if keeper is not None:
            await keeper.stop()
        if store is not None:
            await store.close()
        logs.flush()

    if hooks is not None:
        routes = hooks.routes
    else:
        routes = [
            DirectRoute(ONE, JSON_TYPES, handler=handlers.score),
            DirectRoute(BATCH, JSON_TYPES, handler=handlers.batch),
            DirectRoute(STREAM, NDJSON_TYPES, stream=handlers.stream),
        ]
    return Edge(later, routes, settings, logs, metrics, start, stop)


def _drift_in_words(report: DriftReport) -> str:
    if report.drifted:
        return "Recent orders differ from the reference."
    return "Recent orders differ as is expected with time." if report.expected else "No drift is seen."


async def watch_drift(models: Models, watch: HistoriesWatch, logs: LogWriter, metrics: Metrics) -> None:
    """Compare recent orders with the reference every half minute, publish the result, and return free memory."""
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        await asyncio.to_thread(return_memory)
        model = models.serving
        if model is None:
            continue
        try:
            if await watch.look():
                logs.service("WARNING", "history", "The store of histories has lost its records: make seed-histories.")
            report = await asyncio.to_thread(model.drift.report, watch.state)
        except Exception as error:
            logs.failure(error, event="drift")
            continue
        for variable in (*report.variables, *report.presence):
            metrics.drift.labels(variable.name).set(variable.psi)
        metrics.drifted.set(report.drifted)
        metrics.drift_expected.set(report.expected)
        if model.drift.record(report, logs.now()):
            logs.write(
                DriftLine(
                    severity="WARNING" if report.drifted else "INFO",
                    time=logs.now(),
                    event="drift",
                    message=_drift_in_words(report),
                    drifted=report.drifted,
                    psi={variable.name: variable.psi for variable in report.moved("unexpected")},
                    expected={variable.name: str(variable.cause) for variable in report.moved("expected")},
                    orders=report.rows,
                    model_version=model.version,
                )
            )
