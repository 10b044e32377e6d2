"""Slips of the keyboard become the known word that is nearest, and other words stay as they are."""

import pytest

from orderguard.retrieval.spelling import Spelling, distance

KNOWN = Spelling(["threshold", "flagged", "score", "address", "hold", "gold", "quarantine"])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("treshold", "threshold"),
        ("thresholld", "threshold"),
        ("scroe", "score"),
        ("flaged", "flagged"),
        ("adress", "address"),
        ("quarentin", "quarantine"),
        ("hodl", "hold"),
        ("bold", "bold"),
        ("holt", "holt"),
        ("france", "france"),
        ("score2", "score2"),
        ("", ""),
    ],
)
def test_the_nearest_known_word_is_taken(said: str, meant: str) -> None:
    assert KNOWN.corrected(said) == meant


def test_swapped_letters_are_one_slip_and_the_count_stops_early() -> None:
    assert distance("scroe", "score", 2) == 1
    assert distance("abcdefgh", "stuvwxyz", 2) == 3
