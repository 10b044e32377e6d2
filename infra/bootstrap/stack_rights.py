"""The identities that a stack runs as, and what they may do that a deployment must not decide.

Whoever may set the policy of a bucket or of a secret may read it, and whoever may set that of a service account may be
it. So these grants are made here, by a person, and the deploy identity makes none of them. What a stack grants itself
where nobody deploys for it (the local cloud) is the same in effect: tests/infra/test_rights.py.
"""

import pulumi
import pulumi_gcp as gcp

from infra.admission import signed_images_only
from infra.alert_store import LOGIN_ROLE
from infra.audit import AUDITED, AUDITED_STORES, data_access_logs
from infra.backfill import KEY as BACKFILL_KEY, NAME as BACKFILL, acts_as_itself, run_backfills
from infra.bootstrap.conditions import on_alert_store, on_bucket, on_history_store, on_key, on_versions
from infra.bootstrap.settings import Settings
from infra.bucket import ACCESS_LOG_WRITERS
from infra.component import Component
from infra.model_signature import NAME as MODEL_SIGNATURE
from infra.valkey_store import CONNECT_ROLE
from infra.vertex import ask_vertex

PURPOSES = {
    "scorer": "scores orders",
    "trainer": "trains models",
    "hooks": "takes webhooks",
    "launcher": "starts the training job",
    "backfill": "runs backfills",
}
"""As the stack itself says them: both declare the account."""
SECRETS_ROLE = "roles/secretmanager.secretAccessor"  # a role's name  # nosec B105
READS, WRITES = "roles/storage.objectViewer", "roles/storage.objectUser"
BUCKETS = {
    "raw": {"trainer": READS, "backfill": READS},
    "models": {"scorer": READS, "hooks": READS, "trainer": WRITES, "backfill": READS},
    "histories": {"scorer": READS, "trainer": WRITES},
    "backfill": {"backfill": WRITES},
}
SECRETS = {
    "scorer": ("masking-key", "api-key", "probe-key", "rag-api-key", "history-password", "history-ca"),
    "trainer": ("training-key",),
    "hooks": (
        *("hooks-masking-key", "hooks-history-password", "hooks-history-ca"),
        *("hook-shopify", "hook-woocommerce", "hook-stripe", "tell-shop-token", "tell-secret"),
    ),
    "backfill": (BACKFILL_KEY,),
}
"""Who reads which secrets of the stack: each has one reader."""
KEEP_ALERTS = KEEP_HISTORIES = ("scorer", "hooks")
"""Who logs in to the stack's PostgreSQL, and who connects to its Valkey."""
ON_PROJECT = {"launcher": ("roles/eventarc.eventReceiver", "roles/workflows.invoker")}


class StackRights(Component):
    """Accounts without keys, and the deploy identity that acts as them."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        deployer: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        there = [identity for identity in PURPOSES if settings.backfill or identity != BACKFILL]
        self._accounts = {identity: self._account(identity, deployer) for identity in there}
        self._members = {identity: _member(settings, account) for identity, account in self._accounts.items()}
        for bucket, roles in BUCKETS.items():
            for identity, role in roles.items():
                if identity not in self._members:
                    continue
                title = f"{identity}-{'reads' if role == READS else 'writes'}-{bucket}"
                self._grant(title, role, self._members[identity], on_bucket(settings, bucket))
        for identity, member in self._members.items():
            if secrets := SECRETS.get(identity):
                self._grant(f"{identity}-reads-secrets", SECRETS_ROLE, member, on_versions(settings, *secrets))
        logs = on_bucket(settings, "access-logs")
        self._grant("cloud-storage-writes-access-logs", "roles/storage.objectCreator", ACCESS_LOG_WRITERS, logs)
        for identity in KEEP_ALERTS:
            self._grant(f"{identity}-logs-in-to-alerts", LOGIN_ROLE, self._members[identity], on_alert_store(settings))
        for identity in KEEP_HISTORIES:
            title, held = f"{identity}-connects-to-histories", on_history_store(settings)
            self._grant(title, CONNECT_ROLE, self._members[identity], held)
        for identity, granted in ON_PROJECT.items():
            for role in granted:
                self._grant(f"{identity}-{role.rpartition('.')[2]}", role, self._members[identity])
        number = gcp.organizations.get_project_output(project_id=settings.project).number
        storage = pulumi.Output.concat(
            "serviceAccount:service-", number, "@gs-project-accounts.iam.gserviceaccount.com"
        )
        self._grant("storage-publishes-events", "roles/pubsub.publisher", storage)
        signature = on_key(settings, MODEL_SIGNATURE, "models")
        self._grant("trainer-signs-models", "roles/cloudkms.signer", self._members["trainer"], signature)
        if settings.backfill:
            worker = self._members[BACKFILL]
            run_backfills(BACKFILL, settings.project, worker, self.within)
            acts_as_itself(BACKFILL, self._accounts[BACKFILL].name, worker, self.within)
        if settings.vertex:
            ask_vertex("scorer-asks-vertex", settings.project, self._members["scorer"], self.within)
        if settings.signed_images:
            attestor = f"projects/{settings.project}/attestors/built-by-deploy"
            signed_images_only("images", settings.project, attestor, self.within)
        if settings.audit_logs:
            data_access_logs("audit", settings.project, (*AUDITED, *AUDITED_STORES.values()), self.within)
        self.register_outputs({})

    def _account(self, identity: str, deployer: pulumi.Output[str]) -> gcp.serviceaccount.Account:
        account = gcp.serviceaccount.Account(
            identity,
            project=self._settings.project,
            account_id=self._settings.name(identity),
            display_name=f"orderguard {self._settings.environment}: {PURPOSES[identity]}",
            # A stack from before has made it itself; one that is made after this takes it up.
            create_ignore_already_exists=True,
            opts=self.within,
        )
        gcp.serviceaccount.IAMMember(
            f"deployer-acts-as-{identity}",
            service_account_id=account.name,
            role="roles/iam.serviceAccountUser",
            member=pulumi.Output.concat("serviceAccount:", deployer),
            opts=self.within,
        )
        return account

    def _grant(self, name: str, role: pulumi.Input[str], member: pulumi.Input[str], condition: str = "") -> None:
        gcp.projects.IAMMember(
            name,
            project=self._settings.project,
            role=role,
            member=member,
            condition={"title": name, "expression": condition} if condition else None,
            opts=self.within,
        )


def _member(settings: Settings, account: gcp.serviceaccount.Account) -> pulumi.Output[str]:
    return pulumi.Output.concat("serviceAccount:", account.account_id.apply(settings.service_account))
