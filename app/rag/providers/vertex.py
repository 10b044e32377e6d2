"""Gemini on Vertex AI through the official client, by workload identity: no key anywhere. Needs
requirements/vertex.txt.
"""

from collections.abc import AsyncIterator

from app.rag.prompt import INSTRUCTIONS, Prompt
from app.rag.providers.provider import OTHER_FORM, TOO_LONG, ProviderError
from app.rag.providers.wire import client
from app.rag.settings import RagSettings
from app.settings import SettingsError, is_loopback

MAX_TOKENS = 600
NO_CREDENTIALS = "no-credentials"
STATUSES = range(100, 600)
RETRIED_CODES = frozenset({408, 429, 500, 502, 503, 504})


class VertexProvider:
    """Streams from Vertex AI's `streamGenerateContent`."""

    name = "vertex"

    def __init__(self, settings: RagSettings) -> None:
        try:
            from google import genai
            from google.genai import errors, types
            from google.oauth2.credentials import Credentials
        except ImportError:
            raise SettingsError(
                "RAG_PROVIDER=vertex needs the client library: install requirements/vertex.txt into the image"
            ) from None
        self._errors = errors
        self._model = settings.model
        options = types.HttpOptions(
            timeout=int(settings.timeout_seconds * 1_000),
            base_url=settings.base_url or None,
            # Retries are the answer's own (app/rag/asking.py): two layers would multiply.
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=client(settings.timeout_seconds),
        )
        # A server on this machine is a stand-in: Google's credentials are neither looked up for it nor sent to it.
        stand_in = Credentials(token=NO_CREDENTIALS) if is_loopback(settings.base_url) else None
        self._client = genai.Client(
            vertexai=True,
            project=settings.project,
            location=settings.location,
            credentials=stand_in,
            http_options=options,
        )
        self._config = types.GenerateContentConfig(
            system_instruction=INSTRUCTIONS, temperature=0, max_output_tokens=MAX_TOKENS
        )

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """The pieces of the answer. Raises `ProviderError`."""
        try:
            chunks = await self._client.aio.models.generate_content_stream(
                model=self._model, contents=prompt.content, config=self._config
            )
            async for chunk in chunks:
                if chunk.text:
                    yield chunk.text
        except self._errors.APIError as error:
            # Where the error comes in the stream, its code is whatever the server wrote there.
            if error.code not in STATUSES:
                raise ProviderError(OTHER_FORM, retry=False) from None
            raise ProviderError(f"it answered {int(error.code)}", retry=error.code in RETRIED_CODES) from None
        except ProviderError:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise ProviderError(OTHER_FORM, retry=False) from None  # what the client makes of an answer in another form
        except Exception as error:
            # The client lets its transport's and its credentials' errors through, of several libraries; none is a
            # reason to fail the question. All of them call a time that is over by a name with Timeout in it.
            kind = type(error).__name__
            told = TOO_LONG if "Timeout" in kind else f"it could not be asked ({kind})"
            raise ProviderError(told, retry=True) from None
