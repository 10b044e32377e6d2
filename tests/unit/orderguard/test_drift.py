"""Drift: figures against independent ones, and a limit that knows how many rows were compared."""

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from orderguard import drift
from orderguard.drift import (
    SCORE,
    DriftReference,
    DriftReport,
    DriftSettings,
    StoreState,
    VariableDrift,
    bin_counts,
    presence_bins,
    reference_bins,
)
from orderguard.drift_counter import DriftCounter
from orderguard.drift_figures import calendar_effect, effect, hours_moved, noise_limit, psi
from orderguard.features.causes import GROWTH
from orderguard.presence import FIELDS, bits

NAMES = ["amount", "flag", "hour"]
DAYS = 30.0


def rows(count: int, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    flag = random.random(count) < 0.2
    return np.column_stack([random.lognormal(size=count), flag, random.uniform(0, 24, count)]).astype(np.float32)


def scores(features: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-features[:, 0].astype(np.float64)))


def reference() -> DriftReference:
    base = rows(5_000, 1)
    bins = [reference_bins(name, column) for name, column in zip(NAMES, base.T, strict=True)]
    return DriftReference(bins=[*bins, reference_bins(SCORE, scores(base))], settings=DriftSettings(), days=DAYS)


def compare_rows(
    known: DriftReference, features: NDArray[np.floating], found: NDArray[np.floating], days: float
) -> DriftReport:
    """Orders that tell no optional field."""
    return drift.compare_rows(known, features, found, np.zeros(len(found), np.int64), days)


def test_psi_is_the_symmetrised_relative_entropy() -> None:
    before, now = np.array([120, 300, 80, 500]), np.array([90, 340, 160, 410])
    p, q = (before + 0.5) / (before + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
    assert float(psi(before, now)) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-12)
    assert float(psi(before, before * 3)) == pytest.approx(0, abs=1e-5)
    assert np.isfinite(psi([10, 0], [0, 10]))


def test_bins_count_as_numpys_histogram_does() -> None:
    values = np.random.default_rng(2).normal(size=3_000)
    bins = reference_bins("x", values)
    edges = np.concatenate([[-np.inf], np.nextafter(np.array(bins.edges), np.inf), [np.inf]])
    assert bins.counts[:-1] == np.histogram(values, edges)[0].tolist()
    assert max(bins.counts[:-1]) - min(bins.counts[:-1]) <= 2


def test_missing_and_infinite_values_have_their_bins() -> None:
    bins = reference_bins("x", np.arange(100.0))
    counts = bin_counts(bins, np.array([np.nan, np.nan, np.inf, -np.inf, 5.0]))
    assert (counts[-1], counts[-2], counts[0]) == (2, 1, 2)


def test_few_distinct_values_get_a_bin_each() -> None:
    bins = reference_bins("x", np.array([0.0] * 900 + [1.0] * 100))
    assert bins.edges == [0.5]
    assert bins.counts == [900, 100, 0]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([0.0] * 1_000, 1.0),
        ([0.0] * 1_000, -1.0),
        ([0.0] * 1_000, np.nan),
        ([*np.linspace(0.1, 0.9, 50)] + [1.0] * 950, 0.4),
    ],
    ids=["constant, then more", "constant, then less", "constant, then missing", "nearly always the most, then less"],
)
def test_a_value_that_nearly_all_rows_have_cannot_move_unseen(before: list[float], now: float) -> None:
    bins = reference_bins("x", np.array(before, np.float32))
    reference = DriftReference(bins=[bins], settings=DriftSettings(), days=DAYS)
    moved = np.where(np.arange(1_000) < 300, now, before).astype(np.float32)
    assert compare_rows(reference, np.empty((1_000, 0)), moved, DAYS).drifted
    same = np.array(before, np.float32)
    assert not compare_rows(reference, np.empty((1_000, 0)), same, DAYS).drifted


def test_effect_is_the_share_that_moved() -> None:
    assert effect([50, 50], [25, 75]) == pytest.approx(0.25)
    assert effect([50, 50], [5, 5]) == 0


