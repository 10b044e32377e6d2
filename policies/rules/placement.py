"""Where data rests, and whose it is."""

import json

from policies.rule import ADVISORY, HIGH, LOW, PLATFORM, Resource, gdpr, matches_any, org_policy, rule
from policies.value import Findings, Undecided, Value, Violation, require

LOCATED = {
    "gcp:artifactregistry/repository:Repository": "location",
    "gcp:bigquery/dataset:Dataset": "location",
    "gcp:cloudrunv2/job:Job": "location",
    "gcp:cloudrunv2/service:Service": "location",
    "gcp:cloudrunv2/workerPool:WorkerPool": "location",
    "gcp:cloudscheduler/job:Job": "region",
    "gcp:dataflow/flexTemplateJob:FlexTemplateJob": "region",
    "gcp:firestore/database:Database": "locationId",
    "gcp:kms/keyRing:KeyRing": "location",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "location",
    "gcp:redis/instance:Instance": "region",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "location",
    "gcp:secretmanager/secret:Secret": "",
    "gcp:pubsub/topic:Topic": "",
    "gcp:sql/databaseInstance:DatabaseInstance": "region",
    "gcp:storage/bucket:Bucket": "location",
    "gcp:workflows/workflow:Workflow": "region",
}
"""Types that hold or handle data, and the property that says where. The two without one say it elsewhere or not at
all.
"""

LABELLED = {
    "gcp:artifactregistry/repository:Repository": "labels",
    "gcp:bigquery/dataset:Dataset": "labels",
    "gcp:bigquery/table:Table": "labels",
    "gcp:cloudrunv2/job:Job": "labels",
    "gcp:cloudrunv2/service:Service": "labels",
    "gcp:cloudrunv2/workerPool:WorkerPool": "labels",
    "gcp:compute/globalAddress:GlobalAddress": "labels",
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": "labels",
    "gcp:dataflow/flexTemplateJob:FlexTemplateJob": "labels",
    "gcp:eventarc/trigger:Trigger": "labels",
    "gcp:kms/cryptoKey:CryptoKey": "labels",
    "gcp:monitoring/alertPolicy:AlertPolicy": "userLabels",
    "gcp:monitoring/customService:CustomService": "userLabels",
    "gcp:monitoring/notificationChannel:NotificationChannel": "userLabels",
    "gcp:monitoring/slo:Slo": "userLabels",
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": "userLabels",
    "gcp:pubsub/subscription:Subscription": "labels",
    "gcp:pubsub/topic:Topic": "labels",
    "gcp:redis/instance:Instance": "labels",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "labels",
    "gcp:secretmanager/secret:Secret": "labels",
    "gcp:storage/bucket:Bucket": "labels",
    "gcp:workflows/workflow:Workflow": "labels",
}


@rule(
    "placement-residency",
    "Data rests and is handled in the places that are allowed.",
    types=LOCATED,
    severity=HIGH,
    frameworks=[gdpr("44"), org_policy("gcp.resourceLocations")],
    settings={"locations": ["eu", "eur?", "europe-*"]},
    generic={"locations": []},
    fix='Choose an allowed location, or allow this one by the setting "locations".',
)
def residency(resource: Resource) -> Findings:
    def is_allowed(location: object) -> bool:
        return matches_any(str(location).lower(), resource.settings["locations"])

    if not resource.settings["locations"]:  # Nobody asked for a place.
        return
    message = "is outside the allowed locations"
    for location in _locations(resource):
        yield require(location, is_allowed, message)


@rule(
    "placement-labels",
    "Every resource says which application and environment it belongs to and who looks after it.",
    types=LABELLED,
    severity=LOW,
    level=ADVISORY,
    settings={"labels": ["application", "environment", "team"]},
    profiles=[PLATFORM],
    fix="Set the labels, for all resources at once by default_labels of the provider.",
)
def labels(resource: Resource) -> Findings:
    own, inherited = resource[LABELLED[resource.type]], _default_labels(resource)
    missing = [label for label in resource.settings["labels"] if not own[label].known and not inherited[label].known]
    unknown = [label for label in missing if own[label].unknown or inherited[label].unknown]
    if unknown:
        yield Undecided(own[unknown[0]].path)
    if len(missing) > len(unknown):
        yield Violation(own.path, f"without the labels {', '.join(label for label in missing if label not in unknown)}")


def _locations(resource: Resource) -> list[Value]:
    """All places that a resource names. A location that is not set is the provider's region."""
    found: list[Value] = []
    if LOCATED[resource.type]:
        stated, default = resource[LOCATED[resource.type]], resource.provider["region"]
        found.append(default if stated.absent and not default.absent else stated)
    found += [replica["location"] for replica in resource.each("replication.userManaged.replicas")]
    found += resource.each("messageStoragePolicy.allowedPersistenceRegions")
    found += resource.each("customPlacementConfig.dataLocations")
    return found


def _default_labels(resource: Resource) -> Value:
    """Labels that the provider adds by itself. A provider's settings are JSON text where they are not plain text."""
    given = resource.provider["defaultLabels"]
    if given.known and isinstance(given.content, str):
        try:
            return Value(json.loads(given.content), given.path)
        except ValueError:
            return Value(None, given.path)
    return given
