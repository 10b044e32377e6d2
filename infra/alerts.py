"""What the team is alerted to, as a table: the condition, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_gcp as gcp

from infra.config import Settings

Threshold = gcp.monitoring.AlertPolicyConditionConditionThresholdArgsDict
Aggregation = gcp.monitoring.AlertPolicyConditionConditionThresholdAggregationArgsDict
DenominatorAggregation = gcp.monitoring.AlertPolicyConditionConditionThresholdDenominatorAggregationArgsDict

FIVE_MINUTES = "300s"
HALF_AN_HOUR = "1800s"


@dataclass(frozen=True)
class Watched:
    """The names in Google Cloud of what is watched: the service, the job, log metrics, the uptime check, the topic of
    rotation reminders (where there is one).
    """

    service: pulumi.Output[str]
    job: pulumi.Output[str]
    scored: pulumi.Output[str]
    anomalies: pulumi.Output[str]
    drift: pulumi.Output[str]
    uptime_check: pulumi.Output[str]
    reminders: pulumi.Output[str] | None


@dataclass(frozen=True)
class Condition:
    """When to alert, and what the person who is woken should do."""

    title: str
    threshold: Threshold
    advice: str
    severity: Literal["CRITICAL", "ERROR", "WARNING"]


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
            "`/healthz` fails from more than one place. Look at the newest revision's start in the service's log; "
            "to go back, name the "
            "revision before it in `orderguard:stableRevision` with `orderguard:canaryPercent: 0`.",
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
            _ratio(
                _log_metric(watched.anomalies),
                _log_metric(watched.scored),
                settings.anomaly_alert_percent / 100,
                HALF_AN_HOUR,
            ),
            "Either something is happening in the shop, or the feed has changed. `GET /v1/drift` shows which "
            "features moved.",
            "WARNING",
        ),
        "alert-drift": Condition(
            "recent orders differ from the reference",
            any_lines(_log_metric(watched.drift)),
            "Features have drifted from what the model learnt. Check the feed, then train a new version.",
            "WARNING",
        ),
        "alert-training": Condition(
            "a training failed",
            any_lines(failed_runs),
            "The training job ended with an error; the served model is unchanged. Exit code 3 in its log is a gate "
            "that did not pass.",
            "ERROR",
        ),
    }
    if watched.reminders:
        conditions["alert-rotation"] = Condition(
            "a key is due for rotation",
            any_lines(
                watched.reminders.apply(
                    lambda topic: f'resource.type="pubsub_topic" AND resource.labels.topic_id="{topic}"'
                    ' AND metric.type="pubsub.googleapis.com/topic/send_request_count"'
                )
            ),
            "Raise `orderguard:maskingKeyRotation` or `orderguard:apiKeyRotation` by one and run `pulumi up`; the old "
            "key is accepted until the rotation after.",
            "WARNING",
        )
    return conditions


def _log_metric(name: pulumi.Output[str]) -> pulumi.Output[str]:
    return name.apply(
        lambda metric: f'resource.type="cloud_run_revision" AND metric.type="logging.googleapis.com/user/{metric}"'
    )


def any_lines(lines: pulumi.Output[str]) -> Threshold:
    """One or more in ten minutes."""
    sums: Aggregation = {
        "alignment_period": "600s",
        "per_series_aligner": "ALIGN_DELTA",
        "cross_series_reducer": "REDUCE_SUM",
    }
    return {
        "filter": lines,
        "comparison": "COMPARISON_GT",
        "threshold_value": 0,
        "duration": "0s",
        "aggregations": [sums],
    }


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
