"""The one-time stack's settings, checked before any resource is declared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "orderguard-bootstrap"


class SettingsError(ValueError):
    """The settings are wrong; the message says what to write."""


@dataclass(frozen=True)
class Settings:
    """`repository` and `repository_owner` are GitHub's numeric ids: a name can be given up and taken by others.
    `environment` is that of the stack which the project holds.
    """

    project: str
    region: str
    state_location: str
    repository: str
    repository_owner: str
    environment: str

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


def read_settings(values: Mapping[str, str], stack: str = "") -> Settings:
    """The settings in `values`, full keys to text; `stack` is the environment where they name none.

    Raises SettingsError with every mistake.
    """
    values = {**values, f"{PREFIX}:environment": values.get(f"{PREFIX}:environment") or stack}
    known = {key for _, key, _, _ in _KEYS}
    mistakes = [
        f"{key}: there is no such setting" for key in values if key.startswith(f"{PREFIX}:") and key not in known
    ]
    for _, key, pattern, wanted in _KEYS:
        if not re.fullmatch(pattern, values.get(key, "")):
            mistakes.append(
                f"{key}: {values.get(key, '')!r} does not fit. Run `pulumi config set {key} …` with {wanted}."
            )
    if mistakes:
        raise SettingsError("the settings are wrong:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
    return Settings(**{field: values[key] for field, key, _, _ in _KEYS})
