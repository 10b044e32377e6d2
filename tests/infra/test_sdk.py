"""What the program keeps the SDK from doing: only what nobody would see."""

from types import SimpleNamespace

import pulumi
import pytest
from pulumi.runtime.settings import SETTINGS

from infra.sdk import drop_debug_messages


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages that reach the engine."""
    messages: list[str] = []
    engine = SimpleNamespace(Log=lambda request: messages.append(request.message))
    monkeypatch.setattr(SETTINGS, "engine", engine)
    monkeypatch.delenv("PULUMI_OPTION_DEBUG", raising=False)
    return messages


def test_the_engine_hears_all_but_debug_messages(said: list[str]) -> None:
    drop_debug_messages()
    for say in (pulumi.log.debug, pulumi.log.info, pulumi.log.warn, pulumi.log.error):
        say(say.__name__)
    assert said == ["info", "warn", "error"]


def test_it_hears_debug_messages_where_they_are_asked_for(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_OPTION_DEBUG", "true")
    drop_debug_messages()
    pulumi.log.debug("debug")
    assert said == ["debug"]
