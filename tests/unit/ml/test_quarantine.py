"""Quarantined lines: kept with what is needed to fix them, and nothing that tells who ordered."""

import json
from collections import Counter
from pathlib import Path

import pytest

from ml.quarantine import EXCERPT, Quarantined, TooManyBadLines, check_share, masked_excerpt, quarantine_file, record


def test_an_excerpt_keeps_the_shape_and_the_schemas_names() -> None:
    line = '{"customer":{"name":"Zoë O\'Neil","phone":"+44 7700 900123"},"created_at":"03/11/2026","vip":true'.encode()
    assert (
        masked_excerpt(line)
        == '{"customer":{"name":"xxx x\'xxxx","phone":"+99 9999 999999"},"created_at":"99/99/9999","xxx":true'
    )


@pytest.mark.parametrize(
    "line", [b"", b"\xff\xfe\x00", b"Anna Beispiel " * 10_000, "陽菜 佐藤".encode(), b"a_b_Anna_c"]
)
def test_no_word_survives_in_an_excerpt(line: bytes) -> None:
    excerpt = masked_excerpt(line)
    assert len(excerpt) <= EXCERPT
    assert not {"Anna", "Beispiel", "陽菜", "佐藤"} & set(excerpt.replace("_", " ").split())


def test_reasons_are_counted_without_the_place_in_a_list() -> None:
    assert Quarantined(1, "f", 1, "items[17].quantity", "expected `int`", "").kind == "items[].quantity: expected `int`"
    assert Quarantined(1, "f", 1, "", "not valid JSON", "").kind == "not valid JSON"


def test_a_quarantine_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "quarantine" / "bad.ndjson"
    with quarantine_file(path) as file:
        record(file, [Quarantined(2, "fil_k1_of-orders", 7, "currency", "not a code", "{")])
        assert not path.exists()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {
            "position": 2,
            "file": "fil_k1_of-orders",
            "line": 7,
            "field": "currency",
            "reason": "not a code",
            "excerpt": "{",
        }
    ]


def test_an_interrupted_run_leaves_the_former_quarantine_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_text("former\n")
    with pytest.raises(KeyboardInterrupt), quarantine_file(path):
        raise KeyboardInterrupt
    assert path.read_text() == "former\n"
    assert [child.name for child in tmp_path.iterdir()] == ["bad.ndjson"]


def test_too_many_bad_lines_are_an_error_that_says_how_many_and_why() -> None:
    with pytest.raises(TooManyBadLines, match=r"6 of 100 lines \(6.0%\).*5.0% allowed.*not valid JSON \(4\)"):
        check_share(Counter({"not valid JSON": 4, "currency: odd": 2}), 100, 0.05)


def test_bad_lines_up_to_the_ceiling_are_allowed() -> None:
    check_share(Counter({"not valid JSON": 5}), 100, 0.05)
    check_share(Counter(), 0, 0.0)
