"""What the team is alerted to, as a table: the condition, and what to do about it.

No condition is a threshold on a log metric: Cloud Monitoring refuses one until it has heard of the metric, up to ten
minutes after a first `up` has made it. Lines are matched in the log itself, and a share of lines is a PromQL query,
whose metrics need not be there yet.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_gcp as gcp

from infra.config import Settings
from infra.predictions import lines_of

Arguments = gcp.monitoring.AlertPolicyConditionArgsDict
Strategy = gcp.monitoring.AlertPolicyAlertStrategyArgsDict
Threshold = gcp.monitoring.AlertPolicyConditionConditionThresholdArgsDict
Aggregation = gcp.monitoring.AlertPolicyConditionConditionThresholdAggregationArgsDict
DenominatorAggregation = gcp.monitoring.AlertPolicyConditionConditionThresholdDenominatorAggregationArgsDict

FIVE_MINUTES = "300s"
HOUR, DAY = "3600s", "86400s"
# Share of its memory from which Google advises more: a snapshot and a failover need room.
FULL = 0.8


@dataclass(frozen=True)
class Watched:
    """The names in Google Cloud of what is watched: the service, the job, log metrics, the uptime check, the
    subscription to rotation reminders, the service that takes webhooks and the log metric of its deliveries (where
    there is one), what the names of backfills begin with (empty without); and filters, for the lines that report drift
    and for each metric of the store of histories.
    """

    service: pulumi.Output[str]
    job: pulumi.Output[str]
    scored: pulumi.Output[str]
    anomalies: pulumi.Output[str]
    drift: pulumi.Output[str]
    drift_lines: pulumi.Output[str]
    uptime_check: pulumi.Output[str]
    reminders: pulumi.Output[str] | None
    store: Mapping[str, pulumi.Output[str]]
    hooks: pulumi.Output[str] | None = None
    deliveries: pulumi.Output[str] | None = None
    backfills: str = ""


@dataclass(frozen=True)
class Lines:
    """One line or more that this logging filter lets through."""

    filter: pulumi.Input[str]


@dataclass(frozen=True)
class Query:
    """This PromQL query has a result."""

    text: pulumi.Output[str]


@dataclass(frozen=True)
class Condition:
    """When to alert, and what the person who is woken should do."""

    title: str
    test: Threshold | Lines | Query
    advice: str
    severity: Literal["CRITICAL", "ERROR", "WARNING"]

    @property
    def arguments(self) -> Arguments:
        """The condition as Cloud Monitoring takes it."""
        if isinstance(self.test, Lines):
            return {"display_name": self.title, "condition_matched_log": {"filter": self.test.filter}}
        if isinstance(self.test, Query):
            query: gcp.monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgsDict = {
                "query": self.test.text,
                "evaluation_interval": "60s",
                "disable_metric_validation": True,
            }
            return {"display_name": self.title, "condition_prometheus_query_language": query}
        return {"display_name": self.title, "condition_threshold": self.test}

    @property
    def strategy(self) -> Strategy:
        """When to be quiet again. Matched lines need a limit on how often they notify; nothing else may have one."""
        limit: Strategy = {"notification_rate_limit": {"period": HOUR}} if isinstance(self.test, Lines) else {}
        return {"auto_close": DAY, **limit}


def alert_conditions(settings: Settings, watched: Watched) -> dict[str, Condition]:
    """The stack's alert policies by their resource name."""
    service = watched.service.apply(
        lambda name: f'resource.type="cloud_run_revision" AND resource.labels.service_name="{name}"'
    )
    requests = pulumi.Output.concat(service, ' AND metric.type="run.googleapis.com/request_count"')
    latencies = pulumi.Output.concat(service, ' AND metric.type="run.googleapis.com/request_latencies"')
    failures = pulumi.Output.concat(requests, ' AND metric.labels.response_code_class="5xx"')
    failed_runs = watched.job.apply(
        lambda name: f'resource.type="cloud_run_job" AND resource.labels.job_name="{name}"'
        ' AND metric.type="run.googleapis.com/job/completed_execution_count" AND metric.labels.result="failed"'
    )
    passed_checks = watched.uptime_check.apply(
        lambda check: 'resource.type="uptime_url" AND metric.type="monitoring.googleapis.com/uptime_check/check_passed"'
        f' AND metric.labels.check_id="{check}"'
    )
    conditions = {
        "alert-down": Condition(
            "the service does not answer",
            {
                "filter": passed_checks,
                "comparison": "COMPARISON_GT",
                "threshold_value": 1,
                "duration": FIVE_MINUTES,
                "aggregations": [
                    {
                        "alignment_period": "1200s",
                        "per_series_aligner": "ALIGN_NEXT_OLDER",
                        "cross_series_reducer": "REDUCE_COUNT_FALSE",
                        "group_by_fields": ["resource.label.host"],
                    }
                ],
            },
            "`/ready` fails from more than one place. Look at the newest revision's start in the service's log; "
            "to go back: "
            "`make go-back STACK=…`, which moves the traffic and builds nothing.",
            "CRITICAL",
        ),
        "alert-error-rate": Condition(
            "requests fail",
            _ratio(failures, requests, settings.error_alert_percent / 100, FIVE_MINUTES),
            "The service answers with 5xx. Lines with severity ERROR in its log name the place in the code.",
            "CRITICAL",
        ),
        "alert-latency": Condition(
            "requests are slow",
            {
                "filter": latencies,
                "comparison": "COMPARISON_GT",
                "threshold_value": settings.latency_alert_milliseconds,
                "duration": FIVE_MINUTES,
                "aggregations": [
                    {
                        "alignment_period": FIVE_MINUTES,
                        "per_series_aligner": "ALIGN_PERCENTILE_99",
                        "cross_series_reducer": "REDUCE_MAX",
                    }
                ],
            },
            "The 99th percentile is above the limit. Are instances at `orderguard:maxInstances`, or starting over "
            "and over?",
            "WARNING",
        ),
        "alert-anomaly-rate": Condition(
            "many orders are anomalous",
            _share_of_lines(watched.anomalies, watched.scored, settings.anomaly_alert_percent / 100),
            "Either something is happening in the shop, or the feed has changed. `GET /v1/drift` shows which "
            "features moved.",
            "WARNING",
        ),
        "alert-drift": Condition(
            "recent orders differ from the reference",
            Lines(watched.drift_lines),
            "Features have drifted from what the model learnt. Check the feed, then train a new version.",
            "WARNING",
        ),
        "alert-training": Condition(
            "a training failed",
            _any(failed_runs),
            "The training job ended with an error; the served model is unchanged. Exit code 3 in its log is a gate "
            "that did not pass.",
            "ERROR",
        ),
    }
    if watched.reminders:
        conditions["alert-rotation"] = Condition(
            "a key is due for rotation",
            {
                "filter": watched.reminders.apply(
                    lambda name: f'resource.type="pubsub_subscription" AND resource.labels.subscription_id="{name}"'
                    ' AND metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages"'
                ),
                "comparison": "COMPARISON_GT",
                "threshold_value": 0,
                "duration": "0s",
                "aggregations": [{"alignment_period": FIVE_MINUTES, "per_series_aligner": "ALIGN_MAX"}],
            },
            "Run `make secrets ROTATE=api-key` (or masking-key, probe-key) and deploy; the old key is accepted until "
            "the rotation after." + (_OF_REDIS if "redis" in settings.history_engines else ""),
            "WARNING",
        )
    if watched.backfills:
        conditions["alert-backfill"] = Condition(
            "a backfill failed",
            {
                "filter": 'resource.type="dataflow_job" AND metric.type="dataflow.googleapis.com/job/is_failed"'
                f' AND resource.labels.job_name=starts_with("{watched.backfills}")',
                "comparison": "COMPARISON_GT",
                "threshold_value": 0,
                "duration": "0s",
                "aggregations": [{"alignment_period": FIVE_MINUTES, "per_series_aligner": "ALIGN_MAX"}],
            },
            "A job of Dataflow ended with an error; nothing of its output counts without a manifest. The job's page "
            "has the workers' log. Launch it again with the same OUT: the result is the same to the byte.",
            "ERROR",
        )
    if watched.store:
        conditions |= _of_the_store(settings, watched.store)
    if watched.hooks and watched.deliveries:
        conditions |= _of_hooks(settings, watched.hooks, watched.deliveries)
    return conditions