@pytest.mark.parametrize("count", [100, 300, 1_000, 3_000])
def test_the_noise_limit_is_the_quantile_of_noise_at_that_size(count: int) -> None:
    counts = [1_000] * 10
    random = np.random.default_rng(3)
    shares = np.full(10, 0.1)
    noise = psi(random.multinomial(10_000, shares, 20_000), random.multinomial(count, shares, 20_000))
    for significance in (0.01, 0.001):
        limit = noise_limit(counts, count, significance=significance, draws=400)
        assert limit == pytest.approx(float(np.quantile(noise, 1 - significance)), rel=0.2)


def test_the_noise_limit_falls_as_rows_rise() -> None:
    limits = [noise_limit([500] * 10, count, significance=0.01) for count in (100, 300, 1_000, 3_000, 10_000)]
    assert all(one > next_one for one, next_one in pairwise(limits))


def test_of_many_normal_sets_hardly_any_is_called_drifted() -> None:
    known = reference()
    drifted = [
        compare_rows(known, fresh, scores(fresh), DAYS).drifted for fresh in (rows(400, seed) for seed in range(10, 90))
    ]
    assert sum(drifted) <= 2


def test_a_shift_is_named_by_its_variable() -> None:
    fresh = rows(1_000, 4)
    fresh[:, 2] = fresh[:, 2] / 2
    report = compare_rows(reference(), fresh, scores(fresh), DAYS)
    assert [variable.name for variable in report.variables if variable.drifted] == ["hour"]
    assert report.drifted


def test_a_real_but_small_shift_is_no_drift() -> None:
    fresh = rows(100_000, 5)
    fresh[:5_000, 1] = 1
    flag = compare_rows(reference(), fresh, scores(fresh), DAYS).variables[1]
    assert flag.psi > flag.limit
    assert not flag.drifted


def test_below_the_minimum_of_rows_there_is_no_verdict() -> None:
    fresh = rows(50, 6) * 100
    report = compare_rows(reference(), fresh, scores(fresh), DAYS)
    assert (report.enough, report.drifted) == (False, False)


WEEK = 7.0


def weekdays(first_day: int, days: float, a_day: int = 40) -> NDArray[np.float32]:
    """The weekday of each order of a shop that sells the same every day."""
    return np.floor(np.linspace(first_day, first_day + days, round(days * a_day), endpoint=False) % WEEK)[
        :, None
    ].astype(np.float32)


def weekday_report(reference_days: float, recent: NDArray[np.float32], days: float) -> VariableDrift:
    known = weekdays(0, reference_days)[:, 0]
    bins = [reference_bins("weekday", known, period=WEEK), reference_bins(SCORE, np.zeros(len(known)))]
    reference = DriftReference(bins=bins, settings=DriftSettings(), days=reference_days)
    return compare_rows(reference, recent, np.zeros(len(recent)), days).variables[0]


@pytest.mark.parametrize("reference_days", [3.0, 18.0, 36.0, 90.0])
@pytest.mark.parametrize("days", [1.0, 3.0, 5.5, 10.0, 18.0, 45.0])
def test_an_incomplete_week_is_no_drift_of_weekdays(reference_days: float, days: float) -> None:
    for first_day in range(7):
        assert not weekday_report(reference_days, weekdays(first_day, days), days).drifted


def test_the_same_orders_would_be_if_they_were_said_to_span_years() -> None:
    assert weekday_report(36.0, weekdays(0, 5.0), 1e9).drifted


def test_a_shop_that_closes_at_weekends_drifts_once_the_weeks_are_many() -> None:
    recent = weekdays(0, 56.0)
    closed = recent[recent[:, 0] < 5]
    assert weekday_report(56.0, closed, 56.0).drifted
    assert not weekday_report(56.0, closed[:200], 7.0).drifted


def test_a_quiet_morning_is_no_drift_of_hours() -> None:
    random = np.random.default_rng(12)
    hours = random.normal(15.0, 3.5, 36_000) % 24
    reference = DriftReference(bins=[reference_bins("hour", hours, period=1.0)], settings=DriftSettings(), days=36.0)
    for noon in (6.0, 9.0, 12.0, 15.0):
        morning = hours[hours < noon]
        assert not compare_rows(reference, np.empty((len(morning), 0)), morning, noon / 24).drifted
    shifted = (hours + 6.0) % 24
    assert compare_rows(reference, np.empty((len(shifted), 0)), shifted, 36.0).drifted


