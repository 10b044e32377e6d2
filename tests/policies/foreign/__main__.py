"""A shop's own program. The variable MISTAKES names what it does wrong; without it, it keeps every mandatory rule."""

import os

import pulumi
import pulumi_gcp as gcp

mistakes = os.environ.get("MISTAKES", "").split()

models = gcp.storage.Bucket(
    "models",
    name="shop-dev-models",
    location="EU",
    uniform_bucket_level_access=True,
    public_access_prevention="inherited" if "public-bucket" in mistakes else "enforced",
    versioning={"enabled": True},
    force_destroy=True,
)
if "public-bucket" in mistakes:
    gcp.storage.BucketIAMMember("everybody", bucket=models.name, role="roles/storage.objectViewer", member="allUsers")

account = gcp.serviceaccount.Account("job", account_id="shop-job")
key = gcp.secretmanager.Secret(
    "masking-key",
    secret_id="shop-masking-key",
    replication={"user_managed": {"replicas": [{"location": "europe-west1"}]}},
)
gcp.secretmanager.SecretIamMember(
    "job-reads-key",
    secret_id=key.secret_id,
    role="roles/secretmanager.secretAccessor",
    member=account.email.apply(lambda email: f"serviceAccount:{email}"),
)
environment: list[gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgsDict] = [
    {"name": "PII_MASKING", "value": "enforced"},
    {"name": "MASKING_KEY", "value_source": {"secret_key_ref": {"secret": key.secret_id, "version": "latest"}}},
]
if "personal-data" in mistakes:
    environment.append({"name": "SUPPORT_CONTACT", "value": "anna.schmidt@example.com"})
    environment.append({"name": "CUSTOMER_PHONE", "value": "+49 170 1234567"})
if "no-job" not in mistakes:  # its image is in no registry, so only a preview can have it
    gcp.cloudrunv2.Job(
        "job",
        name="shop-job",
        location="europe-west1",
        deletion_protection=False,
        template={
            "template": {
                "service_account": account.email,
                "containers": [
                    {
                        "image": "europe-west1-docker.pkg.dev/shop-dev/shop/job@sha256:" + "0123456789abcdef" * 4,
                        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
                        "envs": environment,
                    }
                ],
            }
        },
    )

if "open-pool" in mistakes:
    pool = gcp.iam.WorkloadIdentityPool("github", workload_identity_pool_id="github")
    gcp.iam.WorkloadIdentityPoolProvider(
        "github",
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id="actions",
        attribute_mapping={"google.subject": "assertion.sub"},
        oidc={"issuer_uri": "https://token.actions.githubusercontent.com"},
    )

if "decided-late" in mistakes:
    # Nobody can know the location before the account is there.
    gcp.storage.Bucket(
        "late",
        name="shop-dev-late",
        location=account.unique_id.apply(lambda _: "US"),
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        force_destroy=True,
    )
if "leaking-output" in mistakes:
    pulumi.export("contact", "anna.schmidt@example.com")
pulumi.export("bucket", models.name)
