"""Settings of the RAG layer: mistakes are explained, secrets are not repeated."""

import pytest

from app.rag.settings import PROVIDERS, RAG_SETTINGS, RagSettings, read_rag_settings
from app.settings import SettingsError

SECRET = "sk-canary-4711"


def test_the_default_is_local_and_needs_nothing() -> None:
    assert read_rag_settings({}) == RagSettings(provider="local")


@pytest.mark.parametrize(
    "environment",
    [
        {"RAG_PROVIDER": "LOCAL"},
        {"RAG_PROVIDER": "off"},
        {"RAG_PROVIDER": "openai", "RAG_BASE_URL": "http://127.0.0.1:9/v1/", "RAG_MODEL": "m", "RAG_API_KEY": SECRET},
        {"RAG_PROVIDER": "openai", "RAG_BASE_URL": "https://llm.example/v1", "RAG_MODEL": "m"},
        {"RAG_PROVIDER": "vertex", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west1"},
        {"RAG_PROVIDER": "local", "RAG_BASE_URL": "not used"},
    ],
)
def test_good_environments_are_read(environment: dict[str, str]) -> None:
    settings = read_rag_settings(environment)
    assert settings.provider in PROVIDERS
    assert not settings.base_url.endswith("/")
    assert SECRET not in repr(settings)


def test_vertex_has_a_model_of_its_own() -> None:
    environment = {"RAG_PROVIDER": "vertex", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "europe-west1"}
    assert read_rag_settings(environment).model.startswith("gemini-")
    assert read_rag_settings({**environment, "RAG_MODEL": "gemini-x"}).model == "gemini-x"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"RAG_PROVIDER": "bard"}, "RAG_PROVIDER must be one of local, vertex, openai, off"),
        ({"RAG_PROVIDER": "openai"}, "RAG_BASE_URL is missing"),
        ({"RAG_PROVIDER": "openai", "RAG_BASE_URL": "https://llm.example/v1"}, "RAG_MODEL is missing"),
        ({"RAG_PROVIDER": "vertex", "GOOGLE_CLOUD_PROJECT": "p"}, "GOOGLE_CLOUD_LOCATION is missing"),
        ({"RAG_PROVIDER": "openai", "RAG_BASE_URL": "http://llm.example/v1", "RAG_MODEL": "m"}, "must be https"),
        ({"RAG_PROVIDER": "openai", "RAG_BASE_URL": "http://10.0.0.1/v1", "RAG_MODEL": "m"}, "must be https"),
        ({"RAG_PROVIDER": "openai", "RAG_BASE_URL": "ftp://llm.example", "RAG_MODEL": "m"}, "must be an address"),
        (
            {"RAG_PROVIDER": "openai", "RAG_BASE_URL": f"https://u:{SECRET}@llm.example", "RAG_MODEL": "m"},
            "RAG_API_KEY",
        ),
        ({"RAG_API_KEY": f"{SECRET}\n{SECRET}"}, "RAG_API_KEY must be one line of plain ASCII"),
        ({"RAG_TIMEOUT_SECONDS": "soon"}, "RAG_TIMEOUT_SECONDS must be a number from 0.05 to 120"),
        ({"RAG_ATTEMPTS": "0"}, "RAG_ATTEMPTS must be a number from 1 to 10"),
    ],
)
def test_mistakes_are_explained_without_the_secret(environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_rag_settings({"RAG_API_KEY": SECRET, **environment})
    assert named in str(caught.value)
    assert SECRET not in str(caught.value)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_rag_settings({"RAG_PROVIDER": "openai", "RAG_ATTEMPTS": "x"})
    assert len(str(caught.value).splitlines()) == 3


def test_every_setting_has_a_meaning() -> None:
    fields = {field for field, _ in RAG_SETTINGS.values()}
    assert fields == set(RagSettings.__slots__)
    assert all(meaning for _, meaning in RAG_SETTINGS.values())
