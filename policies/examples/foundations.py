"""Examples for machines, databases, clusters, functions and engines for data."""

from typing import Any

from policies.rules.compute import DISKS, PROJECT_METADATA
from policies.rules.functions import FUNCTION_V1, FUNCTION_V2, RUN_V1
from policies.rules.gke import CLUSTER, NODE_POOL
from policies.rules.organization import OLD_POLICIES, POLICY
from policies.rules.sql import INSTANCE as DATABASE
from policies.rules.sql import USER
from policies.testing import Examples, StackExamples, secret

MACHINE = "gcp:compute/instance:Instance"
TEMPLATE = "gcp:compute/instanceTemplate:InstanceTemplate"
ACCOUNT = "scorer@p.iam.gserviceaccount.com"
DEFAULT = "123-compute@developer.gserviceaccount.com"
KEY = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"
_ALL = ["https://www.googleapis.com/auth/cloud-platform"]
_SHIELDED = {"enableSecureBoot": True}

Properties = dict[str, Any]
Case = tuple[str, str, list[Properties], list[Properties]]


def _database(version: str = "POSTGRES_17", **settings: Any) -> Properties:
    return {"databaseVersion": version, "settings": settings}


def _flags(version: str, **flags: str) -> Properties:
    named = [{"name": name.replace("__", ".").replace("0_", " "), "value": value} for name, value in flags.items()]
    return _database(version, databaseFlags=named)


def _addresses(**configured: Any) -> Properties:
    return _database(ipConfiguration=configured)


_RECORDS = {
    "log_connections": "on", "log_disconnections": "on", "log_statement": "ddl", "cloudsql__enable_pgaudit": "on",
    "log_lock_waits": "on", "log_hostname": "on", "log_duration": "on", "log_temp_files": "0",
}  # fmt: skip
_NODES = {"serviceAccount": ACCOUNT, "shieldedInstanceConfig": {"enableSecureBoot": True}}
_RULES_OFF = {"rules": [{"enforce": "FALSE"}]}

