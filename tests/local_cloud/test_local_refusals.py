"""What Google Cloud refuses is found in preview: places, services, ports, address blocks, schedules, names, parents."""

from typing import Any

import pytest

from infra.local.provider.check import REFUSED
from infra.local.refusals import formats, known_services, of_inputs
from infra.local.refusals.places import REGIONS, is_location, is_zone

BUCKET, TOPIC = "gcp:storage/bucket:Bucket", "gcp:pubsub/topic:Topic"
FIREWALL, SUBNET = "gcp:compute/firewall:Firewall", "gcp:compute/subnetwork:Subnetwork"
INSTANCE, CLUSTER = "gcp:compute/instance:Instance", "gcp:container/cluster:Cluster"
SQL, RECORD, ZONE = (
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:dns/recordSet:RecordSet",
    "gcp:dns/managedZone:ManagedZone",
)
FUNCTION, SCHEDULE = "gcp:cloudfunctions/function:Function", "gcp:cloudscheduler/job:Job"
SERVICE, SECRET = "gcp:projects/service:Service", "gcp:secretmanager/secret:Secret"


def allowed(*ports: str) -> dict[str, Any]:
    return {"allows": [{"protocol": "tcp", "ports": list(ports)}]}


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        (BUCKET, {"location": "mars-west1"}, "location"),
        ("gcp:cloudrunv2/service:Service", {"location": "europe-west99"}, "location"),
        (SUBNET, {"region": "mars-west1"}, "region"),
        (INSTANCE, {"zone": "us-central1"}, "zone"),
        (INSTANCE, {"zone": "us-central1-z"}, "zone"),
        (SECRET, {"replication": {"userManaged": {"replicas": [{"location": "mars-west1"}]}}}, "replication."),
        (SERVICE, {"service": "nosuch.googleapis.com"}, "service"),
        (SERVICE, {"service": "run"}, "service"),
        (FIREWALL, allowed("22", "99999"), "allows[0].ports[1]"),
        (FIREWALL, allowed("80-70"), "allows[0].ports[0]"),
        (FIREWALL, {"denies": [{"protocol": "tcp", "ports": ["http"]}]}, "denies[0].ports[0]"),
        (FIREWALL, {"sourceRanges": ["10.0.0.0/8", "300.0.0.0/8"]}, "sourceRanges[1]"),
        (SUBNET, {"ipCidrRange": "300.0.0.0/8"}, "ipCidrRange"),
        (SUBNET, {"ipCidrRange": "10.0.0.1/24"}, "ipCidrRange"),
        (SUBNET, {"ipCidrRange": "10.0.0.0"}, "ipCidrRange"),
        (SUBNET, {"secondaryIpRanges": [{"rangeName": "a", "ipCidrRange": "10.0.0.0/33"}]}, "secondaryIpRanges[0]"),
        (SUBNET, {"name": "Upper"}, "name"),
        ("gcp:compute/healthCheck:HealthCheck", {"httpHealthCheck": {"port": 70000}}, "httpHealthCheck.port"),
        ("gcp:compute/globalForwardingRule:GlobalForwardingRule", {"portRange": "90-80"}, "portRange"),
        (INSTANCE, {"machineType": "huge"}, "machineType"),
        (CLUSTER, {"name": "a" * 41}, "name"),
        (CLUSTER, {"ipAllocationPolicy": {"clusterIpv4CidrBlock": "10.0.0.0/99"}}, "ipAllocationPolicy."),
        (SQL, {"name": "my_db"}, "name"),
        (SQL, {"databaseVersion": "ORACLE_19"}, "databaseVersion"),
        (SQL, {"settings": {"tier": "big"}}, "settings.tier"),
        (
            SQL,
            {"settings": {"ipConfiguration": {"authorizedNetworks": [{"value": "0.0.0.0/33"}]}}},
            "settings.ipConfiguration.authorizedNetworks[0].value",
        ),
        (RECORD, {"name": "www.example.com", "type": "A"}, "name"),
        (RECORD, {"name": "www.example.com.", "type": "B"}, "type"),
        (ZONE, {"name": "zone", "dnsName": "example.com"}, "dnsName"),
        (FUNCTION, {"name": "f", "runtime": "cobol"}, "runtime"),
        (FUNCTION, {"name": "f", "availableMemoryMb": 300}, "availableMemoryMb"),
        (SCHEDULE, {"schedule": "every banana"}, "schedule"),
        (SCHEDULE, {"schedule": "* * * * *", "timeZone": "Mars/Olympus"}, "timeZone"),
        ("gcp:cloudtasks/queue:Queue", {"name": "a_b"}, "name"),
        ("gcp:bigquery/table:Table", {"tableId": "a.b"}, "tableId"),
        ("gcp:firestore/database:Database", {"name": "x"}, "name"),
        ("gcp:kms/keyRing:KeyRing", {"name": "a b"}, "name"),
    ],
)
def test_what_google_cloud_refuses_is_found_at_its_property(token: str, inputs: dict[str, Any], path: str) -> None:
    found = list(of_inputs(token, inputs))
    assert len(found) == 1 and found[0][0].startswith(path) and "googleapi: Error 40" in found[0][1], found


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (BUCKET, {"location": "EU"}),
        (BUCKET, {"location": "nam4"}),
        (BUCKET, {"location": "us-east1"}),
        (INSTANCE, {"name": "vm-1", "zone": "us-central1-f", "machineType": "e2-micro"}),
        (
            INSTANCE,
            {"zone": "projects/p/zones/europe-west1-b", "machineType": "zones/europe-west1-b/machineTypes/e2-micro"},
        ),
        (CLUSTER, {"location": "us-central1-a", "nodeLocations": ["us-central1-b"]}),
        (CLUSTER, {"ipAllocationPolicy": {"clusterIpv4CidrBlock": "/14", "servicesIpv4CidrBlock": "10.0.0.0/20"}}),
        (SERVICE, {"service": "run.googleapis.com"}),
        (SERVICE, {"service": "echo.endpoints.my-project.cloud.goog"}),
        (FIREWALL, {**allowed("22", "80-90", "0-65535"), "sourceRanges": ["0.0.0.0/0", "10.0.0.7", "fd00::/8"]}),
        ("gcp:compute/securityPolicy:SecurityPolicy", {"rules": [{"match": {"config": {"srcIpRanges": ["*"]}}}]}),
        (SUBNET, {"ipCidrRange": "10.2.0.0/16", "region": "us-central1"}),
        (INSTANCE, {"networkInterfaces": [{"aliasIpRanges": [{"ipCidrRange": "/24"}]}]}),
        (SQL, {"name": "db-1", "databaseVersion": "POSTGRES_16", "settings": {"tier": "db-perf-optimized-N-2"}}),
        (SQL, {"databaseVersion": "MYSQL_8_0_36", "settings": {"tier": "db-f1-micro"}}),
        (RECORD, {"name": "*.example.com.", "type": "CNAME"}),
        (RECORD, {"name": "_acme-challenge.example.com.", "type": "TXT"}),
        (FUNCTION, {"name": "hello_World-1", "runtime": "python312", "availableMemoryMb": 256}),
        (SCHEDULE, {"name": "nightly", "schedule": "*/5 0-6 1,15 * mon-fri", "timeZone": "Europe/Berlin"}),
        ("gcp:bigquery/dataset:Dataset", {"location": "aws-us-east-1"}),
        ("gcp:firestore/database:Database", {"name": "(default)", "locationId": "nam5"}),
        ("gcp:redis/instance:Instance", {"reservedIpRange": "my-range"}),
        ("gcp:compute/projectMetadata:ProjectMetadata", {"metadata": {"port": "any"}}),
    ],
)
def test_what_google_cloud_takes_is_not_refused(token: str, inputs: dict[str, Any]) -> None:
    assert list(of_inputs(token, inputs)) == []


