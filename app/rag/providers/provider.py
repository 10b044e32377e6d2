"""What a provider is: a prompt in, pieces of text with [evidence numbers] out."""

from collections.abc import AsyncIterator
from typing import Protocol

from app.rag.prompt import Prompt

TOO_LONG = "it took too long"
TOO_MUCH = "it said more than is read"
OTHER_FORM = "it answered in another form than the API's"


class ProviderError(Exception):
    """A provider that gave no answer. `reason` is this program's own words, never the provider's.

    `retry` says whether asking again can help; `wait_seconds` is what the provider asked for, if it did.
    """

    def __init__(self, reason: str, *, retry: bool, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.wait_seconds = wait_seconds


class Provider(Protocol):
    """Words an answer."""

    name: str

    def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The answer in pieces as they come. Raises `ProviderError`."""
