"""Somebody notices: alerts for every service, audit logs for data, metrics for changes of access, logs that last."""

import re
from collections.abc import Callable, Iterable, Mapping

from policies.containers import SERVICE
from policies.rule import ADVISORY, LOW, MEDIUM, Resource, Stack, checkov, cis, org_policy, prowler, rule, trivy
from policies.rules.network import FIREWALLS, NETWORK
from policies.rules.secret_manager import SECRET
from policies.rules.sql import INSTANCE as DATABASE
from policies.rules.storage import BUCKET, RAW_BUCKETS, is_named
from policies.value import Findings, Undecided, Value, Violation, about, equals, forbid, require

ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
UPTIME = "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig"
METRIC = "gcp:logging/metric:Metric"
SINK = "gcp:logging/projectSink:ProjectSink"
LOG_BUCKET = "gcp:logging/projectBucketConfig:ProjectBucketConfig"
PROJECT = "gcp:organizations/project:Project"
AUDIT = "gcp:projects/iAMAuditConfig:IAMAuditConfig"
PROJECT_SERVICE = "gcp:projects/service:Service"
_WATCHED_STACKS = ["prod*", "staging*"]

CHANGES_OF_RESOURCES = {
    "of firewalls": (FIREWALLS, ("gce_firewall_rule",)),
    "of routes": (("gcp:compute/route:Route",), ("gce_route",)),
    "of networks": ((NETWORK,), ("gce_network",)),
    "of databases": ((DATABASE,), ("cloudsql.instances.update",)),
}
"""CIS 2.8, 2.9, 2.10 and 2.12: the types that a change is about, and what a filter has to mention."""
CHANGES = {
    "of project ownership": ("cloudresourcemanager.googleapis.com", "roles/owner"),
    "of audit logs": ("auditConfigDeltas",),
    "of custom roles": ("iam_role",),
    "of access to buckets": ("storage.setIamPermissions",),
}
"""CIS 2.5, 2.6, 2.7 and 2.11: what the filter of a log metric, or of an alert on log lines, has to mention."""


@rule(
    "alerts-for-every-service",
    "Every Cloud Run service has an alert policy that watches it.",
    types=[SERVICE, ALERT],
    whole_stack=True,
    severity=MEDIUM,
    stacks=_WATCHED_STACKS,
    fix="Add a gcp.monitoring.AlertPolicy whose filter names the service.",
)
def alerts_for_every_service(stack: Stack) -> Findings:
    yield from _mentioned_by(stack, ALERT, ("conditions",), "no alert policy watches it", _names)


@rule(
    "alerts-uptime-checks",
    "Every Cloud Run service is checked from outside or by a synthetic request.",
    types=[SERVICE, UPTIME],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=_WATCHED_STACKS,
    fix="Add a gcp.monitoring.UptimeCheckConfig for the service.",
)
def uptime_checks(stack: Stack) -> Findings:
    hosts = [check.at("monitoredResource.labels.host") for check in stack.of(UPTIME)]
    if any(host.known and not host.text.endswith(".run.app") for host in hosts):
        return  # A check of a domain goes through the load balancer to whatever stands behind it.
    properties = ("monitoredResource", "httpCheck", "displayName", "syntheticMonitor")
    # In the address that Google gives a service its name goes on with the project's.
    yield from _mentioned_by(stack, UPTIME, properties, "no uptime check asks it", _mentions)


@rule(
    "alerts-reach-somebody",
    "An alert policy is switched on and notifies somebody.",
    types=[ALERT],
    severity=MEDIUM,
    stacks=_WATCHED_STACKS,
    fix="Set notification_channels, and take enabled=False out.",
)
def alerts_reach_somebody(alert: Resource) -> Findings:
    yield require(alert["notificationChannels"], lambda channels: len(channels) > 0, "notifies nobody")
    yield forbid(alert["enabled"], equals(False), "is switched off")


