"""Buckets: closed to the public, governed by IAM alone, recoverable, and cleaned up."""

from policies.rule import (
    ADVISORY,
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    PLATFORM,
    Resource,
    checkov,
    cis,
    gdpr,
    matches_any,
    org_policy,
)
from policies.rule import prowler, rule, trivy
from policies.value import Finding, Findings, Undecided, Violation, equals, forbid, is_set, require, worst

BUCKET = "gcp:storage/bucket:Bucket"
_MODEL_BUCKETS = {"modelBuckets": ["model*", "*-model", "*-models", "*-model-*", "*-models-*"]}
RAW_BUCKETS = {"rawBuckets": ["raw", "raw-*", "*-raw", "*-raw-*"]}
"""Settings: patterns of bucket names, as the program calls them or as Google Cloud does."""

_NARROWING = (
    "createdBefore", "customTimeBefore", "daysSinceCustomTime", "daysSinceNoncurrentTime", "matchesPrefixes",
    "matchesStorageClasses", "matchesSuffixes", "noncurrentTimeBefore", "numNewerVersions",
)  # fmt: skip
"""Conditions that keep a lifecycle rule from some of the objects that are old enough."""


@rule(
    "bucket-public-access-prevention",
    "A bucket refuses public access, whatever its IAM says.",
    types=[BUCKET],
    severity=CRITICAL,
    frameworks=[cis("5.1"), checkov("CKV_GCP_114"), org_policy("storage.publicAccessPrevention")],
    fix='Set public_access_prevention="enforced".',
)
def public_access_prevention(bucket: Resource) -> Findings:
    value = bucket["publicAccessPrevention"]
    yield require(value, equals("enforced"), "public access prevention is not enforced", default="inherited")


@rule(
    "bucket-uniform-access",
    "Who may use a bucket is said by IAM alone, not by access lists on single objects.",
    types=[BUCKET],
    severity=HIGH,
    frameworks=[cis("5.2"), checkov("CKV_GCP_29"), trivy("GCP-0002"), org_policy("storage.uniformBucketLevelAccess")],
    fix="Set uniform_bucket_level_access=True.",
)
def uniform_access(bucket: Resource) -> Findings:
    value = bucket["uniformBucketLevelAccess"]
    yield require(value, equals(True), "uniform bucket-level access is off", default=False)


@rule(
    "bucket-model-versioning",
    "A model bucket keeps earlier versions of its objects: rolling back needs them.",
    types=[BUCKET],
    severity=HIGH,
    frameworks=[checkov("CKV_GCP_78"), org_policy("custom.storageRequireBucketObjectVersionning")],
    settings=_MODEL_BUCKETS,
    profiles=[PLATFORM],
    fix='Set versioning={"enabled": True}.',
)
def model_versioning(bucket: Resource) -> Findings:
    yield _if_named(bucket, bucket.settings["modelBuckets"], _versioned(bucket))


@rule(
    "bucket-versioning",
    "A bucket keeps earlier versions of its objects, or retains them unchanged.",
    types=[BUCKET],
    severity=LOW,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_78"), trivy("GCP-0078")],
    fix='Set versioning={"enabled": True}, or a retention_policy for records that may not change.',
)
def versioning(bucket: Resource) -> Findings:
    retention, versions = bucket["retentionPolicy"], _versioned(bucket)
    if retention.unknown and versions is not None:
        yield Undecided(retention.path)
    elif not retention.known:
        yield versions


@rule(
    "bucket-soft-delete",
    "Deleted objects can be recovered for at least a week.",
    types=[BUCKET],
    severity=MEDIUM,
    frameworks=[prowler("cloudstorage_bucket_soft_delete_enabled")],
    settings={"minimumDays": 7},
    fix='Set soft_delete_policy={"retention_duration_seconds": 7 * 86400} or more.',
)
def soft_delete(bucket: Resource) -> Findings:
    seconds = bucket.at("softDeletePolicy.retentionDurationSeconds")
    minimum = bucket.settings["minimumDays"] * 86_400
    yield require(seconds, lambda s: float(s) >= minimum, "deleted objects are gone too soon", default=7 * 86_400)


