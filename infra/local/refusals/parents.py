"""Parents that must exist: the topic of a subscription, the bucket of an object, the network of a subnetwork.

What the local cloud can know is what the stack itself makes. So a parent in another project is taken to be there, as
are those that every project has (the network `default`, Google's own service accounts). A parent of this project that
the stack does not make is refused, as Google Cloud would in a project that holds nothing else.
"""

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.provider.resource import Place
from infra.local.provider.rules import Inputs, Problem, found
from infra.local.provider.values import Unknown
from infra.local.relay import ENGINE
from orderguard.private_files import make_private_folder, open_private

_LINK = re.compile(r"https://[a-z.]+googleapis\.com/([a-z]+/)?(v\d\w*/)?")
_NAMES = ("name", "secretId", "datasetId", "repositoryId", "accountId", "tableId", "bucket")
_WAIT_SECONDS = 1.0
"""How long a preview waits for a parent that the program may still be about to name."""

_NETWORK = "gcp:compute/network:Network"
_SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
_BUCKET = "gcp:storage/bucket:Bucket"
_TOPIC = "gcp:pubsub/topic:Topic"
_SECRET = "gcp:secretmanager/secret:Secret"  # a type's name  # nosec B105
_DATASET = "gcp:bigquery/dataset:Dataset"
_SQL = "gcp:sql/databaseInstance:DatabaseInstance"
_ACCOUNT = "gcp:serviceaccount/account:Account"
_REPOSITORY = "gcp:artifactregistry/repository:Repository"
_MACHINES = r"gcp:compute/(instance|instanceTemplate|regionInstanceTemplate):.*"
_V1, _V2 = "gcp:cloudrun/service:Service", "gcp:cloudrunv2/service:Service"

_TABLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        r"gcp:storage/(bucket(Object|IAM|ACL|Access)|defaultObject|notification|folder|managedFolder).*",
        "bucket",
        (_BUCKET,),
    ),
    (r"gcp:storage/notification:.*", "topic", (_TOPIC,)),
    (r"gcp:compute/backendBucket:.*", "bucketName", (_BUCKET,)),
    (r"gcp:pubsub/(subscription|topicIAM\w*):.*", "topic", (_TOPIC,)),
    (r"gcp:pubsub/subscription:.*", "deadLetterPolicy.deadLetterTopic", (_TOPIC,)),
    (r"gcp:pubsub/subscriptionIAM.*", "subscription", ("gcp:pubsub/subscription:Subscription",)),
    (r"gcp:pubsub/topic:.*", "schemaSettings.schema", ("gcp:pubsub/schema:Schema",)),
    (r"gcp:cloudscheduler/job:.*", "pubsubTarget.topicName", (_TOPIC,)),
    (r"gcp:secretmanager/(secretVersion|secretVersionAccess).*", "secret", (_SECRET,)),
    (r"gcp:secretmanager/secretIam.*", "secretId", (_SECRET,)),
    (r"gcp:secretmanager/regionalSecretVersion:.*", "secret", ("gcp:secretmanager/regionalSecret:RegionalSecret",)),
    (r"gcp:secretmanager/regionalSecretIam.*", "secretId", ("gcp:secretmanager/regionalSecret:RegionalSecret",)),
    (r"gcp:bigquery/(table|datasetAccess|routine|datasetIam\w*|iam\w*):.*", "datasetId", (_DATASET,)),
    (r"gcp:bigquery/iam\w*:.*", "tableId", ("gcp:bigquery/table:Table",)),
    (r"gcp:kms/cryptoKey:.*", "keyRing", ("gcp:kms/keyRing:KeyRing",)),
    (r"gcp:kms/keyRingIAM.*", "keyRingId", ("gcp:kms/keyRing:KeyRing",)),
    (r"gcp:kms/cryptoKeyIAM.*", "cryptoKeyId", ("gcp:kms/cryptoKey:CryptoKey",)),
    (r"gcp:kms/(cryptoKeyVersion|secretCiphertext):.*", "cryptoKey", ("gcp:kms/cryptoKey:CryptoKey",)),
    (r"gcp:artifactregistry/repositoryIam.*", "repository", (_REPOSITORY,)),
    (r"gcp:cloudrunv2/serviceIam.*", "name", (_V2, _V1)),
    (r"gcp:cloudrunv2/jobIam.*", "name", ("gcp:cloudrunv2/job:Job",)),
    (r"gcp:cloudrun/iam.*", "service", (_V1, _V2, "gcp:cloudfunctionsv2/function:Function")),
    (r"gcp:cloudfunctions/functionIam.*", "cloudFunction", ("gcp:cloudfunctions/function:Function",)),
    (r"gcp:cloudfunctionsv2/functionIam.*", "cloudFunction", ("gcp:cloudfunctionsv2/function:Function",)),
    (r"gcp:cloudfunctions/function:.*", "sourceArchiveBucket", (_BUCKET,)),
    (r"gcp:cloudfunctionsv2/function:.*", "buildConfig.source.storageSource.bucket", (_BUCKET,)),
    (r"gcp:cloudtasks/queueIam.*", "name", ("gcp:cloudtasks/queue:Queue",)),
    (r"gcp:serviceaccount/(iAM\w*|key):.*", "serviceAccountId", (_ACCOUNT,)),
    (
        r"gcp:compute/(subnetwork|firewall|route|router|networkPeering|vPNGateway|haVpnGateway):.*",
        "network",
        (_NETWORK,),
    ),
    (_MACHINES, "networkInterfaces[].network", (_NETWORK,)),
    (
        _MACHINES,
        "networkInterfaces[].subnetwork",
        (_SUBNETWORK,),
    ),
    (r"gcp:compute/subnetworkIAM.*", "subnetwork", (_SUBNETWORK,)),
    (r"gcp:compute/routerNat:.*", "router", ("gcp:compute/router:Router",)),
    (r"gcp:compute/target(Http|Https)Proxy:.*", "urlMap", ("gcp:compute/uRLMap:URLMap",)),
    (
        r"gcp:compute/uRLMap:.*",
        "defaultService",
        tuple(
            f"gcp:compute/{one}:{one[0].upper()}{one[1:]}"
            for one in ("backendService", "backendBucket", "regionBackendService")
        ),
    ),
    (
        r"gcp:compute/globalForwardingRule:.*",
        "target",
        (
            *(f"gcp:compute/target{one}Proxy:Target{one}Proxy" for one in ("Http", "Https", "Grpc", "SSL", "TCP")),
            "gcp:compute/serviceAttachment:ServiceAttachment",
        ),
    ),
    (r"gcp:container/cluster:.*", "network", (_NETWORK,)),
    (r"gcp:container/cluster:.*", "subnetwork", (_SUBNETWORK,)),
    (r"gcp:container/nodePool:.*", "cluster", ("gcp:container/cluster:Cluster",)),
    (r"gcp:sql/(database|user|sslCert):.*", "instance", (_SQL,)),
    (r"gcp:dns/recordSet:.*", "managedZone", ("gcp:dns/managedZone:ManagedZone",)),
    (r"gcp:vpcaccess/connector:.*", "network", (_NETWORK,)),
    (r"gcp:servicenetworking/connection:.*", "network", (_NETWORK,)),
)
"""Type → property → the types of the parent that it names."""


