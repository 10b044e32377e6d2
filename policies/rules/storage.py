"""Buckets: closed to the public, governed by IAM alone."""

from policies.rule import CRITICAL, HIGH, Resource, checkov, cis, org_policy, rule
from policies.value import Findings, equals, require

BUCKET = "gcp:storage/bucket:Bucket"


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
    frameworks=[cis("5.2"), checkov("CKV_GCP_29"), org_policy("storage.uniformBucketLevelAccess")],
    fix="Set uniform_bucket_level_access=True.",
)
def uniform_access(bucket: Resource) -> Findings:
    value = bucket["uniformBucketLevelAccess"]
    yield require(value, equals(True), "uniform bucket-level access is off", default=False)
