"""Examples for who from outside may act inside: providers of tokens, and who their identities become."""

from policies.testing import Declared, Examples, StackExamples

PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
POOL = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github"
GITHUB = {"issuerUri": "https://token.actions.githubusercontent.com"}
SCORER = "serviceAccount:scorer@p.iam.gserviceaccount.com"
_DEPLOYER = "deployer@p.iam.gserviceaccount.com"
_GITLAB, _TERRAFORM, _PULUMI = "https://gitlab.com", "https://app.terraform.io", "https://api.pulumi.com/oidc"
_BUILDKITE, _BITBUCKET = "https://agent.buildkite.com", "https://api.bitbucket.org/2.0/workspaces/w/pipelines-config"
_UUID = "0a1b2c3d-0000-4000-8000-0123456789ab"
_BOUND = (
    (_GITLAB, "assertion.project_id == '7' && assertion.ref_protected == 'true'"),
    (_GITLAB + "/", "assertion.namespace_id in ['7', '8']"),
    (_TERRAFORM, "assertion.terraform_organization_id == 'org-aB3'"),
    (_PULUMI, "assertion.sub.startsWith('pulumi:deploy:org:shop:project:p:stack:prod:')"),
    (_PULUMI, "assertion.aud == 'gcp:shop'"),
    (_PULUMI, "assertion.aud in ['gcp:shop', 'gcp:depot']"),
    (_BUILDKITE, f"assertion.pipeline_id == '{_UUID}'"),
    (_BITBUCKET, f"assertion.workspaceUuid == '{{{_UUID}}}'"),
    ("https://accounts.google.com", "assertion.sub == '104412345678901234567'"),
    ("https://identity.depot.dev", "assertion.org_id == 'org_a1'"),
    ("https://codeberg.org/api/actions", "assertion.repository == 'shop/orders'"),
    ("https://cognito-identity.amazonaws.com", f"assertion.aud == 'eu-west-1:{_UUID}'"),
)
"""What binds a tenant of other issuers."""
_OWN_ISSUERS = (
    f"https://oidc.circleci.com/org/{_UUID}",
    f"https://vstoken.dev.azure.com/{_UUID}",
    f"https://login.microsoftonline.com/{_UUID}/v2.0",
    "https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c",
)
_UNBOUND = (
    (_GITLAB, "assertion.ref_protected == 'true'"),
    (_GITLAB, "assertion.sub == assertion.sub"),
    (_GITLAB, "assertion.sub.startsWith('project_path:')"),
    (_GITLAB, "assertion.namespace_path == 'shop'"),
    (_GITLAB, "assertion.project_id.startsWith('7')"),
    (_GITLAB, "assertion.project_id == '7' || has(assertion.sub)"),
    (_TERRAFORM, "assertion.terraform_run_phase == 'apply'"),
    (_TERRAFORM, "assertion.terraform_organization_name == 'shop'"),
    (_PULUMI, "assertion.sub != ''"),
    (_PULUMI, "assertion.sub.startsWith('pulumi:deploy:org:shop')"),
    (_PULUMI, "assertion.aud.startsWith('gcp:')"),
    (f"{_PULUMI}/v2", "assertion.aud == 'gcp:shop'"),
    (_BUILDKITE, "assertion.organization_slug == 'shop'"),
    (_BITBUCKET, "assertion.branchName == 'main'"),
    ("https://token.actions.githubusercontent.com:443", "assertion.repository_owner == 'shop'"),
    ("https://identity.depot.dev", "assertion.repository == 'shop/orders'"),
    ("https://codeberg.org/api/actions", "assertion.ref == 'refs/heads/main'"),
    ("https://cognito-identity.amazonaws.com", "assertion.amr == 'authenticated'"),
    ("https://accounts.google.com", "assertion.email_verified == 'true'"),
    ("https://login.microsoftonline.com/common/v2.0", "assertion.sub != ''"),
)
_UNTOLD: tuple[tuple[str, list[str]], ...] = (
    (_PULUMI, []),
    (_PULUMI, ["gcp:shop", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p"]),
    (f"{_PULUMI}/v2", ["gcp:shop"]),
    (_GITLAB, ["gcp:shop"]),
)
"""Audiences that tell no tenant."""
_GITHUB_RUNS = "assertion.repository_owner_id == '4' && assertion.repository_id == '1'"


def _federated(condition: str, member: str, role: str = "roles/run.admin") -> list[Declared]:
    """A provider, an account with a role on the project, and who from outside may act as it."""
    mapping = {
        "google.subject": "assertion.sub",
        "attribute.repository_id": "assertion.repository_id",
        "attribute.repository_ref": "assertion.repository_id + ':' + assertion.ref",
        "attribute.trigger": "assertion.repository_id + ':' + assertion.ref_type",
        "attribute.job_kind": "assertion.repository_id + ':' + assertion.environment + ':'"
        " + assertion.job_workflow_ref.extract('.github/workflows/{file}@') + ':' + assertion.ref_type",
    }
    return [
        Declared(PROVIDER, "github", {"oidc": GITHUB, "attributeCondition": condition, "attributeMapping": mapping}),
        Declared("gcp:serviceaccount/account:Account", "deployer", {"accountId": "deployer", "email": _DEPLOYER}),
        Declared(
            "gcp:serviceaccount/iAMMember:IAMMember",
            "acts",
            {
                "serviceAccountId": "projects/p/serviceAccounts/deployer@p.iam.gserviceaccount.com",
                "role": "roles/iam.workloadIdentityUser",
                "member": member,
            },
        ),
        Declared(
            "gcp:projects/iAMMember:IAMMember", "deploys", {"role": role, "member": f"serviceAccount:{_DEPLOYER}"}
        ),
    ]


_RELEASES = (
    f"{_GITHUB_RUNS} && (assertion.ref == 'refs/heads/main' || assertion.ref.startsWith('refs/tags/v')"
    " || assertion.event_name == 'pull_request')"
)
_OPENS_STATE = Declared(
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    "opens-state",
    {
        "cryptoKeyId": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "role": "roles/cloudkms.cryptoKeyDecrypter",
        "member": f"serviceAccount:{_DEPLOYER}",
    },
)
_READS_KEY = Declared(
    "gcp:secretmanager/secretIamMember:SecretIamMember",
    "reads-key",
    {"secretId": "a", "role": "roles/secretmanager.secretAccessor", "member": f"serviceAccount:{_DEPLOYER}"},
)


EXAMPLES: tuple[Examples | StackExamples, ...] = (
    Examples(
        "workload-identity-bound",
        PROVIDER,
        holds=[
            {"oidc": GITHUB, "attributeCondition": text}
            for text in (
                "assertion.repository_id == '123' && assertion.repository_owner_id == '456'",
                'assertion.repository_owner_id=="456" && assertion.repository_id=="123" && assertion.ref=="refs/a"',
                "assertion.sub == 'repo:org@456/repo@123:environment:prod'",
                "assertion.sub.startsWith('repo:org@456/repo@123:')",
                "assertion.repository_owner_id=='4' && (assertion.repository_id=='1' || assertion.repository_id=='2')",
                "assertion.repository_id in ['1', '2'] && (assertion.repository_owner_id == '4')",
                "'1' == assertion.repository_id && '2' == assertion.repository_owner_id && assertion.actor != 'a || b'",
            )
        ]
        + [{"oidc": {"issuerUri": "https://gitlab.example.com"}, "attributeCondition": "assertion.project_id == '7'"}]
        + [{"oidc": {"issuerUri": issuer}, "attributeCondition": text} for issuer, text in _BOUND]
        + [{"oidc": {"issuerUri": issuer}} for issuer in _OWN_ISSUERS]
        + [{"oidc": {"issuerUri": _PULUMI, "allowedAudiences": ["gcp:shop"]}}],
        violated=[
            {"oidc": GITHUB},
            *(
                {"oidc": GITHUB, "attributeCondition": text}
                for text in (
                    "assertion.repository == 'org/repo'",
                    "assertion.repository_owner == 'org'",
                    "assertion.repository_id == '123'",
                    "assertion.repository_owner_id == '456'",
                    "assertion.sub == 'repo:org/repo:ref:refs/heads/main'",
                    "assertion.repository_id == '1' && assertion.repository_owner_id == '2' || assertion.actor == 'x'",
                    "assertion.repository_id != '1' && assertion.repository_owner_id == '2'",
                    "!(assertion.repository_id == '1' && assertion.repository_owner_id == '2')",
                    "(assertion.repository_id == '1' && assertion.repository_owner_id == '2') == false",
                    "(assertion.repository_id == '1' && true) != (true && assertion.repository_owner_id == '2')",
                    "assertion.repository_id == '1' && assertion.repository_owner_id == '2' ? true : true",
                    "true // && assertion.repository_id == '1' && assertion.repository_owner_id == '2'",
                    "assertion.actor != \"assertion.repository_id == '1' && assertion.repository_owner_id == '2'\"",
                    "true",
                )
            ),
            *({"oidc": {"issuerUri": issuer}, "attributeCondition": text} for issuer, text in _UNBOUND),
            *({"oidc": {"issuerUri": issuer, "allowedAudiences": named}} for issuer, named in _UNTOLD),
        ],
    ),
    Examples(
        "workload-identity-condition",
        PROVIDER,
        holds=[
            {"attributeCondition": "assertion.repository_id == '123' && assertion.repository_owner_id == '456'"},
            {"attributeCondition": "attribute.role == 'a || b' && (google.subject == 'a' || assertion['sub'] == 'b')"},
            {"attributeCondition": "assertion.sub.matches('^repo:org@1/repo@2:.*$')"},
            {"aws": {"accountId": "123456789012"}},
        ],
        violated=[
            {"oidc": GITHUB},
            {"attributeCondition": " "},
            {"attributeCondition": "true"},
            {"attributeCondition": "'assertion.sub' == 'assertion.sub'"},
            {"attributeCondition": "assertion.project_id == '7' || true"},
            {"attributeCondition": "assertion.repository == 'org/*'"},
            {"attributeCondition": "has(assertion.sub)"},
            {"attributeCondition": "assertion.sub == assertion.sub"},
            {"attributeCondition": "assertion.sub != ''"},
            {"attributeCondition": "!(assertion.sub == 'a')"},
            {"attributeCondition": "assertion.sub.startsWith('')"},
            {"aws": {}},
        ],
    ),
    Examples(
        "workload-identity-subject",
        PROVIDER,
        holds=[{"oidc": GITHUB, "attributeMapping": {"google.subject": "assertion.sub"}}],
        violated=[
            {"oidc": GITHUB, "attributeMapping": {"google.subject": "assertion.actor"}},
            {"oidc": {"issuerUri": "http://idp.example.com"}, "attributeMapping": {"google.subject": "assertion.sub"}},
            {"oidc": GITHUB},
        ],
    ),
    Examples(
        "workload-identity-no-pool-wide-members",
        "gcp:serviceaccount/iAMMember:IAMMember",
        holds=[
            {"role": "roles/iam.workloadIdentityUser", "member": f"{POOL}/attribute.repository_id/123"},
            {
                "role": "roles/iam.workloadIdentityUser",
                "member": f"{POOL}/attribute.repository_ref/123:refs/heads/main",
            },
            {"role": "roles/iam.workloadIdentityUser", "member": SCORER},
        ],
        violated=[
            {"role": "roles/iam.workloadIdentityUser", "member": f"{POOL}/*"},
            *(
                {"role": "roles/iam.workloadIdentityUser", "member": f"{POOL}/attribute.{named}"}
                for named in (
                    "repository/org/repo",
                    "repo/org/repo",
                    "owner/org",
                    "workflow_ref/org/repo/a@refs/tags/1",
                )
            ),
        ],
    ),
    StackExamples(
        "workload-identity-deployer",
        holds=[
            _federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_ref/1:refs/heads/main"),
            _federated(f"{_GITHUB_RUNS} && assertion.environment == 'prod'", f"{POOL}/attribute.repository_id/1"),
            _federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_id/1", "roles/run.viewer"),
            _federated(
                _GITHUB_RUNS,
                POOL.replace("principalSet:", "principal:") + "/subject/repo:o@4/r@1:ref:refs/heads/main",
            ),
        ],
        violated=[
            _federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_id/1"),
            _federated(f"{_GITHUB_RUNS} && assertion.ref_type == 'branch'", f"{POOL}/*"),
            _federated(_GITHUB_RUNS, f"{POOL}/attribute.trigger/1:tag"),
        ],
    ),
    StackExamples(
        "workload-identity-pull-requests",
        holds=[
            [*_federated(_RELEASES, f"{POOL}/attribute.job_kind/1:prod:deploy.yml:tag"), _OPENS_STATE],
            [*_federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_ref/1:refs/heads/main"), _OPENS_STATE],
            [*_federated(f"{_GITHUB_RUNS} && assertion.ref.startsWith('refs/tags/v')", f"{POOL}/*"), _OPENS_STATE],
            _federated(_RELEASES, f"{POOL}/attribute.job_kind/1:previews:preview.yml:branch", "roles/run.viewer"),
        ],
        violated=[
            [*_federated(_RELEASES, f"{POOL}/attribute.job_kind/1:previews:preview.yml:branch"), _OPENS_STATE],
            [*_federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_id/1"), _OPENS_STATE],
            [*_federated(f"{_GITHUB_RUNS} && assertion.environment == 'p'", f"{POOL}/*"), _READS_KEY],
            _federated(_GITHUB_RUNS, f"{POOL}/attribute.repository_id/1", "roles/secretmanager.secretAccessor"),
        ],
    ),
)
