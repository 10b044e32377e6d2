"""Who acts: one service account for each task, without keys. What it may do is granted by the component that it acts
on.
"""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings


class Identity(Component):
    """A service account.

    `email` and `member` are composed from the account's id, which is known before the account exists: so policies can
    decide in a preview who is granted what. They still depend on the account.
    """

    def __init__(self, name: str, settings: Settings, purpose: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.account = gcp.serviceaccount.Account(
            name,
            account_id=settings.name(name),
            display_name=f"orderguard {settings.environment}: {purpose}",
            opts=self.within,
        )
        self.email: pulumi.Output[str] = self.account.account_id.apply(
            lambda account_id: f"{account_id}@{settings.project}.iam.gserviceaccount.com"
        )
        self.member: pulumi.Output[str] = pulumi.Output.concat("serviceAccount:", self.email)
        if settings.deployer:
            gcp.serviceaccount.IAMMember(
                f"deployer-acts-as-{name}",
                service_account_id=self.account.name,
                role="roles/iam.serviceAccountUser",
                member=settings.deployer,
                opts=self.within,
            )
        self.register_outputs({"email": self.email})
