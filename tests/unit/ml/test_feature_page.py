"""The page on features says what the table says."""

from pathlib import Path

from ml.feature_page import page
from orderguard.features import FEATURE_NAMES

PAGE = Path(__file__).parents[3] / "docs" / "technical" / "features.md"


def test_the_page_is_current() -> None:
    """`python -m ml.feature_page > docs/technical/features.md` makes it so."""
    assert PAGE.read_text("utf-8") == page()


def test_every_feature_stands_in_it_once() -> None:
    assert [name for name in FEATURE_NAMES if page().count(f"| `{name}` |") != 1] == []
