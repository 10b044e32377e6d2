"""docs/technical/service.md tells every setting and every route."""

import re
from pathlib import Path

import pytest

from app.settings import SETTINGS, Setting, read_settings
from orderguard.masking import new_key_text

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "technical" / "service.md").read_text("utf-8")
DEFAULTS = {"PII_MASKING": "enforced", "MASKING_KEY": new_key_text(), "API_KEY": "a-key-of-enough-characters"}


@pytest.mark.parametrize("variable", [setting.variable for setting in SETTINGS])
def test_a_setting_is_told(variable: str) -> None:
    assert f"`{variable}`" in PAGE


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_a_default_that_is_told_is_the_default(setting: Setting) -> None:
    value = getattr(read_settings(DEFAULTS), setting.field)
    told = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", PAGE, re.MULTILINE))
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    assert told.get(setting.variable, shown) == shown


@pytest.mark.parametrize("path", ["score", "score/batch", "score/stream", "model", "features", "drift"])
def test_a_route_of_the_contract_is_told(path: str) -> None:
    assert f"/v1/{path}`" in PAGE
