"""Each gate passes what is right, and fails what is wrong by as much as it says."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config import Config
from ml.guarded_forest import ModelScores
from ml.job import Job, prepare
from ml.pipeline import Outcome
from ml.reading import masked_orders, order_files
from ml.validation.alert_rate import alert_rate_gate
from ml.validation.anomalies import AnyModel, Evaluation, anomaly_gate, detection, evaluate, inject, largest_z
from ml.validation.behaviour import behaviour_gate
from ml.validation.champion import Labelled, champion_gate
from ml.validation.drift import drift_gate, drift_runs
from ml.validation.gates import Figure, gate
from ml.validation.held_out import Case, features_of, replay
from ml.validation.injection import ANOMALIES, SHIFTS, applicable
from ml.validation.masking import masking_gate, with_other_people
from ml.validation.parity import Agreement, agreement, parity_gate
from orderguard.drift import DriftReport, Kind
from orderguard.features import FEATURE_NAMES, FEATURES
from ml.validation.rings import RINGS
from orderguard.history import NO_PAST
from orderguard.schema import CLASSIFICATION, MaskedItem, MaskedOrder
from orderguard.scorer import Scorer, Scores


@pytest.fixture(scope="module")
def scorer(job: Job, trained: Outcome) -> Scorer:
    return Scorer.load(job.models / trained.manifest.version)


@pytest.fixture(scope="module")
def cases(job: Job) -> list[Case]:
    """The last orders of the sample, in time order, each with the catalogue of its time."""
    paths, table, _ = prepare(job)
    latest = range(len(table.X) - 700, len(table.X))
    chunks = masked_orders(paths, job.keyring, free_text=False)
    return replay(chunks, {table.order_tokens[row]: table.catalogue_of(row) for row in latest})


def figures(outcome: Outcome, name: str) -> dict[str, float]:
    return {figure.name: figure.value for figure in outcome.validation.gate(name).figures}


def test_a_version_carries_every_gate_and_its_figures(trained: Outcome) -> None:
    names = [entry.name for entry in trained.validation.gates]
    assert names == ["anomalies", "drift", "alert_rate", "parity", "masking", "behaviour"]
    assert not trained.validation.failed, trained.validation.failures()
    assert all(entry.figures for entry in trained.validation.gates)
    assert figures(trained, "parity")["flipped decisions"] == 0
    assert trained.manifest.metrics["anomalies: ROC-AUC"] == figures(trained, "anomalies")["ROC-AUC"]


def test_forest_guard_and_both_stand_beside_the_largest_z(trained: Outcome) -> None:
    for table in trained.validation.gate("anomalies").tables:
        assert table.columns == ["kind", "both", "forest", "guard", "largest |z|"]
        assert [row[0] for row in table.rows] == ["all", *ANOMALIES, *RINGS]


def test_attacks_of_many_accounts_are_found_and_reported_apart(trained: Outcome) -> None:
    """All of them come from the device, the address or the network that the order names."""
    found = figures(trained, "anomalies")
    assert all(found[f"recall of {name.replace('_', ' ')}"] >= 0.9 for name in RINGS)


def test_a_ring_is_found_the_less_the_weaker_it_is(scorer: Scorer, cases: list[Case], config: Config) -> None:
    """So nothing that moves the threshold a little turns all of a kind from found to missed."""
    for name, ring in inject(cases, config.gates.anomalies).rings.items():
        scores = scorer.score(features_of(ring)).score
        evidence = config.guard.half * np.cbrt(scores / (1 - scores))
        limit = config.guard.half * math.cbrt(scorer.threshold / (1 - scorer.threshold))
        found = [float(np.mean(evidence >= limit + shift)) for shift in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        assert max(-np.diff(found)) <= 0.15, name
        assert found[-1] >= 0.7, f"{name} keeps to the gate's limit with a margin"


def test_a_model_or_features_that_see_nothing_of_what_is_shared_fail(
    scorer: Scorer, cases: list[Case], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = [place for place, feature in enumerate(FEATURES) if feature.seldom]

    def without(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = rows.copy()
        rows[:, shared] = 0
        return rows

    class Blind:
        def score(self, rows: NDArray[np.float32]) -> Scores:
            return scorer.score(without(rows))

    injected, train = inject(cases, config.gates.anomalies), without(features_of(cases))

    def rings(model: AnyModel) -> dict[str, str]:
        result = anomaly_gate(evaluate(model, scorer.threshold, train, injected, 0.01), config.gates.anomalies)
        return {figure.name: figure.verdict for figure in result.figures if "recall of " in figure.name}

    assert set(rings(scorer).values()) == {"passed"}, "although training never saw anything shared"
    assert set(rings(Blind()).values()) == {"failed"}
    monkeypatch.setattr("ml.validation.anomalies.features_of", lambda cases: without(features_of(cases)))
    assert set(rings(scorer).values()) == {"failed"}


def test_a_gate_that_is_off_says_so(job: Job, trained: Outcome, scorer: Scorer) -> None:
    config = msgspec.structs.replace(job.config.gates.champion, enabled=False)
    nothing = Evaluation({}, {}, {})
    result = champion_gate(
        scorer.version_dir, nothing, np.empty((0, 0), np.float32), inject([], job.config.gates.anomalies), 0.01, config
    )
    assert result.passed
    assert "Switched off" in result.note


@pytest.mark.parametrize(
    ("bound", "value", "limit", "passed"),
    [
        ("at least", 0.9, 0.9, True),
        ("at least", 0.89, 0.9, False),
        ("at most", 0.1, 0.1, True),
        ("at most", 0.11, 0.1, False),
        ("exactly", 0, 0, True),
        ("exactly", 1, 0, False),
        ("at least", float("nan"), 0.9, False),
        ("at most", float("nan"), 0.9, False),
    ],
)
def test_a_figure_keeps_to_its_limit_or_says_by_how_much_not(
    bound: str, value: float, limit: float, passed: bool
) -> None:
    figure = Figure(name="share", value=value, bound=bound, limit=limit)  # type: ignore[arg-type]
    assert figure.passed is passed
    assert ("missed by" in str(figure)) is not passed
    assert gate("g", "", [figure]).passed is passed


@pytest.mark.parametrize(("share", "passed"), [(0.01, True), (0.001, False), (0.05, False)])
def test_too_many_and_too_few_alerts_both_fail(config: Config, share: float, passed: bool) -> None:
    scores = np.zeros(10_000)
    scores[: int(share * 10_000)] = 1
    assert alert_rate_gate(scores, 0.5, 0.01, config.gates.alert_rate).passed is passed


@pytest.mark.parametrize(
    ("rows", "flagged", "verdict"),
    [(15, 0, "undecided"), (400, 0, "undecided"), (4_000, 0, "failed"), (400, 20, "undecided"), (4_000, 200, "failed")],
)
def test_the_limits_on_alerts_know_how_many_orders_there_are(
    config: Config, rows: int, flagged: int, verdict: str
) -> None:
    scores = np.zeros(rows)
    scores[:flagged] = 1
    assert alert_rate_gate(scores, 0.5, 0.01, config.gates.alert_rate).verdict == verdict


def test_one_flipped_decision_fails_parity(config: Config) -> None:
    assert parity_gate({"clean": Agreement(100, 1e-15, 0)}, config.gates.parity).passed
    assert not parity_gate({"clean": Agreement(100, 1e-15, 1)}, config.gates.parity).passed
    assert not parity_gate({"clean": Agreement(100, 1e-9, 0)}, config.gates.parity).passed


def test_a_score_that_is_no_number_fails_parity_wherever_it_stands(config: Config) -> None:
    low, nan = np.full(3, 0.1), np.array([0.1, np.nan, 0.1])
    for broken in (ModelScores(nan, low, low), ModelScores(low, nan, low), ModelScores(low, low, nan)):
        found = agreement(ModelScores(low, low, low), broken, 0.5)
        for kinds in ({"a": found, "b": Agreement(3, 0.0, 0)}, {"a": Agreement(3, 0.0, 0), "b": found}):
            assert not parity_gate(kinds, config.gates.parity).passed


def test_detection_figures_are_those_of_their_definitions() -> None:
    found = detection(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.35, 0.9]), 0.5)
    assert found.roc_auc == pytest.approx(7 / 8)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found.recall == 0.5


def test_the_baseline_is_the_largest_z() -> None:
    train = np.array([[0, 5], [2, 5]], np.float32)
    assert largest_z(train, np.array([[1, 5], [4, 5], [np.nan, 5]], np.float32)).tolist() == [0, 3, 0]


def test_histories_hold_only_what_came_before(cases: list[Case]) -> None:
    known = [
        (history, case.order.created_at.timestamp())
        for case in cases
        for history in (case.past.customer, *case.past.entities)
        if history
    ]
    assert len(known) > 400
    assert all(max(history.at) <= placed for history, placed in known)


def test_every_kind_changes_the_features(cases: list[Case], scorer: Scorer) -> None:
    random = np.random.default_rng(1)
    before = features_of(cases[:50])
    for name, kind in ANOMALIES.items():
        changed = features_of([kind.change(case, random) for case in cases[:50]])
        assert np.mean(np.any(changed != before, axis=1)) > 0.9, name


def test_kinds_that_a_feed_does_not_tell_of_are_left_out(config: Config, scorer: Scorer) -> None:
    item = MaskedItem(sku="a", quantity=1, unit_price=5.0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    bare = [
        Case(
            MaskedOrder(
                order_token=str(number),
                customer_token="c",
                created_at=start + timedelta(hours=number),
                currency="EUR",
                items=[item],
            ),
            NO_PAST,
            scorer.catalogue,
        )
        for number in range(100)
    ]
    assert applicable(bare) == ["price_slip", "price_tenfold", "bulk_quantity", "burst"]
    assert list(inject(bare, config.gates.anomalies).kinds) == applicable(bare)


def test_a_burst_is_known_from_the_history(cases: list[Case]) -> None:
    before, kept = cases[0].past.customer, cases[0].order
    case = ANOMALIES["burst"].change(cases[0], np.random.default_rng(2))
    assert case.order == kept
    assert case.past.customer is not None
    assert case.past.customer.count == (before.count if before else 0) + 8


def test_every_shift_is_told_and_normal_orders_are_not(job: Job, scorer: Scorer, cases: list[Case]) -> None:
    runs = drift_runs(scorer, scorer.drift_reference, cases, job.config.gates.drift)
    assert {run.name for run in runs if run.report.drifted or run.report.expected} == {shift.name for shift in SHIFTS}
    expected = {run.name for run in runs if run.shifted and not run.report.drifted}
    assert expected <= {"new category, weak"}  # goods that came since are no fault
    told = {run.name: [variable.name for variable in run.report.moved("unexpected")] for run in runs}
    for field in ("device", "billing_address"):
        assert field in told[f"{field}, no longer sent"]
    assert "items[].category" in told["category, no longer sent"]
    assert {"created_at in UTC"} <= set(told["local time, sent as UTC"])
    assert drift_gate(runs, 200).passed


def with_score(report: DriftReport, kind: Kind) -> DriftReport:
    """The report, had the score moved in this way."""
    *features, score = report.variables
    moved = msgspec.structs.replace(score, drifted=True, kind=kind, effect=0.4)
    return msgspec.structs.replace(report, drifted=report.drifted or kind == "unexpected", variables=[*features, moved])


def test_what_moves_no_score_is_named_and_stops_nothing(job: Job, scorer: Scorer, cases: list[Case]) -> None:
    runs = drift_runs(scorer, scorer.drift_reference, cases, job.config.gates.drift)
    first, *others = runs[0].report.variables
    dearer = msgspec.structs.replace(first, drifted=True, kind="unexpected", effect=0.5, advice="Look at it.")
    still = msgspec.structs.replace(runs[0].report, drifted=True, variables=[dearer, *others])
    result = drift_gate([runs[0]._replace(report=still), *runs[1:]], 200)
    assert result.passed
    assert f"Moved, though the scores did not: `{first.name}` (50% of the orders). Look at it." in result.note
    grown = [run._replace(report=with_score(run.report, "expected")) if not run.shifted else run for run in runs]
    assert drift_gate(grown, 200).passed


def test_a_drift_that_is_missed_and_a_normal_set_that_is_accused_both_fail(
    job: Job, scorer: Scorer, cases: list[Case]
) -> None:
    runs = drift_runs(scorer, scorer.drift_reference, cases, job.config.gates.drift)
    missed = [run._replace(report=msgspec.structs.replace(run.report, drifted=False)) for run in runs]
    accused = [run._replace(report=with_score(run.report, "unexpected")) for run in runs]
    assert [figure.verdict for figure in drift_gate(missed, 200).figures] == ["failed", "passed"]
    assert [figure.verdict for figure in drift_gate(accused, 200).figures] == ["passed", "failed"]


def test_a_weak_shift_is_not_asked_for_where_orders_vary_by_more(job: Job, scorer: Scorer, cases: list[Case]) -> None:
    runs = drift_runs(scorer, scorer.drift_reference, cases, job.config.gates.drift)
    still = runs[0].report
    weak, strong = ([run._replace(report=still) if run.weak is kind else run for run in runs] for kind in (True, False))
    note = drift_gate(weak, 200).note
    assert drift_gate(weak, 200).verdict == "passed"
    assert note.startswith("Not asked for, since these orders vary by more: sudden rise of prices, weak, gradual rise")
    assert drift_gate(strong, 200).verdict == "failed"


def test_too_few_orders_for_a_verdict_on_drift_are_named(job: Job, scorer: Scorer, cases: list[Case]) -> None:
    runs = drift_runs(scorer, scorer.drift_reference, cases[:150], job.config.gates.drift)
    result = drift_gate(runs, 200)
    assert [figure.verdict for figure in result.figures] == ["undecided", "undecided"]
    assert [figure.more >= 50 for figure in result.figures] == [True, True]
    assert result.figures[1].needs == "about 50 more later orders would decide"
    assert result.note == "150 later orders are fewer than drift.minimum_rows, so there is no verdict."


class Constant:
    """A model that finds everything equally unusual."""

    def score(self, features: NDArray[np.float32]) -> Scores:
        same = np.full(len(features), 0.5)
        return Scores(same, same, same)


def test_a_model_that_nothing_impresses_fails_the_behaviour_gate(job: Job, scorer: Scorer, cases: list[Case]) -> None:
    config = job.config.gates.behaviour
    train = features_of(cases)
    assert behaviour_gate(scorer, scorer.threshold, train, cases, config).passed
    result = behaviour_gate(Constant(), 0.9, train, cases, config)
    assert [figure.name for figure in result.figures if not figure.passed] == [
        f"{name}: share raised"
        for name in ("price_slip", "price_tenfold", "bulk_quantity", "deep_discount", "burst", "takeover")
    ]


def test_a_feature_that_depends_on_the_key_fails_the_masking_gate(
    job: Job, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = order_files(job.data)
    config = msgspec.structs.replace(job.config.gates.masking, rows=200)
    assert masking_gate(paths, job.keyring, scorer.catalogue, config).passed

    def leaking(orders: list[MaskedOrder], *_: object) -> NDArray[np.float32]:
        digits = [[float(len(order.customer_token)) + ord(order.customer_token[-1])] for order in orders]
        return np.array(digits, np.float32)

    monkeypatch.setattr("ml.validation.masking.compute_features", leaking)
    result = masking_gate(paths, job.keyring, scorer.catalogue, config)
    assert [figure.passed for figure in result.figures] == [False, False]


@pytest.mark.parametrize("path", sorted(path for path, handling in CLASSIFICATION.items() if handling != "keep"))
def test_the_masking_gate_replaces_every_personal_value_but_what_is_blank(path: str) -> None:
    order: dict[str, Any] = {"items": [{}], "customer": {}, "billing_address": {}, "shipping_address": {}}
    order |= {"payment": {}, "device": {}}
    parent, _, name = path.rpartition(".")
    place = order["items"][0] if parent == "items[]" else order[parent] if parent else order
    for value, stays in (("12345", False), ("", True), (" ", True)):
        place[name] = value
        line = msgspec.json.encode(order)
        assert (msgspec.json.decode(with_other_people(line)) == order) is stays


def test_the_champion_is_asked_on_the_same_orders(job: Job, scorer: Scorer, cases: list[Case], config: Config) -> None:
    injected = inject(cases, config.gates.anomalies)
    rows = features_of(cases)
    champion = scorer.version_dir
    same = evaluate(scorer, scorer.threshold, rows, injected, 0.01)
    weak = evaluate(Constant(), 0.9, rows, injected, 0.01)
    equal = champion_gate(champion, same, rows, injected, 0.01, config.gates.champion)
    worse = champion_gate(champion, weak, rows, injected, 0.01, config.gates.champion)
    assert (equal.verdict, worse.verdict) == ("passed", "failed")
    assert "The champion finds the same injected anomalies better." in worse.figures[0].advice
    absent = champion_gate(None, weak, rows, injected, 0.01, config.gates.champion)
    assert (absent.verdict, absent.note) == ("passed", "There is no other champion.")
    broken = champion_gate(champion / "plots", weak, rows, injected, 0.01, config.gates.champion)
    assert (broken.verdict, broken.note.startswith("Not compared: ")) == ("undecided", True)


def labelled(cases: list[Case], champion: Scorer, count: int, *, worse: bool) -> Labelled:
    """Later orders with outcomes that the champion ranks as it should; so does the challenger, or the other way."""
    rows = features_of(cases)
    ranked = rows[np.argsort(champion.score(rows).score)]
    genuine, worth = ranked[:count], ranked[-count:]
    scores = champion.score(genuine).score, champion.score(worth).score
    return Labelled(genuine, worth, (1.0 - scores[0], 1.0 - scores[1]) if worse else scores)


@pytest.mark.parametrize(
    ("count", "worse", "verdict", "told"),
    [
        (40, False, "passed", "40 later orders turned out to be worth a look, 40 genuine."),
        (40, True, "failed", "40 later orders turned out to be worth a look, 40 genuine."),
        (19, True, "passed", "with 20 of each, outcomes would decide, too."),
    ],
)
def test_a_challenger_that_is_worse_on_orders_with_outcomes_is_refused_where_there_are_enough(
    scorer: Scorer, cases: list[Case], config: Config, count: int, worse: bool, verdict: str, told: str
) -> None:
    injected, rows = inject(cases, config.gates.anomalies), features_of(cases)
    same = evaluate(scorer, scorer.threshold, rows, injected, 0.01)
    known = labelled(cases, scorer, count, worse=worse)
    gate = champion_gate(scorer.version_dir, same, rows, injected, 0.01, config.gates.champion, known)
    assert (gate.verdict, len(gate.figures)) == (verdict, 1 + (count >= 20)) and gate.note.endswith(told)
    assert not worse or count < 20 or "better from genuine ones" in gate.figures[1].advice


def test_the_report_is_one_file_with_everything_in_it(job: Job, trained: Outcome) -> None:
    folder = job.models / trained.manifest.version
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("<svg") == 4
    assert "prefers-color-scheme: dark" in page
    for outside in ('src="http', 'href="http', "@import", "url(http"):
        assert outside not in page
    assert trained.manifest.data_sha256 in page
    assert "/tmp/" not in page and str(folder) not in page


def test_the_card_shows_the_plots_that_are_beside_it(job: Job, trained: Outcome) -> None:
    folder = job.models / trained.manifest.version
    card = (folder / "card.md").read_text("utf-8")
    plots = sorted(path.name for path in (folder / "plots").iterdir())
    assert plots == ["anomalies.svg", "drift.svg", "importance.svg", "scores.svg"]
    for name in plots:
        assert f"](plots/{name})" in card
        assert (folder / "plots" / name).read_text("utf-8").startswith("<svg")


def test_contributions_name_the_features_of_the_set(scorer: Scorer, cases: list[Case]) -> None:
    changed = ANOMALIES["bulk_quantity"].change(cases[3], np.random.default_rng(5))
    row = features_of([changed])[0]
    first = [name for name, _ in scorer.contributions(row)[:3]]
    assert set(first) & {"largest_quantity", "units", "order_value"}
    assert set(first) <= set(FEATURE_NAMES)
