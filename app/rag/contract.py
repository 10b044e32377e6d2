"""What goes in and out of the RAG routes, as structures; those of OpenAI's API are in app/rag/chat.py."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from app.openapi import answers, request_body
from app.problems import FieldError, Problem
from app.rag.answering import Answer
from app.rag.guard import Citation, Statement
from orderguard.retrieval import Case, SimilarCase, Told
from orderguard.schema import UNDECODABLE, Identifier, Order, explained

MAX_QUESTION = 2_000

Question = Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION, pattern=r"\S")]


class AskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and the order that it is about if it is about one: by its id or token where it is among the past
    cases, else the order itself, which is masked and scored first. `stream` answers as server-sent events.
    """

    question: Question
    order_id: Identifier | None = None
    order_token: Identifier | None = None
    order: Order | None = None
    stream: bool = False


class SimilarRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A past case, by the order's id: in the body, since addresses are logged on their way."""

    order_id: Identifier


class Reason(msgspec.Struct, frozen=True):
    """A feature and how much it moved the score."""

    feature: str
    contribution: float


class PastCase(msgspec.Struct, frozen=True):
    """A masked order that was flagged in training: `told` are its reasons in words, `place` is where it stands among
    all orders; a version of before they were kept has neither.
    """

    order_token: str
    created_at: datetime
    score: float
    threshold: float
    reasons: list[Reason]
    summary: list[str]
    told: list[Told]
    place: str


class SimilarOrder(msgspec.Struct, frozen=True):
    """A past case and how like it is, -1..1 (cosine of the features, each in spreads from the usual), with the reasons
    that it shares: their features, and what they say of the past case.
    """

    similarity: float
    shared_reasons: list[str]
    shared_in_words: list[str]
    case: PastCase


class AskAnswer(msgspec.Struct, frozen=True):
    """The answer. Each `[n]` in it leads to the citation with that id; an answer without citations is an abstention.

    `provider` worded it; `fallback` says why the configured provider didn't. `interrupted`: the provider broke off
    half-way. `quoted` counts the statements that stand as their source's own words, since the provider's could not be
    proven. A citation with `example` is of a page that ships as an example of a shop's own policy. `similar` has past
    cases of likeness 0.7 and more alone, so there may be none.
    """

    answer: str
    abstained: bool
    citations: list[Citation]
    provider: str
    fallback: str | None
    interrupted: bool
    similar: list[SimilarOrder]
    quoted: int
    model_version: str


class SimilarAnswer(msgspec.Struct, frozen=True):
    """A past case and those that are most like it, best first: of likeness 0.7 and more alone, so there may be none."""

    order: PastCase
    similar: list[SimilarOrder]
    model_version: str


Request = TypeVar("Request", bound=msgspec.Struct)


def decode(body: bytes, structure: type[Request]) -> Request:
    """The request in a body. Raises `Problem`, which repeats no value."""
    try:
        return msgspec.json.decode(body, type=structure)
    except UNDECODABLE as error:
        mistake = explained(error)
        if not mistake.field:
            raise Problem("invalid-json", mistake.reason) from None
        raise invalid(mistake.field, mistake.reason) from None


def past_case(case: Case) -> PastCase:
    """A case as it is shown: without its feature vector."""
    reasons = [Reason(*reason) for reason in case.reasons]
    return PastCase(
        case.order_token, case.created_at, case.score, case.threshold, reasons, case.summary, case.told, case.place
    )


def similar_orders(found: list[SimilarCase]) -> list[SimilarOrder]:
    """Similar cases as they are shown."""
    return [
        SimilarOrder(other.similarity, other.shared_reasons, other.shared_in_words, past_case(other.case))
        for other in found
    ]


def ask_answer(answer: Answer, model_version: str) -> AskAnswer:
    """The answer of /v1/ask."""
    return AskAnswer(
        answer.answer,
        answer.abstained,
        answer.citations,
        answer.provider,
        answer.fallback,
        answer.interrupted,
        similar_orders(answer.similar),
        answer.quoted,
        model_version,
    )


async def ask_events(pieces: AsyncGenerator[Statement | Answer, None], model_version: str) -> AsyncIterator[bytes]:
    """Server-sent events: `statement` for each checked statement with its new citations, then `answer` with the
    whole.
    """
    async for piece in pieces:
        if isinstance(piece, Answer):
            yield event(ask_answer(piece, model_version), "answer")
        else:
            yield event(piece, "statement")


def event(content: Any, name: str | None = None) -> bytes:
    """A server-sent event."""
    start = b"event: %s\n" % name.encode() if name else b""
    return start + b"data: " + msgspec.json.encode(content) + b"\n\n"


def invalid(field: str, reason: str) -> Problem:
    """The problem that a field of a request is."""
    return Problem("invalid-request", f"{field}: {reason}", (FieldError(field, reason),))


_ASK_EVENTS = "with `stream`: an event `statement` for each statement, then `answer` with an AskAnswer"
ASK = request_body(AskRequest, answers(AskAnswer, "Ask a question", "questions", events=_ASK_EVENTS))
SIMILAR = request_body(SimilarRequest, answers(SimilarAnswer, "Past cases like an order", "questions"))
"""What the routes are declared with in the OpenAPI document."""
