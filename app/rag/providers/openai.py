"""Any server that speaks OpenAI's chat completions API: RAG_BASE_URL, RAG_MODEL, and RAG_API_KEY from a secret."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

from app.rag.prompt import INSTRUCTIONS, Prompt
from app.rag.providers.provider import OTHER_FORM, TOO_LONG, ProviderError
from app.rag.providers.wire import client, lines
from app.rag.settings import RagSettings

MAX_TOKENS = 600
RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
"""A Retry-After that is kept to (RFC 9110, 10.2.3, and the fractions that some send). In place of a date, or of
anything else, the waits are our own.
"""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: Any = None
    """What servers send in place of a chunk when they fail half-way."""


_decode = msgspec.json.Decoder(_Chunk).decode


class OpenAiProvider:
    """Streams from `POST {base_url}/chat/completions`."""

    name = "openai"

    def __init__(self, settings: RagSettings) -> None:
        self._url = f"{settings.base_url}/chat/completions"
        self._model = settings.model
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._client = client(settings.timeout_seconds, headers)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The pieces of the answer. Raises `ProviderError`, with the wait that the server asks for."""
        body = {
            "model": self._model,
            "stream": True,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
            "messages": [
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": prompt.content},
            ],
        }
        try:
            async with self._client.stream("POST", self._url, json=body) as response:
                if response.status_code != 200:
                    raise _refused(response)
                async for line in lines(response.aiter_raw()):
                    data = line.removeprefix(b"data:").strip()
                    if not line.startswith(b"data:") or not data:
                        continue
                    if data == b"[DONE]":
                        return
                    chunk = _decode(data)
                    if chunk.error is not None:
                        raise ProviderError("it broke off with an error", retry=True)
                    for choice in chunk.choices[:1]:
                        if choice.delta.content:
                            yield choice.delta.content
        except httpx.TimeoutException:
            raise ProviderError(TOO_LONG, retry=True) from None
        except httpx.HTTPError as error:
            raise ProviderError(f"it could not be reached ({type(error).__name__})", retry=True) from None
        except (msgspec.DecodeError, RecursionError):
            raise ProviderError(OTHER_FORM, retry=False) from None
        raise ProviderError("its answer broke off", retry=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _refused(response: httpx.Response) -> ProviderError:
    wait = response.headers.get("retry-after", "")
    return ProviderError(
        f"it answered {response.status_code}",
        retry=response.status_code in RETRIED_STATUSES,
        wait_seconds=float(wait) if _SECONDS.fullmatch(wait) else None,
    )
