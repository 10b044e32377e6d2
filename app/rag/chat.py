"""OpenAI's chat completions and models, as far as this service has an answer to them (OpenAI's API reference, "Chat").

Parameters that would change what comes back, and can't here, are refused by name: `_ONLY`. Those that tune a language
model (`temperature`, `max_tokens`, `seed` and the like) change nothing, since an answer is what its evidence says, and
are ignored like any that nobody here knows.
"""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.openapi import answers, request_body
from app.problems import FieldError, Problem
from app.rag.answering import Answer
from app.rag.contract import MAX_QUESTION, event, invalid
from app.rag.guard import Citation, Statement
from orderguard.schema import Identifier, Order

MODEL = "orderguard"
MAX_MESSAGES = 100
CHARACTERS_A_TOKEN = 4
"""What `usage` counts: a token for every four characters begun, whoever words the answer."""

Text = Annotated[str, Meta(max_length=100_000)]
_ONLY: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "audio": (),
    "stop": ([],),
    "web_search_options": (),
    "prediction": (),
}
"""The values of these parameters that are no more than what happens anyway. null is one for all."""


class ContentPart(msgspec.Struct, frozen=True):
    """A part of a message; only text is read."""

    type: str
    text: Text = ""


class Message(msgspec.Struct, frozen=True):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        content = self.content
        return content if isinstance(content, str) else "\n".join(part.text for part in content or ())


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream tells besides."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's chat completion request. The last message of the user is the question; messages of a system don't change
    how it is answered. `model` is repeated in the answer, so it has to look like a model's name. `order_id`,
    `order_token` and `order` are as in /v1/ask.
    """

    messages: Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")] = MODEL
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Any = None
    tools: Any = None
    tool_choice: Any = None
    functions: Any = None
    function_call: Any = None
    response_format: Any = None
    logprobs: Any = None
    top_logprobs: Any = None
    modalities: Any = None
    audio: Any = None
    stop: Any = None
    web_search_options: Any = None
    prediction: Any = None
    order_id: Identifier | None = None
    order_token: Identifier | None = None
    order: Order | None = None

    @property
    def with_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def question(self) -> str:
        """The text of the user's last message. Raises `Problem`, also for what can't be done as asked."""
        for name, harmless in _ONLY.items():
            given = getattr(self, name)
            if given is not None and given not in harmless:
                raise _unsupported(
                    name, "this would change the answer in a way that is not to be had here: leave it out"
                )
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options", "this is for `stream`: true only")
        last = next((message for message in reversed(self.messages) if message.role == "user"), Message("user"))
        if isinstance(last.content, list) and any(part.type != "text" for part in last.content):
            raise _unsupported("messages", "only parts of the type `text` are read")
        if not last.text.strip() or len(last.text) > MAX_QUESTION:
            raise invalid("messages", f"the user's last message must hold 1 to {MAX_QUESTION} characters of text")
        return last.text


class ChatMessage(msgspec.Struct, frozen=True):
    """The assistant's message."""

    role: str
    content: str


class ChatChoice(msgspec.Struct, frozen=True):
    """The only choice."""

    index: int
    message: ChatMessage
    finish_reason: str


class Usage(msgspec.Struct, frozen=True):
    """How long question and answer were, in tokens of four characters."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatAnswer(msgspec.Struct, frozen=True):
    """OpenAI's chat completion, with the citations and who worded it beside."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    citations: list[Citation]
    provider: str
    fallback: str | None


class ModelCard(msgspec.Struct, frozen=True):
    """OpenAI's description of a model. `created` is when this service started."""

    id: str
    created: int
    object: str = "model"
    owned_by: str = MODEL


class ModelList(msgspec.Struct, frozen=True):
    """The models that can be asked: one, however its answers are worded."""

    data: list[ModelCard]
    object: str = "list"


def usage(asked: ChatRequest, answer: Answer) -> Usage:
    """What a question and its answer come to."""
    prompt = sum(_tokens(message.text) for message in asked.messages)
    completion = _tokens(answer.answer)
    return Usage(prompt, completion, prompt + completion)


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def chat_answer(answer: Answer, asked: ChatRequest) -> ChatAnswer:
    """The whole answer of /v1/chat/completions."""
    identity, created = _identity()
    return ChatAnswer(
        id=identity,
        object="chat.completion",
        created=created,
        model=asked.model,
        choices=[ChatChoice(0, ChatMessage("assistant", answer.answer), _finish(answer))],
        usage=usage(asked, answer),
        citations=answer.citations,
        provider=answer.provider,
        fallback=answer.fallback,
    )


async def chat_chunks(pieces: AsyncGenerator[Statement | Answer, None], asked: ChatRequest) -> AsyncIterator[bytes]:
    """OpenAI's stream of chunks. The last with a choice holds the citations; where usage was asked for, one chunk more
    holds it.
    """
    identity, created = _identity()
    head = {"id": identity, "object": "chat.completion.chunk", "created": created, "model": asked.model}
    if asked.with_usage:
        head["usage"] = None

    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
        return event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    yield chunk({"role": "assistant", "content": ""})
    begun = False
    async for piece in pieces:
        if isinstance(piece, Answer):
            if not begun:
                yield chunk({"content": piece.answer})
            about = {"citations": piece.citations, "provider": piece.provider, "fallback": piece.fallback}
            yield chunk({}, _finish(piece), **about)
            if asked.with_usage:
                yield event({**head, "choices": [], "usage": usage(asked, piece)})
        else:
            yield chunk({"content": f" {piece.text}" if begun else piece.text})
            begun = True
    yield b"data: [DONE]\n\n"


def _finish(answer: Answer) -> str:
    """OpenAI has no word for an answer that broke off; "length" is what its clients take for an incomplete one."""
    return "length" if answer.interrupted else "stop"


def _identity() -> tuple[str, int]:
    return f"chatcmpl-{uuid.uuid4().hex}", int(time.time())


def _unsupported(field: str, reason: str) -> Problem:
    return Problem("unsupported-parameter", f"{field}: {reason}", (FieldError(field, reason),))


_EVENTS = "with `stream`: OpenAI's chunks, then `[DONE]`"
CHAT = request_body(ChatRequest, answers(ChatAnswer, "Chat completion, as OpenAI's", "openai", events=_EVENTS))
MODELS = answers(ModelList, "The models, as OpenAI lists them", "openai")
ONE_MODEL = answers(ModelCard, "A model, as OpenAI describes it", "openai")
"""What the routes are declared with in the OpenAPI document."""
