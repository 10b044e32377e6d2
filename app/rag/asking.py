"""Asking a provider: one deadline for everything, retries with growing waits, and no wait longer than the deadline."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from app.rag.prompt import Prompt
from app.rag.providers.provider import OTHER_FORM, TOO_LONG, TOO_MUCH, Provider, ProviderError

FIRST_WAIT_SECONDS = 0.25
MAX_WAIT_SECONDS = 5.0
MOST_CHARACTERS = 16_384
"""Of an answer: several times what the 600 tokens that are asked for can hold."""


@dataclass(frozen=True)
class Clock:
    """Time and chance as parameters, so that tests need neither."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


async def ask(
    provider: Provider, prompt: Prompt, *, timeout_seconds: float, attempts: int, clock: Clock
) -> AsyncGenerator[str, None]:
    """The pieces of the provider's answer: `MOST_CHARACTERS` at most, all of them text. Asks again only while
    nothing has come.

    Raises `ProviderError`, and nothing else, when the attempts or the time are used up, and at once when text had begun
    to come.
    """
    deadline = clock.now() + timeout_seconds
    left = MOST_CHARACTERS
    for attempt in range(1, attempts + 1):
        pieces = provider.stream(prompt)
        begun = False
        try:
            while True:
                try:
                    piece = await asyncio.wait_for(anext(pieces), max(deadline - clock.now(), 0.0))
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise ProviderError(TOO_LONG, retry=False) from None
                except ProviderError:
                    raise
                except Exception as error:
                    # Whatever a provider's server made it stumble over is no reason to fail the question.
                    raise ProviderError(f"it could not be asked ({type(error).__name__})", retry=True) from None
                left -= len(piece)
                if left < 0:
                    raise ProviderError(TOO_MUCH, retry=False)
                if not _is_text(piece):
                    raise ProviderError(OTHER_FORM, retry=False)
                begun = True
                yield piece
        except ProviderError as error:
            # Its transport's own time may be up in the same moment, and it says something else then.
            if clock.now() >= deadline:
                raise ProviderError(TOO_LONG, retry=False) from None
            wait = wait_before(attempt, error.wait_seconds, clock.chance())
            if begun or not error.retry or attempt == attempts or clock.now() + wait >= deadline:
                raise
        finally:
            await _close(pieces)
        await clock.sleep(wait)


def wait_before(attempt: int, asked: float | None, chance: float) -> float:
    """Seconds to wait after a failed attempt (from 1): what the provider asked for, else doubling with full jitter."""
    if asked is not None:
        return asked
    return min(MAX_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (attempt - 1)) * (0.5 + chance / 2)


def _is_text(piece: str) -> bool:
    """Whether a piece can be written as UTF-8: a half of a surrogate pair, which JSON can bring, can't."""
    try:
        piece.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _close(pieces: AsyncIterator[str]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
