"""The answers of two revisions are compared by a test that is right at any number of them."""

import math

import pytest
from scipy.stats import binomtest, fisher_exact

from delivery.comparing import Counts, compared, quick_bound, sign_test, tail


@pytest.mark.parametrize(
    ("a", "n", "b", "m"),
    [(0, 10, 3, 10), (5, 1000, 9, 200), (0, 400, 0, 40), (40, 9000, 12, 1000), (3, 3, 0, 5), (700, 70_000, 90, 7_000)],
)
def test_the_tail_is_fishers(a: int, n: int, b: int, m: int) -> None:
    expected = fisher_exact([[b, m - b], [a, n - a]], alternative="greater").pvalue
    assert math.isclose(tail(a, n, b, m), expected, rel_tol=1e-6)


@pytest.mark.parametrize(("more", "fewer"), [(0, 1), (8, 0), (5, 5), (2, 9)])
def test_the_sign_test_is_mcnemars_exact_one(more: int, fewer: int) -> None:
    assert math.isclose(sign_test(more, fewer), binomtest(more, more + fewer, 0.5).pvalue, rel_tol=1e-9)


def counts(requests: int, failed: int = 0, slow: int = 0, anomalies: int = 0) -> Counts:
    return Counts(requests, failed, requests, anomalies, {0.01: requests - slow, 0.5: slow})


STABLE = counts(9000, failed=9, slow=90, anomalies=180)


@pytest.mark.parametrize(
    ("candidate", "refused"),
    [
        (counts(1000, failed=1, slow=10, anomalies=20), []),
        (counts(1000, failed=30, slow=10, anomalies=20), ["5xx"]),
        (counts(1000, failed=1, slow=80, anomalies=20), ["slower than 10 ms"]),
        (counts(1000, failed=1, slow=10, anomalies=120), ["anomalies"]),
        (counts(1000, failed=1, slow=10, anomalies=0), ["anomalies"]),  # none at all is as odd as too many
        (counts(1000, failed=1000, slow=0, anomalies=0), ["5xx", "anomalies"]),
    ],
)
def test_a_revision_is_refused_by_what_its_callers_get(candidate: Counts, refused: list[str]) -> None:
    assert [figure.name for figure in compared(STABLE, candidate, looks=16) if figure.refused] == refused


@pytest.mark.parametrize("candidate", [Counts(), counts(5), counts(20)])
def test_too_few_answers_leave_a_revision_undecided(candidate: Counts) -> None:
    figures = compared(STABLE, candidate, looks=16)
    assert all(figure.undecided and not figure.refused for figure in figures)
    assert "undecided, too few answers" in str(figures[0])


def test_few_answers_that_all_fail_are_enough() -> None:
    assert compared(STABLE, counts(20, failed=20), looks=16)[0].refused


def test_with_as_many_answers_as_a_busy_shop_has_nothing_stays_undecided() -> None:
    assert not [figure for figure in compared(STABLE, counts(1000, slow=10, anomalies=20), 16) if figure.undecided]


def test_slow_is_what_one_in_twenty_of_the_stable_revisions_answers_may_be() -> None:
    assert quick_bound(Counts(seconds={0.01: 94, 0.1: 5, float("inf"): 1})) == 0.1
    assert quick_bound(Counts()) == float("inf")