_OF_REDIS = (
    " For the store's password turn its AUTH off and run `pulumi up --refresh`, which turns it on with another; for its"
    " certificate run that alone."
)


def _of_the_store(settings: Settings, store: Mapping[str, pulumi.Output[str]]) -> dict[str, Condition]:
    conditions = {
        "alert-store-memory": Condition(
            "the store of histories is nearly full",
            {
                "filter": store["memory"],
                "comparison": "COMPARISON_GT",
                "threshold_value": FULL,
                "duration": FIVE_MINUTES,
                "aggregations": [
                    {
                        "alignment_period": FIVE_MINUTES,
                        "per_series_aligner": "ALIGN_MEAN",
                        "cross_series_reducer": "REDUCE_MAX",
                    }
                ],
            },
            "When it is full, the histories that have been silent longest go. Raise "
            "`orderguard:historyStoreMemoryGb`: it grows in place.",
            "WARNING",
        ),
        "alert-store-evictions": Condition(
            "the store of histories forgets",
            _any(store["evictions"]),
            "Its memory is full, and it drops what has been silent longest. Raise `orderguard:historyStoreMemoryGb`.",
            "ERROR",
        ),
        "alert-store-connections": Condition(
            "the store of histories turns connections away",
            _any(store["refused"]),
            "Orders are scored without their histories. Are there more instances than `orderguard:maxInstances`, or "
            "does something else use the store?",
            "ERROR",
        ),
    }
    if settings.history_store == "standard" and "role" in store:
        conditions["alert-store-failover"] = Condition(
            "the store of histories has failed over",
            {
                "filter": store["role"],
                "comparison": "COMPARISON_GT",
                "threshold_value": 0,
                "duration": "0s",
                "aggregations": [{"alignment_period": FIVE_MINUTES, "per_series_aligner": "ALIGN_STDDEV"}],
            },
            "The replica has taken over. What it had not got yet is lost: the service counts it and says how much in "
            "its log. You need not do anything.",
            "WARNING",
        )
    return conditions


