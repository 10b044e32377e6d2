"""Masking's work grows with its input and no faster: the slowest texts that are known, doubled twice."""

import time
from collections.abc import Callable, Iterator

import pytest

from orderguard.masking import mask_text
from orderguard.masking import text as masking_texts
from orderguard.masking.codes import LONGEST
from orderguard.masking.judging import judged
from orderguard.masking.recognisers import encoded
from orderguard.masking.spans import Span, merged
from orderguard.masking.view import View
from orderguard.schema import MAX_TEXT
from tests.unit.orderguard.slow_texts import SLOW_TEXTS

KNOWN = ("Anna Muster", "Hauptstraße 12", "+49 171 5550199", "aaaaaaaa", "aa aa", "11111111", "van de la Aa")
LENGTH = 1_200
FOUR_TIMES_AS_LONG = 8.0
"""What is linear takes four times as long, what is quadratic sixteen times. The machine may be busy."""
SECONDS_A_KILOBYTE = 0.25
"""Some ten times what the slowest takes on a quiet machine."""
TOO_SHORT_TO_MEASURE = 0.001


def text_of(before: str, unit: str, after: str, length: int) -> str:
    room = length - len(after)
    return (before + unit * length)[:room] + after


def masking(text: str) -> Callable[[], object]:
    return lambda: mask_text(text, KNOWN)


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """The least time of this thread."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time()
        work()
        best = min(best, time.thread_time() - begun)
    return best


@pytest.mark.parametrize(("before", "unit", "after"), SLOW_TEXTS)
def test_a_text_four_times_as_long_takes_some_four_times_as_long(before: str, unit: str, after: str) -> None:
    short, long = (text_of(before, unit, after, length) for length in (LENGTH, 4 * LENGTH))
    for rounds in (1, 3, 9):
        one, four = seconds_of(masking(short), rounds), seconds_of(masking(long), rounds)
        if four <= FOUR_TIMES_AS_LONG * max(one, TOO_SHORT_TO_MEASURE):
            break
    assert four <= FOUR_TIMES_AS_LONG * max(one, TOO_SHORT_TO_MEASURE)
    assert four <= SECONDS_A_KILOBYTE * 4 * LENGTH / 1_000


@pytest.mark.parametrize(("before", "unit", "after"), SLOW_TEXTS)
def test_no_code_takes_more_than_a_moment(before: str, unit: str, after: str) -> None:
    code = text_of(before, unit, after, LONGEST)
    assert seconds_of(lambda: judged(code), 3) < 0.05


def test_what_a_character_stands_for_is_bounded() -> None:
    """`ﷺ` is eighteen letters to Unicode."""
    for character in "ﷺﷻ㌀㍿½Ⅷ한ß":
        assert len(View(character * MAX_TEXT).text) <= 4 * MAX_TEXT
    assert mask_text("ﷺ anna@example.com ﷺ") == "ﷺ [EMAIL] ﷺ"


def test_a_text_that_shows_something_new_at_each_look_is_masked_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def find_one(view: View) -> Iterator[Span]:
        nonlocal looks
        looks += 1
        at = view.text.find("something")
        if at >= 0:
            yield Span(at, at + len("something"), "NAME")

    monkeypatch.setattr(masking_texts, "RECOGNISERS", (find_one,))
    assert mask_text("something " * 2) == "[NAME] [NAME] "
    looks = 0
    assert mask_text("something " * 200) == "[ENCODED]"
    assert looks < 20


def test_a_run_that_decodes_to_a_long_text_is_masked_without_a_look_at_it() -> None:
    looked_at = []

    def personal(decoded: str) -> bool:
        looked_at.append(len(decoded))
        return False

    run = "YWJj" * 2_000
    assert [span.kind for span in encoded.find(View(run), personal)] == ["ENCODED"]
    assert looked_at == []
    assert list(encoded.find(View("YWJj" * 100), personal)) == [] and looked_at


@pytest.mark.parametrize("settled", [[], [(place, place + 3) for place in range(0, 4_000, 4)]])
def test_merging_many_findings_is_no_work(settled: list[tuple[int, int]]) -> None:
    spans = [Span(place, place + 2, "NAME") for place in range(4_000)]
    assert seconds_of(lambda: list(merged(spans, settled)), 3) < 0.25
