"""A gate has three answers, and size alone turns none into its opposite."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from ml.config import read_config
from ml.validation.anomalies import LOOKS, Detection, Evaluation, _resampled, anomaly_gate, described, margin_of_gain
from ml.validation.rings import RINGS
from ml.validation.gates import (
    ENOUGH,
    Bound,
    Figure,
    Gate,
    Validation,
    gate,
    margin_of_roc_auc,
    margin_of_share,
    worst,
)
from ml.validation.injection import ANOMALIES

SHARES = st.floats(0, 1)


def share(value: float, limit: float, count: int, bound: Bound = "at least") -> Figure:
    return Figure(
        name="share", value=value, bound=bound, limit=limit, margin=margin_of_share(limit, count), orders=count
    )


@given(value=SHARES, limit=st.floats(0.01, 0.99), bound=st.sampled_from(["at least", "at most"]))
def test_with_more_orders_a_figure_is_decided_and_never_turns(value: float, limit: float, bound: Bound) -> None:
    """So nothing passes at 1,341 orders and fails at 1,340: the value alone decides which, the number whether."""
    verdicts = [share(value, limit, count, bound).verdict for count in (1, 3, 10, 100, 1_340, 1_341, 10_000, 10**9)]
    keeps = share(value, limit, 1, bound).keeps
    assert set(verdicts) <= {"undecided", "passed" if keeps else "failed"}
    assert all(later != "undecided" or earlier == "undecided" for earlier, later in pairwise(verdicts))


@pytest.mark.parametrize("value", [0.9 - 1.11e-16, 0.9, 0.3 * 3, 1 - 0.1])
def test_rounding_fails_no_gate(value: float) -> None:
    assert Figure(name="f", value=value, bound="at least", limit=0.9).passed
    assert Figure(name="f", value=-1.11e-16, bound="at least", limit=0.0).passed
    assert not Figure(name="f", value=2e-12, bound="at most", limit=1e-12).passed


@given(value=SHARES, limit=st.floats(0.01, 0.99), count=st.integers(1, 2_000))
def test_as_many_orders_as_an_undecided_figure_asks_for_decide_it(value: float, limit: float, count: int) -> None:
    figure = share(value, limit, count)
    words = figure.needs.split()
    if words and words[0] == "about":
        assert share(value, limit, count + int(words[1].replace(",", "")) + 1).verdict != "undecided"


def test_what_is_undecided_says_so_and_what_would_decide() -> None:
    few = share(0.5, 0.6, 10)
    assert (few.verdict, few.passed) == ("undecided", False)
    assert str(few).endswith("chance alone moves it by 0.4 here: about 150 more later orders would decide")
    assert share(0.1, 0.6, 10).verdict == "failed"
    assert share(1.0, 0.6, 60).verdict == "passed"
    assert share(0.6 - 1e-9, 0.6, 10**6).needs.startswith("it stands at its limit")


def test_a_gate_is_as_good_as_its_worst_figure_and_undecided_is_no_failure() -> None:
    good, open_, bad = share(1, 0.5, 10**4), share(0.45, 0.5, 10), share(0.1, 0.5, 10**4)
    assert [gate("g", "", figures).verdict for figures in ([good], [good, open_], [open_, bad], [])] == [
        "passed",
        "undecided",
        "failed",
        "passed",
    ]
    validation = Validation(verdict="undecided", gates=[gate("g", "", [good, open_])], data={})
    assert (validation.failed, validation.failures()) == (False, [])
    (undecided,) = validation.undecided()
    assert (undecided.gate, undecided.figure, undecided.needs) == ("g", "share", open_.needs)
    assert worst([]) == "passed"


def test_advice_is_kept_where_it_is_wanted() -> None:
    figures = [Figure(name="f", value=value, bound="at least", limit=0.5, advice="look") for value in (0.4, 0.6)]
    kept: Gate = gate("g", "", figures)
    assert [figure.advice for figure in kept.figures] == ["look", ""]


@pytest.mark.parametrize("area", [0.6, 0.9])
def test_the_margin_of_an_area_is_what_chance_shows(area: float) -> None:
    """Two exponential distributions, which the formula is derived from, drawn again and again."""
    generator, scale = np.random.default_rng(3), area / (1 - area)
    areas = [np.mean(generator.exponential(scale, (40, 1)) > generator.exponential(1, (1, 200))) for _ in range(300)]
    assert margin_of_roc_auc(area, 40, 200) == pytest.approx(2.576 * float(np.std(areas)), rel=0.2)
    assert margin_of_roc_auc(area, 1, 1) > ENOUGH


def detected(**recalls: float) -> dict[str, Detection]:
    kinds = {"all": 0.5, "price_tenfold": 0.9, "deep_discount": 0.1} | recalls
    return {
        kind: Detection(0.95, recall, recall, 60 if kind != "all" else 480, 6_000) for kind, recall in kinds.items()
    }


def test_no_limit_is_above_what_the_plain_largest_z_reaches_on_the_same_orders() -> None:
    """Where deep discounts are usual, none is found, and no model is refused for that."""
    same = (np.linspace(0, 1, 50), np.linspace(0.5, 1, 50))
    scores = {"both": same, "largest |z|": same}
    config = read_config().gates.anomalies
    for plain, verdict in ((0.45, "passed"), (0.5, "passed"), (0.9, "failed")):
        found = {"both": detected(), "largest |z|": detected(all=plain)}
        gate = anomaly_gate(Evaluation(found, {"both": {}, "largest |z|": {}}, scores), config)
        recall = gate.figures[2]
        assert (recall.verdict, recall.limit) == (verdict, min(plain, config.minimum_recall))
    assert "deep_discount (A discount of 70 to 95 % of the basket); 10% of 60 are flagged" in recall.advice
    assert "`gates.anomalies.minimum_recall` to 0.5" in recall.advice
    rings = [figure for figure in gate.figures if figure.name.removeprefix("recall of ").replace(" ", "_") in RINGS]
    assert len(rings) == len(RINGS)
    assert all((ring.verdict, ring.needs) == ("undecided", "no order here tells what it is about") for ring in rings)


def test_every_kind_has_words_for_what_a_feed_looks_like_in_which_it_is_hard_to_find() -> None:
    assert set(LOOKS) == set(ANOMALIES)
    assert all(described(kind).endswith(")") and "()" not in described(kind) for kind in ANOMALIES)


def test_the_paired_margin_of_a_detector_against_itself_is_none_and_grows_with_the_difference() -> None:
    generator = np.random.default_rng(5)
    normal, anomalous = generator.random(300).round(2), (generator.random(60) + 0.5).round(2)
    ours, theirs = (normal, anomalous), (generator.random(300), generator.random(60) + 0.4)
    assert margin_of_gain(ours, ours, 1) == (0, 0)
    assert min(margin_of_gain(ours, theirs, 1)) > 0.01
    truth, scores = np.repeat([0, 1], [300, 60]), np.concatenate(ours)
    once = np.ones((1, 300), np.int64), np.ones((1, 60), np.int64)
    area, precision = _resampled(*ours, *once)[:, 0]
    assert area == pytest.approx(roc_auc_score(truth, scores))
    assert precision == pytest.approx(average_precision_score(truth, scores))
