"""Cloud Run: services, jobs and worker pools run as themselves."""

from policies.containers import CLOUD_RUN_TYPES, revision
from policies.grants import is_default_account
from policies.rule import HIGH, Resource, org_policy, rule
from policies.value import Findings, require


@rule(
    "cloud-run-own-service-account",
    "A workload runs as a service account of its own, not as the project's default one.",
    types=CLOUD_RUN_TYPES,
    severity=HIGH,
    frameworks=[
        org_policy("custom.cloudrunServiceDisableDefaultServiceAccount"),
        org_policy("custom.cloudrunJobDisableDefaultServiceAccount"),
    ],
    fix="Make a service account for it and set template.service_account to its e-mail address.",
)
def own_service_account(resource: Resource) -> Findings:
    account = revision(resource)["serviceAccount"]
    yield require(
        account, lambda email: bool(email) and not is_default_account(email), "runs as the default service account"
    )