@pytest.mark.parametrize("periods", [0, 1, 4, 9])
def test_the_calendars_own_effect_is_the_largest_there_is(periods: int) -> None:
    share = np.linspace(1e-9, 1.0, 100_001)
    largest = float(np.max(share * (1 - share) / (periods + share)))
    for passed in (0.0, 0.5, 0.999):  # whatever part of the time has passed
        assert calendar_effect(WEEK, WEEK * (periods + passed)) == pytest.approx(largest, abs=1e-6)


def test_what_does_not_follow_the_calendar_owes_nothing_to_it() -> None:
    assert calendar_effect(0.0, 0.0) == 0


def test_rolling_counters_say_what_a_comparison_of_the_same_rows_says() -> None:
    known, fresh = reference(), rows(1_000, 7)
    fresh[:, 0] *= 4
    seconds = iter([0.0, 0.0, 2 * 86_400.0, 5 * 86_400.0])
    counter = DriftCounter(known, clock=lambda: next(seconds))
    for part in (fresh[:100], fresh[100:600], fresh[600:]):
        counter.add_rows(part, scores(part), [0] * len(part))
    assert counter.report() == compare_rows(known, fresh, scores(fresh), 5.0)


def test_rolling_counters_forget_what_is_older_than_their_window() -> None:
    known, counter = reference(), DriftCounter(reference(), window=1_024)
    shifted, normal = rows(2_000, 8) * 10, rows(1_300, 9)
    counter.add_rows(shifted, scores(shifted), [0] * len(shifted))
    assert counter.report().drifted
    counter.add_rows(normal, scores(normal), [0] * len(normal))
    assert not counter.report().drifted
    assert counter.report().rows <= 1_024 + 256
    assert len(known.bins) == len(counter.report().variables)


def test_no_rows_yet_is_a_report_too() -> None:
    report = DriftCounter(reference()).report()
    assert (report.rows, report.enough, report.drifted) == (0, False, False)


def test_a_reference_survives_being_written(tmp_path: Path) -> None:
    reference().write(tmp_path)
    assert DriftReference.read(tmp_path) == reference()


def test_the_score_moves_where_decisions_are_made() -> None:
    """That ordinary orders score a little more or less decides nothing; that more of them score high does."""
    known = np.random.default_rng(5).random(3_000)
    reference = DriftReference(bins=[reference_bins(SCORE, known)], settings=DriftSettings(), days=DAYS)
    nothing = np.empty((3_000, 0), np.float32)

    def moved(found: NDArray[np.float64]) -> bool:
        return compare_rows(reference, nothing, found, DAYS).drifted

    assert not moved(known)
    assert not moved(np.where(known < 0.65, known / 2, known))
    assert moved(known**0.5) and moved(known / 2)


