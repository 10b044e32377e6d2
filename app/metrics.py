"""What /metrics shows. Labels hold route templates, states and feature names only: never anything of an order."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SCORES = tuple(step / 20 for step in range(1, 21))
DIFFERENCES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Spread:
    """How often values fell between bounds: plain numbers, since each request adds to some of them."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Show the counts as Prometheus' cumulative buckets."""
        names = [*map(str, self._bounds), "+Inf"]
        family.add_metric(labels, list(zip(names, accumulate(self._counts), strict=True)), self._sum)


class Spreads(Collector):
    """A histogram that is put together when somebody looks; `labels` are the names of its labels."""

    def __init__(self, name: str, about: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        self._head = name, about, labels
        self._bounds = bounds
        self._spreads: dict[tuple[str, ...], Spread] = {} if labels else {(): Spread(bounds)}

    def labels(self, *values: str) -> Spread:
        """The counts for these values of the labels."""
        return self._spreads.setdefault(values, Spread(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What the registry asks for."""
        name, about, labels = self._head
        family = HistogramMetricFamily(name, about, labels=labels)
        for values, spread in self._spreads.items():
            spread.add_to(family, values)
        yield family


class Metrics:
    """The service's counters, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "orderguard_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self.seconds = Spreads("orderguard_request_seconds", "Time to answer, in seconds", SECONDS, ["route"])
        registry.register(self.seconds)
        self.shed = Counter("orderguard_requests_shed", "Requests turned away under load", registry=registry)
        self.orders = Counter("orderguard_orders_scored", "Orders scored", ["route"], registry=registry)
        self.invalid_orders = Counter("orderguard_orders_invalid", "Orders refused", ["route"], registry=registry)
        self.repairs = Counter(
            "orderguard_order_repairs", "What was done to read orders", ["field", "reason"], registry=registry
        )
        self.apart = Counter("orderguard_orders_apart", "What was no order to score", ["kind"], registry=registry)
        self.anomalies = Counter("orderguard_anomalies", "Orders found anomalous", registry=registry)
        self.decisions = Counter(
            "orderguard_decisions", "Orders by who decided, where there are rules", ["by"], registry=registry
        )
        self.rules_met = Counter(
            "orderguard_rules_met", "Orders that met a rule or a list", ["rule", "mode"], registry=registry
        )
        self.rule_failures = Counter(
            "orderguard_rule_failures", "Orders for which a rule could not be evaluated", ["rule"], registry=registry
        )
        scores = Spreads("orderguard_score", "Anomaly scores", SCORES)
        registry.register(scores)
        self.scores = scores.labels()
        self.history = Counter(
            "orderguard_history", "Orders by the state of the customer's history", ["state"], registry=registry
        )
        self.history_away = Gauge("orderguard_history_away", "1 while the history store is away", registry=registry)
        self.history_lost = Counter(
            "orderguard_history_lost",
            "Orders that the history store had counted and no longer knows",
            registry=registry,
        )
        self.model = Gauge("orderguard_model_info", "The model being served", ["version"], registry=registry)
        self.ready = Gauge("orderguard_ready", "1 when a model is loaded, checked and warm", registry=registry)
        self.model_failures = Counter("orderguard_model_refused", "Model versions refused", registry=registry)
        self.drift = Gauge("orderguard_drift_psi", "Rolling population stability index", ["feature"], registry=registry)
        self.drifted = Gauge("orderguard_drift_detected", "1 while the drift watch reports drift", registry=registry)
        self.drift_expected = Gauge(
            "orderguard_drift_expected", "1 while features move for an expected cause", registry=registry
        )
        self.questions = Counter(
            "orderguard_questions", "Questions answered", ["provider", "outcome", "fallback"], registry=registry
        )
        self.question_seconds = Histogram(
            "orderguard_question_seconds", "Time to answer a question, in seconds", buckets=SECONDS, registry=registry
        )
        self.alerts_kept = Counter(
            "orderguard_alerts", "Alerts of counted orders, by where they were kept", ["state"], registry=registry
        )
        self.alerts_open = Gauge("orderguard_alerts_open", "Alerts that nobody has closed", registry=registry)
        self.alerts_precision = Gauge(
            "orderguard_alerts_precision",
            "Share of the alerts of four weeks that were worth a look, of those with an outcome",
            ["by", "value"],
            registry=registry,
        )
        self.alerts_away = Gauge("orderguard_alerts_away", "1 while the alerts' database is away", registry=registry)
        self.lost_lines = Counter("orderguard_log_lines_lost", "Log lines that could not be written", registry=registry)
        self.shadow = Counter(
            "orderguard_shadow", "Orders that the challenger scored too", ["outcome"], registry=registry
        )
        self.shadow_difference = Histogram(
            "orderguard_shadow_difference",
            "Absolute difference of the challenger's score",
            buckets=DIFFERENCES,
            registry=registry,
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
