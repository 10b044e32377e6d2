"""The one-time stack's settings, checked before any resource is declared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.config import MULTI_REGIONS

PREFIX = "orderguard-bootstrap"


class SettingsError(ValueError):
    """The settings are wrong; the message says what to write."""


@dataclass(frozen=True)
class Settings:
    """`repository` and `repository_owner` are GitHub's numeric ids: a name can be given up and taken by others.
    `environment` is that of the stack which the project holds. `signed_images` lets signed images alone run,
    `audit_logs` records who reads data and keys, `vertex` lets the service ask a model of Vertex AI, `backfill` makes
    the account that backfills run as.
    """

    project: str
    region: str
    state_location: str
    repository: str
    repository_owner: str
    environment: str
    signed_images: bool
    audit_logs: bool
    vertex: bool
    backfill: bool

    def name(self, suffix: str) -> str:
        """The name of something of the stack that is unique in the project."""
        return f"orderguard-{self.environment}-{suffix}"

    def bucket(self, suffix: str) -> str:
        """The name of a bucket of the stack."""
        return f"{self.project}-{self.environment}-{suffix}"

    def key(self, name: str, ring: str = "") -> str:
        """The full name of a key in one of the stack's key rings; `ring` is what the ring's name ends with."""
        whole = f"orderguard-{self.environment}" + (f"-{ring}" if ring else "")
        return f"projects/{self.project}/locations/{self.region}/keyRings/{whole}/cryptoKeys/{name}"

    def service_account(self, name: str) -> str:
        """The e-mail address of a service account of this project."""
        return f"{name}@{self.project}.iam.gserviceaccount.com"


# Field, key, pattern, what to write.
_KEYS = (
    ("project", "gcp:project", r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "the project's id"),
    ("region", "gcp:region", r"[a-z]+-[a-z]+[0-9]+", "a region such as europe-west1"),
    ("state_location", f"{PREFIX}:stateLocation", r"EU|US|[a-z]+-[a-z]+[0-9]+", "EU, US or a region"),
    ("repository", f"{PREFIX}:repository", r"[0-9]+", "the number that `gh api repos/OWNER/NAME --jq .id` prints"),
    (
        "repository_owner",
        f"{PREFIX}:repositoryOwner",
        r"[0-9]+",
        "the number that `gh api repos/OWNER/NAME --jq .owner.id` prints",
    ),
    (
        "environment",
        f"{PREFIX}:environment",
        r"[a-z][a-z0-9-]{0,7}",
        "the environment of the stack that this project holds, staging or prod",
    ),
)


# Field, key; what holds where nothing is said: in prod alone, or nowhere.
_SWITCHES = (
    ("signed_images", f"{PREFIX}:signedImages", True),
    ("audit_logs", f"{PREFIX}:auditLogs", True),
    ("vertex", f"{PREFIX}:vertex", False),
    ("backfill", f"{PREFIX}:backfill", False),
)


def read_settings(values: Mapping[str, str], stack: str = "") -> Settings:
    """The settings in `values`, full keys to text; `stack` is the environment where they name none.

    Raises SettingsError with every mistake.
    """
    values = {**values, f"{PREFIX}:environment": values.get(f"{PREFIX}:environment") or stack}
    known = {key for _, key, _, _ in _KEYS} | {key for _, key, _ in _SWITCHES}
    mistakes = [
        f"{key}: there is no such setting" for key in values if key.startswith(f"{PREFIX}:") and key not in known
    ]
    for _, key, pattern, wanted in _KEYS:
        if not re.fullmatch(pattern, values.get(key, "")):
            mistakes.append(
                f"{key}: {values.get(key, '')!r} does not fit. Run `pulumi config set {key} …` with {wanted}."
            )
    for _, key, _ in _SWITCHES:
        if values.get(key, "") not in ("", "true", "false"):
            mistakes.append(f"{key}: {values[key]!r} does not fit. Write true or false.")
    location, region = values.get(f"{PREFIX}:stateLocation", ""), values.get("gcp:region", "")
    if region != location and region not in MULTI_REGIONS.get(location, frozenset((region,))):
        mistakes.append(
            f"{PREFIX}:stateLocation: {location} does not hold gcp:region {region} (London and Zurich are not in the"
            " EU). Name the region itself, or one that is."
        )
    if mistakes:
        raise SettingsError("the settings are wrong:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
    texts = {field: values[key] for field, key, _, _ in _KEYS}

    def switched(field: str) -> bool:
        key, usual = next((key, usual) for known, key, usual in _SWITCHES if known == field)
        return values[key] == "true" if values.get(key) else usual and texts["environment"] == "prod"

    return Settings(
        **texts,
        signed_images=switched("signed_images"),
        audit_logs=switched("audit_logs"),
        vertex=switched("vertex"),
        backfill=switched("backfill"),
    )
