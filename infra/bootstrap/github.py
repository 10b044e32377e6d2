"""How workflows on GitHub act in the project without a key, and what they may do."""

import pulumi
import pulumi_gcp as gcp

from infra.bootstrap.roles import (
    DEPLOY_ROLES,
    DEPLOYER_PERMISSIONS,
    GRANTABLE_ROLES,
    PREVIEW_ROLES,
    PUBLISH_ROLE,
)
from infra.bootstrap.settings import Settings
from infra.bootstrap.state import State
from infra.bootstrap.trust import ISSUER, MAPPING, Run, condition, trusted
from infra.component import Component


class GitHub(Component):
    """A workload identity pool that trusts the runs of one repository that `infra.bootstrap.trust` lists."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._repository = settings.repository
        self._pool = gcp.iam.WorkloadIdentityPool(
            name,
            project=settings.project,
            workload_identity_pool_id=name,
            display_name="GitHub Actions",
            opts=self.within,
        )
        provider = gcp.iam.WorkloadIdentityPoolProvider(
            name,
            project=settings.project,
            workload_identity_pool_id=self._pool.workload_identity_pool_id,
            workload_identity_pool_provider_id=name,
            display_name="The orderguard repository",
            oidc={"issuer_uri": ISSUER},
            attribute_mapping=MAPPING,
            attribute_condition=condition(settings.repository, settings.repository_owner),
            opts=self.within,
        )
        self.provider: pulumi.Output[str] = provider.name
        self.register_outputs({"provider": self.provider})

    def member(self, run: Run) -> pulumi.Output[str]:
        """The member that a run is."""
        attribute, value = run.attribute(self._repository)
        return pulumi.Output.concat(
            "principalSet://iam.googleapis.com/", self._pool.name, f"/attribute.{attribute}/{value}"
        )


class Identities(Component):
    """An identity that previews, one that publishes model versions, and one that deploys.

    Who becomes which stands in `infra.bootstrap.trust`. The preview identity reads what is declared and neither orders
    nor keys. The publish identity adds objects to model buckets, and can do nothing else there. The deploy identity
    makes the stacks' keys and so could read them; it can't read raw orders, and the only rights that it can grant on
    the project are those that the program grants.
    """

    def __init__(
        self, name: str, settings: Settings, github: GitHub, state: State, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._settings, self._github = settings, github
        self._runs = trusted(settings.environment)
        self.preview: pulumi.Output[str] = self._identity("preview", "previews changes")
        self.publish: pulumi.Output[str] = self._identity("publish", "publishes model versions")
        self.deploy: pulumi.Output[str] = self._identity("deploy", "deploys tags")
        # A deployment asks the service whether it is well, and gcloud makes no identity token of GitHub's credentials.
        gcp.serviceaccount.IAMMember(
            "deploy-proves-who-it-is",
            service_account_id=pulumi.Output.concat(f"projects/{settings.project}/serviceAccounts/", self.deploy),
            role="roles/iam.serviceAccountOpenIdTokenCreator",
            member=pulumi.Output.concat("serviceAccount:", self.deploy),
            opts=self.within,
        )
        self._state_access("preview", self.preview, "objectViewer", "cryptoKeyDecrypter", state)
        self._state_access("deploy", self.deploy, "objectUser", "cryptoKeyEncrypterDecrypter", state)
        for role in PREVIEW_ROLES:
            self._grant("preview", self.preview, role)
        self._grant("publish", self.publish, PUBLISH_ROLE, self._on_model_buckets())
        for role in DEPLOY_ROLES:
            self._grant("deploy", self.deploy, role)
        self._grant_own_role()
        self._grant(
            "deploy",
            self.deploy,
            "roles/resourcemanager.projectIamAdmin",
            "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', [])"
            f".hasOnly([{', '.join(repr(role) for role in GRANTABLE_ROLES)}])",
        )
        self._grant("deploy", self.deploy, "roles/storage.objectUser", self._on_model_buckets())
        self.register_outputs({"preview": self.preview, "publish": self.publish, "deploy": self.deploy})

    def _on_model_buckets(self) -> str:
        return (
            f"resource.name.startsWith('projects/_/buckets/{self._settings.project}-')"
            " && resource.name.extract('buckets/{bucket}/').endsWith('-models')"
        )

    def _identity(self, name: str, purpose: str) -> pulumi.Output[str]:
        account = gcp.serviceaccount.Account(
            name,
            project=self._settings.project,
            account_id=f"orderguard-{name}",
            display_name=f"orderguard: {purpose}",
            opts=self.within,
        )
        for number, run in enumerate(self._runs[name]):
            gcp.serviceaccount.IAMMember(
                f"github-becomes-{name}" + (f"-by-{run.workflow.partition('.')[0]}" if number else ""),
                service_account_id=account.name,
                role="roles/iam.workloadIdentityUser",
                member=self._github.member(run),
                opts=self.within,
            )
        return account.account_id.apply(self._settings.service_account)

    def _state_access(self, name: str, email: pulumi.Output[str], objects: str, key: str, state: State) -> None:
        member = pulumi.Output.concat("serviceAccount:", email)
        gcp.storage.BucketIAMMember(
            f"{name}-state", bucket=state.bucket.name, role=f"roles/storage.{objects}", member=member, opts=self.within
        )
        gcp.kms.CryptoKeyIAMMember(
            f"{name}-secrets",
            crypto_key_id=state.key.id,
            role=f"roles/cloudkms.{key}",
            member=member,
            opts=self.within,
        )

    def _grant(self, name: str, email: pulumi.Output[str], role: str, condition: str | None = None) -> None:
        gcp.projects.IAMMember(
            f"{name}-{role.removeprefix('roles/')}",
            project=self._settings.project,
            role=role,
            member=pulumi.Output.concat("serviceAccount:", email),
            condition=_condition(condition),
            opts=self.within,
        )

    def _grant_own_role(self) -> None:
        """Gives the deploy identity a role of our own: no predefined one manages buckets without reading them."""
        role = gcp.projects.IAMCustomRole(
            "deployer",
            project=self._settings.project,
            role_id="orderguardDeployer",
            title="orderguard: buckets, secrets and a network, without the objects of buckets",
            permissions=list(DEPLOYER_PERMISSIONS),
            opts=self.within,
        )
        gcp.projects.IAMMember(
            "deploy-orderguardDeployer",
            project=self._settings.project,
            role=role.name,
            member=pulumi.Output.concat("serviceAccount:", self.deploy),
            opts=self.within,
        )


def _condition(expression: str | None) -> gcp.projects.IAMMemberConditionArgsDict | None:
    return {"title": "only what the program needs", "expression": expression} if expression else None