@rule(
    "logs-audit-data",
    "Google Cloud records who reads and writes data and secrets.",
    types=[AUDIT, BUCKET, SECRET, PROJECT],
    whole_stack=True,
    severity=MEDIUM,
    stacks=["prod*"],
    frameworks=[cis("2.1"), checkov("CKV2_GCP_5"), trivy("GCP-0079")],
    settings={"services": ["storage.googleapis.com", "secretmanager.googleapis.com"], **RAW_BUCKETS},
    fix="Add a gcp.projects.IAMAuditConfig with DATA_READ and DATA_WRITE for allServices.",
)
def audit_data(stack: Stack) -> Findings:
    configs = stack.of(AUDIT)
    buckets = [bucket for bucket in stack.of(BUCKET) if is_named(bucket, stack.settings["rawBuckets"])]
    if not buckets and not stack.of(SECRET, PROJECT):
        return
    for service in stack.settings["services"]:
        logged: set[str] = set()
        undecided: Undecided | None = None
        for config in configs:
            if config["service"].unknown:
                undecided = Undecided("service", config.urn)
            elif config["service"].text in {service, "allServices"}:
                for entry in config.each("auditLogConfigs"):
                    if entry["logType"].unknown:
                        undecided = Undecided(entry["logType"].path, config.urn)
                    else:
                        logged.add(entry["logType"].text)
        if not {"DATA_READ", "DATA_WRITE"} <= logged:
            yield undecided or Violation("", f"access to {service.partition('.')[0]} is not logged")


@rule(
    "logs-metrics-for-changes",
    "Changes of who may do what raise an alert: on their lines in the audit log, or on a metric that counts them.",
    types=[METRIC, ALERT, SERVICE],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("2.5"), cis("2.6"), cis("2.7"), cis("2.11")],
    fix="Add an alert policy with the filter that CIS prints as condition_matched_log, or a gcp.logging.Metric with it "
    "and an alert policy on the metric.",
)
def metrics_for_changes(stack: Stack) -> Findings:
    yield from _unwatched(stack, CHANGES)


@rule(
    "logs-metrics-for-resources",
    "Changes of firewalls, routes, networks and databases raise an alert, where a stack has such.",
    types=[METRIC, ALERT, *(token for tokens, _ in CHANGES_OF_RESOURCES.values() for token in tokens)],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("2.8"), cis("2.9"), cis("2.10"), cis("2.12")],
    fix="Add an alert policy with the filter that CIS prints as condition_matched_log, or a gcp.logging.Metric with it "
    "and an alert policy on the metric.",
)
def metrics_for_resources(stack: Stack) -> Findings:
    there = {name: words for name, (tokens, words) in CHANGES_OF_RESOURCES.items() if stack.of(*tokens)}
    yield from _unwatched(stack, there)


def _unwatched(stack: Stack, changes: Mapping[str, tuple[str, ...]]) -> Findings:
    """A violation that names the changes which no alert is about."""
    metrics = stack.of(METRIC)
    alerts = [text for alert in stack.of(ALERT) for text in alert["conditions"].strings()]
    missing: list[str] = []
    for change, words in changes.items():
        if any(text.known and all(word in text.text for word in words) for text in alerts):
            continue
        fitting = [m for m in metrics if m["filter"].known and all(word in m["filter"].text for word in words)]
        if any(metric["name"].known and _mentions(alerts, metric["name"].text) for metric in fitting):
            continue
        unknown = next((m for m in metrics if m["filter"].unknown or m["name"].unknown), None)
        hidden = next((a for a in stack.of(ALERT) if any(text.unknown for text in a["conditions"].strings())), None)
        if unknown is not None:
            yield Undecided("filter", unknown.urn)
        elif hidden is not None:
            yield Undecided("conditions", hidden.urn)
        else:
            missing.append(change)
    if missing:
        yield Violation("", f"changes {', '.join(missing)} raise no alert")


@rule(
    "logs-kept",
    "Logs are kept for at least 30 days.",
    types=[LOG_BUCKET],
    severity=MEDIUM,
    settings={"minimumDays": 30},
    fix="Set retention_days=30 or more.",
)
def logs_kept(bucket: Resource) -> Findings:
    def is_long(days: object) -> bool:
        return float(str(days)) >= float(bucket.settings["minimumDays"])

    yield require(bucket["retentionDays"], is_long, "logs are deleted too soon", default=30)


