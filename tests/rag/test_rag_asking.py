"""Retries and deadlines, with a clock that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.rag.asking import MAX_WAIT_SECONDS, Clock, ask, wait_before
from app.rag.prompt import Prompt
from app.rag.providers.provider import ProviderError

PROMPT = Prompt("question", [])
Step = str | ProviderError


class Scripted:
    """A provider that does at each asking what its script says."""

    name = "scripted"

    def __init__(self, *script: list[Step]) -> None:
        self.script = list(script)
        self.asked = 0

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        steps = self.script[self.asked]
        self.asked += 1
        for step in steps:
            if isinstance(step, ProviderError):
                raise step
            yield step


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def clock(self) -> Clock:
        return Clock(now=lambda: self.at, sleep=self.sleep, chance=lambda: 1.0)


def run(provider: Scripted, time: Time, attempts: int = 3, timeout: float = 60.0) -> list[str]:
    async def collect() -> list[str]:
        pieces = ask(provider, PROMPT, timeout_seconds=timeout, attempts=attempts, clock=time.clock())
        return [piece async for piece in pieces]

    return asyncio.run(collect())


BUSY = ProviderError("busy", retry=True)


def test_waits_grow_between_attempts() -> None:
    time = Time()
    assert run(Scripted([BUSY], [BUSY], ["a", "b"]), time) == ["a", "b"]
    assert time.slept == [0.25, 0.5]


def test_the_provider_s_own_wait_is_kept() -> None:
    time = Time()
    run(Scripted([ProviderError("busy", retry=True, wait_seconds=7)], ["a"]), time)
    assert time.slept == [7]


@pytest.mark.parametrize(
    ("script", "attempts", "timeout", "asked"),
    [
        ([[BUSY], [BUSY], [BUSY]], 3, 60.0, 3),
        ([[ProviderError("refused", retry=False)]], 3, 60.0, 1),
        ([["half", BUSY]], 3, 60.0, 1),
        ([[ProviderError("busy", retry=True, wait_seconds=30)]], 3, 20.0, 1),
    ],
    ids=["attempts used up", "no use in asking again", "text had begun", "the wait is longer than the deadline"],
)
def test_it_gives_up(script: list[list[Step]], attempts: int, timeout: float, asked: int) -> None:
    provider = Scripted(*script)
    with pytest.raises(ProviderError):
        run(provider, Time(), attempts, timeout)
    assert provider.asked == asked


def test_a_transport_that_gives_up_at_the_deadline_does_not_hide_that_it_took_too_long() -> None:
    time = Time()

    class GivesUp(Scripted):
        async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
            await time.sleep(20)
            async for piece in super().stream(prompt):
                yield piece

    provider = GivesUp([ProviderError("it could not be asked (ReadTimeout)", retry=True)])
    with pytest.raises(ProviderError) as given_up:
        run(provider, time, timeout=20.0)
    assert given_up.value.reason == "it took too long"


def test_a_wait_is_bounded_and_jittered() -> None:
    assert wait_before(20, None, 1.0) == MAX_WAIT_SECONDS
    assert wait_before(20, None, 0.0) == MAX_WAIT_SECONDS / 2
