"""A training takes a backfill's features: all of them as it would compute them itself, or a sample with exact tails."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ml import registry
from ml.__main__ import main
from ml.backfill.settings import BackfillError
from ml.backfill.table import drawn, read_table
from ml.config import Config
from ml.evidence import KINDS
from ml.guard import fit_guard
from ml.job import Job, prepare
from ml.pipeline import train_version
from ml.reading import order_files
from ml.slices import slices
from ml.tails import Counts, Tail, Tails, tails_of
from ml.validation.held_out import orders_around, replay
from orderguard.features import FEATURE_NAMES
from orderguard.history.seed import SEED_FILE
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import MANIFEST
from tests.unit.ml.conftest import Training

ROWS = 1_000


@pytest.fixture(scope="module")
def features(sample: Path, key_text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backfill of the sample."""
    out = tmp_path_factory.mktemp("backfill") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKING_KEY", key_text)
        assert main(["backfill", "--in", str(sample), "--out", str(out), "--jobs", "1"]) == 0
    return out


@pytest.fixture
def few(config: Config) -> Config:
    """A training that takes a thousand rows at most, and small gates, which cost less."""
    sample = msgspec.structs.replace(config.sample, rows=ROWS)
    anomalies = msgspec.structs.replace(config.gates.anomalies, orders_per_kind=10)
    gates = msgspec.structs.replace(config.gates, orders=200, anomalies=anomalies)
    return msgspec.structs.replace(config, sample=sample, gates=gates)


def test_where_all_orders_fit_it_is_the_same_version_byte_for_byte(
    job: Job, training: Training, features: Path, tmp_path: Path
) -> None:
    version = training.outcome.manifest.version
    again = train_version(replace(job, features=features, models=tmp_path, version=version))
    once = training.folder / "models" / version
    assert registry.file_hashes(tmp_path / version).keys() == registry.file_hashes(once).keys()
    for name in (*again.manifest.files, MANIFEST, registry.CHALLENGE):
        assert (tmp_path / version / name).read_bytes() == (once / name).read_bytes(), name


def test_past_memory_a_sample_is_trained_on_and_passes_the_same_gates(
    job: Job, few: Config, training: Training, features: Path, tmp_path: Path
) -> None:
    asked = replace(job, features=features, models=tmp_path / "models", config=few, histories=tmp_path / "histories")
    prepared = prepare(asked)
    table = prepared.table
    assert len(table.X) == len(table.order_tokens) == ROWS and table.tails is not None
    outcome = train_version(asked, prepared)
    assert outcome.manifest.version.endswith(f"-drawn-{ROWS}")
    assert [gate.name for gate in outcome.validation.gates] == [gate.name for gate in training.outcome.validation.gates]
    assert outcome.validation.data["orders drawn from these"] == ROWS < outcome.validation.data["orders"]
    assert "orders drawn from these" in (tmp_path / "models" / outcome.manifest.version / "card.md").read_text()
    # The seed is that of all orders.
    assert (tmp_path / "histories" / SEED_FILE).read_bytes() == (features / "histories" / SEED_FILE).read_bytes()


def test_gates_see_what_was_known_before_an_order_though_few_orders_are_held(
    job: Job, few: Config, features: Path
) -> None:
    paths = order_files(job.data)
    table = read_table(features, paths, job.keyring, few)
    chosen = {table.order_tokens[row]: table.catalogue_of(row) for row in range(0, ROWS, 50)}
    held = list(orders_around(table, paths, job.keyring, chosen.keys()))
    whole = orders_around(replace(table, tails=None), paths, job.keyring, chosen.keys())
    assert replay(held, chosen) == replay(whole, chosen)
    assert 0 < sum(map(len, held)) < table.report.orders


