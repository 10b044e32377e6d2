"""Conditions that hold a role to what belongs to one stack, by its names.

Google Cloud knows names in conditions for Cloud Storage, Secret Manager, Cloud KMS, Cloud SQL and Memorystore among the
services that a stack uses: cloud.google.com/iam/docs/conditions-resource-attributes,
cloud.google.com/memorystore/docs/valkey/about-iam-auth.
"""

from infra.alert_store import on_instance
from infra.bootstrap.settings import Settings
from infra.valkey_store import on_valkey


def on_bucket(settings: Settings, suffix: str) -> str:
    """One bucket of the stack, and its objects."""
    name = f"projects/_/buckets/{settings.bucket(suffix)}"
    return f"resource.name == '{name}' || resource.name.startsWith('{name}/')"


def on_buckets(settings: Settings) -> str:
    """All buckets of the stack."""
    return f"resource.name.startsWith('projects/_/buckets/{settings.bucket('')}')"


def on_model_buckets(settings: Settings) -> str:
    """The model buckets of the project's stacks, and their objects."""
    return (
        f"resource.name.startsWith('projects/_/buckets/{settings.project}-')"
        " && resource.name.extract('buckets/{bucket}/').endsWith('-models')"
    )


def on_state_copies(settings: Settings) -> str:
    """What a deployment leaves for previews in the bucket of the state: delivery/state_copy.py."""
    return f"resource.name.startsWith('projects/_/buckets/{settings.project}-pulumi-state/objects/previews/')"


def on_alert_store(settings: Settings) -> str:
    """The stack's PostgreSQL."""
    return on_instance(settings.project, settings.name("alerts"))


def on_history_store(settings: Settings) -> str:
    """The stack's Valkey."""
    return on_valkey(settings.region, settings.name("histories"))


def on_key(settings: Settings, key: str, ring: str = "") -> str:
    """One key of a key ring of the stack, and its versions."""
    return f"resource.name.startsWith('{settings.key(key, ring)}')"


def on_versions(settings: Settings, *secrets: str) -> str:
    """The versions of some of the stack's secrets, by their names in the program."""
    # A secret's full name has the project's number in it.
    named = "resource.name.extract('/secrets/{name}/versions/')"
    return " || ".join(f"{named} == '{settings.name(secret)}'" for secret in secrets)


def on_secrets(settings: Settings, *secrets: str) -> str:
    """Some of the stack's secrets and their versions."""
    themselves = (f"resource.name.endsWith('/secrets/{settings.name(secret)}')" for secret in secrets)
    return " || ".join([on_versions(settings, *secrets), *themselves])
