"""What goes in and out of the RAG routes, as structures."""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from app.openapi import answers, request_body
from app.problems import FieldError, Problem
from app.rag.answering import Answer
from app.rag.guard import Citation, Statement
from orderguard.retrieval import Case, SimilarCase
from orderguard.schema import UNDECODABLE, Identifier, Order, explained

MAX_QUESTION = 2_000
MAX_MESSAGES = 100

Question = Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION, pattern=r"\S")]
Text = Annotated[str, Meta(max_length=100_000)]


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
    """A masked order that was flagged in training."""

    order_token: str
    created_at: datetime
    score: float
    threshold: float
    reasons: list[Reason]
    summary: list[str]


class SimilarOrder(msgspec.Struct, frozen=True):
    """A past case and how like it is, -1..1 (cosine of the features, each in spreads from the usual)."""

    similarity: float
    shared_reasons: list[str]
    case: PastCase


class AskAnswer(msgspec.Struct, frozen=True):
    """The answer. Each `[n]` in it leads to the citation with that id; an answer without citations is an abstention.

    `provider` worded it; `fallback` says why the configured provider didn't. `interrupted`: the provider broke off
    half-way.
    """

    answer: str
    abstained: bool
    citations: list[Citation]
    provider: str
    fallback: str | None
    interrupted: bool
    similar: list[SimilarOrder]
    model_version: str


class SimilarAnswer(msgspec.Struct, frozen=True):
    """A past case and those that are most like it, best first."""

    order: PastCase
    similar: list[SimilarOrder]
    model_version: str


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message; only text is read."""

    type: str
    text: Text = ""


class Message(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[ContentPart] | None = None


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's chat completion request. The last message of the user is the question; messages of a system don't change
    how it is answered. `model` is repeated in the answer, so it has to look like a model's name. `order_id`,
    `order_token` and `order` are as in /v1/ask.
    """

    messages: Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")] = "orderguard"
    stream: bool = False
    order_id: Identifier | None = None
    order_token: Identifier | None = None
    order: Order | None = None

    def question(self) -> str:
        """The text of the user's last message. Raises `Problem`."""
        last = next((message for message in reversed(self.messages) if message.role == "user"), None)
        content = last.content if last else None
        text = content if isinstance(content, str) else "\n".join(part.text for part in content or ())
        if not text.strip() or len(text) > MAX_QUESTION:
            raise _invalid("messages", f"the user's last message must hold 1 to {MAX_QUESTION} characters of text")
        return text


class ChatMessage(msgspec.Struct, frozen=True):
    """The assistant's message."""

    role: str
    content: str


class ChatChoice(msgspec.Struct, frozen=True):
    """The only choice."""

    index: int
    message: ChatMessage
    finish_reason: str


class ChatAnswer(msgspec.Struct, frozen=True):
    """OpenAI's chat completion, with the citations and who worded it beside."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatChoice]
    citations: list[Citation]
    provider: str
    fallback: str | None


Request = TypeVar("Request", AskRequest, SimilarRequest, ChatRequest)


def decode(body: bytes, structure: type[Request]) -> Request:
    """The request in a body. Raises `Problem`, which repeats no value."""
    try:
        return msgspec.json.decode(body, type=structure)
    except UNDECODABLE as error:
        mistake = explained(error)
        if not mistake.field:
            raise Problem("invalid-json", mistake.reason) from None
        raise _invalid(mistake.field, mistake.reason) from None


def past_case(case: Case) -> PastCase:
    """A case as it is shown: without its feature vector."""
    reasons = [Reason(*reason) for reason in case.reasons]
    return PastCase(case.order_token, case.created_at, case.score, case.threshold, reasons, case.summary)


def similar_orders(found: list[SimilarCase]) -> list[SimilarOrder]:
    """Similar cases as they are shown."""
    return [SimilarOrder(other.similarity, other.shared_reasons, past_case(other.case)) for other in found]


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
        model_version,
    )


def chat_answer(answer: Answer, model: str) -> ChatAnswer:
    """The whole answer of /v1/chat/completions."""
    choice = ChatChoice(0, ChatMessage("assistant", answer.answer), _finish(answer))
    identity, created = _identity()
    return ChatAnswer(
        identity, "chat.completion", created, model, [choice], answer.citations, answer.provider, answer.fallback
    )


async def ask_events(pieces: AsyncGenerator[Statement | Answer, None], model_version: str) -> AsyncIterator[bytes]:
    """Server-sent events: `statement` for each checked statement with its new citations, then `answer` with the
    whole.
    """
    async for piece in pieces:
        if isinstance(piece, Answer):
            yield _event(ask_answer(piece, model_version), "answer")
        else:
            yield _event(piece, "statement")


async def chat_chunks(pieces: AsyncGenerator[Statement | Answer, None], model: str) -> AsyncIterator[bytes]:
    """OpenAI's stream of chunks; the last one holds the citations."""
    identity, created = _identity()
    head = {"id": identity, "object": "chat.completion.chunk", "created": created, "model": model}

    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
        return _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    yield chunk({"role": "assistant", "content": ""})
    begun = False
    async for piece in pieces:
        if isinstance(piece, Answer):
            if not begun:
                yield chunk({"content": piece.answer})
            about = {"citations": piece.citations, "provider": piece.provider, "fallback": piece.fallback}
            yield chunk({}, _finish(piece), **about)
        else:
            yield chunk({"content": f" {piece.text}" if begun else piece.text})
            begun = True
    yield b"data: [DONE]\n\n"


def _finish(answer: Answer) -> str:
    """OpenAI has no word for an answer that broke off; "length" is what its clients take for an incomplete one."""
    return "length" if answer.interrupted else "stop"


def _identity() -> tuple[str, int]:
    return f"chatcmpl-{uuid.uuid4().hex}", int(time.time())


def _event(content: Any, name: str | None = None) -> bytes:
    start = b"event: %s\n" % name.encode() if name else b""
    return start + b"data: " + msgspec.json.encode(content) + b"\n\n"


def _invalid(field: str, reason: str) -> Problem:
    return Problem("invalid-request", f"{field}: {reason}", (FieldError(field, reason),))


_ASK_EVENTS = "with `stream`: an event `statement` for each statement, then `answer` with an AskAnswer"
_CHAT_EVENTS = "with `stream`: OpenAI's chunks, then `[DONE]`"
ASK = request_body(AskRequest, answers(AskAnswer, "Ask a question", "questions", events=_ASK_EVENTS))
SIMILAR = request_body(SimilarRequest, answers(SimilarAnswer, "Past cases like an order", "questions"))
CHAT = request_body(
    ChatRequest, answers(ChatAnswer, "OpenAI-compatible chat completion", "questions", events=_CHAT_EVENTS)
)
"""What the routes are declared with in the OpenAPI document."""
