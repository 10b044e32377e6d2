"""Artifact Registry: scanned, and cleaned up."""

from policies.rule import ADVISORY, LOW, MEDIUM, Resource, checkov, prowler, rule
from policies.value import Findings, equals, forbid, is_set, require

REPOSITORY = "gcp:artifactregistry/repository:Repository"


@rule(
    "registry-scanning",
    "Images are scanned for vulnerabilities.",
    types=[REPOSITORY],
    severity=MEDIUM,
    frameworks=[checkov("CKV2_GCP_11"), prowler("artifacts_container_analysis_enabled")],
    since=8,
    fix='Set vulnerability_scanning_config={"enablement_config": "INHERITED"}.',
)
def scanning(repository: Resource) -> Findings:
    value = repository.at("vulnerabilityScanningConfig.enablementConfig")
    yield forbid(value, equals("DISABLED"), "scanning is switched off")


@rule(
    "registry-cleanup",
    "Old images are deleted: each one is a vulnerability that somebody can still start.",
    types=[REPOSITORY],
    severity=LOW,
    level=ADVISORY,
    fix="Add cleanup_policies, and take cleanup_policy_dry_run out.",
)
def cleanup(repository: Resource) -> Findings:
    yield require(repository["cleanupPolicies"], is_set, "no cleanup policy")
    yield forbid(repository["cleanupPolicyDryRun"], is_set, "cleanup only pretends (dry run)")
