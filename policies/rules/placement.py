"""Where data rests, and whose it is."""

import json

from policies.patterns import lazy
from policies.rule import ADVISORY, HIGH, LOW, PLATFORM, Resource, gdpr, matches_any, org_policy, rule
from policies.value import Findings, Undecided, Value, Violation, require

LOCATED = {
    "gcp:alloydb/cluster:Cluster": "location",
    "gcp:apigee/instance:Instance": "location",
    "gcp:appengine/application:Application": "locationId",
    "gcp:artifactregistry/repository:Repository": "location",
    "gcp:bigquery/connection:Connection": "location",
    "gcp:bigquery/dataTransferConfig:DataTransferConfig": "location",
    "gcp:bigquery/dataset:Dataset": "location",
    "gcp:bigtable/instance:Instance": "",
    "gcp:cloudbuild/workerPool:WorkerPool": "location",
    "gcp:cloudfunctions/function:Function": "region",
    "gcp:cloudfunctionsv2/function:Function": "location",
    "gcp:cloudrun/service:Service": "location",
    "gcp:cloudrunv2/job:Job": "location",
    "gcp:cloudrunv2/service:Service": "location",
    "gcp:cloudrunv2/workerPool:WorkerPool": "location",
    "gcp:cloudscheduler/job:Job": "region",
    "gcp:cloudtasks/queue:Queue": "location",
    "gcp:composer/environment:Environment": "region",
    "gcp:compute/disk:Disk": "zone",
    "gcp:compute/instance:Instance": "zone",
    "gcp:compute/instanceFromTemplate:InstanceFromTemplate": "zone",
    "gcp:compute/regionDisk:RegionDisk": "region",
    "gcp:compute/snapshot:Snapshot": "",
    "gcp:container/cluster:Cluster": "location",
    "gcp:container/nodePool:NodePool": "location",
    "gcp:dataflow/flexTemplateJob:FlexTemplateJob": "region",
    "gcp:dataflow/job:Job": "region",
    "gcp:datafusion/instance:Instance": "region",
    "gcp:dataproc/cluster:Cluster": "region",
    "gcp:datastream/stream:Stream": "location",
    "gcp:eventarc/trigger:Trigger": "location",
    "gcp:filestore/instance:Instance": "location",
    "gcp:firestore/database:Database": "locationId",
    "gcp:healthcare/dataset:Dataset": "location",
    "gcp:kms/keyRing:KeyRing": "location",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "location",
    "gcp:looker/instance:Instance": "region",
    "gcp:memcache/instance:Instance": "region",
    "gcp:memorystore/instance:Instance": "location",
    "gcp:pubsub/topic:Topic": "",
    "gcp:redis/cluster:Cluster": "region",
    "gcp:redis/instance:Instance": "region",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "location",
    "gcp:secretmanager/secret:Secret": "",
    "gcp:spanner/instance:Instance": "config",
    "gcp:sql/databaseInstance:DatabaseInstance": "region",
    "gcp:storage/bucket:Bucket": "location",
    "gcp:vertex/aiDataset:AiDataset": "region",
    "gcp:vertex/aiEndpoint:AiEndpoint": "location",
    "gcp:vertex/aiFeatureStore:AiFeatureStore": "region",
    "gcp:vertex/aiIndex:AiIndex": "region",
    "gcp:vertex/aiMetadataStore:AiMetadataStore": "region",
    "gcp:workbench/instance:Instance": "location",
    "gcp:workflows/workflow:Workflow": "region",
}
"""Types that hold or handle data, and the property that says where. Those without one say it elsewhere, or not."""

