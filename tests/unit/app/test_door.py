"""The door of the page: a code works once, for ten minutes, and can't be guessed for long."""

import pytest

from app.door import FAILURES_SECONDS, LASTS_SECONDS, MOST_CODES, MOST_FAILURES, Door
from app.problems import Problem


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def kind(door: Door, code: str) -> str:
    """What the door says to a code: the key, or the problem."""
    try:
        return door.key(code)
    except Problem as problem:
        return problem.kind


def test_a_code_works_once() -> None:
    door = Door()
    code = door.code("the key")
    assert len(code) >= 43 and "key" not in code
    assert [kind(door, code), kind(door, code)] == ["the key", "invalid-request"]


def test_a_code_works_for_ten_minutes() -> None:
    clock = Clock()
    door = Door(clock)
    codes = [door.code("the key"), door.code("the key")]
    clock.now += LASTS_SECONDS - 1
    assert kind(door, codes[0]) == "the key"
    clock.now += 2
    assert kind(door, codes[1]) == "invalid-request"


def test_neither_code_is_kept_and_further_ones_take_the_place_of_the_oldest() -> None:
    door = Door()
    codes = [door.code(f"key {number}") for number in range(MOST_CODES + 1)]
    assert not any(code in str(vars(door)) for code in codes)
    assert kind(door, codes[0]) == "invalid-request" and kind(door, codes[-1]) == f"key {MOST_CODES}"


def test_who_guesses_has_to_wait() -> None:
    clock = Clock()
    door = Door(clock)
    code = door.code("the key")
    assert {kind(door, f"wrong {number}") for number in range(MOST_FAILURES)} == {"invalid-request"}
    with pytest.raises(Problem) as refused:
        door.key(code)
    assert refused.value.kind == "too-many-requests" and int(refused.value.headers["Retry-After"]) > 0
    clock.now += FAILURES_SECONDS
    assert kind(door, code) == "the key"