_CASES: tuple[Case, ...] = (
    (
        "compute-own-service-account", MACHINE,
        [{"serviceAccount": {"email": ACCOUNT, "scopes": _ALL}}, {"name": "without-one"}],
        [{"serviceAccount": {"scopes": _ALL}}, {"serviceAccount": {"email": DEFAULT}},
         {"serviceAccount": {"email": "default"}}],
    ),
    (
        "compute-full-scope", TEMPLATE,
        [{"serviceAccount": {"email": ACCOUNT, "scopes": _ALL}}, {"serviceAccount": {"scopes": ["logging.write"]}}],
        [{"serviceAccount": {"scopes": _ALL}}, {"serviceAccount": {"email": DEFAULT, "scopes": ["cloud-platform"]}}],
    ),
    (
        "compute-os-login", MACHINE,
        [{"metadata": {"enable-oslogin": "TRUE"}}], [{"metadata": {"enable-oslogin": "FALSE"}}],
    ),
    (
        "compute-project-os-login", PROJECT_METADATA,
        [{"metadata": {"enable-oslogin": "TRUE"}}], [{"metadata": {"a": "b"}}],
    ),
    (
        "compute-project-ssh-keys", MACHINE,
        [{"metadata": {"block-project-ssh-keys": "true"}}, {"metadata": {"enable-oslogin": "TRUE"}}],
        [{"name": "m"}, {"metadata": {"block-project-ssh-keys": "false"}}],
    ),
    (
        "compute-serial-port", MACHINE,
        [{"metadata": {"serial-port-enable": "FALSE"}}],
        [{"metadata": {"serial-port-enable": "1"}}, {"metadata": {"serial-port-enable": "TRUE"}}],
    ),
    ("compute-ip-forwarding", MACHINE, [{"name": "m"}, {"canIpForward": False}], [{"canIpForward": True}]),
    (
        "compute-shielded", MACHINE,
        [{"shieldedInstanceConfig": _SHIELDED}],
        [{"name": "m"}, {"shieldedInstanceConfig": {**_SHIELDED, "enableVtpm": False}}],
    ),
    (
        "compute-public-address", TEMPLATE,
        [{"networkInterfaces": [{"network": "n"}]}, {"networkInterfaces": [{"accessConfigs": []}]}],
        [{"networkInterfaces": [{"network": "n", "accessConfigs": [{}]}]}],
    ),
    (
        "compute-confidential", MACHINE,
        [{"confidentialInstanceConfig": {"enableConfidentialCompute": True}},
         {"confidentialInstanceConfig": {"confidentialInstanceType": "SEV_SNP"}}],
        [{"name": "m"}],
    ),
    ("compute-disk-keys", DISKS[0], [{"diskEncryptionKey": {"kmsKeySelfLink": KEY}}], [{"name": "d"}]),
    ("compute-disk-keys", MACHINE, [{"bootDisk": {"kmsKeySelfLink": KEY}}], [{"bootDisk": {"autoDelete": True}}]),
    (
        "compute-no-default-network", MACHINE,
        [{"networkInterfaces": [{"network": "orders"}]}],
        [{"networkInterfaces": [{"network": "default"}]},
         {"networkInterfaces": [{"network": "global/networks/default"}]}],
    ),
    ("sql-no-public-address", DATABASE, [_addresses(ipv4Enabled=False)], [_database(), _addresses(ipv4Enabled=True)]),
    (
        "sql-not-open-to-world", DATABASE,
        [_addresses(authorizedNetworks=[{"value": "203.0.113.0/24"}])],
        [_addresses(authorizedNetworks=[{"value": "0.0.0.0/0"}])],
    ),
    (
        "sql-encrypted-connections", DATABASE,
        [_addresses(sslMode="ENCRYPTED_ONLY"), _addresses(requireSsl=True)],
        [_database(), _addresses(sslMode="ALLOW_UNENCRYPTED_AND_ENCRYPTED")],
    ),
    (
        "sql-backups", DATABASE,
        [_database(backupConfiguration={"enabled": True}), {"masterInstanceName": "primary", "settings": {}}],
        [_database(), _database(backupConfiguration={"enabled": False})],
    ),
    (
        "sql-mysql-point-in-time", DATABASE,
        [_database("MYSQL_8_4", backupConfiguration={"binaryLogEnabled": True}), _database("POSTGRES_17")],
        [_database("MYSQL_8_4")],
    ),
    (
        "sql-postgres-point-in-time", DATABASE,
        [_database(backupConfiguration={"pointInTimeRecoveryEnabled": True}), _database("MYSQL_8_4")],
        [_database(), _database(backupConfiguration={"enabled": True})],
    ),
    (
        "sql-second-zone", DATABASE,
        [_database(availabilityType="REGIONAL"), {"masterInstanceName": "primary", "settings": {}}],
        [_database(), _database(availabilityType="ZONAL")],
    ),
    ("sql-deletion-protection", DATABASE, [_database()], [{**_database(), "deletionProtection": False}]),
    (
        "sql-maintained-version", DATABASE,
        [_database("POSTGRES_17")], [_database("MYSQL_5_7"), _database("POSTGRES_11")],
    ),
    (
        "sql-users-have-passwords", USER,
        [{"name": "root", "password": secret("p")}, {"name": "app"}, {"name": "root", "type": "CLOUD_IAM_USER"}],
        [{"name": "root", "host": "%"}],
    ),
    (
        "sql-mysql-flags", DATABASE,
        [_flags("MYSQL_8_4", skip_show_database="on", local_infile="off"), _database("POSTGRES_17")],
        [_database("MYSQL_8_4"), _flags("MYSQL_8_4", skip_show_database="on", local_infile="on")],
    ),
    (
        "sql-postgres-records", DATABASE,
        [_flags("POSTGRES_17", **_RECORDS), _database("MYSQL_8_4")],
        [_database("POSTGRES_17"), _flags("POSTGRES_17", **{**_RECORDS, "log_connections": "off"})],
    ),
    (
        "sql-postgres-silent", DATABASE,
        [_database("POSTGRES_17")],
        [_flags("POSTGRES_17", log_min_duration_statement="100"), _flags("POSTGRES_17", log_parser_stats="on")],
    ),
    (
        "sql-sqlserver-flags", DATABASE,
        [_flags("SQLSERVER_2022_STANDARD", **{"remote0_access": "off", "3625": "on"})],
        [_database("SQLSERVER_2022_STANDARD"),
         _flags("SQLSERVER_2022_STANDARD", **{"remote0_access": "off", "3625": "on", "user0_options": "1"})],
    ),
    (
        "sql-iam-authentication", DATABASE,
        [_flags("POSTGRES_17", cloudsql__iam_authentication="on"), _database("SQLSERVER_2022_STANDARD")],
        [_database("POSTGRES_17"), _database("MYSQL_8_4")],
    ),
    (
        "gke-control-plane-closed", CLUSTER,
        [{"privateClusterConfig": {"enablePrivateEndpoint": True}},
         {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "10.0.0.0/8"}]}}],
        [{"name": "c"}, {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}}],
    ),
    ("gke-private-nodes", CLUSTER, [{"privateClusterConfig": {"enablePrivateNodes": True}}], [{"name": "c"}]),
    ("gke-no-legacy-authorization", CLUSTER, [{"name": "c"}], [{"enableLegacyAbac": True}]),
    (
        "gke-no-client-certificate", CLUSTER,
        [{"masterAuth": {"clientCertificateConfig": {"issueClientCertificate": False}}}],
        [{"masterAuth": {"clientCertificateConfig": {"issueClientCertificate": True}}}],
    ),
    (
        "gke-own-service-account", CLUSTER,
        [{"nodeConfig": _NODES}, {"removeDefaultNodePool": True},
         {"enableAutopilot": True, "clusterAutoscaling": {"autoProvisioningDefaults": {"serviceAccount": ACCOUNT}}}],
        [{"name": "c"}, {"nodeConfig": {"serviceAccount": "default"}}, {"enableAutopilot": True}],
    ),
    ("gke-own-service-account", NODE_POOL, [{"nodeConfig": _NODES}], [{"nodeConfig": {"serviceAccount": DEFAULT}}]),
    (
        "gke-network-policy", CLUSTER,
        [{"datapathProvider": "ADVANCED_DATAPATH"}, {"networkPolicy": {"enabled": True}}, {"enableAutopilot": True}],
        [{"name": "c"}],
    ),
    (
        "gke-workload-identity", CLUSTER,
        [{"workloadIdentityConfig": {"workloadPool": "p.svc.id.goog"}}, {"enableAutopilot": True}],
        [{"name": "c"}],
    ),
    (
        "gke-node-metadata", NODE_POOL,
        [{"nodeConfig": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}}],
        [{"nodeConfig": {"workloadMetadataConfig": {"mode": "GCE_METADATA"}}}],
    ),
    (
        "gke-node-metadata", CLUSTER,
        [{"enableAutopilot": True}, {"removeDefaultNodePool": True}], [{"name": "c"}, {"enableAutopilot": False}],
    ),
    (
        "gke-no-legacy-endpoints", NODE_POOL,
        [{"nodeConfig": {"metadata": {"disable-legacy-endpoints": "true"}}}],
        [{"nodeConfig": {"metadata": {"disable-legacy-endpoints": "false"}}}],
    ),
    ("gke-shielded-nodes", CLUSTER, [{"name": "c"}], [{"enableShieldedNodes": False}]),
    ("gke-secure-boot", NODE_POOL, [{"nodeConfig": _NODES}], [{"nodeConfig": {"machineType": "e2-small"}}]),
    (
        "gke-secure-boot", CLUSTER,
        [{"enableAutopilot": True}, {"removeDefaultNodePool": True}], [{"name": "c"}, {"enableAutopilot": False}],
    ),
    ("gke-container-optimized", NODE_POOL, [{"name": "p"}], [{"nodeConfig": {"imageType": "UBUNTU_CONTAINERD"}}]),
    ("gke-nodes-kept-up", NODE_POOL, [{"name": "p"}], [{"management": {"autoRepair": False}}]),
    ("gke-release-channel", CLUSTER, [{"name": "c"}], [{"releaseChannel": {"channel": "UNSPECIFIED"}}]),
    (
        "gke-watched", CLUSTER, [{"name": "c"}, {"loggingService": "logging.googleapis.com/kubernetes"}],
        [{"loggingService": "none"}, {"monitoringService": "none"}, {"loggingService": "logging.googleapis.com"}],
    ),
    ("gke-alias-addresses", CLUSTER, [{"networkingMode": "VPC_NATIVE"}], [{"networkingMode": "ROUTES"}]),
    ("gke-intranode-visibility", CLUSTER, [{"enableIntranodeVisibility": True}], [{"name": "c"}]),
    ("gke-groups", CLUSTER, [{"authenticatorGroupsConfig": {"securityGroup": "g@example.com"}}], [{"name": "c"}]),
    (
        "gke-binary-authorization", CLUSTER,
        [{"binaryAuthorization": {"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}}],
        [{"name": "c"}, {"binaryAuthorization": {"evaluationMode": "DISABLED"}}],
    ),
    ("gke-labelled", CLUSTER, [{"resourceLabels": {"team": "orders"}}], [{"name": "c"}]),
    ("gke-own-node-pools", CLUSTER, [{"removeDefaultNodePool": True}], [{"nodePools": [{"name": "p"}]}]),
    ("gke-no-alpha", CLUSTER, [{"name": "c"}], [{"enableKubernetesAlpha": True}]),
    (
        "functions-own-service-account", FUNCTION_V1,
        [{"serviceAccountEmail": ACCOUNT}],
        [{"runtime": "python312"}, {"serviceAccountEmail": "p@appspot.gserviceaccount.com"}],
    ),
    (
        "functions-own-service-account", FUNCTION_V2,
        [{"serviceConfig": {"serviceAccountEmail": ACCOUNT}}], [{"name": "f"}],
    ),
    (
        "functions-own-service-account", RUN_V1,
        [{"template": {"spec": {"serviceAccountName": ACCOUNT}}}], [{"template": {"spec": {}}}],
    ),
    (
        "functions-ingress", FUNCTION_V1,
        [{"ingressSettings": "ALLOW_INTERNAL_ONLY"}, {"eventTrigger": {"eventType": "e"}}],
        [{"triggerHttp": True}, {"ingressSettings": "ALLOW_ALL"}],
    ),
    (
        "functions-ingress", RUN_V1,
        [{"metadata": {"annotations": {"run.googleapis.com/ingress": "internal"}}}],
        [{"name": "s"}, {"metadata": {"annotations": {"run.googleapis.com/ingress": "all"}}}],
    ),
    (
        "functions-https", FUNCTION_V1,
        [{"triggerHttp": True, "httpsTriggerSecurityLevel": "SECURE_ALWAYS"}, {"eventTrigger": {"eventType": "e"}}],
        [{"triggerHttp": True}],
    ),
    (
        "functions-app-https", "gcp:appengine/standardAppVersion:StandardAppVersion",
        [{"handlers": [{"securityLevel": "SECURE_ALWAYS"}]}, {"runtime": "python312"}],
        [{"handlers": [{"urlRegex": ".*"}]}, {"handlers": [{"securityLevel": "SECURE_OPTIONAL"}]}],
    ),
    (
        "functions-no-unauthenticated-annotation", RUN_V1,
        [{"name": "s"}], [{"metadata": {"annotations": {"run.googleapis.com/invoker-iam-disabled": "true"}}}],
    ),
    (
        "dataproc-private", "gcp:dataproc/cluster:Cluster",
        [{"name": "c"}], [{"clusterConfig": {"gceClusterConfig": {"internalIpOnly": False}}}],
    ),
    (
        "dataproc-own-key", "gcp:dataproc/cluster:Cluster",
        [{"clusterConfig": {"encryptionConfig": {"kmsKeyName": KEY}}}], [{"name": "c"}],
    ),
    ("datafusion-private", "gcp:datafusion/instance:Instance", [{"privateInstance": True}], [{"name": "i"}]),
    (
        "datafusion-watched", "gcp:datafusion/instance:Instance",
        [{"enableStackdriverLogging": True, "enableStackdriverMonitoring": True}], [{"enableStackdriverLogging": True}],
    ),
    ("dataflow-private", "gcp:dataflow/job:Job", [{"ipConfiguration": "WORKER_IP_PRIVATE"}], [{"name": "j"}]),
    ("dataflow-own-key", "gcp:dataflow/job:Job", [{"kmsKeyName": KEY}], [{"name": "j"}]),
    (
        "spanner-protected", "gcp:spanner/database:Database",
        [{"enableDropProtection": True}], [{"name": "d"}, {"enableDropProtection": True, "deletionProtection": False}],
    ),
    ("spanner-own-key", "gcp:spanner/database:Database", [{"encryptionConfig": {"kmsKeyName": KEY}}], [{"name": "d"}]),
    ("bigtable-protected", "gcp:bigtable/instance:Instance", [{"name": "b"}], [{"deletionProtection": False}]),
    ("bigtable-own-key", "gcp:bigtable/instance:Instance", [{"clusters": [{"kmsKeyName": KEY}]}], [{"clusters": [{}]}]),
    ("redis-network", "gcp:redis/instance:Instance", [{"authorizedNetwork": "orders"}], [{"name": "r"}]),
    (
        "redis-deletion-protection", "gcp:redis/instance:Instance",
        [{"name": "r"}, {"deletionProtection": True}], [{"deletionProtection": False}],
    ),
    (
        "valkey-deletion-protection", "gcp:memorystore/instance:Instance",
        [{"deletionProtectionEnabled": True}, {"instanceId": "v"}], [{"deletionProtectionEnabled": False}],
    ),
    (
        "valkey-replica", "gcp:memorystore/instance:Instance",
        [{"replicaCount": 1}], [{"instanceId": "v"}, {"replicaCount": 0}],
    ),
    ("redis-replica", "gcp:redis/instance:Instance", [{"tier": "STANDARD_HA"}], [{"name": "r"}, {"tier": "BASIC"}]),
    (
        "vertex-workbench-private", "gcp:workbench/instance:Instance",
        [{"gceSetup": {"disablePublicIp": True}}], [{"gceSetup": {"machineType": "e2-small"}}],
    ),
    (
        "vertex-workbench-own-key", "gcp:workbench/instance:Instance",
        [{"gceSetup": {"bootDisk": {"diskEncryption": "CMEK"}, "dataDisks": {"diskEncryption": "CMEK"}}},
         {"gceSetup": {"bootDisk": {"diskEncryption": "CMEK"}}}],
        [{"name": "w"},
         {"gceSetup": {"bootDisk": {"diskEncryption": "CMEK"}, "dataDisks": {"diskEncryption": "GMEK"}}}],
    ),
    ("tpu-private", "gcp:tpu/v2Vm:V2Vm", [{"name": "t"}], [{"networkConfig": {"enableExternalIps": True}}]),
    (
        "documentai-own-key", "gcp:essentialcontacts/documentAiProcessor:DocumentAiProcessor",
        [{"kmsKeyName": KEY}], [{"type": "OCR_PROCESSOR"}],
    ),
    (
        "documentai-warehouse-own-key", "gcp:essentialcontacts/documentAiWarehouseLocation:DocumentAiWarehouseLocation",
        [{"kmsKey": KEY}], [{"location": "eu"}],
    ),
    ("dialogflow-logged", "gcp:diagflow/agent:Agent", [{"enableLogging": True}], [{"displayName": "a"}]),
    (
        "dialogflow-cx-logged", "gcp:diagflow/cxAgent:CxAgent",
        [{"advancedSettings": {"loggingSettings": {"enableStackdriverLogging": True}}},
         {"enableStackdriverLogging": True}],
        [{"displayName": "a"}],
    ),
    (
        "dialogflow-webhooks-logged", "gcp:diagflow/cxWebhook:CxWebhook",
        [{"enableStackdriverLogging": True}], [{"disabled": False}],
    ),
    (
        "organization-policy-kept", OLD_POLICIES[0],
        [{"booleanPolicy": {"enforced": True}}, {"listPolicy": {"allow": {"values": ["in:eu-locations"]}}}],
        [{"booleanPolicy": {"enforced": False}}, {"listPolicy": {"allow": {"all": True}}}],
    ),
    (
        "organization-policy-kept", POLICY,
        [{"spec": {"rules": [{"enforce": "TRUE"}]}},
         {"spec": {"rules": [{"enforce": "FALSE", "condition": {"title": "t"}}]}}],
        [{"spec": _RULES_OFF}, {"spec": {"rules": [{"allowAll": "TRUE"}]}}],
    ),
)  # fmt: skip

EXAMPLES: tuple[Examples | StackExamples, ...] = (
    *(Examples(rule, kind, holds=holds, violated=violated) for rule, kind, holds, violated in _CASES),
)
