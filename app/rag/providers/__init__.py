"""Who words the answers: one module a provider."""

from collections.abc import Callable

from app.rag.providers.provider import Provider
from app.rag.settings import RagSettings


def _local(settings: RagSettings) -> Provider:
    from app.rag.providers.local import LocalProvider

    return LocalProvider()


def _openai(settings: RagSettings) -> Provider:
    from app.rag.providers.openai import OpenAiProvider

    return OpenAiProvider(settings)


def _vertex(settings: RagSettings) -> Provider:
    from app.rag.providers.vertex import VertexProvider

    return VertexProvider(settings)


PROVIDERS: dict[str, Callable[[RagSettings], Provider]] = {"local": _local, "openai": _openai, "vertex": _vertex}
"""How each provider is made; a client library is imported only by the provider that was chosen."""
