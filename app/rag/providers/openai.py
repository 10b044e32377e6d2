"""Any server that speaks OpenAI's chat completions API: RAG_BASE_URL, RAG_MODEL, and RAG_API_KEY from a secret."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec

from app.rag.prompt import INSTRUCTIONS, Prompt
from app.rag.providers import TOO_LONG, ProviderError
from app.rag.settings import RagSettings

MAX_TOKENS = 600
RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


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
        # No proxy from the environment and no redirect: the key and the question go to the configured server only.
        self._client = httpx.AsyncClient(
            headers=headers, timeout=settings.timeout_seconds, trust_env=False, follow_redirects=False
        )

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
                async for line in response.aiter_lines():
                    data = line.removeprefix("data:").strip()
                    if not line.startswith("data:") or not data:
                        continue
                    if data == "[DONE]":
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
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise ProviderError("it answered in another form than the API's", retry=False) from None
        raise ProviderError("its answer broke off", retry=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _refused(response: httpx.Response) -> ProviderError:
    wait = response.headers.get("retry-after", "")
    return ProviderError(
        f"it answered {response.status_code}",
        retry=response.status_code in RETRIED_STATUSES,
        wait_seconds=float(wait) if wait.replace(".", "", 1).isdigit() else None,
    )
