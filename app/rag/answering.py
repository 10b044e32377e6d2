"""A question's way: mask, find evidence, let the provider word it, check every sentence, and say who answered."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

import msgspec

from app.rag.asking import Clock, ask
from app.rag.evidence import Found, find_evidence
from app.rag.guard import Citation, Guard, Sentences, Statement
from app.rag.prompt import Prompt
from app.rag.providers.provider import Provider, ProviderError
from app.rag.providers.local import LocalProvider
from app.rag.settings import RagSettings
from orderguard.masking import mask_text
from orderguard.retrieval import Case, Search, SimilarCase

ABSTENTION = "I don't know: nothing in the knowledge supports an answer to this question."
Outcome = Literal["answered", "abstained", "interrupted"]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `provider` worded it; `fallback` says why it isn't the configured one. `quoted` counts the
    statements that stand as the source's own words, since the provider's could not be proven."""

    answer: str
    abstained: bool
    citations: list[Citation]
    provider: str
    fallback: str | None
    interrupted: bool
    similar: list[SimilarCase]
    quoted: int


class AskEvent(msgspec.Struct, frozen=True):
    """What is counted and logged of a question. It has no field for any text."""

    provider: str
    outcome: Outcome
    fallback: str | None
    citations: int
    seconds: float


class Answering:
    """Answers questions with one provider, and with the local one where that fails."""

    def __init__(
        self,
        settings: RagSettings,
        provider: Provider,
        record: Callable[[AskEvent], None],
        clock: Clock = Clock(),
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._local = LocalProvider()
        self._record = record
        self._clock = clock

    async def stream(
        self, search: Search, question: str, case: Case | None
    ) -> AsyncGenerator[Statement | Answer, None]:
        """The checked sentences as they come, and at the end the whole answer."""
        started = time.perf_counter()
        # In a thread: a search takes as long as some scores, and orders go first.
        masked = await asyncio.to_thread(mask_text, question)
        found = await asyncio.to_thread(find_evidence, search, masked, case)
        statements: list[Statement] = []
        provider, fallback, interrupted = self._provider.name, None, False
        if found.evidence:
            prompt = Prompt(masked, found.evidence)
            try:
                async for statement in self._checked(search, self._provider, prompt):
                    statements.append(statement)
                    yield statement
            except ProviderError as error:
                fallback, interrupted = error.reason, bool(statements)
            if not statements and self._provider.name != self._local.name:
                fallback = fallback or "nothing that it said was supported"
                provider = self._local.name
                async for statement in self._checked(search, self._local, prompt):
                    statements.append(statement)
                    yield statement
        answer = _whole(statements, provider, fallback, interrupted, found)
        self._record(_event(answer, time.perf_counter() - started))
        yield answer

    async def answer(self, search: Search, question: str, case: Case | None) -> Answer:
        """The whole answer at once."""
        async for piece in self.stream(search, question, case):
            if isinstance(piece, Answer):
                return piece
        raise AssertionError("a stream ends with the whole answer")

    async def _checked(self, search: Search, provider: Provider, prompt: Prompt) -> AsyncGenerator[Statement, None]:
        guard, sentences = Guard(search, prompt.evidence), Sentences()
        pieces = ask(
            provider,
            prompt,
            timeout_seconds=self._settings.timeout_seconds,
            attempts=self._settings.attempts,
            clock=self._clock,
        )
        async with aclosing(pieces):
            async for piece in pieces:
                for sentence in sentences.add(piece):
                    if statement := guard.check(sentence) or guard.quotation(sentence):
                        yield statement
        for sentence in sentences.end():
            if statement := guard.check(sentence) or guard.quotation(sentence):
                yield statement


def _whole(statements: list[Statement], provider: str, fallback: str | None, interrupted: bool, found: Found) -> Answer:
    citations = {citation.id: citation for statement in statements for citation in statement.citations}
    return Answer(
        answer=" ".join(statement.text for statement in statements) or ABSTENTION,
        abstained=not statements,
        citations=[citations[number] for number in sorted(citations)],
        provider=provider,
        fallback=fallback,
        interrupted=interrupted,
        similar=found.similar,
        quoted=sum(statement.quoted for statement in statements),
    )


def _event(answer: Answer, seconds: float) -> AskEvent:
    outcome: Outcome = "abstained" if answer.abstained else "interrupted" if answer.interrupted else "answered"
    return AskEvent(answer.provider, outcome, answer.fallback, len(answer.citations), round(seconds, 4))
