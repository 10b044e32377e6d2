"""What the answers to real callers were, by revision: Cloud Monitoring tells in the cloud, each instance's own /metrics
on this machine. The example orders of a canary are sent between the windows that are counted."""

import re
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from delivery.asking import ask
from delivery.comparing import Counts
from delivery.errors import DeliveryError
from delivery.stack import Stack, on_google_cloud
from delivery.tokens import google_headers
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.supervisor import client

MONITORING = "https://monitoring.googleapis.com"
MINUTE = 60
_LINE = re.compile(r"^(orderguard_[a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Callers(Protocol):
    """Counts what real callers got while a window is open. Every method raises `DeliveryError` where it can't ask."""

    def open(self) -> None:
        """From now on answers count."""

    def counts(self, revision: str) -> Counts:
        """What a revision answered in all windows up to now."""

    def close(self) -> None:
        """From now on they don't."""


def callers_of(stack: Stack, service: str) -> Callers:
    """What tells of the callers of this stack's service."""
    if on_google_cloud(stack.environment):
        return Monitoring(stack.setting("project", "gcp"), service, service.removesuffix("-scorer"))
    return OwnMetrics(Cloud(home_from(stack.environment), stack.name), service)


@dataclass
class OwnMetrics:
    """`/metrics` of each revision's instances, asked past the front. What an instance had counted when it was last
    asked stays counted after its end.
    """

    cloud: Cloud
    service: str
    _seen: dict[tuple[str, int], Counts] = field(default_factory=dict)
    """Revision and process → the newest counts."""
    _before: dict[tuple[str, int], Counts] = field(default_factory=dict)
    _counted: dict[str, Counts] = field(default_factory=dict)
    _is_open: bool = False

    def open(self) -> None:
        self._look()
        self._before, self._is_open = dict(self._seen), True

    def counts(self, revision: str) -> Counts:
        counted = self._counted.get(revision, Counts())
        if self._is_open:
            self._look()
            for key, now in self._seen.items():
                if key[0] == revision:
                    counted = _plus(counted, _minus(now, self._before.get(key, Counts())))
        return counted

    def close(self) -> None:
        self._counted = {name: self.counts(name) for name in {*self._counted, *(name for name, _ in self._seen)}}
        self._is_open = False

    def _look(self) -> None:
        for service in client.request(self.cloud, {"do": "status"})["services"]:
            for revision in service["revisions"] if service["name"] == self.service else ():
                for one in revision["instances"]:
                    if one["ready"] and (counts := _read(one["port"])):
                        self._seen[revision["name"], one["pid"]] = counts


def _read(port: int) -> Counts | None:
    """None where the instance has just ended."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/metrics", timeout=10
        ) as answer:
            return counted(answer.read().decode())
    except OSError:
        return None


def counted(text: str) -> Counts:
    """What a service's own metrics say of requests under /v1/, in Prometheus' text format."""
    requests = failed = orders = anomalies = 0
    reached: dict[float, int] = {}
    for name, words, number in _LINE.findall(text):
        labels, value = dict(_LABEL.findall(words)), int(float(number))
        if name in ("orderguard_requests_total", "orderguard_request_seconds_bucket"):
            if not labels["route"].startswith("/v1/"):
                continue
            if name == "orderguard_requests_total":
                requests += value
                failed += value if labels["status"].startswith("5") else 0
            else:
                bound = float(labels["le"].replace("+Inf", "inf"))
                reached[bound] = reached.get(bound, 0) + value
        elif name == "orderguard_orders_scored_total":
            orders += value
        elif name == "orderguard_anomalies_total":
            anomalies += value
    seconds, before = {}, 0
    for bound, sofar in sorted(reached.items()):  # Prometheus' buckets hold all below their bound
        seconds[bound], before = sofar - before, sofar
    return Counts(requests, failed, orders, anomalies, seconds)


def _plus(one: Counts, other: Counts) -> Counts:
    bounds = {*one.seconds, *other.seconds}
    return Counts(
        one.requests + other.requests,
        one.failed + other.failed,
        one.orders + other.orders,
        one.anomalies + other.anomalies,
        {bound: one.seconds.get(bound, 0) + other.seconds.get(bound, 0) for bound in bounds},
    )


def _minus(now: Counts, before: Counts) -> Counts:
    """What came since."""
    return Counts(
        now.requests - before.requests,
        now.failed - before.failed,
        now.orders - before.orders,
        now.anomalies - before.anomalies,
        {bound: count - before.seconds.get(bound, 0) for bound, count in now.seconds.items()},
    )


@dataclass
class Monitoring:
    """Cloud Monitoring: Cloud Run's own metrics of a service, and the two that the stack makes of its log lines.

    It counts by the minute, and tells after two or three: each look asks for all windows again.
    """

    project: str
    service: str
    prefix: str
    address: str = MONITORING
    _windows: list[tuple[int, int]] = field(default_factory=list)
    _opened: float | None = None

    def open(self) -> None:
        self._opened = time.time()

    def counts(self, revision: str) -> Counts:
        windows = [*self._windows, *([_minutes(self._opened, time.time())] if self._opened is not None else [])]
        found = Counts()
        for window in windows:
            if window[1] > window[0]:
                found = _plus(found, self._in(window, revision))
        return found

    def close(self) -> None:
        if self._opened is not None:
            self._windows.append(_minutes(self._opened, time.time()))
        self._opened = None

    def _in(self, window: tuple[int, int], revision: str) -> Counts:
        classes = self._series("run.googleapis.com/request_count", window, revision, "metric.label.response_code_class")
        by_class = {
            str(one.get("metric", {}).get("labels", {}).get("response_code_class", "")): _whole(one) for one in classes
        }
        orders, anomalies = (
            sum(map(_whole, self._series(f"logging.googleapis.com/user/{self.prefix}-{name}", window, revision)))
            for name in ("scored-orders", "anomalies")
        )
        seconds: dict[float, int] = {}
        for one in self._series("run.googleapis.com/request_latencies", window, revision):
            for bound, count in _durations(one):
                seconds[bound] = seconds.get(bound, 0) + count
        return Counts(sum(by_class.values()), by_class.get("5xx", 0), orders, anomalies, seconds)

    def _series(self, metric: str, window: tuple[int, int], revision: str, by: str = "") -> list[Mapping[str, Any]]:
        of = f'resource.label.service_name = "{self.service}" AND resource.label.revision_name = "{revision}"'
        begin, end = window
        query = {
            "filter": f'metric.type = "{metric}" AND resource.type = "cloud_run_revision" AND {of}',
            "interval.startTime": _moment(begin),
            "interval.endTime": _moment(end),
            "aggregation.alignmentPeriod": f"{end - begin}s",
            "aggregation.perSeriesAligner": "ALIGN_DELTA",
            "aggregation.crossSeriesReducer": "REDUCE_SUM",
            **({"aggregation.groupByFields": by} if by else {}),
        }
        path = f"/v3/projects/{self.project}/timeSeries?{urlencode(query)}"
        status, found = ask(self.address, path, google_headers())
        if status == 404:  # no log line has made the metric yet
            return []
        if status != 200:
            raise DeliveryError(f"Cloud Monitoring answered {status or 'nothing'} {found.get('error', '')}")
        return list(found.get("timeSeries", []))


def _minutes(begin: float, end: float) -> tuple[int, int]:
    """The whole minutes between two moments."""
    return int(-(-begin // MINUTE) * MINUTE), int(end // MINUTE * MINUTE)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _whole(series: Mapping[str, Any]) -> int:
    return sum(int(point["value"].get("int64Value", 0)) for point in series.get("points", ()))


def _durations(series: Mapping[str, Any]) -> list[tuple[float, int]]:
    """Upper bound in seconds and count of each bucket of a distribution in milliseconds. Its first bucket lies below
    all bounds, its last above them: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TypedValue."""
    found = []
    for point in series.get("points", ()):
        value = point["value"].get("distributionValue", {})
        options = value.get("bucketOptions", {})
        if growing := options.get("exponentialBuckets"):
            count = int(growing["numFiniteBuckets"]) + 1
            bounds = [growing["scale"] * growing["growthFactor"] ** number for number in range(count)]
        else:
            bounds = list(options.get("explicitBuckets", {}).get("bounds", ()))
        uppers = [bound / 1000 for bound in bounds] + [float("inf")]
        found += [(upper, int(count)) for upper, count in zip(uppers, value.get("bucketCounts", ()))]
    return found
