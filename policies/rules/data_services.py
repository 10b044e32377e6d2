"""Stores and engines for data: inside the network, encrypted with a key of our own, protected from deletion."""

from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, checkov, cis
from policies.value import equals, is_set
from policies.wants import Want, one_of, refuse, settings, where

_CLUSTER = "gcp:dataproc/cluster:Cluster"
_FUSION = "gcp:datafusion/instance:Instance"
_FLOW = "gcp:dataflow/job:Job"
_REDIS = "gcp:redis/instance:Instance"
_VALKEY = "gcp:memorystore/instance:Instance"

dataproc_private = settings(
    "dataproc-private",
    "The machines of Dataproc have no public address.",
    types=[_CLUSTER],
    severity=MEDIUM,
    wants=[Want("clusterConfig.gceClusterConfig.internalIpOnly", equals(True), "has public addresses", default=True)],
    frameworks=[checkov("CKV_GCP_103")],
    fix="Take internal_ip_only=False out.",
)

dataproc_key = settings(
    "dataproc-own-key",
    "The disks of Dataproc are encrypted with a key of our own.",
    types=[_CLUSTER],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("clusterConfig.encryptionConfig.kmsKeyName", bool, "is encrypted with a key of Google's")],
    frameworks=[cis("8.1"), checkov("CKV_GCP_91")],
    fix="Set cluster_config.encryption_config.kms_key_name.",
)

fusion_private = settings(
    "datafusion-private",
    "Data Fusion is reached from inside a network.",
    types=[_FUSION],
    wants=[Want("privateInstance", equals(True), "has a public address", default=False)],
    frameworks=[checkov("CKV_GCP_87")],
    fix="Set private_instance=True.",
)

fusion_watched = settings(
    "datafusion-watched",
    "Logs and metrics of Data Fusion go to Google Cloud's.",
    types=[_FUSION],
    severity=LOW,
    level=ADVISORY,
    wants=[
        Want("enableStackdriverLogging", equals(True), "nothing is logged", default=False),
        Want("enableStackdriverMonitoring", equals(True), "nothing is measured", default=False),
    ],
    frameworks=[checkov("CKV_GCP_104"), checkov("CKV_GCP_105")],
    fix="Set enable_stackdriver_logging=True and enable_stackdriver_monitoring=True.",
)

dataflow_private = settings(
    "dataflow-private",
    "The workers of Dataflow have no public address.",
    types=[_FLOW],
    wants=[Want("ipConfiguration", one_of("WORKER_IP_PRIVATE"), "workers have public addresses")],
    frameworks=[checkov("CKV_GCP_94")],
    fix='Set ip_configuration="WORKER_IP_PRIVATE".',
)

dataflow_key = settings(
    "dataflow-own-key",
    "What Dataflow keeps is encrypted with a key of our own.",
    types=[_FLOW],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("kmsKeyName", bool, "is encrypted with a key of Google's")],
    frameworks=[checkov("CKV_GCP_90")],
    fix="Set kms_key_name.",
)

spanner_protected = settings(
    "spanner-protected",
    "A Spanner database refuses to be deleted, by Pulumi and by others.",
    types=["gcp:spanner/database:Database"],
    wants=[
        Want("deletionProtection", equals(True), "deletion protection is off", default=True),
        Want("enableDropProtection", equals(True), "may be dropped", default=False),
    ],
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_119"), checkov("CKV_GCP_120")],
    fix="Set deletion_protection=True and enable_drop_protection=True.",
)

spanner_key = settings(
    "spanner-own-key",
    "A Spanner database is encrypted with a key of our own.",
    types=["gcp:spanner/database:Database"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("encryptionConfig", lambda _: True, "is encrypted with a key of Google's")],
    frameworks=[checkov("CKV_GCP_93")],
    fix="Set encryption_config.kms_key_name.",
)

bigtable_protected = settings(
    "bigtable-protected",
    "A Bigtable instance refuses to be deleted.",
    types=["gcp:bigtable/instance:Instance"],
    wants=[Want("deletionProtection", equals(True), "deletion protection is off", default=True)],
    frameworks=[checkov("CKV_GCP_122")],
    fix="Set deletion_protection=True.",
)

bigtable_key = settings(
    "bigtable-own-key",
    "A Bigtable instance is encrypted with a key of our own.",
    types=["gcp:bigtable/instance:Instance"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("clusters[].kmsKeyName", bool, "is encrypted with a key of Google's")],
    frameworks=[checkov("CKV_GCP_85")],
    fix="Set kms_key_name on each cluster.",
)

redis_network = settings(
    "redis-network",
    "Redis is in a network of our own.",
    types=[_REDIS],
    severity=MEDIUM,
    wants=[
        Want("authorizedNetwork", lambda name: str(name).rpartition("/")[2] != "default", "is in the default network")
    ],
    fix="Set authorized_network.",
)