EUROPEAN_UNION = [
    "eu", "eur3", "eur4", "eur5", "eur6", "eur7", "europe-central2", "europe-north1", "europe-north2",
    "europe-southwest1", "europe-west1", "europe-west3", "europe-west4", "europe-west8", "europe-west9",
    "europe-west10", "europe-west12",
]  # fmt: skip
"""Places of Google Cloud within the European Union: europe-west2 is London, europe-west6 is Zurich."""
_PLACES = {
    "eu": "places in the EU", "eur3": "Belgium and the Netherlands", "europe-central2": "Warsaw",
    "europe-north1": "Hamina", "europe-north2": "Stockholm", "europe-southwest1": "Madrid",
    "europe-west1": "St. Ghislain", "europe-west2": "London", "europe-west3": "Frankfurt",
    "europe-west4": "Eemshaven", "europe-west6": "Zurich", "europe-west8": "Milan", "europe-west9": "Paris",
    "europe-west10": "Berlin", "europe-west12": "Turin", "us": "places in the USA", "us-central1": "Iowa",
    "us-east1": "South Carolina", "us-east4": "Northern Virginia", "us-east5": "Columbus", "us-west1": "Oregon",
    "us-west2": "Los Angeles", "us-west3": "Salt Lake City", "us-west4": "Las Vegas", "us-south1": "Dallas",
    "northamerica-northeast1": "Montreal", "northamerica-northeast2": "Toronto", "southamerica-east1": "Sao Paulo",
    "asia": "places in Asia", "asia-east1": "Taiwan", "asia-east2": "Hong Kong", "asia-northeast1": "Tokyo",
    "asia-northeast2": "Osaka", "asia-northeast3": "Seoul", "asia-south1": "Mumbai", "asia-south2": "Delhi",
    "asia-southeast1": "Singapore", "asia-southeast2": "Jakarta", "australia-southeast1": "Sydney",
    "australia-southeast2": "Melbourne", "me-west1": "Tel Aviv", "me-central1": "Doha", "me-central2": "Dammam",
    "africa-south1": "Johannesburg",
}  # fmt: skip
"""Where a region stands, for messages: a region's name is no secret."""
_ZONE = lazy(r"-[a-z]$")
_SPANNER = lazy(r"(?:.*/)?(?:regional-)?")

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
    "gcp:memorystore/instance:Instance": "labels",
    "gcp:monitoring/alertPolicy:AlertPolicy": "userLabels",
    "gcp:monitoring/customService:CustomService": "userLabels",
    "gcp:monitoring/notificationChannel:NotificationChannel": "userLabels",
    "gcp:monitoring/slo:Slo": "userLabels",
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": "userLabels",
    "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy": "labels",
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
    settings={"locations": EUROPEAN_UNION},
    generic={"locations": []},
    fix='Choose an allowed location, or allow this one by the setting "locations".',
)
def residency(resource: Resource) -> Findings:
    allowed = resource.settings["locations"]
    if not allowed:  # Nobody asked for a place.
        return

    def is_allowed(location: object) -> bool:
        return matches_any(_region(str(location)), allowed)

    for location in _locations(resource):
        place = _PLACES.get(_region(location.text)) if location.known else None
        where = f" ({place})" if place else ""
        yield require(location, is_allowed, f"is outside the allowed locations{where}: {_shown(allowed)}")


def _region(location: str) -> str:
    """The region of a zone, or the place that a configuration of Spanner names."""
    return _ZONE.sub("", _SPANNER.sub("", location.lower(), count=1))


def _shown(allowed: list[str]) -> str:
    """What is allowed, each with its place, in the order of the setting."""
    named = [f"{name} ({_PLACES[name]})" if name in _PLACES else name for name in allowed]
    return ", ".join(named)


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
    if name := LOCATED[resource.type]:
        stated, default = resource[name], resource.provider["zone" if name == "zone" else "region"]
        if stated.absent and default.absent and name == "zone":
            default = resource.provider["region"]
        found.append(default if stated.absent and not default.absent else stated)
    found += [replica["location"] for replica in resource.each("replication.userManaged.replicas")]
    found += resource.each("messageStoragePolicy.allowedPersistenceRegions")
    found += resource.each("customPlacementConfig.dataLocations")
    found += resource.each("storageLocations")
    found += [zone for cluster in resource.each("clusters") for zone in [cluster["zone"]] if not zone.absent]
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