@rule(
    "bucket-lifecycle",
    "A bucket says when what it holds is deleted or moved.",
    types=[BUCKET],
    severity=LOW,
    level=ADVISORY,
    frameworks=[prowler("cloudstorage_bucket_lifecycle_management_enabled")],
    fix="Add a lifecycle rule; one that deletes old noncurrent versions is the least.",
)
def lifecycle(bucket: Resource) -> Findings:
    yield require(bucket["lifecycleRules"], lambda rules: len(rules) > 0, "has no lifecycle rule")


@rule(
    "bucket-raw-orders-expire",
    "Raw orders hold personal data, so they are deleted after a fixed time.",
    types=[BUCKET],
    severity=HIGH,
    frameworks=[gdpr("5(1)(e)"), prowler("cloudstorage_bucket_lifecycle_management_enabled")],
    settings=RAW_BUCKETS,
    profiles=[PLATFORM],
    fix='Add the lifecycle rule {"action": {"type": "Delete"}, "condition": {"age": DAYS}}, for all objects.',
)
def raw_orders_expire(bucket: Resource) -> Findings:
    finding: Finding = Violation("lifecycleRules", "raw orders are kept for ever")
    for entry in bucket.each("lifecycleRules"):
        condition = entry["condition"]
        reason = worst(
            (
                require(entry.at("action.type"), equals("Delete"), "deletes nothing"),
                require(condition["age"], is_set, "has no age"),
                forbid(condition["withState"], equals("ARCHIVED"), "spares what is in use"),
                *(forbid(condition[name], is_set, "spares some objects") for name in _NARROWING),
            )
        )
        if reason is None:
            return
        if isinstance(reason, Undecided):
            finding = reason
    yield _if_named(bucket, bucket.settings["rawBuckets"], finding)


@rule(
    "bucket-access-logs",
    "Reads and writes of a bucket are logged, into another bucket.",
    types=[BUCKET],
    severity=LOW,
    level=ADVISORY,
    frameworks=[checkov("CKV_GCP_62"), checkov("CKV_GCP_63"), trivy("GCP-0077")],
    settings={"logBuckets": ["*log", "*logs", "*-logs-*"]},
    stacks=["prod*"],
    fix='Set logging={"log_bucket": ...} to a bucket that is there for logs alone.',
)
def access_logs(bucket: Resource) -> Findings:
    target, name = bucket.at("logging.logBucket"), bucket["name"]
    if target.known and name.known and target.content == name.content:
        yield Violation(target.path, "the bucket logs into itself")
    elif target.known and name.unknown:
        yield Undecided(name.path)
    elif not is_named(bucket, bucket.settings["logBuckets"]):
        missing = require(target, bool, "access is not logged")
        yield Undecided(name.path) if name.unknown and missing else missing


@rule(
    "bucket-no-website",
    "A bucket with data is not set up as a website.",
    types=[BUCKET],
    severity=MEDIUM,
    frameworks=[cis("5.1")],
    fix="Take the website block out; serve public files from a bucket of another project behind a load balancer.",
)
def no_website(bucket: Resource) -> Findings:
    pages = [bucket["website"][name] for name in ("mainPageSuffix", "notFoundPage")]
    yield worst(forbid(page, bool, "the bucket is set up as a public website") for page in pages)


def is_named(bucket: Resource, patterns: list[str]) -> bool:
    """Whether one of the patterns fits what the program calls the bucket, or its name in Google Cloud as far as it is
    known.
    """
    name = bucket["name"]
    return matches_any(bucket.name, patterns) or (name.known and matches_any(name.text, patterns))


def _versioned(bucket: Resource) -> Finding:
    return require(bucket.at("versioning.enabled"), equals(True), "earlier versions are not kept", default=False)


def _if_named(bucket: Resource, patterns: list[str], finding: Finding) -> Finding:
    """The finding where it concerns this bucket; undecided where only the unknown name could tell."""
    if finding is None or is_named(bucket, patterns):
        return finding
    return Undecided("name") if bucket["name"].unknown else None
