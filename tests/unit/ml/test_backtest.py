"""Backtests: what rules would have made of past orders, by the code that decides in service."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ml.backtest import Past, backtest, past_of
from ml.backtest_report import html, lines
from ml.job import Job, prepare
from ml.pipeline import Outcome
from ml.precision import Count
from orderguard.features import FEATURES
from orderguard.outcomes import Kind, write_outcomes
from orderguard.outcomes import Outcome as Known
from orderguard.rules import Rulebook, load_rules
from orderguard.scorer import Scorer
from tests.unit.ml.command_line import run
from tests.unit.orderguard.test_rules import ORDER, entry, rule


@pytest.fixture
def rules(tmp_path: Path) -> Rulebook:
    text = (
        rule("order.value > 600.0 && score < 0.5", "flag", "shadow", id="more")
        + rule("score >= 0.9", "clear", id="fewer")
        + rule("score >= 0.0", "raise", "shadow", id="up", more="by = 0.2")
        + rule("1 / (order.line_count - 2) > 0", "flag", id="broken")
        + entry("allow", ORDER.customer_token, "2026-11-28")
    )
    (tmp_path / "rules.toml").write_text(text)
    return load_rules(tmp_path / "rules.toml")


@pytest.fixture
def scorer(job: Job, trained: Outcome) -> Scorer:
    return Scorer.load(job.models / trained.manifest.version)


@pytest.fixture
def past() -> Past:
    scores = np.array([0.1, 0.4, 0.6, 0.95])
    outcomes: list[Kind | None] = ["genuine", "fraud", "mistake", "genuine"]
    return Past([ORDER] * 4, np.zeros((4, len(FEATURES)), np.float32), scores, outcomes)


def test_alerts_won_and_lost_are_counted_by_rule_and_held_against_outcomes(rules: Rulebook, past: Past) -> None:
    found = backtest(past, rules, 0.5, [0.3])
    assert found.model == Count(2, 1, 1) and (found.orders, found.labelled) == (4, 4)
    by_name = {one.name: one for one in [*found.rules, *found.together, *found.thresholds]}
    counted = {name: (one.met, one.alerts, one.won, one.lost) for name, one in by_name.items()}
    none = Count()
    assert counted == {
        "rule:more": (2, Count(4, 2, 2), Count(2, 1, 1), none),
        "rule:fewer": (1, Count(1, 1, 0), none, Count(1, 0, 1)),
        "rule:up": (4, Count(3, 2, 1), Count(1, 1, 0), none),
        "rule:broken": (0, Count(2, 1, 1), none, none),
        "as it stands": (1, Count(1, 1, 0), none, Count(1, 0, 1)),
        "all of it": (4, Count(3, 2, 1), Count(2, 1, 1), Count(1, 0, 1)),
        "threshold 0.3000": (1, Count(3, 2, 1), Count(1, 1, 0), none),
    }
    assert found.failures == {"broken": 4}, "an entry that had ended when the order was placed is not met"


def test_the_report_says_what_stands_out_and_what_to_do_next(rules: Rulebook, past: Past) -> None:
    found = backtest(past, rules, 0.5, [0.3])
    told = "\n".join(lines(found))
    assert "no order met rule:broken: is a name" in told and "rule:up met every order" in told
    assert "rule broken could not be evaluated for 4 orders" in told
    assert 'next: rule:up: more right than false; `mode = "act"` lets it act.' in told
    page = html(found, "rules.toml", "v1")
    assert "rule:more" in page and "Backtest of rules.toml" in page and "<script" not in page
    assert "no order here has an outcome" in "\n".join(lines(backtest(past._replace(outcomes=[None] * 4), rules, 0.5)))


def test_the_interval_of_a_precision_is_wilsons() -> None:
    assert (Count(12, 9, 1).precision, Count(5).precision) == ("90% (60% to 98% of 10)", "no outcome")


def test_past_orders_have_the_features_and_scores_of_training(job: Job, scorer: Scorer) -> None:
    paths, table, _ = prepare(job)
    past = past_of(table, paths, job.keyring, scorer, {}, 14.0)
    count = len(past.orders)
    assert 0 < count < len(table.order_tokens)
    assert [order.order_token for order in past.orders] == table.order_tokens[-count:]
    assert np.array_equal(past.rows, table.X[-count:])
    assert np.array_equal(past.scores, scorer.score(table.X[-count:]).score)
    newest, first = table.created_at[-1], past.orders[0].created_at.timestamp()
    assert newest - 14 * 86_400 < first <= newest


@pytest.mark.usefixtures("key_in_environment")
def test_the_command_writes_a_page_and_names_what_is_wrong(
    job: Job, models: Path, scorer: Scorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(rule("order.value > 100.0", id="large"))
    token = prepare(job).table.order_tokens[-1]
    outcomes, _ = write_outcomes(tmp_path, [Known(token, "fraud", datetime(2026, 11, 1, tzinfo=UTC), "desk")])
    outcomes.write_bytes(outcomes.read_bytes() + b"{}\n")
    given: list[str | Path] = [
        "--data",
        job.data,
        "--models",
        models,
        "--rules",
        file,
        "--outcomes",
        outcomes,
        "--threshold",
        "0.4",
    ]
    given += ["--quarantine", tmp_path / "bad.ndjson", "--out", tmp_path / "page.html", scorer.version_dir.name]
    code, said, _ = run(capsys, "backtest", *given)
    assert code == 0 and "rule:large (flag, act)" in said and "1 lines of outcomes can't be used" in said
    assert "With an outcome: 1" in said and "rule:large" in (tmp_path / "page.html").read_text()
    file.write_text(rule("order.valu > 100.0"))
    code, _, said = run(capsys, "backtest", *given)
    assert code == 2 and "rule r, line 4: `when` there is no field `order.valu`" in said