def test_growth_and_age_are_expected_and_the_same_the_other_way_round_is_not() -> None:
    """Customers who come back move all that a history tells, a catalogue that gets old the share of unknown skus."""
    random = np.random.default_rng(4)
    before, gap, unknown, value = (
        random.poisson(2.0, 3_000).astype(float),
        random.random(3_000),
        random.random(3_000) < 0.1,
        random.random(3_000),
    )
    bins = [
        reference_bins(GROWTH, before, cause="history"),
        reference_bins("gap", gap, cause="history"),
        reference_bins("unknown", unknown.astype(float), cause="catalogue age"),
        reference_bins("value", value),
        reference_bins(SCORE, value),
    ]
    known = DriftReference(bins=bins, settings=DriftSettings(), days=DAYS, catalogue_days=8.6)

    def kinds(**moved: NDArray[Any]) -> dict[str, str]:
        columns = {"before": before, "gap": gap, "unknown": unknown, "value": value, SCORE: value} | moved
        rows = np.column_stack([columns[name] for name in ("before", "gap", "unknown", "value")])
        report = compare_rows(known, rows, columns[SCORE], DAYS)
        assert (report.drifted, report.expected) == tuple(
            any(v.kind == kind for v in report.variables) for kind in ("unexpected", "expected")
        )
        return {v.name: v.kind for v in report.variables if v.drifted}

    assert kinds() == {}
    assert kinds(before=before + 2, gap=gap * 0.5) == {GROWTH: "expected", "gap": "expected"}
    assert kinds(before=before * 0) == {GROWTH: "unexpected"}  # a service whose store of histories is off
    assert kinds(gap=gap * 0.5) == {"gap": "unexpected"}
    assert kinds(unknown=random.random(3_000) < 0.4) == {"unknown": "expected"}
    assert kinds(score=value * 2) == {SCORE: "unexpected"}  # nothing under it has moved
    assert kinds(before=before + 2, score=value * 2) == {GROWTH: "expected", SCORE: "expected"}
    assert kinds(before=before * 0, score=value * 2) == {GROWTH: "unexpected", SCORE: "unexpected"}
    assert kinds(value=value * 2, before=before + 2, score=value * 2)[SCORE] == "unexpected"
    assert kinds(before=before + 2, value=value * 2) == {GROWTH: "expected", "value": "unexpected"}
    older = np.column_stack([before, gap, random.random(3_000) < 0.4, value])
    (found,) = compare_rows(known, older, value, DAYS).moved("expected")
    assert (found.cause, found.advice) == ("catalogue age", "New skus: retrain every 9 days.")


def test_a_field_that_is_no_longer_sent_is_named() -> None:
    random = np.random.default_rng(6)
    shares = np.linspace(0.02, 1, len(FIELDS))

    def told(count: int, *without: str) -> NDArray[np.int64]:
        sent = random.random((count, len(FIELDS))) < shares
        for name in without:
            sent[:, FIELDS.index(name)] = False
        found: NDArray[np.int64] = (sent * (1 << np.arange(len(FIELDS)))).sum(axis=1)
        return found

    score = random.random(3_000)
    known = DriftReference(
        bins=[reference_bins(SCORE, score)], settings=DriftSettings(), presence=presence_bins(told(3_000)), days=DAYS
    )

    def named(fields: NDArray[np.int64]) -> list[str]:
        report = drift.compare_rows(known, np.empty((len(fields), 0)), score[: len(fields)], fields, DAYS)
        assert report.drifted is bool(report.moved("unexpected"))
        return [variable.name for variable in report.moved("unexpected")]

    for _ in range(20):
        assert named(told(1_500)) == []
    for name in FIELDS:
        assert named(told(1_500, name)) == [name], name
    counter = DriftCounter(known)
    counter.add_rows(np.empty((1_500, 0)), score[:1_500], told(1_500, "device").tolist())
    (lost,) = counter.report().moved("unexpected")
    assert lost.name == "device"
    assert lost.advice.startswith("`device` is told of 0% of the orders, of 66% before")


@pytest.mark.parametrize("offset", [-9, -5, -1, 1, 2, 5, 10])
def test_utc_in_place_of_local_time_raises_the_hours(offset: int) -> None:
    """Whether or not the offset is sent with it: busy by day, quiet by night."""
    random = np.random.default_rng(8)
    usual = np.r_[np.full(7, 0.2), np.full(5, 2.0), np.full(8, 3.0), np.full(4, 1.0)]

    def told(count: int, later: int) -> NDArray[np.int64]:
        hours = (random.choice(24, count, p=usual / usual.sum()) + later) % 24
        return bits([np.zeros(count, bool)] * len(FIELDS), hours)

    score = random.random(3_000)
    known = DriftReference(
        bins=[reference_bins(SCORE, score)], settings=DriftSettings(), presence=presence_bins(told(3_000, 0)), days=DAYS
    )
    for later, drifted in ((0, False), (-offset, True)):
        report = drift.compare_rows(known, np.empty((3_000, 0)), score, told(3_000, later), DAYS)
        assert report.drifted is drifted
    (moved,) = report.moved("unexpected")
    way = "earlier" if offset > 0 else "later"
    assert moved.name == "local hour"
    hours = "hour" if abs(offset) == 1 else "hours"
    assert moved.advice.startswith(f"The day's pattern is as before, but {abs(offset)} {hours} {way}:")
    morning = told(3_000, 0)
    morning = morning[(morning >> 16) < 12]
    early = drift.compare_rows(known, np.empty((len(morning), 0)), score[: len(morning)], morning, 0.5)
    assert not early.drifted, "a service that has run since midnight has seen no evening"