@rule(
    "logs-sink-buckets-locked",
    "A bucket that logs are written to keeps them unchanged for a fixed time.",
    types=[SINK, BUCKET, LOG_BUCKET],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("2.4"), checkov("CKV2_GCP_4"), prowler("cloudstorage_bucket_sufficient_retention_period")],
    fix="Lock the bucket's retention_policy (is_locked), or set locked=True on a log bucket.",
)
def sink_buckets_locked(stack: Stack) -> Findings:
    for sink in stack.of(SINK):
        destination, behind = sink["destination"], {item.urn for item in sink.dependencies.get("destination", ())}
        for bucket in stack.of(BUCKET, LOG_BUCKET):
            name = bucket["name"] if bucket.type == BUCKET else bucket["bucketId"]
            locked = bucket.at("retentionPolicy.isLocked") if bucket.type == BUCKET else bucket["locked"]
            finding = require(locked, equals(True), "logs can be deleted before their time", default=False)
            if bucket.urn in behind:
                yield about(finding, bucket.urn)
            elif destination.unknown and not behind:
                yield Undecided(destination.path, sink.urn)
            elif destination.known and name.unknown and finding:
                yield Undecided(name.path, bucket.urn)
            elif destination.known and destination.text.rsplit("/", 1)[-1] == name.content:
                yield about(finding, bucket.urn)


@rule(
    "logs-sink-everything",
    "Some sink takes all log entries, so that an inquiry misses nothing.",
    types=[SINK],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("2.3"), checkov("CKV2_GCP_4")],
    fix="Add a gcp.logging.ProjectSink without a filter, or except this rule where the _Default sink is kept.",
)
def sink_everything(stack: Stack) -> Findings:
    filters = [sink["filter"] for sink in stack.resources]
    if filters and not any(value.absent or value.known and not value.text for value in filters):
        unknown = next((sink for sink in stack.resources if sink["filter"].unknown), None)
        yield (
            Undecided("filter", unknown.urn) if unknown else Violation("", "every sink filters", stack.resources[0].urn)
        )


@rule(
    "project-essential-services",
    "A stack that switches services on also switches on the inventory, and scanning where it keeps images.",
    types=[PROJECT_SERVICE],
    whole_stack=True,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[cis("2.14"), checkov("CKV2_GCP_11"), org_policy("gcp.restrictServiceUsage")],
    settings={"services": ["cloudasset.googleapis.com", "containerscanning.googleapis.com"]},
    fix="Add a gcp.projects.Service for it.",
)
def essential_services(stack: Stack) -> Findings:
    services = [resource["service"] for resource in stack.resources]
    on = {service.text for service in services if service.known}
    unknown = any(service.unknown for service in services)
    missing = [service for service in stack.settings["services"] if service not in on]
    if missing:
        yield Undecided("service") if unknown else Violation("", f"not switched on: {', '.join(missing)}")


@rule(
    "project-service-stays-on",
    "Taking a service out of the program does not switch it off for everything else in the project.",
    types=[PROJECT_SERVICE],
    severity=LOW,
    fix="Set disable_on_destroy=False.",
)
def service_stays_on(service: Resource) -> Findings:
    yield require(service["disableOnDestroy"], equals(False), "is switched off with the stack", default=False)


@rule(
    "budget-notifies",
    "A budget warns before it is used up.",
    types=["gcp:billing/budget:Budget"],
    severity=LOW,
    fix="Add threshold_rules with a threshold_percent below 1.",
)
def budget_notifies(budget: Resource) -> Findings:
    thresholds = [entry["thresholdPercent"] for entry in budget.each("thresholdRules")]
    if not any(value.known and float(value.text) < 1 for value in thresholds):
        unknown = next((value for value in thresholds if value.unknown), None)
        yield Undecided(unknown.path) if unknown else Violation("thresholdRules", "no warning below 100 %")


def _mentioned_by(
    stack: Stack,
    watcher_type: str,
    properties: Iterable[str],
    message: str,
    mentions: Callable[[Iterable[Value], str], bool],
) -> Findings:
    """Each service must be named, or depended on, in one of these properties of some resource of the watching type."""
    watchers = stack.of(watcher_type)
    texts = [text for watcher in watchers for name in properties for text in watcher[name].strings()]
    watched = {item.urn for w in watchers for name in properties for item in w.dependencies.get(name, ())}
    for service in stack.of(SERVICE):
        name = service["name"]
        if service.urn in watched or (name.known and mentions(texts, name.text)):
            continue
        if name.unknown or any(text.unknown for text in texts):
            yield Undecided(
                name.path if name.unknown else next(text.path for text in texts if text.unknown), service.urn
            )
        else:
            yield Violation("", message, service.urn)


def _names(texts: Iterable[Value], name: str) -> bool:
    """Whether a text has the whole name: `shop-api` does not stand for `api`."""
    whole = re.compile(rf"(?<![\w\-]){re.escape(name)}(?![\w\-])")
    return any(text.known and whole.search(text.text) for text in texts)


def _mentions(texts: Iterable[Value], name: str) -> bool:
    return any(text.known and name in text.text for text in texts)