def test_the_guards_of_a_sample_and_of_all_rows_agree_on_what_is_rarest(
    job: Job, config: Config, few: Config, features: Path
) -> None:
    paths = order_files(job.data)
    every, some = (read_table(features, paths, job.keyring, one) for one in (config, few))
    parts = slices(len(every.X), config, every.first)
    kinds = [KINDS[name] for name in FEATURE_NAMES]
    rows = every.X[parts.first : parts.reference]
    whole = fit_guard(rows, kinds, config.guard)
    drawn_from = fit_guard(some.X[: int(0.85 * ROWS)], kinds, config.guard, some.tails)
    alone = fit_guard(some.X[: int(0.85 * ROWS)], kinds, config.guard)
    rare = whole.levels > np.log(len(rows)) - 1

    def apart(guard: object) -> float:
        found, known = guard.upper[:, rare], whole.upper[:, rare]  # type: ignore[attr-defined]
        both = np.isfinite(found) & np.isfinite(known)
        return float(np.median(np.abs(found[both] - known[both]) / np.maximum(np.abs(known[both]), 0.1)))

    assert apart(drawn_from) < 0.5 * apart(alone)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"keyring": Keyring.from_text(new_key_text())}, "under another masking key"),
        ({"input": {"maximum_gap_days": 100.0}}, r"other settings of \[input\] or \[catalogue\]"),
        ({"catalogue": {"refresh_days": 3.0}}, r"other settings of \[input\] or \[catalogue\]"),
        ({"paths": 1}, "of other order files: name their folder with DATA="),
    ],
)
def test_features_of_something_else_are_refused(
    changed: dict[str, object], says: str, job: Job, config: Config, features: Path
) -> None:
    paths, keyring = order_files(job.data), job.keyring
    for name, value in changed.items():
        if name == "paths":
            paths = paths[1:]
        elif name == "keyring":
            keyring = value  # type: ignore[assignment]
        else:
            own = msgspec.structs.replace(getattr(config, name), **value)  # type: ignore[arg-type]
            config = msgspec.structs.replace(config, **{name: own})
    with pytest.raises(BackfillError, match=says):
        read_table(features, paths, keyring, config)


def test_an_output_that_is_damaged_or_not_finished_is_refused(
    job: Job, config: Config, features: Path, tmp_path: Path
) -> None:
    paths = order_files(job.data)
    with pytest.raises(BackfillError, match="no finished backfill is here"):
        read_table(tmp_path, paths, job.keyring, config)
    broken = shutil.copytree(features, tmp_path / "broken")
    file = min(broken.glob("features/*/*.parquet"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BackfillError, match="can't be read"):
        read_table(broken, paths, job.keyring, config)


@given(count=st.integers(0, 5_000), wanted=st.integers(1, 6_000), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_as_many_rows_are_drawn_as_are_wanted_and_each_once(count: int, wanted: int, seed: int) -> None:
    rows = drawn(count, wanted, seed)
    assert len(rows) == min(count, wanted) and (np.diff(rows) > 0).all()
    assert not len(rows) or 0 <= rows[0] <= rows[-1] < count
    assert (drawn(count, wanted, seed) == rows).all()


def test_rows_are_drawn_evenly_and_another_seed_draws_others() -> None:
    rows = drawn(2**21 + 5, 20_000, 1)
    assert abs(np.histogram(rows, bins=8)[0] - 2_500).max() < 5 * 50
    assert len(np.intersect1d(rows, drawn(2**21 + 5, 20_000, 2))) < 400


values = st.lists(st.one_of(st.integers(-4, 4).map(float), st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=200)


@given(
    column=values, cut=st.integers(0, 200), kept=st.integers(1, 40), sign=st.sampled_from((1, -1)), zero=st.booleans()
)
@settings(max_examples=150, deadline=None)
def test_tails_of_parts_merge_to_those_of_the_whole_and_count_exactly(
    column: list[float], cut: int, kept: int, sign: int, zero: bool
) -> None:
    rows = np.array(column, np.float32)[:, None]
    whole, merged = tails_of([rows], 1, kept), tails_of([rows[:cut]], 1, kept)
    merged.merge(tails_of([rows[cut:]], 1, kept))
    tail, of_parts = whole.side(0, sign, nonzero=zero), merged.side(0, sign, nonzero=zero)
    assert tail.rows == of_parts.rows and (tail.highest == of_parts.highest).all()
    signed = sign * rows[:, 0].astype(np.float64)
    population = np.sort(np.append(0.0, signed[signed > 0]) if zero else signed)
    known = Counts.of(population)
    found = tail.joined(known)
    assert found.rows == known.rows == len(population)
    # What is told apart in the tail is as it was counted; below it is the sample's, here the population itself.
    assert np.allclose([found.above(value) for value in known.values], [known.above(value) for value in known.values])


def test_a_sample_that_has_none_of_the_rarest_values_gets_them_from_the_tail() -> None:
    tail = Tail(np.array([5.0, 8.0, 9.0]), 1_000)
    counts = tail.joined(Counts.of(np.array([0.0, 0.0, 1.0, 2.0])))
    assert counts.rows == 1_000 and counts.values.tolist() == [0.0, 1.0, 2.0, 8.0, 9.0]
    assert counts.at_or_above.tolist() == [1_000.0, 2 + 998 * 0.5, 2 + 998 * 0.25, 2.0, 1.0]
    assert Tail(np.empty(0), 10).joined(Counts.of(np.array([0.0, 1.0]))).at_or_above.tolist() == [10.0, 5.0]
    assert Tails(1).side(0, 1, nonzero=True).rows == 1
