"""Who an analyst is: the name that they typed on one machine, or whom Google Cloud let in.

`typed`: X-Analyst, as the page sends it; whoever has the API key is believed. `invoker`: the e-mail address of the
identity token that Cloud Run has let in and whose signature it has verified and removed; so it holds only where nobody
may call without one. `iap`: the assertion that Identity-Aware Proxy signs, verified here.
"""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from app.desk.assertion import Assertions, payload_of
from app.problems import FieldError, Problem
from app.settings import Settings

HEADER = b"x-analyst"
ASSERTION = b"x-goog-iap-jwt-assertion"
LONGEST_NAME = 64
TokenSource = Literal["iap", "invoker", "typed", "none"]


class Identity:
    """How this service knows who asks."""

    def __init__(self, settings: Settings) -> None:
        self._kind = settings.identity
        self._assertions = Assertions(settings.iap_audience) if settings.identity == "iap" else None

    async def of(self, headers: Mapping[bytes, bytes]) -> tuple[str | None, TokenSource]:
        """The name of who asks and where it is from; None without one. Raises `Problem` for one that can't be."""
        if self._assertions is not None:
            told = await self._assertions.verified(headers.get(ASSERTION, b""))
            return _address(told), "iap" if _address(told) else "none"
        if self._kind == "invoker":
            token = headers.get(b"x-serverless-authorization") or headers.get(b"authorization", b"")
            address = _address(payload_of(token.partition(b" ")[2].strip()))
            return address, "invoker" if address else "none"
        name = _typed(headers.get(HEADER, b""))
        return name, "typed" if name else "none"


def _address(told: Mapping[str, Any] | None) -> str | None:
    address = told.get("email") if told else None
    return address.removeprefix("accounts.google.com:")[:254] if isinstance(address, str) and address else None


def _typed(header: bytes) -> str | None:
    try:
        name = " ".join(unquote_to_bytes(header).decode("utf-8").split())
    except UnicodeDecodeError:
        raise nameless("a name in UTF-8, percent-encoded") from None
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise nameless(f"a name of 1 to {LONGEST_NAME} characters")
    return name or None


def nameless(reason: str = "say who you are: a name of 1 to 64 characters, percent-encoded") -> Problem:
    """The problem of an act that nobody does."""
    return Problem("invalid-request", f"X-Analyst: {reason}", (FieldError("X-Analyst", reason),))