def _of_hooks(settings: Settings, hooks: pulumi.Output[str], deliveries: pulumi.Output[str]) -> dict[str, Condition]:
    def requests(answered: str = "") -> pulumi.Output[str]:
        return hooks.apply(
            lambda name: f'resource.type="cloud_run_revision" AND resource.labels.service_name="{name}"'
            f' AND metric.type="run.googleapis.com/request_count"{answered}'
        )

    failed = ' AND metric.labels.response_code_class="5xx"'
    conditions = {
        "alert-hooks-failing": Condition(
            "webhooks fail",
            _ratio(requests(failed), requests(), settings.error_alert_percent / 100, FIVE_MINUTES),
            "Deliveries of shops are answered with 5xx. Shopify drops a webhook after eight failures in four hours, "
            "WooCommerce after five: look at the service's log at once.",
            "CRITICAL",
        ),
        "alert-hooks-refused": Condition(
            "most webhooks are refused",
            _share_of_lines(deliveries, deliveries, 0.5, 'outcome="refused"'),
            "Either a shop signs with a secret that the stack does not have (`orderguard:hookShopifySecret` and the "
            "like), or a stranger is trying. `reason` in the lines with `event: hook` says what was wrong.",
            "ERROR",
        ),
        "alert-hooks-unusable": Condition(
            "orders of shops can't be used",
            Lines(lines_of(hooks, "hook").apply(lambda lines: f'{lines} AND jsonPayload.outcome="unusable"')),
            "A shop sent an order in good form that could not be read; `reason` names the field. It was not scored.",
            "WARNING",
        ),
    }
    if settings.tell_shop or settings.tell_url:
        conditions["alert-hooks-untold"] = Condition(
            "anomalies are not told back",
            Lines(lines_of(hooks, "tell").apply(lambda lines: f"{lines} AND severity>=WARNING")),
            "The shop, or the address in `orderguard:tellUrl`, did not take an anomaly; `reason` says why. It is in "
            "the score lines all the same.",
            "WARNING",
        )
    return conditions


def _any(counted: pulumi.Output[str]) -> Threshold:
    """One or more in ten minutes."""
    sums: Aggregation = {
        "alignment_period": "600s",
        "per_series_aligner": "ALIGN_DELTA",
        "cross_series_reducer": "REDUCE_SUM",
    }
    return {
        "filter": counted,
        "comparison": "COMPARISON_GT",
        "threshold_value": 0,
        "duration": "0s",
        "aggregations": [sums],
    }


def _share_of_lines(part: pulumi.Output[str], whole: pulumi.Output[str], limit: float, labels: str = "") -> Query:
    """The lines that the log metric `part` counted in half an hour, those with these labels alone if there are any, are
    more than `limit` of those of `whole`.
    """
    names = pulumi.Output.all(part, whole)
    return Query(names.apply(lambda both: f"{_counted(both[0], labels)} / {_counted(both[1])} > {limit}"))


def _counted(metric: str, labels: str = "") -> str:
    """PromQL's name for a log metric has `_` for every character that is neither a letter nor a digit."""
    name = re.sub("[^A-Za-z0-9]", "_", metric)
    which = ",".join(['monitored_resource="cloud_run_revision"', *([labels] if labels else [])])
    return f"sum(increase(logging_googleapis_com:user_{name}{{{which}}}[30m]))"


def _ratio(part: pulumi.Output[str], whole: pulumi.Output[str], limit: float, period: str) -> Threshold:
    """The share of `part` in `whole` over `period` is above `limit`."""
    sums: Aggregation = {
        "alignment_period": period,
        "per_series_aligner": "ALIGN_DELTA",
        "cross_series_reducer": "REDUCE_SUM",
    }
    denominator_sums: DenominatorAggregation = {
        "alignment_period": period,
        "per_series_aligner": "ALIGN_DELTA",
        "cross_series_reducer": "REDUCE_SUM",
    }
    return {
        "filter": part,
        "denominator_filter": whole,
        "comparison": "COMPARISON_GT",
        "threshold_value": limit,
        "duration": "0s",
        "aggregations": [sums],
        "denominator_aggregations": [denominator_sums],
    }
