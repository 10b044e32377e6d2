"""The RAG layer's settings, read once from the environment; a mistake is explained and no secret is ever repeated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from app.settings import SettingsError, is_loopback

ProviderName = Literal["local", "vertex", "openai", "off"]
DEFAULT_TIMEOUT_SECONDS = 8.0
"""Below the 10 seconds that Cloud Run leaves a service to end in, so that an answer under way is not cut off."""
PROVIDERS: tuple[ProviderName, ...] = ("local", "vertex", "openai", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class RagSettings:
    """What the RAG layer was told; `RAG_SETTINGS` says which variable each field comes from."""

    provider: ProviderName = "local"
    model: str = ""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    project: str = ""
    location: str = ""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    attempts: int = 3


RAG_SETTINGS: dict[str, tuple[str, str]] = {
    "RAG_PROVIDER": ("provider", "who words the answers: local (default), vertex, openai or off"),
    "RAG_MODEL": ("model", "the provider's model; needed by openai, gemini-2.5-flash by default with vertex"),
    "RAG_BASE_URL": ("base_url", "openai: the server's address up to /v1; vertex: another endpoint than Google's"),
    "RAG_API_KEY": ("api_key", "openai: the server's key, from a secret"),
    "GOOGLE_CLOUD_PROJECT": ("project", "vertex: the project that is billed"),
    "GOOGLE_CLOUD_LOCATION": ("location", "vertex: the region that the question is answered in"),
    "RAG_TIMEOUT_SECONDS": ("timeout_seconds", "how long a provider may take in all, retries included"),
    "RAG_ATTEMPTS": ("attempts", "how often a provider is asked before the local answer stands in"),
}
"""Every variable of the RAG layer: the field it sets and what it is for."""

_NEEDED: dict[ProviderName, tuple[str, ...]] = {
    "local": (),
    "off": (),
    "vertex": ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"),
    "openai": ("RAG_BASE_URL", "RAG_MODEL"),
}


def read_rag_settings(environment: Mapping[str, str]) -> RagSettings:
    """The RAG settings that the environment holds. Raises `SettingsError` with every mistake, one a line."""
    given = {name: environment.get(name, "").strip() for name in RAG_SETTINGS}
    mistakes: list[str] = []
    provider: ProviderName = "local"
    chosen = given["RAG_PROVIDER"].lower() or "local"
    if chosen not in PROVIDERS:
        mistakes.append(f"RAG_PROVIDER must be one of {', '.join(PROVIDERS)}")
    provider = next((name for name in PROVIDERS if name == chosen), "local")
    mistakes += [
        f"{name} is missing: RAG_PROVIDER={provider} needs it" for name in _NEEDED[provider] if not given[name]
    ]
    if given["RAG_BASE_URL"] and provider in ("vertex", "openai"):
        mistakes += _url_mistakes(given["RAG_BASE_URL"])
    if not (given["RAG_API_KEY"].isascii() and given["RAG_API_KEY"].isprintable()):
        mistakes.append("RAG_API_KEY must be one line of plain ASCII characters")
    timeout, attempts = DEFAULT_TIMEOUT_SECONDS, 3
    try:
        timeout = _number(given["RAG_TIMEOUT_SECONDS"] or DEFAULT_TIMEOUT_SECONDS, 0.05, 120)
    except ValueError as error:
        mistakes.append(f"RAG_TIMEOUT_SECONDS {error}")
    try:
        attempts = int(_number(given["RAG_ATTEMPTS"] or "3", 1, 10))
    except ValueError as error:
        mistakes.append(f"RAG_ATTEMPTS {error}")
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return RagSettings(
        provider=provider,
        model=given["RAG_MODEL"] or ("gemini-2.5-flash" if provider == "vertex" else ""),
        base_url=given["RAG_BASE_URL"].rstrip("/"),
        api_key=given["RAG_API_KEY"],
        project=given["GOOGLE_CLOUD_PROJECT"],
        location=given["GOOGLE_CLOUD_LOCATION"],
        timeout_seconds=timeout,
        attempts=attempts,
    )


def _url_mistakes(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.username or parts.password:
        return ["RAG_BASE_URL must not hold a user or password: put the key in RAG_API_KEY"]
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ["RAG_BASE_URL must be an address such as https://llm.example/v1"]
    if parts.scheme == "http" and not is_loopback(url):
        return ["RAG_BASE_URL must be https: only a server on this machine may be asked without encryption"]
    return []


def _number(text: str | float, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ValueError(f"must be a number from {low:g} to {high:g}")
    return value