redis_deletion_protection = settings(
    "redis-deletion-protection",
    "A Redis of production refuses to be deleted.",
    types=[_REDIS],
    stacks=["prod*"],
    wants=[Want("deletionProtection", equals(True), "deletion protection is off", default=True)],
    fix="Take deletion_protection=False out.",
)

redis_replica = settings(
    "redis-replica",
    "A Redis of production has a replica that takes over.",
    types=[_REDIS],
    level=ADVISORY,
    stacks=["prod*"],
    wants=[Want("tier", one_of("STANDARD_HA"), "has no replica", default="BASIC")],
    fix='Set tier="STANDARD_HA".',
)

valkey_deletion_protection = settings(
    "valkey-deletion-protection",
    "A Valkey of production refuses to be deleted.",
    types=[_VALKEY],
    stacks=["prod*"],
    wants=[Want("deletionProtectionEnabled", equals(True), "deletion protection is off", default=True)],
    fix="Take deletion_protection_enabled=False out.",
)

valkey_replica = settings(
    "valkey-replica",
    "A Valkey of production has a replica that takes over.",
    types=[_VALKEY],
    level=ADVISORY,
    stacks=["prod*"],
    wants=[Want("replicaCount", lambda count: int(count) > 0, "has no replica", default=0)],
    fix="Set replica_count=1 or more.",
)

notebooks_private = settings(
    "vertex-workbench-private",
    "Notebooks are reached through Google's proxy, not by a public address.",
    types=["gcp:workbench/instance:Instance"],
    severity=HIGH,
    wants=[Want("gceSetup.disablePublicIp", equals(True), "has a public address", default=False)],
    frameworks=[checkov("CKV2_GCP_28")],
    fix="Set gce_setup.disable_public_ip=True.",
)

notebooks_key = settings(
    "vertex-workbench-own-key",
    "The disks of notebooks are encrypted with a key of our own.",
    types=["gcp:workbench/instance:Instance"],
    severity=LOW,
    level=ADVISORY,
    wants=[
        Want("gceSetup.bootDisk.diskEncryption", one_of("CMEK"), "is encrypted with a key of Google's"),
        refuse("gceSetup.dataDisks.diskEncryption", one_of("GMEK", ""), "is encrypted with a key of Google's"),
    ],
    frameworks=[checkov("CKV2_GCP_27")],
    fix='Set disk_encryption="CMEK" and kms_key on both disks.',
)

tpu_private = settings(
    "tpu-private",
    "TPUs have no public address.",
    types=["gcp:tpu/v2Vm:V2Vm"],
    wants=[refuse("networkConfig.enableExternalIps", is_set, "has a public address")],
    frameworks=[checkov("CKV2_GCP_32")],
    fix="Take enable_external_ips out.",
)

documents_key = settings(
    "documentai-own-key",
    "What Document AI reads is encrypted with a key of our own.",
    types=["gcp:essentialcontacts/documentAiProcessor:DocumentAiProcessor"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("kmsKeyName", bool, "is encrypted with a key of Google's")],
    frameworks=[checkov("CKV2_GCP_22")],
    fix="Set kms_key_name.",
)

documents_store_key = settings(
    "documentai-warehouse-own-key",
    "What Document AI Warehouse stores is encrypted with a key of our own.",
    types=["gcp:essentialcontacts/documentAiWarehouseLocation:DocumentAiWarehouseLocation"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("kmsKey", bool, "is encrypted with a key of Google's")],
    frameworks=[checkov("CKV2_GCP_23")],
    fix="Set kms_key.",
)

agents_logged = settings(
    "dialogflow-logged",
    "What an agent of Dialogflow is asked is logged.",
    types=["gcp:diagflow/agent:Agent"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("enableLogging", equals(True), "nothing is logged", default=False)],
    frameworks=[checkov("CKV2_GCP_29")],
    fix="Set enable_logging=True.",
)

cx_agents_logged = settings(
    "dialogflow-cx-logged",
    "What an agent of Dialogflow CX is asked is logged.",
    types=["gcp:diagflow/cxAgent:CxAgent"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("advancedSettings.loggingSettings.enableStackdriverLogging", equals(True), "nothing is logged", False)],
    frameworks=[checkov("CKV2_GCP_30")],
    applies=where("enableStackdriverLogging", lambda old: old is not True),
    fix="Set advanced_settings.logging_settings.enable_stackdriver_logging=True.",
)

cx_webhooks_logged = settings(
    "dialogflow-webhooks-logged",
    "What webhooks of Dialogflow CX are sent is logged.",
    types=["gcp:diagflow/cxWebhook:CxWebhook"],
    severity=LOW,
    level=ADVISORY,
    wants=[Want("enableStackdriverLogging", equals(True), "nothing is logged", default=False)],
    frameworks=[checkov("CKV2_GCP_31")],
    fix="Set enable_stackdriver_logging=True.",
)
