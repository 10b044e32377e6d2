"""The values of a stack's secrets, made past the program: so none stands in its state, and whoever deploys reads none.

The program declares a secret and who reads it, and refers to its newest version by number. Whoever may add versions
runs this: before the first deployment, after a setting that brings another secret, and to rotate. It may be cut off and
run again: what is there stays as it is. A value goes over standard input and output alone.
"""

import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from delivery.commands import run
from delivery.errors import DeliveryError, UsageError
from delivery.stack import Stack, on_google_cloud
from infra.local import pulumi as local_pulumi
from infra.keys import DRAWN, GIVEN, SAME_AS, drawn, name_of
from infra.local.cloud import Cloud
from infra.local.home import home_from
from infra.local.services import secretmanager

SECRET, ROTATE = "SECRET", "ROTATE"  # environment variables  # nosec B105
PARTS = (
    *("**platform:Secret::**", "**platform:Secret$gcp:secretmanager/secret:Secret::**"),
    *("**HooksService::hooks", "**NamedStore::histories"),
    *("**ProjectServices**", "**EncryptionKey**", "**RotationReminder**", "**Images::images"),
)
"""The program's secrets, and what they need to be made."""
Ask = Callable[[str], str]


class Store(Protocol):
    """The stack's secrets where they are kept, by their names in the program."""

    def names(self) -> list[str]:
        """The secrets that there are, with a version or without."""

    def has(self, name: str) -> bool:
        """Whether it has a version."""

    def read(self, name: str) -> str:
        """The value of the newest version."""

    def add(self, name: str, value: str) -> None:
        """Add a version."""


@dataclass(frozen=True)
class GoogleSecrets:
    """Secret Manager, as the person at hand."""

    project: str
    environment: str

    def names(self) -> list[str]:
        listed = run(["gcloud", "secrets", "list", "--project", self.project, "--format", "value(name)"]).split()
        return sorted(name for secret in listed if (name := name_of(secret, self.environment)))

    def has(self, name: str) -> bool:
        only = ["--filter", "state=enabled", "--limit", "1", "--format", "value(name)"]
        return bool(run(["gcloud", "secrets", "versions", "list", *self._of(name), *only]).strip())

    def read(self, name: str) -> str:
        secret, *place = self._of(name)
        return run(["gcloud", "secrets", "versions", "access", "latest", "--secret", secret, *place])

    def add(self, name: str, value: str) -> None:
        run(["gcloud", "secrets", "versions", "add", *self._of(name), "--data-file=-"], given=value)

    def _of(self, name: str) -> list[str]:
        return [f"orderguard-{self.environment}-{name}", "--project", self.project]


@dataclass(frozen=True)
class LocalSecrets:
    """The local cloud's."""

    cloud: Cloud
    environment: str

    def names(self) -> list[str]:
        return sorted(self._ids())

    def has(self, name: str) -> bool:
        return bool(secretmanager.versions(self.cloud, self._ids()[name]))

    def read(self, name: str) -> str:
        return secretmanager.value(self.cloud, self._ids()[name], "latest")

    def add(self, name: str, value: str) -> None:
        secretmanager.add_version(self.cloud, self._ids()[name], value)

    def _ids(self) -> dict[str, str]:
        found = {name_of(one.id, self.environment): one.id for one in self.cloud.all(secretmanager.SECRET)}
        return {name: secret for name, secret in found.items() if name}


def see_to_secrets(stack: Stack, ask: Ask | None = None) -> list[str]:
    """See to it that each secret of a stack is there and has a version, and that none stands in its state; what was
    done. Inputs of the environment: SECRET, one whose value is given; ROTATE, one that gets another key beside the one
    that it has.

    Raises `UsageError` for a name that is none of theirs, `DeliveryError` where a value is missing that only somebody
    else has.
    """
    store, names = store_of(stack), wanted(stack.name)
    _require_names(stack, names)
    gone = stack.let_go_of_versions()
    lines = [f"{name}: no longer in the state; it stays in Secret Manager" for name in gone]
    if missing := sorted(names - set(store.names())):
        print(f"==> the secrets of {stack.name}, without a value: {', '.join(missing)}", flush=True)
        stack.up_parts(PARTS, f"secrets: {', '.join(missing)}")
    if chosen := stack.environment.get(ROTATE):
        return [*lines, *_rotated(store, names, chosen)]
    if chosen := stack.environment.get(SECRET):
        return [*lines, *_given(store, names, chosen, ask or asked)]
    return [*lines, *_made(store, names, ask or typed)]


