"""Cloud Monitoring: declared; checked and kept in state."""

import re
from collections.abc import Iterator

from infra.local.provider.outputs import digits
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found


def _limits_matched_lines(inputs: Inputs) -> Iterator[Problem]:
    """An alert on log lines says how often it notifies, and no other alert may."""
    limited = [where for where, _ in found(inputs, "alertStrategy.notificationRateLimit.period")]
    matched = [where for where, _ in found(inputs, "conditions[].conditionMatchedLog")]
    if bool(limited) != bool(matched):
        yield (matched or limited)[0], (
            "googleapi: Error 400: Field alert_policy.alert_strategy.notification_rate_limit had an invalid value: it"
            " has to be given for conditions of type condition_matched_log, and for these alone., badRequest"
        )


def _knows_log_metrics(inputs: Inputs) -> Iterator[Problem]:
    for name in ("filter", "denominatorFilter"):
        for where, text in found(inputs, f"conditions[].conditionThreshold.{name}"):
            if metric := re.search(r"logging\.googleapis\.com/user/[^\"]*", str(text)):
                yield where, (
                    f'googleapi: Error 404: Cannot find metric(s) that match type = "{metric[0]}". If a metric was'
                    " created recently, it could take up to 10 minutes to become available. Please try again soon. (A"
                    " conditionMatchedLog, or a conditionPrometheusQueryLanguage with disableMetricValidation, need"
                    " not wait.), notFound"
                )


def _numbered(inputs: Inputs, place: Place) -> Values:
    return {
        "name": place.id,
        "uptimeCheckId": place.id.rpartition("/")[2],
        "verificationStatus": "",
        "creationRecords": [],
    }


def _number(cloud: object, inputs: Inputs, place: Place) -> Values:
    return {"server": digits(place.urn, 19)}


RESOURCES = {
    "gcp:monitoring/alertPolicy:AlertPolicy": Resource(
        id="projects/{project}/alertPolicies/{server}",
        identify=_number,
        refuses=(_limits_matched_lines, _knows_log_metrics),
        outputs=_numbered,
    ),
    "gcp:monitoring/notificationChannel:NotificationChannel": Resource(
        id="projects/{project}/notificationChannels/{server}",
        identify=_number,
        outputs=_numbered,
    ),
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": Resource(
        id="projects/{project}/uptimeCheckConfigs/{server}",
        identify=_number,
        outputs=_numbered,
    ),
    "gcp:monitoring/dashboard:Dashboard": Resource(id="projects/{number}/dashboards/{server}", identify=_number),
    "gcp:monitoring/customService:CustomService": Resource(
        id="projects/{number}/services/{server}", identify=_number, outputs=_numbered
    ),
    "gcp:monitoring/genericService:GenericService": Resource(
        id="projects/{number}/services/{serviceId}", outputs=_numbered
    ),
    "gcp:monitoring/slo:Slo": Resource(
        id="projects/{number}/services/{service}/serviceLevelObjectives/{server}",
        identify=_number,
        outputs=_numbered,
    ),
}
