"""How workflows on GitHub act in the project without a key, and what they may do."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.bootstrap.conditions import (
    on_bucket,
    on_buckets,
    on_key,
    on_model_buckets,
    on_secrets,
    on_state_copies,
    on_versions,
)
from infra.bootstrap.roles import (
    BUCKET_PERMISSIONS,
    CALLER_PERMISSIONS,
    DEPLOY_ROLES,
    DEPLOYER_PERMISSIONS,
    KEY_PERMISSIONS,
    PREVIEW_ROLES,
    PROBE_PERMISSIONS,
    PROBE_SECRET,
    PUBLISH_ROLE,
    STORE_PERMISSIONS,
)
from infra.bootstrap.settings import Settings
from infra.bootstrap.state import State
from infra.bootstrap.trust import ISSUER, MAPPING, Run, condition, trusted
from infra.component import Component
from infra.keys import OF_OWN_STORE


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
    nor keys, nor the state. The publish identity adds objects to model buckets, and can do nothing else there. The
    deploy identity reads no key but the one that it scores example orders with and what opens the stack's own Redis. It
    can't read raw orders, nor grant anything on the project, on a bucket, a secret or a service account.
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
        self._state_access(state)
        for role in PREVIEW_ROLES:
            self._grant("preview", self.preview, role)
        self._grant("publish", self.publish, PUBLISH_ROLE, on_model_buckets(settings))
        for role in DEPLOY_ROLES:
            self._grant("deploy", self.deploy, role)
        self._grant("deploy", self.deploy, "roles/storage.objectUser", on_model_buckets(settings))
        if settings.backfill:
            self._own_templates()
        self._grant_own_role("deployer", "makes and changes what the program declares", DEPLOYER_PERMISSIONS)
        self._grant_own_role("deployer-buckets", "buckets of the stack", BUCKET_PERMISSIONS, on_buckets(settings))
        self._grant_own_role("deployer-keys", "the key for data", KEY_PERMISSIONS, on_key(settings, "data"))
        of_store = on_secrets(settings, *OF_OWN_STORE)
        self._grant_own_role("deployer-store", "what opens the stack's Redis", STORE_PERMISSIONS, of_store)
        probe = on_versions(settings, PROBE_SECRET)
        self._grant_own_role("deployer-probe", "the key for example orders", PROBE_PERMISSIONS, probe)
        self._grant_own_role("deployer-callers", "who pulls, calls, starts and publishes", CALLER_PERMISSIONS)
        self.register_outputs({"preview": self.preview, "publish": self.publish, "deploy": self.deploy})

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

    def _state_access(self, state: State) -> None:
        member = pulumi.Output.concat("serviceAccount:", self.deploy)
        gcp.storage.BucketIAMMember(
            "deploy-state", bucket=state.bucket.name, role="roles/storage.objectUser", member=member, opts=self.within
        )
        gcp.kms.CryptoKeyIAMMember(
            "deploy-secrets",
            crypto_key_id=state.key.id,
            role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
            member=member,
            opts=self.within,
        )
        # The copy without secrets alone: neither the state nor the key that seals what is secret in it.
        gcp.storage.BucketIAMMember(
            "preview-state",
            bucket=state.bucket.name,
            role="roles/storage.objectViewer",
            member=pulumi.Output.concat("serviceAccount:", self.preview),
            condition={"title": "the copies without secrets", "expression": on_state_copies(self._settings)},
            opts=self.within,
        )

    def _own_templates(self) -> None:
        """What is launched on Dataflow is what was deployed."""
        gcp.projects.IAMMember(
            "deploy-templates",
            project=self._settings.project,
            role="roles/storage.objectUser",
            member=pulumi.Output.concat("serviceAccount:", self.deploy),
            condition=_condition(on_bucket(self._settings, "templates")),
            opts=self.within,
        )

    def _grant(self, name: str, email: pulumi.Output[str], role: str, condition: str = "") -> None:
        gcp.projects.IAMMember(
            f"{name}-{role.removeprefix('roles/')}",
            project=self._settings.project,
            role=role,
            member=pulumi.Output.concat("serviceAccount:", email),
            condition=_condition(condition),
            opts=self.within,
        )

    def _grant_own_role(self, name: str, purpose: str, permissions: Sequence[str], condition: str = "") -> None:
        """Give the deploy identity a role of our own."""
        role = gcp.projects.IAMCustomRole(
            name,
            project=self._settings.project,
            role_id="orderguard" + "".join(word.capitalize() for word in name.split("-")),
            title=f"orderguard: {purpose}",
            permissions=list(permissions),
            opts=self.within,
        )
        gcp.projects.IAMMember(
            f"deploy-orderguard{''.join(word.capitalize() for word in name.split('-'))}",
            project=self._settings.project,
            role=role.name,
            member=pulumi.Output.concat("serviceAccount:", self.deploy),
            condition=_condition(condition),
            opts=self.within,
        )


def _condition(expression: str) -> gcp.projects.IAMMemberConditionArgsDict | None:
    return {"title": "only what the program needs", "expression": expression} if expression else None