def _require_names(stack: Stack, names: set[str]) -> None:
    name, rotated = stack.environment.get(SECRET), stack.environment.get(ROTATE)
    if rotated and rotated not in names & set(DRAWN):
        raise UsageError(f"ROTATE={rotated}: what is drawn, and so rotated, is {', '.join(DRAWN)}.")
    if name and not rotated and name not in names & set(GIVEN):
        known = ", ".join(sorted(names & set(GIVEN))) or "none"
        raise UsageError(f"SECRET={name}: the secrets of this stack whose value is given are: {known}.")


def wanted(stack: str) -> set[str]:
    """The secrets whose values are made here, by what the stack's file says."""

    def says(key: str) -> bool:
        return local_pulumi.setting(stack, f"orderguard:{key}") is True

    given = {name for name, key in GIVEN.items() if says(key)}
    of_hooks = {"hooks-masking-key", *(["hooks-history-password"] if says("historyPassword") else [])}
    of_backfills = ["backfill-masking-key"] if says("backfill") else []
    return {*DRAWN, "training-key", *given, *(of_hooks if says("hooks") else ()), *of_backfills}


def store_of(stack: Stack) -> Store:
    """Where the stack's secrets are kept."""
    environment = stack.setting("environment")
    if on_google_cloud(stack.environment):
        return GoogleSecrets(stack.setting("project", "gcp"), environment)
    return LocalSecrets(Cloud(home_from(stack.environment), stack.name), environment)


def _made(store: Store, names: set[str], ask: Ask) -> list[str]:
    lines, missing = [], []
    for name in sorted(names - set(SAME_AS)):
        if store.has(name):
            continue
        value = drawn(name) if name in DRAWN else ask(name)
        if not value:
            missing.append(name)
            continue
        store.add(name, value)
        lines.append(f"{name}: {'drawn' if name in DRAWN else 'taken'}")
    lines += _followed(store, names)
    if missing:
        raise DeliveryError(
            "\n".join(
                [*lines, f"no value yet: {', '.join(missing)}. For each: `printf %s VALUE | make secrets SECRET=…`"]
            )
        )
    return lines or [f"each of {len(names)} secrets has a version"]


def _given(store: Store, names: set[str], name: str, ask: Ask) -> list[str]:
    value = ask(name)
    if not value:
        raise DeliveryError(
            f"No value: `printf %s VALUE | make secrets SECRET={name}`, or type it where you are asked."
        )
    if store.has(name) and store.read(name) == value:
        return [f"{name}: has this value already", *_followed(store, names)]
    store.add(name, value)
    return [f"{name}: taken", *_followed(store, names)]


def _rotated(store: Store, names: set[str], name: str) -> list[str]:
    """A version with a fresh key and the one before it. The secret that others follow comes first: whoever is cut off
    between them ends it before another is drawn.
    """
    if not store.has(name):
        raise DeliveryError(f"{name} has no key yet, so there is none to change: `make secrets` makes it.")
    if behind := _followed(store, names):
        return [*behind, f"{name}: the previous rotation was interrupted and is now complete; nothing else is rotated"]
    store.add(name, drawn(name, store.read(name)))
    return [f"{name}: rotated; the previous key stays valid until the next rotation", *_followed(store, names)]


def _followed(store: Store, names: set[str]) -> list[str]:
    """Give those secrets that have another's value what it has now."""
    lines = []
    for name, leader in SAME_AS.items():
        if name not in names or leader not in names or not store.has(leader):
            continue
        value = store.read(leader)
        if not store.has(name) or store.read(name) != value:
            store.add(name, value)
            lines.append(f"{name}: has what {leader} has")
    return lines


def typed(name: str) -> str:
    """A value that somebody types unseen; empty where nobody is at a terminal."""
    return getpass.getpass(f"{name}: ").strip() if sys.stdin.isatty() else ""


def asked(name: str) -> str:
    """A value that is typed, or that standard input holds."""
    return typed(name) if sys.stdin.isatty() else sys.stdin.read().strip("\n")
