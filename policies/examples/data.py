"""Examples for what holds data: buckets, secrets, keys, tables, topics, and where they stand."""

from policies.testing import Examples

BUCKET = "gcp:storage/bucket:Bucket"
SECRET = "gcp:secretmanager/secret:Secret"
KEY = "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"

EXAMPLES: tuple[Examples, ...] = (
    Examples(
        "bucket-public-access-prevention",
        BUCKET,
        holds=[{"publicAccessPrevention": "enforced"}],
        violated=[{"location": "EU"}, {"publicAccessPrevention": "inherited"}],
    ),
    Examples(
        "bucket-uniform-access",
        BUCKET,
        holds=[{"uniformBucketLevelAccess": True}],
        violated=[{}, {"uniformBucketLevelAccess": False}],
    ),
    Examples(
        "bucket-model-versioning",
        BUCKET,
        holds=[{"name": "p-prod-models", "versioning": {"enabled": True}}, {"name": "p-prod-logs"}],
        violated=[{"name": "p-prod-models"}, {"name": "model-files", "versioning": {"enabled": False}}],
    ),
    Examples(
        "bucket-versioning",
        BUCKET,
        holds=[{"versioning": {"enabled": True}}, {"retentionPolicy": {"retentionPeriod": "86400"}}],
        violated=[{"versioning": {"enabled": False}}, {"name": "plain"}],
    ),
    Examples(
        "bucket-soft-delete",
        BUCKET,
        holds=[{"softDeletePolicy": {"retentionDurationSeconds": 1209600}}, {"name": "seven-days-by-default"}],
        violated=[{"softDeletePolicy": {"retentionDurationSeconds": 0}}],
    ),
    Examples(
        "bucket-lifecycle",
        BUCKET,
        holds=[{"lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"age": 30}}]}],
        violated=[{"name": "plain"}, {"lifecycleRules": []}],
    ),
    Examples(
        "bucket-raw-orders-expire",
        BUCKET,
        holds=[
            {"name": "p-raw", "lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"age": 365}}]},
            {
                "name": "p-raw",
                "lifecycleRules": [
                    {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefixes": ["tmp/"]}},
                    {"action": {"type": "Delete"}, "condition": {"age": 365, "withState": "ANY"}},
                ],
            },
            {"name": "p-models", "lifecycleRules": []},
        ],
        violated=[
            {"name": "p-raw"},
            {
                "name": "raw-orders",
                "lifecycleRules": [{"action": {"type": "SetStorageClass"}, "condition": {"age": 9}}],
            },
            {"name": "p-raw", "lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"numNewerVersions": 3}}]},
            *(
                {"name": "p-raw", "lifecycleRules": [{"action": {"type": "Delete"}, "condition": {"age": 365, **only}}]}
                for only in ({"withState": "ARCHIVED"}, {"matchesPrefixes": ["tmp/"]}, {"numNewerVersions": 2})
            ),
        ],
    ),
    Examples(
        "bucket-access-logs",
        BUCKET,
        holds=[{"name": "p-raw", "logging": {"logBucket": "p-access-logs"}}, {"name": "p-access-logs"}],
        violated=[{"name": "p-raw"}, {"name": "p-raw", "logging": {"logBucket": "p-raw"}}],
    ),
    Examples(
        "bucket-no-website",
        BUCKET,
        holds=[{"name": "p-raw"}],
        violated=[{"website": {"mainPageSuffix": "index.html"}}, {"website": {"notFoundPage": "404.html"}}],
    ),
    Examples(
        "secret-replication",
        SECRET,
        holds=[{"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}]}}}],
        violated=[{"replication": {"auto": {}}}],
    ),
    Examples(
        "secret-rotation",
        SECRET,
        holds=[{"rotation": {"rotationPeriod": "7776000s"}}],
        violated=[{"secretId": "key"}, {"rotation": {"rotationPeriod": "99999999s"}}],
    ),
    Examples(
        "secret-deletion-protection",
        SECRET,
        holds=[{"deletionProtection": True}],
        violated=[{"deletionProtection": False}, {"secretId": "key"}],
    ),
    Examples(
        "kms-rotation",
        "gcp:kms/cryptoKey:CryptoKey",
        holds=[{"rotationPeriod": "7776000s"}, {"purpose": "ASYMMETRIC_SIGN"}],
        violated=[{"name": "k"}, {"rotationPeriod": "15552000s", "purpose": "ENCRYPT_DECRYPT"}],
    ),
    Examples(
        "kms-protected",
        "gcp:kms/cryptoKey:CryptoKey",
        holds=[{"name": "k"}],
        violated=[{"name": "k"}],
        protected=True,
    ),
    Examples(
        "kms-customer-managed",
        BUCKET,
        holds=[{"encryption": {"defaultKmsKeyName": KEY}}],
        violated=[{"name": "p-raw"}],
    ),
    Examples(
        "kms-customer-managed-secrets",
        SECRET,
        holds=[
            {
                "replication": {
                    "userManaged": {"replicas": [{"location": "eu", "customerManagedEncryption": {"kmsKeyName": KEY}}]}
                }
            },
            {"replication": {"auto": {"customerManagedEncryption": {"kmsKeyName": KEY}}}},
        ],
        violated=[
            {"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}]}}},
            {"replication": {"auto": {}}},
        ],
    ),
    Examples(
        "placement-residency",
        BUCKET,
        holds=[{"location": "EU"}, {"location": "europe-west1"}],
        violated=[
            {"location": "US"},
            {"name": "where-nobody-said"},
            {"location": "EU", "customPlacementConfig": {"dataLocations": ["EUROPE-WEST1", "US-EAST1"]}},
        ],
    ),
    Examples(
        "placement-residency",
        SECRET,
        holds=[{"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}]}}}],
        violated=[
            {"replication": {"userManaged": {"replicas": [{"location": "europe-west1"}, {"location": "us-east1"}]}}}
        ],
    ),
    Examples(
        "placement-residency",
        "gcp:pubsub/topic:Topic",
        holds=[{"messageStoragePolicy": {"allowedPersistenceRegions": ["europe-west1"]}}],
        violated=[{"messageStoragePolicy": {"allowedPersistenceRegions": ["europe-west1", "asia-east1"]}}],
    ),
    Examples(
        "placement-residency",
        "gcp:cloudscheduler/job:Job",
        holds=[{"name": "in-the-region-of-the-provider"}],
        violated=[{"region": "us-central1"}],
        provider={"region": "europe-west1"},
    ),
    Examples(
        "placement-labels",
        BUCKET,
        holds=[{"labels": {"application": "shop", "environment": "prod", "team": "orders"}}],
        violated=[{"location": "EU"}, {"labels": {"application": "shop"}}],
    ),
    Examples(
        "placement-labels",
        "gcp:monitoring/alertPolicy:AlertPolicy",
        holds=[{"userLabels": {"team": "orders"}}],
        violated=[{"userLabels": {"colour": "blue"}}],
        provider={"defaultLabels": '{"application": "shop", "environment": "prod"}'},
    ),
    Examples(
        "placement-labels",
        "gcp:pubsub/topic:Topic",
        holds=[{"labels": {"application": "shop", "environment": "prod", "team": "orders"}}],
        violated=[{"labels": {"team": "orders"}}],
        provider={"defaultLabels": "no JSON"},
    ),
    Examples(
        "bigquery-table-deletion-protection",
        "gcp:bigquery/table:Table",
        holds=[{"tableId": "t"}, {"deletionProtection": True}],
        violated=[{"deletionProtection": False}],
    ),
    Examples(
        "bigquery-retention",
        "gcp:bigquery/dataset:Dataset",
        holds=[{"defaultTableExpirationMs": 2592000000}, {"defaultPartitionExpirationMs": 2592000000}],
        violated=[{"datasetId": "d"}],
    ),
    Examples(
        "bigquery-classified",
        "gcp:bigquery/dataset:Dataset",
        holds=[{"labels": {"data-classification": "masked"}}],
        violated=[{"datasetId": "d"}, {"labels": {"team": "orders"}}],
    ),
    Examples(
        "registry-scanning",
        "gcp:artifactregistry/repository:Repository",
        holds=[{"format": "DOCKER"}, {"vulnerabilityScanningConfig": {"enablementConfig": "INHERITED"}}],
        violated=[{"vulnerabilityScanningConfig": {"enablementConfig": "DISABLED"}}],
    ),
    Examples(
        "registry-cleanup",
        "gcp:artifactregistry/repository:Repository",
        holds=[{"cleanupPolicies": [{"id": "old", "action": "DELETE"}]}],
        violated=[
            {"format": "DOCKER"},
            {"cleanupPolicies": [{"id": "old", "action": "DELETE"}], "cleanupPolicyDryRun": True},
        ],
    ),
    Examples(
        "edge-redis",
        "gcp:redis/instance:Instance",
        holds=[{"authEnabled": True, "transitEncryptionMode": "SERVER_AUTHENTICATION"}],
        violated=[
            {"authEnabled": True},
            {"authEnabled": False, "transitEncryptionMode": "SERVER_AUTHENTICATION"},
            {"transitEncryptionMode": "SERVER_AUTHENTICATION"},
        ],
    ),
    Examples(
        "edge-valkey",
        "gcp:memorystore/instance:Instance",
        holds=[
            {"authorizationMode": "IAM_AUTH", "transitEncryptionMode": "SERVER_AUTHENTICATION"},
            {"authorizationMode": "TOKEN_AUTH", "transitEncryptionMode": "SERVER_AUTHENTICATION"},
        ],
        violated=[
            {"instanceId": "v"},
            {"authorizationMode": "IAM_AUTH"},
            {"authorizationMode": "AUTH_DISABLED", "transitEncryptionMode": "SERVER_AUTHENTICATION"},
            {"authorizationMode": "IAM_AUTH", "transitEncryptionMode": "TRANSIT_ENCRYPTION_DISABLED"},
        ],
    ),
    Examples(
        "edge-firestore-protected",
        "gcp:firestore/database:Database",
        holds=[
            {
                "deleteProtectionState": "DELETE_PROTECTION_ENABLED",
                "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
            }
        ],
        violated=[
            {"name": "d"},
            {
                "deleteProtectionState": "DELETE_PROTECTION_DISABLED",
                "pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED",
            },
        ],
    ),
)
