"""The dashboard of a stack."""

import json
from collections.abc import Sequence

import pulumi

from infra.alerts import Watched
from infra.config import Settings

WIDTH, HEIGHT, COLUMNS = 24, 16, 48


def dashboard(settings: Settings, watched: Watched) -> pulumi.Output[str]:
    """The dashboard's JSON: traffic, errors, latency, instances, orders and anomalies, drift, trainings; memory and
    losses of the store of histories, and webhooks by what became of them, where there are any.
    """
    names = (watched.service, watched.job, watched.scored, watched.anomalies, watched.drift)
    filters = [watched.store[metric] for metric in ("memory", "evictions")] if watched.store else []
    shown = pulumi.Output.all(*names, watched.deliveries or "", *filters)
    return shown.apply(lambda found: _document(settings, *(str(one) for one in found)))


def _document(
    settings: Settings,
    service: str,
    job: str,
    scored: str,
    anomalies: str,
    drift: str,
    deliveries: str,
    *of_store: str,
) -> str:
    run = (
        f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}"'
        ' AND metric.type="run.googleapis.com'
    )
    user = 'resource.type="cloud_run_revision" AND metric.type="logging.googleapis.com/user'
    runs = (
        f'resource.type="cloud_run_job" AND resource.labels.job_name="{job}"'
        ' AND metric.type="run.googleapis.com/job/completed_execution_count"'
    )
    charts = [
        _chart(
            "Requests by answer", [_series(f'{run}/request_count"', "ALIGN_RATE", "metric.label.response_code_class")]
        ),
        _chart("Answer time, 99th percentile (ms)", [_series(f'{run}/request_latencies"', "ALIGN_PERCENTILE_99")]),
        _chart("Instances", [_series(f'{run}/container/instance_count"', "ALIGN_MAX")]),
        _chart(
            "Orders scored, and anomalies among them",
            [_series(f'{user}/{scored}"', "ALIGN_RATE"), _series(f'{user}/{anomalies}"', "ALIGN_RATE")],
        ),
        _chart("Reports of drift", [_series(f'{user}/{drift}"', "ALIGN_DELTA")]),
        _chart("Trainings by result", [_series(runs, "ALIGN_DELTA", "metric.label.result")]),
    ]
    if deliveries:
        hooks = _series(f'{user}/{deliveries}"', "ALIGN_DELTA", "metric.label.outcome")
        charts.append(_chart("Webhooks by what became of them", [hooks]))
    if of_store:
        memory, evicted = of_store
        charts += [
            _chart("Memory of the store of histories (share)", [_series(memory, "ALIGN_MAX")]),
            _chart("Histories that it dropped", [_series(evicted, "ALIGN_DELTA")]),
        ]
    tiles = [_tile(place, chart) for place, chart in enumerate(charts)]
    document = {
        "displayName": settings.name(),
        "labels": {key: "" for key in (settings.environment, settings.team)},
        "mosaicLayout": {"columns": COLUMNS, "tiles": tiles},
    }
    return json.dumps(document, sort_keys=True)


def _tile(place: int, chart: dict[str, object]) -> dict[str, object]:
    corner = {"xPos": place * WIDTH % COLUMNS, "yPos": place * WIDTH // COLUMNS * HEIGHT}
    # Google answers without zeros and empty lists: with them each refresh would find a difference.
    return {"width": WIDTH, "height": HEIGHT, "widget": chart, **{axis: at for axis, at in corner.items() if at}}


def _chart(title: str, series: Sequence[object]) -> dict[str, object]:
    return {"title": title, "xyChart": {"dataSets": list(series)}}


def _series(metric: str, aligner: str, by: str | None = None) -> dict[str, object]:
    reducer = "REDUCE_MAX" if aligner in ("ALIGN_PERCENTILE_99", "ALIGN_MAX") else "REDUCE_SUM"
    aggregation = {
        "alignmentPeriod": "60s",
        "perSeriesAligner": aligner,
        "crossSeriesReducer": reducer,
        **({"groupByFields": [by]} if by else {}),
    }
    return {"plotType": "LINE", "timeSeriesQuery": {"timeSeriesFilter": {"filter": metric, "aggregation": aggregation}}}
