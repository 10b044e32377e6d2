"""Names and versions that Google Cloud takes, by type. The types of the service modules may have rules of their own."""

import re
from collections.abc import Iterator, Mapping

from infra.local.facts import service_of
from infra.local.provider.rules import Inputs, Problem, found

_RFC1035 = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_WORD = r"[A-Za-z0-9_-]{1,63}"
_DNS = r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+"
_MACHINE = r"(.*/)?([a-z][a-z0-9]*(-[a-z0-9]+)+)"
_RECORDS = "A|AAAA|ALIAS|CAA|CNAME|DNSKEY|DS|HTTPS|IPSECVPNKEY|MX|NAPTR|NS|PTR|SOA|SPF|SRV|SSHFP|SVCB|TLSA|TXT"
_SQL_SERVER = r"SQLSERVER_20\d\d_(STANDARD|ENTERPRISE|EXPRESS|WEB)"
_RUNTIME = r"(nodejs|python|go|java|ruby|php|dotnet)\d+"

_OF_TYPE: Mapping[str, Mapping[str, str]] = {
    "gcp:container/cluster:Cluster": {"name": r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "nodeConfig.machineType": _MACHINE},
    "gcp:container/nodePool:NodePool": {"name": r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "nodeConfig.machineType": _MACHINE},
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "name": r"[a-z]([-a-z0-9]{0,95}[a-z0-9])?",
        "databaseVersion": r"MYSQL_\d_\d(_\d+)?|POSTGRES_\d{1,2}(_\d)?|" + _SQL_SERVER,
        "settings.tier": r"db-[a-z0-9]+(-[A-Za-z0-9]+)*",
    },
    "gcp:sql/database:Database": {"name": r"[^/\\?%*:|\"<>.]{1,64}"},
    "gcp:bigquery/table:Table": {"tableId": r"[^./\\:`'\"\n]{1,1024}(\$\w+)?"},
    "gcp:cloudfunctions/function:Function": {
        "name": r"[a-zA-Z]([-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])?",
        "runtime": _RUNTIME,
        "availableMemoryMb": r"128|256|512|1024|2048|4096|8192",
    },
    "gcp:cloudfunctionsv2/function:Function": {"name": _RFC1035, "buildConfig.runtime": _RUNTIME},
    "gcp:dns/managedZone:ManagedZone": {"name": _RFC1035, "dnsName": _DNS},
    "gcp:dns/recordSet:RecordSet": {"name": _DNS, "type": _RECORDS},
    "gcp:kms/keyRing:KeyRing": {"name": _WORD},
    "gcp:kms/cryptoKey:CryptoKey": {"name": _WORD},
    "gcp:cloudscheduler/job:Job": {"name": r"(projects/.*/jobs/)?[A-Za-z0-9_-]{1,500}"},
    "gcp:cloudtasks/queue:Queue": {"name": r"(projects/.*/queues/)?[A-Za-z0-9-]{1,100}"},
    "gcp:logging/metric:Metric": {"name": r"[A-Za-z0-9_.,+!*'()%/-]{1,100}"},
    "gcp:logging/projectSink:ProjectSink": {"name": r"[A-Za-z0-9_.-]{1,100}"},
    "gcp:memorystore/instance:Instance": {"instanceId": r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"},
    "gcp:redis/instance:Instance": {"name": r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"},
    "gcp:vpcaccess/connector:Connector": {"name": r"[a-z]([-a-z0-9]{0,23}[a-z0-9])?"},
    "gcp:eventarc/trigger:Trigger": {"name": r"(projects/.*/triggers/)?" + _RFC1035},
    "gcp:firestore/database:Database": {"name": r"\(default\)|[a-z]([-a-z0-9]{2,61}[a-z0-9])"},
    "gcp:organizations/project:Project": {"projectId": r"[a-z][a-z0-9-]{4,28}[a-z0-9]"},
    "gcp:pubsub/schema:Schema": {"name": r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"},
    "gcp:compute/instance:Instance": {"machineType": _MACHINE},
    "gcp:compute/instanceTemplate:InstanceTemplate": {"machineType": _MACHINE},
}
"""Type → property → what it has to match as a whole."""
_OF_SERVICE: Mapping[str, Mapping[str, str]] = {"compute": {"name": _RFC1035}}
"""Service → property, for types that are not in the table."""
_NAMED_OTHERWISE = (
    "firewallpolicy",
    "iam",
    "metadata",
    "securitypolicyrule",
    "routernamedset",
    "peering",
    "networkendpoint",
)
"""Types of Compute Engine whose `name` is another thing's or has a form of its own."""


def name_problems(token: str, inputs: Inputs) -> Iterator[Problem]:
    """What of the names can't be."""
    wanted = dict(_OF_TYPE.get(token, {}))
    if not any(part in token.lower() for part in _NAMED_OTHERWISE):
        wanted = {**_OF_SERVICE.get(service_of(token), {}), **wanted}
    for path, pattern in wanted.items():
        for where, value in found(inputs, path):
            if isinstance(value, (str, int)) and not re.fullmatch(pattern, str(value)):
                yield (
                    where,
                    (
                        f"googleapi: Error 400: Invalid value for field '{where}': '{value}'. Must be a match of regex"
                        f" '{pattern}'., invalid"
                    ),
                )
