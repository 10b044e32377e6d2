"""The tokens that tell Google Cloud who asks. gcloud takes a second to hand one out, so one is used again for some
minutes."""

import time
from collections.abc import Callable

from delivery.commands import run

KEPT_SECONDS = 240.0
"""A token is good for an hour, and gcloud hands the same one out until less than five minutes are left."""
_kept: dict[str, tuple[float, str]] = {}


def google_headers() -> dict[str, str]:
    """The header that lets the caller into Google Cloud's interfaces."""
    return bearer(access_token())


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token (RFC 6750)."""
    return {"Authorization": f"Bearer {token}"}


def access_token() -> str:
    """The caller's own token for Google Cloud's interfaces."""
    return kept("access", lambda: run(["gcloud", "auth", "print-access-token"]).strip())


def kept(name: str, make: Callable[[], str]) -> str:
    """The token of this name; made where there is none, or none that is good for some minutes more."""
    made, token = _kept.get(name, (0.0, ""))
    if not token or time.monotonic() - made > KEPT_SECONDS:
        made, token = time.monotonic(), make()
        _kept[name] = made, token
    return token


def forget() -> None:
    """Ask again next time."""
    _kept.clear()
