"""Issuers of identity tokens that many tenants share: which claims tell one tenant from all others for good.

Names of organisations and repositories are given to somebody else once they are free, so a tenant is told by the ids
that its issuer gives it. Where an issuer has none, its own unique name has to be asked for in full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from policies.cel import Alternative, Demand

_UUID = r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?"
_NUMBER = r"[0-9]+"

_COGNITO = rf"[a-z]{{2}}-[a-z\-]+-[0-9]:{_UUID}"
_PULUMI_TENANTS: tuple[Mapping[str, str], ...] = (
    {"https://pulumi.com/org_id": r".+"},
    {"sub": r"pulumi:(?:deploy|environments|esc|insights)(?::pulumi\.organization\.login|:org):[\w\-]+:"},
    {"org": r"[\w\-]+"},
)
_PULUMI_AUDIENCE = r"(?:(?:aws|azure|gcp):)?[A-Za-z0-9][\w\-]*"
_PULUMI_WRITE = "assertion.sub.startsWith('pulumi:deploy:org:ORGANISATION:project:PROJECT:stack:STACK:')"
_PULUMI_MOMENTS = ("stack", "operation", "current_env", "root_env", "https://pulumi.com/current_env_id")
_PULUMI_MOMENT = r":stack:.|:operation:.|:currentEnvironment:.|:rootEnvironment:.|:env(?:ironment)?:."
_NO_MOMENT = frozenset(
    {("ref_type", "branch"), ("ref_type", "tag"), ("ref_protected", "false"), ("environment_protected", "false")}
)
"""What any run of a tenant can say of itself: whoever may push may push any tag."""


@dataclass(frozen=True)
class Issuer:
    """One shared issuer.

    `tenants` are the ways to bind a tenant: each names claims that have to be asked for together, with a pattern of
    their ids. What a claim only has to begin with counts if the pattern fits a beginning that ends with a separator.
    `owned` fits addresses that carry the tenant's own id, and `audience` those audiences that the issuer gives to one
    tenant alone; elsewhere whoever asks for a token chooses its audience. `moments` are the claims that tell one of a
    tenant's runs from another: branch, environment, workflow; `moment` is what to look for in a subject.
    """

    name: str
    address: str
    tenants: tuple[Mapping[str, str], ...]
    write: str
    owned: str = ""
    audience: str = ""
    moments: tuple[str, ...] = ()
    moment: str = ""

    def binds(self, alternative: Alternative) -> bool:
        """Whether one tenant alone can fulfil the demands."""
        return any(
            all(any(_fits(demand, claim, pattern) for demand in alternative) for claim, pattern in ids.items())
            for ids in self.tenants
        )

    def narrows(self, alternative: Alternative) -> bool:
        """Whether the demands are those of a branch, an environment or a workflow, not of all that a tenant runs."""
        return any(
            (demand.claim in self.moments and (demand.claim, demand.text) not in _NO_MOMENT)
            or (demand.claim == "sub" and self.tells_moment(demand.text))
            for demand in alternative
        )

    def tells_moment(self, subject: str) -> bool:
        return bool(self.moment) and re.search(self.moment, subject) is not None


SHARED: tuple[Issuer, ...] = (
    Issuer(
        "GitHub Actions",
        r"https://token\.actions\.githubusercontent\.com(?:/.*)?",
        (
            {"repository_id": _NUMBER, "repository_owner_id": _NUMBER},
            {"sub": r"repo:[\w.\-]+@[0-9]+/[\w.\-]+@[0-9]+:"},
        ),
        "assertion.repository_owner_id == 'NUMBER' && assertion.repository_id == 'NUMBER'",
        moments=(
            "ref", "ref_type", "ref_protected", "environment", "workflow_ref", "job_workflow_ref", "workflow_sha",
            "job_workflow_sha",
        ),
        moment=r":(?:ref|environment|job_workflow_ref):.",
    ),
    Issuer(
        "GitLab.com",
        r"https://gitlab\.com",
        ({"project_id": _NUMBER}, {"namespace_id": _NUMBER}),
        "assertion.namespace_id == 'NUMBER' && assertion.project_id == 'NUMBER'",
        moments=(
            "ref", "ref_path", "ref_protected", "environment", "environment_protected", "deployment_tier",
            "ci_config_ref_uri", "ci_config_sha",
        ),
        moment=r":ref:.|:environment:.",
    ),
    Issuer(
        "HCP Terraform",
        r"https://app\.(?:eu\.)?terraform\.io",
        (
            {"terraform_organization_id": r"org-\w+"},
            {"terraform_project_id": r"prj-\w+"},
            {"terraform_workspace_id": r"ws-\w+"},
        ),
        "assertion.terraform_organization_id == 'org-ID' && assertion.terraform_workspace_id == 'ws-ID'",
        moments=("terraform_workspace_id", "terraform_workspace_name", "terraform_run_phase"),
        moment=r":workspace:[^:*]+|:run_phase:.",
    ),
    Issuer(
        "Pulumi Cloud",
        r"https://api\.pulumi\.com/oidc",
        (*_PULUMI_TENANTS, {"aud": _PULUMI_AUDIENCE}),
        _PULUMI_WRITE,
        audience=_PULUMI_AUDIENCE,
        moments=_PULUMI_MOMENTS,
        moment=_PULUMI_MOMENT,
    ),
    Issuer(  # Whoever asks this one for a token names the audience.
        "Pulumi Cloud",
        r"https://api\.pulumi\.com/oidc/v2",
        _PULUMI_TENANTS,
        _PULUMI_WRITE,
        moments=_PULUMI_MOMENTS,
        moment=_PULUMI_MOMENT,
    ),
    Issuer(
        "CircleCI",
        r"https://oidc\.circleci\.com(?:/.*)?",
        (
            {"oidc.circleci.com/project-id": _UUID},
            {"oidc.circleci.com/org-id": _UUID},
            {"sub": rf"org/{_UUID}/(?:project/{_UUID}/)?"},
        ),
        "assertion['oidc.circleci.com/project-id'] == 'ID'",
        owned=rf"https://oidc\.circleci\.com/org/{_UUID}",
        moments=(
            "oidc.circleci.com/vcs-ref", "oidc.circleci.com/vcs-origin", "oidc.circleci.com/context-ids",
            "oidc.circleci.com/pipeline-definition-id",
        ),
        moment=r"/vcs-ref/.",
    ),
    Issuer(
        "Bitbucket Pipelines",
        r"https://api\.bitbucket\.org/.*",
        ({"repositoryUuid": _UUID}, {"workspaceUuid": _UUID}, {"sub": rf"{_UUID}:"}),
        "assertion.workspaceUuid == '{ID}' && assertion.repositoryUuid == '{ID}'",
        moments=("branchName", "deploymentEnvironmentUuid", "stepUuid"),
        moment=rf"^{_UUID}:{_UUID}",
    ),
    Issuer(
        "Azure DevOps",
        r"https://vstoken\.dev\.azure\.com(?:/.*)?",
        ({"sub": r"(?:sc|p)://[^/]+/[^/]+/.+"}, {"org_id": _UUID}, {"prj_id": _UUID}),
        "assertion.sub == 'sc://ORGANISATION/PROJECT/CONNECTION'",
        owned=rf"https://vstoken\.dev\.azure\.com/{_UUID}",
        moments=("def_id", "rpo_ref"),
        moment=r"(?:sc|p)://[^/]+/[^/]+/.+",
    ),
    Issuer(
        "Buildkite",
        r"https://agent\.buildkite\.com",
        ({"organization_id": _UUID}, {"pipeline_id": _UUID}, {"cluster_id": _UUID}),
        "assertion.organization_id == 'ID' && assertion.pipeline_id == 'ID'",
        moments=("build_branch", "build_tag", "step_key", "pipeline_id", "pipeline_slug", "build_source"),
        moment=r":ref:.",
    ),
    Issuer(
        "Google",
        r"(?:https://)?accounts\.google\.com",
        ({"sub": _NUMBER}, {"azp": r"[0-9]{6,}(?:-\w+\.apps\.googleusercontent\.com)?"}),
        "assertion.sub == 'NUMBER'",
        moments=("sub",),
        moment=r".",
    ),
    Issuer(
        "Microsoft Entra ID",
        r"https://(?:login\.microsoftonline\.(?:com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)/.*",
        ({"tid": _UUID}, {"oid": _UUID}, {"sub": _UUID}),
        "assertion.tid == 'ID' && assertion.sub == 'ID'",
        owned=rf"https://[a-z.]+/{_UUID}(?:/v2\.0)?",
        moments=("sub", "oid", "appid", "azp"),
        moment=r".",
    ),
    Issuer(
        "Vercel",
        r"https://oidc\.vercel\.com(?:/.*)?",
        ({"owner_id": r"team_\w+"}, {"project_id": r"prj_\w+"}, {"user_id": r"\w{8,}"}),
        "assertion.owner_id == 'team_ID' && assertion.project_id == 'prj_ID'",
        moments=("environment",),
        moment=r":environment:.",
    ),
    Issuer(
        "Fly.io",
        r"https://oidc\.fly\.io(?:/.*)?",
        ({"org_id": _NUMBER}, {"app_id": _NUMBER}),
        "assertion.org_id == 'NUMBER' && assertion.app_id == 'NUMBER'",
        moments=("app_id", "app_name", "machine_id"),
        moment=r"^[^:]+:[^:]+:",
    ),
    Issuer(
        "Harness",
        r"https://app[0-9]*\.harness\.io/.*",
        ({"account_id": r"[\w\-]{8,}"},),
        "assertion.account_id == 'ID'",
        owned=r"https://app[0-9]*\.harness\.io/(?:gateway/)?ng/api/oidc/account/[\w\-]{8,}",
        moments=("pipeline_id", "environment_id", "connector_id", "context"),
    ),
    Issuer(
        "Codefresh",
        r"https://oidc\.codefresh\.io",
        ({"account_id": r"[0-9a-f]{8,}"}, {"pipeline_id": r"[0-9a-f]{8,}"}, {"sub": r"account:[0-9a-f]{8,}:"}),
        "assertion.account_id == 'ID' && assertion.pipeline_id == 'ID'",
        moments=("pipeline_id", "scm_ref", "pipeline_name"),
        moment=r":pipeline:.|:scm_ref:.",
    ),
    Issuer(
        "Scalr",
        r"https://(?:[\w\-]+\.)?scalr\.io",
        (
            {"scalr_account_id": r"acc-\w+"},
            {"scalr_environment_id": r"env-\w+"},
            {"scalr_workspace_id": r"ws-\w+"},
        ),
        "assertion.scalr_account_id == 'acc-ID' && assertion.scalr_workspace_id == 'ws-ID'",
        moments=("scalr_environment_id", "scalr_workspace_id", "scalr_run_phase", "scalr_workspace_name"),
        moment=r":workspace:.",
    ),
    Issuer(
        "env0",
        r"https://login\.app\.env0\.com",
        ({"https://env0.com/organization": _UUID}, {"https://env0.com/projectId": _UUID}, {"organizationId": _UUID}),
        "assertion['https://env0.com/organization'] == 'ID'",
        moments=("https://env0.com/environmentId", "https://env0.com/deployerEmail", "environmentId"),
    ),
    Issuer(
        "Deno Deploy",
        r"https://oidc\.deno\.com",
        ({"org_id": _UUID}, {"app_id": _UUID}),
        "assertion.org_id == 'ID' && assertion.app_id == 'ID'",
        moments=("app_id", "context_id", "context_name"),
    ),
    Issuer(
        "Modal",
        r"https://oidc\.modal\.com",
        ({"workspace_id": r"ac-\w+"}, {"environment_id": r"en-\w+"}, {"app_id": r"ap-\w+"}),
        "assertion.workspace_id == 'ac-ID'",
        moments=("environment_id", "app_id", "app_name", "function_id"),
    ),
    Issuer(
        "Depot",
        r"https://identity\.depot\.dev",
        ({"repository_id": _NUMBER, "repository_owner_id": _NUMBER}, {"org_id": r"org_\w+"}),
        "assertion.org_id == 'org_ID' && assertion.repository_id == 'NUMBER'",
        moments=("ref", "ref_type", "workflow", "environment"),
    ),
    Issuer(
        "Codeberg",
        r"https://codeberg\.org(?:/api/actions)?",
        ({"repository": r"[\w.\-]+/[\w.\-]+"}, {"sub": r"repo:[\w.\-]+/[\w.\-]+:"}),
        "assertion.repository == 'OWNER/REPOSITORY'",
        moments=("ref", "ref_type", "ref_protected", "workflow", "workflow_ref"),
        moment=r":ref:.",
    ),
    Issuer(
        "Amazon Cognito",
        r"https://cognito-identity\.amazonaws\.com",
        ({"aud": _COGNITO}, {"sub": _COGNITO}),
        "assertion.aud == 'REGION:ID'",
        audience=_COGNITO,
        moments=("sub",),
    ),
    Issuer(
        "Sigstore",
        r"https://(?:oauth2|issuer)\.sigstore\.dev(?:/.*)?",
        ({"sub": r"[\w.\-@:/]{8,}"},),
        "assertion.sub == 'SUBJECT'",
        moments=("sub",),
    ),
)  # fmt: skip


@cache
def shared_issuer(address: str) -> Issuer | None:
    """The shared issuer at an address, or None: then it is the tenant's own."""
    plain = address.strip().rstrip("/").replace(":443", "", 1)
    scheme, separator, rest = plain.partition("://")
    host, slash, path = (rest if separator else scheme).partition("/")
    plain = f"{scheme.lower()}://{host.lower()}{slash}{path}" if separator else f"{host.lower()}{slash}{path}"
    return next((issuer for issuer in SHARED if re.fullmatch(issuer.address, plain)), None)


def is_for_one_tenant(issuer: Issuer, audience: str) -> bool:
    """Whether tokens with this audience are those of one tenant alone."""
    return bool(issuer.audience) and re.fullmatch(issuer.audience, audience) is not None


def is_owned(issuer: Issuer, address: str) -> bool:
    """Whether the address itself names the tenant by its id."""
    return bool(issuer.owned) and re.fullmatch(issuer.owned, address.strip().rstrip("/"), re.IGNORECASE) is not None


def _fits(demand: Demand, claim: str, pattern: str) -> bool:
    if demand.claim != claim or "*" in demand.text:
        return False
    if demand.kind == "starts":
        # A beginning is only as good as the separator that it ends with: '12' also begins '123'.
        return re.match(pattern, demand.text) is not None and pattern.endswith((":", "/)?"))
    if demand.kind not in {"is", "has"}:
        return False
    return re.fullmatch(pattern + (".*" if pattern.endswith((":", "/)?")) else ""), demand.text) is not None
