"""Putting right what has one safe value. Off unless a rule's level is `remediate`.

A remedy never guesses: a value that depends on what the program is for (a location, a member, a key) has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from policies.rule import Resource

REMEDIES: Mapping[str, Mapping[str, Any]] = {
    "bucket-public-access-prevention": {"publicAccessPrevention": "enforced"},
    "bucket-uniform-access": {"uniformBucketLevelAccess": True},
    "bucket-model-versioning": {"versioning.enabled": True},
    "bucket-versioning": {"versioning.enabled": True},
    # Google Cloud takes features of your own in the profile CUSTOM alone.
    "edge-tls-version": {"minTlsVersion": "TLS_1_2", "profile": "MODERN", "customFeatures": []},
    "secret-deletion-protection": {"deletionProtection": True},
    "cloud-run-deletion-protection": {"deletionProtection": True},
    "bigquery-table-deletion-protection": {"deletionProtection": True},
    "project-service-stays-on": {"disableOnDestroy": False},
    "edge-no-default-network": {"autoCreateNetwork": False},
    "sql-encrypted-connections": {"settings.ipConfiguration.sslMode": "ENCRYPTED_ONLY"},
    "sql-backups": {"settings.backupConfiguration.enabled": True},
    "sql-deletion-protection": {"deletionProtection": True},
    "functions-https": {"httpsTriggerSecurityLevel": "SECURE_ALWAYS"},
    "gke-no-legacy-authorization": {"enableLegacyAbac": False},
    "gke-shielded-nodes": {"enableShieldedNodes": True},
    "network-private-google-access": {"privateIpGoogleAccess": True},
}
"""Rule → dotted path → the value that keeps the rule. `compute-ip-forwarding` has none: its value would have the
machine replaced, and break one that is a gateway.
"""
_PLAIN_WORD = 40


def remedy(rule: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy of the properties, as the engine writes them, with the rule's safe values; None where it has no remedy."""
    if rule not in REMEDIES:
        return None
    changed = deepcopy(dict(properties))
    for path, value in REMEDIES[rule].items():
        *parents, last = path.split(".")
        place = changed
        for key in parents:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[last] = value
    return changed


def difference(rule: str, resource: Resource) -> Iterator[str]:
    """The remedy as the lines of a diff. A value that is no flag and no plain word is not shown."""
    for path, value in REMEDIES.get(rule, {}).items():
        now = resource.at(path)
        if not now.absent:
            yield f"- {path}: {_shown(None if now.unknown else now.content)}"
        yield f"+ {path}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value == []:
        return "[]"
    plain_word = isinstance(value, str) and value.replace("_", "").isalnum() and len(value) <= _PLAIN_WORD
    return str(value) if plain_word else "(another value)"