def test_another_pattern_of_the_day_is_no_other_time_zone() -> None:
    evening = [0] * 8 + [10, 20, 30, 30, 20, 10, 10, 10, 20, 40, 60, 40, 20, 0, 0, 0]
    holiday = [0] * 8 + [10, 20, 40, 50, 50, 40, 40, 30, 20, 10, 10, 0, 0, 0, 0, 0]
    assert hours_moved(evening, holiday) == 0
    assert hours_moved(evening, evening) == hours_moved([0] * 24, [0] * 24) == 0
    assert hours_moved(evening, [*evening[2:], *evening[:2]]) == -2
    assert hours_moved([5] + [0] * 23, [0] * 6 + [5] + [0] * 17) == 6


def test_no_number_of_orders_gives_a_noise_limit_of_nothing() -> None:
    """A variable with one value has no noise where both samples are of one size, as in 409 counts from 500 to 10,000.
    The limit is divided by.
    """
    counts = [rows for rows in range(100, 10_001) if int(rows * 0.15) == rows - int(rows * 0.7) - int(rows * 0.15)]
    assert {500, 1_000, 7_360} <= set(counts)
    for rows in {int(count * 0.15) for count in counts}:
        assert noise_limit([rows, 0, 0], rows, significance=3e-4, draws=10) > 0
        assert noise_limit([rows, 0, 0], rows + 1, significance=3e-4, draws=10) > 0


def test_what_young_histories_move_is_expected_and_what_else_moves_is_not() -> None:
    """A store that was set up lately knows fewer customers than training did; one that lost its records does, too."""
    random = np.random.default_rng(3)
    before = random.integers(0, 9, 3_000).astype(float)
    gap, value = np.where(before > 0, random.lognormal(3, 1, 3_000), 0.0), random.lognormal(size=3_000)
    bins = [
        reference_bins(GROWTH, before, cause="history"),
        reference_bins("gap", gap, cause="history"),
        reference_bins("value", value),
        reference_bins(SCORE, value),
    ]
    known = DriftReference(bins=bins, settings=DriftSettings(), days=DAYS, known=float((before > 0).mean()))

    def report(state: StoreState, share_known: float, dearer: float = 1.0, **other: float) -> DriftReport:
        seen = random.random(3_000) < share_known
        counter = DriftCounter(known)
        row = np.column_stack([before * seen, gap * seen, value * dearer])
        counter.add_rows(row, value * other.get("score", 1.0), [0] * 3_000)
        return counter.report(state)

    young = report("young", 0.3, score=1.5)
    assert not young.drifted and young.expected
    assert {v.name: v.cause for v in young.moved("expected")} == dict.fromkeys(
        (GROWTH, "gap", SCORE), "young histories"
    )
    assert all("seed-histories" in v.advice for v in young.moved("expected"))
    assert (young.histories.state, young.histories.fewer) == ("young", True)
    assert young.histories.known == pytest.approx(0.3 * 8 / 9, abs=0.03)
    for state, advice in (("warm", "complete"), ("lost", "lost its records"), ("off", "HISTORY_URL")):
        told = report(cast(StoreState, state), 0.3)
        assert {v.name for v in told.moved("unexpected")} == {GROWTH, "gap"}, state
        assert all(advice in v.advice for v in told.moved("unexpected")), state
    mixed = report("young", 0.3, dearer=2.0)
    assert {v.name for v in mixed.moved("unexpected")} == {
        "value"
    }, "youth explains nothing that a history doesn't tell"
    as_usual = report("young", 1.0)
    assert not as_usual.drifted and not as_usual.expected, "a young store that knows the customers raises nothing"
