"""Access tokens in place of a password: each new connection shows one of the account that the service runs as.

A token is valid for an hour; a connection that was opened with one outlives it:
cloud.google.com/memorystore/docs/valkey/about-iam-auth
"""

import asyncio
import time

from redis.credentials import CredentialProvider

from orderguard.google_token import access_token

EARLY_SECONDS = 60.0
"""A token that ends sooner is not shown any more."""


class Tokens(CredentialProvider):
    """The newest token, fetched when a connection needs one. `host` is the metadata server's, if it is another."""

    def __init__(self, host: str = "") -> None:
        self._host = host
        self._token = ""
        self._until = 0.0
        self._asking: asyncio.Task[str] | None = None

    async def get_credentials_async(self) -> tuple[str]:
        """What AUTH is sent. Raises OSError where there is no token.

        Who waits may give up: the question goes on, and whoever comes next has its answer.
        """
        if time.monotonic() < self._until:
            return (self._token,)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            # Of what nobody waits for any more asyncio would complain.
            self._asking.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        return (await asyncio.shield(self._asking),)

    async def _ask(self) -> str:
        try:
            token, seconds = await asyncio.to_thread(access_token, self._host)
        except ValueError as problem:
            raise OSError(str(problem)) from None
        finally:
            self._asking = None
        self._token, self._until = token, time.monotonic() + seconds - EARLY_SECONDS
        return token

    def drop(self) -> None:
        """Show the token no more: it was refused."""
        self._until = 0.0
