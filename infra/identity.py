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

    Where somebody deploys for the stack, the bootstrap stack has made the account and lets the deployer act as it; the
    stack takes it up, and leaves it where it goes.
    """

    def __init__(self, name: str, settings: Settings, purpose: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.account = gcp.serviceaccount.Account(
            name,
            account_id=settings.name(name),
            display_name=f"orderguard {settings.environment}: {purpose}",
            create_ignore_already_exists=None if settings.grants_itself else True,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=not settings.grants_itself),
        )
        self.email: pulumi.Output[str] = self.account.account_id.apply(
            lambda account_id: f"{account_id}@{settings.project}.iam.gserviceaccount.com"
        )
        self.member: pulumi.Output[str] = pulumi.Output.concat("serviceAccount:", self.email)
        self.register_outputs({"email": self.email})
