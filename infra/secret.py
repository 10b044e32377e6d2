"""Secrets: kept in Secret Manager, read by those who are named."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version

import pulumi
import pulumi_gcp as gcp

from infra import former_versions
from infra.component import Component
from infra.config import Settings
from infra.identity import Identity
from infra.reminder import RotationReminder

STATE = "pulumi:pulumi:readStackResourceOutputs"
"""A function of the engine itself: URN → type and outputs of all that a stack's state holds."""
NEWEST = "gcp:secretmanager/getSecretVersion:getSecretVersion"
FIRST = "1"
"""The number that Secret Manager gives the first version."""


class Secret(Component):
    """A secret whose values are made outside the program (`infra/keys.py`): the engine would keep in its state whatever
    it is given for a version, write-only inputs as well.

    `version` is the number of the newest version. A revision names that number and not `latest`: a rotation is then a
    new revision that has to pass its probes first, and all instances of one revision hold the same key.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # Those that an operator gives were of the other class once.
        former = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="orderguard:platform:GivenSecret")])
        super().__init__(name, pulumi.ResourceOptions.merge(opts, former))
        self.secret = _secret(name, settings, reminder, self)
        self.id: pulumi.Output[str] = self.secret.secret_id
        self.version: pulumi.Output[str] = self.secret.id.apply(_newest)
        _grant(name, settings, self.secret, readers, self)
        self.register_outputs({"id": self.id})


class GivenSecret(Component):
    """A secret whose value Google Cloud makes up for something of the stack, which keeps it as an output; or what is
    public and goes the same way. A changed value is a new version.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        value: pulumi.Input[str],
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.secret = _secret(name, settings, reminder, self)
        self.current = gcp.secretmanager.SecretVersion(
            name, secret=self.secret.id, secret_data=pulumi.Output.secret(value), opts=self.within
        )
        self.id: pulumi.Output[str] = self.secret.secret_id
        self.version: pulumi.Output[str] = self.current.version
        _grant(name, settings, self.secret, readers, self)
        self.register_outputs({"id": self.id})


async def held() -> list[str]:
    """What the stack's state holds, by its names (URNs)."""
    found = await pulumi.runtime.invoke_async(STATE, {"stackName": pulumi.get_stack()})
    return list((found or {}).get("outputs") or {})


def refuse_former_versions(state: Iterable[str]) -> None:
    """Raise RunError where the state still holds the keys that a former release's program made: an `up` would destroy
    them in Secret Manager. A preview only says so.
    """
    versions = former_versions.held(state)
    if not versions:
        return
    stack = pulumi.get_stack()
    message = (
        f"the state of {stack} holds the keys of {len(versions)} secret versions, which a former release made; an `up` "
        f"would destroy them. `make secrets STACK={stack}` takes them out of the state; in Secret Manager they stay."
    )
    if not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(message)
    pulumi.log.warn(message)


async def _newest(secret: str) -> str:
    """The number of a secret's newest version; its value is not asked for. Where there is none yet, what the first will
    have: then whatever refers to it can't start.
    """
    asked = {"secret": secret, "fetchSecretData": False}
    try:
        # Not by the SDK's own function: what that raises ends the program, whoever catches it.
        found = await pulumi.runtime.invoke_async(NEWEST, asked, pulumi.InvokeOptions(version=version("pulumi_gcp")))
    except Exception as problem:  # what the provider says comes as no other kind
        if not re.search(r"\b404\b|not found", str(problem)):
            raise
        stack = pulumi.get_stack()
        pulumi.log.warn(f"{secret} has no version yet: `make secrets STACK={stack}` makes it; then run this again.")
        return FIRST
    return str(found["version"])


def _secret(
    name: str, settings: Settings, reminder: RotationReminder | None, parent: Component
) -> gcp.secretmanager.Secret:
    rotation: gcp.secretmanager.SecretRotationArgsDict | None = None
    if reminder:
        rotation = {"rotation_period": reminder.period, "next_rotation_time": reminder.next_time()}
    return gcp.secretmanager.Secret(
        name,
        secret_id=settings.name(name),
        # Replicated to the stack's own region alone: keys stay where the data is.
        replication={"user_managed": {"replicas": [{"location": settings.region}]}},
        rotation=rotation,
        topics=[{"name": reminder.topic_id}] if reminder else None,
        deletion_protection=settings.deletion_protection,
        opts=pulumi.ResourceOptions(
            parent=parent, protect=settings.deletion_protection, ignore_changes=["rotation.nextRotationTime"]
        ),
    )


def _grant(
    name: str,
    settings: Settings,
    secret: gcp.secretmanager.Secret,
    readers: Mapping[str, Identity],
    parent: Component,
) -> None:
    """Where somebody deploys for the stack, infra/bootstrap/stack_rights.py says who reads its secrets."""
    if not settings.grants_itself:
        return
    for reader, identity in readers.items():
        gcp.secretmanager.SecretIamMember(
            f"{reader}-reads-{name}",
            secret_id=secret.secret_id,
            role="roles/secretmanager.secretAccessor",
            member=identity.member,
            opts=parent.within,
        )