_PARENTS = {kind for _, _, kinds in _TABLE for kind in kinds}


@cache
def _wanted(token: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((path, kinds) for kind, path, kinds in _TABLE if re.fullmatch(kind, token))


class Parents:
    """What there is, by type and name: read from the cloud once, and noted as one provider makes and plans more."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        # A program may have several providers, each a process of its own: what one plans, the others of the same
        # engine read here.
        self._planned = cloud.home.root / "planned" / os.environ.get(ENGINE, str(os.getppid()))
        self._there: set[tuple[str, str]] | None = None
        self._more = threading.Condition()

    def note(self, token: str, *names: Any) -> None:
        """Something of this type was made, or is to be made by this program."""
        with self._more:
            self._known().update((token, _last(name)) for name in names if isinstance(name, str))
            self._more.notify_all()

    def note_planned(self, token: str, inputs: Mapping[str, Any]) -> None:
        """Something with these inputs is to be made."""
        names = [inputs[name] for name in _NAMES if isinstance(inputs.get(name), str)]
        self.note(token, *names)
        self._tell_others(True, token, names)

    def forget(self, token: str, identity: str) -> None:
        """It was deleted."""
        with self._more:
            self._known().discard((token, _last(identity)))
        self._tell_others(False, token, [identity])

    def _tell_others(self, planned: bool, token: str, names: list[str]) -> None:
        if not names or token not in _PARENTS:
            return
        if not self._planned.exists():
            for path in make_private_folder(self._planned.parent).iterdir():
                if not Path(f"/proc/{path.name}").exists():  # of an engine that has ended
                    path.unlink(missing_ok=True)
        with open_private(self._planned, "ab") as file:
            file.write(json.dumps([planned, token, *names]).encode() + b"\n")

    def _known(self) -> set[tuple[str, str]]:
        if self._there is None:
            self._there = {(kind, _last(identity)) for kind, identity in self._cloud.names()}
        return self._there

    def missing(self, token: str, inputs: Inputs, place: Place, *, planning: bool) -> Iterator[Problem]:
        """The parents that are not there. A preview waits a moment for what the program may still plan."""
        for path, kinds in _wanted(token):
            for where, value in found(inputs, path):
                if isinstance(value, Unknown) or not isinstance(value, str) or not value:
                    continue
                if self._is_elsewhere(value, place) or self._exists(kinds, _last(value), planning):
                    continue
                yield (
                    where,
                    (
                        f"googleapi: Error 404: {_told(kinds)} '{value}' was not found., notFound (the local cloud"
                        " holds what this stack makes; refer to the parent's output, so that it is made first)"
                    ),
                )

    def _exists(self, kinds: tuple[str, ...], name: str, planning: bool) -> bool:
        def there() -> bool:
            return any((kind, name) in self._known() for kind in kinds)

        with self._more:
            if there():
                return True
            self._known().update(self._of_others())
            return self._more.wait_for(there, _WAIT_SECONDS if planning else 0)

    def _of_others(self) -> set[tuple[str, str]]:
        """What other providers of this engine have made, or plan."""
        there = {(kind, _last(identity)) for kind, identity in self._cloud.names()}
        lines = self._planned.read_text().splitlines() if self._planned.is_file() else []
        for line in lines:
            planned, kind, *names = json.loads(line)
            (there.update if planned else there.difference_update)({(kind, _last(name)) for name in names})
        return there

    @staticmethod
    def _is_elsewhere(value: str, place: Place) -> bool:
        """Whether it is another project's, or one that every project has."""
        if _last(value) in ("default", "(default)", "_Default", "_Required"):
            return True
        if "@" in value:  # a service account
            return not value.endswith(f"@{place.project}.iam.gserviceaccount.com")
        path = _LINK.sub("", value)
        project = re.match(r"(?:v1/)?projects/([^/]+)/", path)
        return project is not None and project[1] not in (place.project, place.number, "-", "_")


def _last(name: str) -> str:
    """The last part of a name; of a service account's address what a program that makes it calls it."""
    return name.rstrip("/").rpartition("/")[2].partition("@")[0]


def _told(kinds: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(kind.rpartition(":")[2] for kind in kinds[:2]))