@pytest.mark.parametrize(
    ("schedule", "right"),
    [
        ("every 5 minutes", True),
        ("every 12 hours", True),
        ("every monday 09:00", True),
        ("every mon,wed 09:00", True),
        ("1st,third monday of month 15:30", True),
        ("every 5 minutes from 10:00 to 14:00", True),
        ("0 9 * * 1-5", True),
        ("0 0 1 jan *", True),
        ("every banana", False),
        ("every 0 minutes", False),
        ("every monday 25:00", False),
        ("60 * * * *", False),
        ("* * * *", False),
        ("* * 32 * *", False),
        ("*/0 * * * *", False),
        ("5-1 * * * *", False),
    ],
)
def test_schedules_are_read_as_cloud_scheduler_reads_them(schedule: str, right: bool) -> None:
    assert (formats.schedule(schedule) is None) is right


def test_places_and_services_that_everybody_uses_are_known() -> None:
    used = "run cloudbuild compute container sqladmin secretmanager storage-api cloudfunctions iap dns bigquerystorage"
    assert {f"{name}.googleapis.com" for name in used.split()} <= known_services()
    assert {"us-central1", "europe-west1", "asia-southeast1", "australia-southeast1", "me-west1"} <= REGIONS
    assert all(is_zone(f"{region}-c") for region in REGIONS)
    assert all(is_location(name) for name in ("global", "EU", "us", "asia", "eur4", "NAM4", "nam5", "-"))


