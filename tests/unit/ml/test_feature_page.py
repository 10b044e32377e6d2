"""The page on features says what the table says."""

from ml.feature_page import PAGE, page
from orderguard.features import FEATURE_NAMES


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make pages`"


def test_every_feature_stands_in_it_once() -> None:
    assert [name for name in FEATURE_NAMES if page().count(f"| `{name}` |") != 1] == []
