"""A feed's figures are right, and are compared with the goals: every goal can be missed."""

from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.__main__ import folder_follows
from bench.feeds.measures import Found, best_single, found, largest_z
from bench.feeds.page import page
from bench.feeds.report import summary
from bench.feeds.run import main
from bench.feeds.verdicts import Aged, FeedTable, KindTable, missed


@pytest.mark.parametrize("levels", [3, 10_000])
def test_the_measures_are_those_of_scikit_learn(levels: int) -> None:
    generator = np.random.default_rng(1)
    normal = generator.integers(0, levels, 500).astype(np.float64)
    anomalous = generator.integers(levels // 3, levels + 2, 40).astype(np.float64)
    truth, scores = np.repeat([0, 1], [500, 40]), np.concatenate([normal, anomalous])
    here = found(normal, anomalous)
    assert here.roc_auc == pytest.approx(roc_auc_score(truth, scores))
    assert here.average_precision == pytest.approx(average_precision_score(truth, scores))


@pytest.mark.parametrize(
    ("normal", "anomalous", "recall"),
    [
        (list(range(100)), [99, 98.5, 98], 2 / 3),  # one of a hundred may be flagged: what is above 98
        (list(range(99)), [98, 98.5], 0.5),  # none of 99 may
        ([0.0] * 100, [0.0, 0.0], 0.0),  # a tie with all normal orders finds nothing
    ],
)
def test_recall_is_what_lies_above_all_but_one_normal_order_in_a_hundred(
    normal: list[float], anomalous: list[float], recall: float
) -> None:
    assert found(np.array(normal, float), np.array(anomalous, float)).recall == pytest.approx(recall)


def test_the_best_single_feature_may_speak_downwards() -> None:
    normal = np.array([[1, 5], [2, 6], [3, 7]], np.float32)
    name, here = best_single(normal, np.array([[2, 1], [2, 2]], np.float32), ["says nothing", "falls"])
    assert (name, here.roc_auc) == ("falls", 1.0)


def test_a_feature_that_never_varied_counts_in_its_own_unit() -> None:
    assert largest_z(np.ones((5, 1), np.float32), np.array([[1], [4]], np.float32)).tolist() == [0, 3]


GOOD = Found(roc_auc=0.97, average_precision=0.8, recall=0.7)
OTHER = Found(roc_auc=0.96, average_precision=0.7, recall=0.6)
FEED = FeedTable(
    orders=2_000,
    later=800,
    kinds={"night": KindTable(contenders={"ours": GOOD, "ECOD": OTHER}, single=GOOD, single_name="hour_rarity")},
    left_out={"burst": "no customers"},
    alerts=1.1,
    aged=Aged(kinds={"night": OTHER}, alerts=1.9),
    promoted=True,
)


def with_kind(ours: Found = GOOD, other: Found = OTHER, single: Found = GOOD) -> FeedTable:
    kind = KindTable(contenders={"ours": ours, "ECOD": other}, single=single, single_name="hour_rarity")
    return msgspec.structs.replace(FEED, kinds={"night": kind})


def auc(value: float) -> Found:
    return GOOD._replace(roc_auc=value)


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        (FEED, []),
        (with_kind(auc(0.951), single=auc(1.0)), []),
        (with_kind(auc(0.80), OTHER._replace(roc_auc=0.812), auc(0.8)), ["night: 0.012 below ECOD"]),
        (with_kind(auc(0.80), OTHER._replace(roc_auc=0.809), auc(0.8)), []),
        (with_kind(auc(0.80), OTHER._replace(roc_auc=0.6), auc(0.86)), ["night: 0.060 below hour_rarity alone"]),
        (with_kind(auc(0.945), OTHER._replace(roc_auc=0.95), auc(0.95)), ["night: below 0.95, which ECOD reaches"]),
        (
            with_kind(other=OTHER._replace(average_precision=0.8)),
            ["mean average precision 0.800, ECOD's is 0.800"],
        ),
        (msgspec.structs.replace(FEED, alerts=2.01), ["2.01 times the alert rate on untouched later orders"]),
        (msgspec.structs.replace(FEED, alerts=0.49), ["0.49 times the alert rate on untouched later orders"]),
        (msgspec.structs.replace(FEED, promoted=False, refused=["drift: x"]), ["not promoted: drift: x"]),
        (msgspec.structs.replace(FEED, promoted=False, orders=999), []),
    ],
)
def test_a_goal_is_missed_where_it_is(feed: FeedTable, words: list[str]) -> None:
    assert missed(feed) == words


def test_report_and_page_name_every_feed_and_what_it_misses() -> None:
    tables = {"a <shop>": FEED, "late": msgspec.structs.replace(FEED, alerts=3.0)}
    report: dict[str, Any] = summary(tables, {"broken": "ValueError: no orders"})
    assert report["feeds"]["a <shop>"]["missed"] == [] and len(report["feeds"]["late"]["missed"]) == 1
    assert report["feeds"]["late"]["mean_average_precision"] == {"ours": 0.8, "ECOD": 0.7}
    text = page(tables, {"broken": "ValueError: no orders"})
    assert "a &lt;shop&gt;" in text and "ValueError: no orders" in text and "burst (no customers)" in text


def test_without_a_folder_it_says_how_to_get_feeds(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    said = capsys.readouterr().out
    assert "python -m bench.feeds.convert" in said and "FEEDS=DIR" in said


@pytest.mark.parametrize(
    ("words", "follows"),
    [
        (["feeds"], False),
        (["feeds", "DIR"], True),
        (["feeds", "model"], False),
        (["model", "feeds", "x"], True),
        ([], False),
    ],
)
def test_a_folder_may_follow_the_area_feeds(words: list[str], follows: bool) -> None:
    assert folder_follows(words) is follows
