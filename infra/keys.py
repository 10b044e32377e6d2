"""What the versions of a stack's secrets hold. They are made outside the program, which refers to them by number: so no
key stands in its state. `make secrets` makes them in Google Cloud, the local cloud by itself.
"""

import os
import re
import secrets
from collections.abc import Mapping

from infra.config import NAMESPACE

KEY_BYTES = 32
MASKING_KEY = "masking-key"
DRAWN = (MASKING_KEY, "api-key", "probe-key")
SAME_AS = {
    "training-key": MASKING_KEY,
    "hooks-masking-key": MASKING_KEY,
    "backfill-masking-key": MASKING_KEY,
    "hooks-history-password": "history-password",
}  # a secret has one reader, and two may need one key
"""Secret → the secret whose value it has, too."""
GIVEN = {
    "rag-api-key": "ragApiKey",
    "history-password": "historyPassword",
    "hook-shopify": "hookShopifySecret",
    "hook-woocommerce": "hookWoocommerceSecret",
    "hook-stripe": "hookStripeSecret",
    "tell-shop-token": "tellShopToken",
    "tell-secret": "tellSecret",
}
"""Secret whose value somebody else made up → the setting that says that there is one."""
OF_OWN_STORE = ("history-password", "history-ca", "hooks-history-password", "hooks-history-ca")
"""Secrets that the program fills where the stack has a Redis of its own: Google makes up its password."""


def name_of(secret: str, environment: str = "") -> str:
    """A secret's name in the program (`api-key`), from its id or full name in Google Cloud; empty for one of others."""
    stack = re.escape(environment) if environment else "[a-z][a-z0-9]{0,7}"
    found = re.fullmatch(rf"{NAMESPACE}-{stack}-(.+)", secret.rpartition("/")[2])
    return found[1] if found else ""


def drawn(name: str, before: str = "", variables: Mapping[str, str] = os.environ) -> str:
    """The value of a fresh version: a new key, and the first one of `before`, so that callers and tokens change over
    while both are known. The very first masking key is ORDERGUARD_MASKING_KEY where that is set.
    """
    if name == MASKING_KEY and not before and variables.get("ORDERGUARD_MASKING_KEY"):
        return variables["ORDERGUARD_MASKING_KEY"]
    text = secrets.token_urlsafe(KEY_BYTES)
    fresh = f"k{_last_number(before) + 1}:{text}" if name == MASKING_KEY else f"og_{text}"
    return ",".join(filter(None, (fresh, before.partition(",")[0])))


def _last_number(keyring: str) -> int:
    return max((int(number) for number in re.findall(r"(?:^|,)k([0-9]+):", keyring)), default=0)
