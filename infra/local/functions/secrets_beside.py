"""Versions of secrets that a program refers to and does not make: nobody's value then stands in its state.

In Google Cloud somebody with the right to it adds them. Whoever runs a stack here administers it: so the local cloud
makes what the project's file tells of, at the moment that the program asks for a version that is not there.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from re import escape, fullmatch
from typing import Any

from infra.local.files import locked
from infra.local.functions.asked import Asked
from infra.local.functions.told import told
from infra.local.services.secretmanager import add_version, value, versions

_BYTES = 32


def make(asked: Asked, secret: str) -> None:
    """Make the first version of a secret, by its full name, where the file tells what it holds."""
    _, project, _, short = secret.split("/")
    with locked(asked.cloud.root / ".secrets.lock"):
        if versions(asked.cloud, secret):
            return
        for entry in told("secrets"):
            if _fits(str(entry["secret"]), short):
                add_version(asked.cloud, secret, _value(asked, entry, f"projects/{project}/secrets", short))
                return


def _fits(pattern: str, name: str) -> bool:
    """Whether a name is meant; `*` in a pattern stands for one part of it, without a hyphen."""
    return fullmatch(escape(pattern).replace(r"\*", "[^-]*"), name) is not None


def _value(asked: Asked, entry: Mapping[str, Any], place: str, short: str) -> str:
    """`value` with 32 random bytes in place of `{random}`, or that of the environment's `variable`; or what the
    secret holds that it is `like`, which is made first.
    """
    if like := entry.get("like"):
        before, after = str(entry["secret"]).split("*")
        middle = short.removeprefix(before).removesuffix(after)
        other = f"{place}/{str(like).replace('*', middle)}"
        if not versions(asked.cloud, other):
            first = next(one for one in told("secrets") if one["secret"] == like)
            add_version(asked.cloud, other, _value(asked, first, place, other.rpartition("/")[2]))
        return value(asked.cloud, other, "latest")
    given = os.environ.get(str(entry.get("variable")))
    text = base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).decode().rstrip("=")
    return given or str(entry["value"]).replace("{random}", text)
