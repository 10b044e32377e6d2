"""Secrets: made by the program itself, kept in Secret Manager, read by those who are named."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.identity import Identity
from infra.reminder import RotationReminder

KEY_BYTES = 32


def masking_key(number: int) -> str:
    """One masking key in the keyring's format. The first is ORDERGUARD_MASKING_KEY where that is set, so that a clone
    keeps its own.
    """
    stated = os.environ.get("ORDERGUARD_MASKING_KEY")
    return stated if stated and number == 1 else f"k{number}:{_random_text()}"


def api_key(number: int) -> str:
    """One API key; the number is not part of it."""
    del number
    return f"og_{_random_text()}"


def _random_text() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


class Secret(Component):
    """A secret whose value the program makes up once and rotates by number.

    Each number is a version of its own. Its value is drawn at the first `up` that declares it and then ignored, so
    that later runs change nothing. While number n is current its value is `KEY n,KEY n-1`: both are accepted, so
    callers can change over; number n+1 drops KEY n-1. `same_as` is another secret of this kind, whose values this one
    has, too: a secret has one reader, and two may need one key. Versions that were made before that keep the value that
    they have until the next number. A revision names the version's number and not `latest`: a
    rotation is then a new revision that has to pass its probes first, and all instances of one revision hold the same
    key.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        make: Callable[[int], str],
        number: int,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None = None,
        same_as: "Secret | None" = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.secret = _secret(name, settings, reminder, self)
        self.previous: gcp.secretmanager.SecretVersion | None = None
        if number > 1:
            before = same_as.previous.secret_data if same_as and same_as.previous else make(number - 1)
            self.previous = self._add(name, number - 1, before)
        keyring = same_as.current.secret_data if same_as else _keyring(make(number), self.previous)
        self.current: gcp.secretmanager.SecretVersion = self._add(name, number, keyring)
        self.id: pulumi.Output[str] = self.secret.secret_id
        self.version: pulumi.Output[str] = self.current.version
        _grant(name, self.secret, readers, self)
        self.register_outputs({"id": self.id})

    def _add(self, name: str, number: int, value: pulumi.Input[str | None]) -> gcp.secretmanager.SecretVersion:
        return gcp.secretmanager.SecretVersion(
            f"{name}-{number}",
            secret=self.secret.id,
            secret_data=pulumi.Output.secret(value),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["secret_data"]),
        )


class GivenSecret(Component):
    """A secret whose value comes from somewhere else: from the operator, as an encrypted setting of the stack, or from
    Google Cloud. A changed value is a new version.
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
        _grant(name, self.secret, readers, self)
        self.register_outputs({"id": self.id})


def _keyring(fresh: str, previous: gcp.secretmanager.SecretVersion | None) -> pulumi.Input[str]:
    if previous is None:
        return fresh
    return previous.secret_data.apply(lambda keys: f"{fresh},{str(keys).split(',')[0]}")


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


def _grant(name: str, secret: gcp.secretmanager.Secret, readers: Mapping[str, Identity], parent: Component) -> None:
    for reader, identity in readers.items():
        gcp.secretmanager.SecretIamMember(
            f"{reader}-reads-{name}",
            secret_id=secret.secret_id,
            role="roles/secretmanager.secretAccessor",
            member=identity.member,
            opts=parent.within,
        )