def test_parents_that_do_not_exist_are_refused_in_preview_and_in_up(ask: Any) -> None:
    member = {"role": "roles/pubsub.publisher", "member": "allUsers"}
    for token, inputs, says in (
        ("gcp:pubsub/subscription:Subscription", {"name": "sub", "topic": "nosuch"}, "Topic 'nosuch' was not found"),
        ("gcp:pubsub/subscription:Subscription", {"name": "sub", "topic": "projects/a-project/topics/no"}, "Topic"),
        ("gcp:pubsub/topicIAMMember:TopicIAMMember", {"topic": "nosuch", **member}, "Topic 'nosuch'"),
        ("gcp:bigquery/table:Table", {"datasetId": "nosuch", "tableId": "t"}, "Dataset 'nosuch'"),
        ("gcp:storage/bucketObject:BucketObject", {"bucket": "no", "name": "o", "content": "x"}, "Bucket 'no'"),
        (SUBNET, {"network": "nosuch", "ipCidrRange": "10.0.0.0/24", "name": "s"}, "Network 'nosuch'"),
        (
            "gcp:kms/cryptoKey:CryptoKey",
            {"keyRing": "projects/a-project/locations/eu/keyRings/no", "name": "k"},
            "KeyRing",
        ),
    ):
        for preview in (True, False):
            with pytest.raises(Exception, match="404: ") as refused:
                ask.create(token, inputs, preview=preview)
            assert says in str(refused.value) and str(refused.value).startswith(REFUSED) is preview


def test_parents_of_this_program_of_other_projects_and_of_every_project_are_there(ask: Any) -> None:
    subscription = "gcp:pubsub/subscription:Subscription"
    ask.create(TOPIC, {"name": "planned"}, preview=True)
    ask.create(subscription, {"name": "one", "topic": "planned"}, preview=True)
    made = ask.create(TOPIC, {"name": "made"}, name="made")
    ask.create(subscription, {"name": "two", "topic": made["id"]}, name="two")
    ask.create(subscription, {"name": "three", "topic": "projects/pubsub-public-data/topics/taxis"}, name="three")
    ask.create(SUBNET, {"network": "default", "ipCidrRange": "10.0.0.0/24", "name": "s"})
    ask.delete(TOPIC, made, name="made")
    with pytest.raises(Exception, match="Topic 'made' was not found"):
        type(ask)(ask.cloud).create(subscription, {"name": "four", "topic": "made"})
