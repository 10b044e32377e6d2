"""Cloud KMS: keys rotate and stay, and data is encrypted with them where a stack asks for it."""

from policies.rule import ADVISORY, HIGH, LOW, MEDIUM, Resource, checkov, cis, org_policy, rule, trivy
from policies.value import Findings, Undecided, Violation, require

CRYPTO_KEY = "gcp:kms/cryptoKey:CryptoKey"

ENCRYPTED_BY = {
    "gcp:artifactregistry/repository:Repository": "kmsKeyName",
    "gcp:bigquery/dataset:Dataset": "defaultEncryptionConfiguration.kmsKeyName",
    "gcp:bigquery/table:Table": "encryptionConfiguration.kmsKeyName",
    "gcp:cloudrunv2/job:Job": "template.template.encryptionKey",
    "gcp:cloudrunv2/service:Service": "template.encryptionKey",
    "gcp:dataflow/flexTemplateJob:FlexTemplateJob": "kmsKeyName",
    "gcp:firestore/database:Database": "cmekConfig.kmsKeyName",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "cmekSettings.kmsKeyName",
    "gcp:memorystore/instance:Instance": "kmsKey",
    "gcp:pubsub/topic:Topic": "kmsKeyName",
    "gcp:redis/instance:Instance": "customerManagedKey",
    "gcp:secretmanager/regionalSecret:RegionalSecret": "customerManagedEncryption.kmsKeyName",
    "gcp:sql/databaseInstance:DatabaseInstance": "encryptionKeyName",
    "gcp:storage/bucket:Bucket": "encryption.defaultKmsKeyName",
    "gcp:vertex/aiDataset:AiDataset": "encryptionSpec.kmsKeyName",
    "gcp:vertex/aiEndpoint:AiEndpoint": "encryptionSpec.kmsKeyName",
    "gcp:vertex/aiFeatureStore:AiFeatureStore": "encryptionSpec.kmsKeyName",
    "gcp:vertex/aiMetadataStore:AiMetadataStore": "encryptionSpec.kmsKeyName",
    "gcp:vertex/aiTensorboard:AiTensorboard": "encryptionSpec.kmsKeyName",
}
"""Where each type names the key that encrypts what it holds."""


@rule(
    "kms-rotation",
    "A key is rotated at least every 90 days.",
    types=[CRYPTO_KEY],
    severity=MEDIUM,
    frameworks=[
        cis("1.11"),
        checkov("CKV_GCP_43"),
        trivy("GCP-0065"),
        org_policy("custom.cloudkmsAllowedRotationPeriod"),
    ],
    settings={"maximumDays": 90},
    fix='Set rotation_period="7776000s" (90 days) or less.',
)
def rotation(key: Resource) -> Findings:
    def is_soon(period: object) -> bool:
        return float(str(period).rstrip("s")) <= float(key.settings["maximumDays"]) * 86_400

    purpose = key["purpose"]
    # Asymmetric keys can't rotate by themselves: Cloud KMS refuses a period for them.
    if purpose.unknown:
        yield Undecided(purpose.path)
    elif purpose.absent or purpose.content == "ENCRYPT_DECRYPT":
        yield require(key["rotationPeriod"], is_soon, "is not rotated in time")


@rule(
    "kms-protected",
    "A key is protected from deletion: what it encrypted would be lost.",
    types=[CRYPTO_KEY, "gcp:kms/keyRing:KeyRing"],
    severity=HIGH,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_82")],
    fix="Set protect=True in the resource's options.",
)
def protected(key: Resource) -> Findings:
    if not key.protected:
        yield Violation("", "can be destroyed by the program")


@rule(
    "kms-customer-managed",
    "What production stores is encrypted with a key of our own.",
    types=ENCRYPTED_BY,
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[
        *(cis(reference) for reference in ("7.2", "7.3")),
        *(checkov(f"CKV_GCP_{number}") for number in (80, 81, 83, 84, 92, 96)),
        *(checkov(f"CKV2_GCP_{number}") for number in (24, 25, 26)),
        org_policy("gcp.restrictNonCmekServices"),
        trivy("GCP-0066"),
    ],
    fix="Name a key of Cloud KMS.",
)
def customer_managed(resource: Resource) -> Findings:
    yield require(resource.at(ENCRYPTED_BY[resource.type]), bool, "is encrypted with a key of Google's")


@rule(
    "kms-customer-managed-secrets",
    "Secrets of production are encrypted with a key of our own in every region.",
    types=["gcp:secretmanager/secret:Secret"],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[org_policy("gcp.restrictNonCmekServices")],
    fix="Set customer_managed_encryption on each replica.",
)
def customer_managed_secrets(secret: Resource) -> Findings:
    automatic = secret.at("replication.auto")
    if not automatic.absent:
        yield require(automatic.at("customerManagedEncryption.kmsKeyName"), bool, "is encrypted with a key of Google's")
    for replica in secret.each("replication.userManaged.replicas"):
        yield require(replica.at("customerManagedEncryption.kmsKeyName"), bool, "is encrypted with a key of Google's")
