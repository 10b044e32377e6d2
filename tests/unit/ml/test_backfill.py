"""A backfill: in pieces what memory holds at once, to the bit; killed and begun again the same bytes; nothing
overwritten.
"""

import gzip
import json
import os
import random
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

from ml.backfill.local.catalogues import written_catalogue
from ml.backfill.local.limits import Limits
from ml.backfill.local.run import run
from ml.backfill.manifest import BackfillManifest, request_of
from ml.backfill.output import work_folder
from ml.backfill.remembered import Remembered, Window
from ml.backfill.settings import BackfillError, Settings
from ml.config import read_config
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features
from ml.histories import records_after
from ml.lineage import source
from ml.reading import masked_orders, order_files, read_line
from orderguard.catalogue import Catalogue
from orderguard.drift import DriftReport, compare_rows, days_spanned
from orderguard.history.seed import read_entries
from orderguard.masking import Keyring, new_key_text
from orderguard.masking.codes import known_articles
from orderguard.model_version import sha256
from orderguard.schema import OrderError
from orderguard.scorer import Scorer
from tests.unit.ml.command_line import run as command

SMALL = Limits(spilled=500, orders=400, ids=600, compressed=1)
ORDER = {
    "order_id": "o1",
    "created_at": "2026-03-02T10:00:00Z",
    "currency": "EUR",
    "items": [{"sku": "s1", "quantity": 1, "unit_price": 5.0}],
}
KEYRING = Keyring.from_text(new_key_text())


class Feed(NamedTuple):
    """Order files, and what memory makes of them at once."""

    folder: Path
    table: FeatureTable


def table_of(folder: Path, catalogue: Catalogue | None = None) -> FeatureTable:
    config = FeatureConfig(bad_line_ceiling=read_config().input.maximum_bad_share)
    return build_features(order_files(folder), KEYRING, config, catalogue=catalogue)


@pytest.fixture(scope="module")
def feed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """Part of the sample, its lines shuffled over three files, one of them compressed, some of them twice."""
    folder = tmp_path_factory.mktemp("feed")
    lines = [line for path in sorted(sample.iterdir()) for line in path.read_bytes().splitlines()][:1800]
    rng = random.Random(11)
    lines += [line.replace(b'"quantity":1', b'"quantity":3') for line in rng.sample(lines, 90)]
    rng.shuffle(lines)
    for number, name in enumerate(("b.ndjson", "a.ndjson.gz", "c.ndjson")):
        data = b"\n".join(lines[number::3]) + b"\n"
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return Feed(folder, table_of(folder))


def settings_of(folder: Path, out: Path, version_dir: Path | None = None, jobs: int = 1) -> Settings:
    return Settings(data=folder, out=out, config=read_config(), keyring=KEYRING, version_dir=version_dir, jobs=jobs)


def made(settings: Settings, limits: Limits = SMALL) -> BackfillManifest:
    paths, code, version = order_files(settings.data), source(), settings.version_dir
    hashes = [sha256(path) for path in paths]
    request = request_of(settings, hashes, code, sha256(version / "manifest.json") if version else None)
    with work_folder(settings.out, request) as work:
        return run(settings, request, code, paths, work, limits)


def test_features_in_pieces_are_those_of_memory_to_the_bit(feed: Feed, tmp_path: Path) -> None:
    manifest = made(settings_of(feed.folder, tmp_path / "out", jobs=2))
    rows, table = pq.read_table(tmp_path / "out" / "features"), feed.table
    assert rows["order"].to_pylist() == table.order_tokens
    assert rows["created_at"].to_numpy().tobytes() == table.created_at.tobytes()
    assert np.stack([rows[name].to_numpy() for name in manifest.feature_names], 1).tobytes() == table.X.tobytes()
    assert (rows["told"].to_numpy() == table.told).all()
    assert manifest.report == table.report and manifest.report.duplicates > 80 and manifest.report.quarantined
    assert manifest.data_files == table.data_files
    assert manifest.first == table.first and manifest.orders == len(table.X)
    catalogues = tmp_path / "out" / "catalogues"
    assert written_catalogue(catalogues, len(manifest.starts)) == table.catalogue
    places = rows["catalogue"].to_numpy()
    for row in range(0, len(places), 50):
        assert written_catalogue(catalogues, int(places[row])) == table.catalogue_of(row)
    ends = np.array(manifest.catalogue_ends)
    ages = np.maximum(table.created_at - ends[places], 0.0) / 86_400.0
    assert (ages == table.catalogue_ages()).all()


def test_what_a_store_would_hold_is_what_it_holds_after_the_orders_one_by_one(feed: Feed, tmp_path: Path) -> None:
    manifest = made(settings_of(feed.folder, tmp_path / "out"))
    chunks = masked_orders(order_files(feed.folder), KEYRING, free_text=False, doubt=known_articles([]))
    expected = records_after(chunks, feed.table.order_tokens)
    found = list(read_entries(tmp_path / "out" / "histories"))
    assert [entry.key for entry in found] == sorted(expected)
    assert all(expected[entry.key] == entry.record for entry in found)
    assert manifest.seed.records == len(found)


def test_scores_are_the_versions_and_flip_no_decision(feed: Feed, tmp_path: Path, models: Path) -> None:
    (version,) = (path for path in models.iterdir() if path.is_dir())
    manifest = made(settings_of(feed.folder, tmp_path / "out", version))
    scorer = Scorer.load(version)
    table = table_of(feed.folder, catalogue=scorer.catalogue)
    scores = scorer.score(table.X)
    rows = pq.read_table(tmp_path / "out" / "scores")
    assert (rows["anomaly"].to_numpy() == (scores.score >= scorer.threshold)).all()
    assert np.abs(rows["score"].to_numpy() - scores.score).max() < 1e-12
    assert manifest.anomalies == int((scores.score >= scorer.threshold).sum()) > 0
    assert not (tmp_path / "out" / "catalogues").exists()
    days = days_spanned(table.created_at)
    expected = compare_rows(scorer.drift_reference, table.X, scores.score, table.told, days)
    assert msgspec.json.decode((tmp_path / "out" / "drift.json").read_bytes(), type=DriftReport) == expected


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def killed_at(settings: Settings, point: int) -> int:
    """Make the output in a process that is killed when it is about to give a file its name for the `point`-th time; the
    signal that ended it.
    """
    child = os.fork()
    if not child:
        replace, left = Path.replace, [point]

        def counted(self: Path, target: Path) -> Path:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(self, target)

        Path.replace = counted  # type: ignore[method-assign,assignment]
        made(settings)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_killed_midway_and_begun_again_it_writes_the_same_bytes(feed: Feed, tmp_path: Path) -> None:
    made(settings_of(feed.folder, tmp_path / "straight"))
    whole, again = tree(tmp_path / "straight"), tmp_path / "again"
    assert "manifest.json" in whole and not (tmp_path / "straight" / ".part").exists()
    files = len(whole)
    # Where bad lines are about to be put in place, among days that are written, and among files that are put in place.
    for point in (2, 8 + files // 2, files // 2):
        assert killed_at(settings_of(feed.folder, again), point) == -signal.SIGKILL
        assert not (again / "manifest.json").exists()
        raw = b"".join(tree(again).values())
        assert b"@example" not in raw and b"Mozilla" not in raw
    made(settings_of(feed.folder, again))
    assert tree(again) == whole


def test_a_token_with_more_orders_than_a_slice_takes_is_gone_through_as_a_store_would(tmp_path: Path) -> None:
    folder, start = tmp_path / "in", datetime(2026, 3, 2, tzinfo=UTC)
    folder.mkdir()
    rng = random.Random(5)
    at, lines = 0.0, []
    for number in range(400):
        # Among minutes and hours, silences after which an entity starts over, and after two of them a customer.
        at += rng.choices([20, 600, 40_000, 86_400 * 95], [20, 4, 2, 1])[0]
        who = number % 41 if number % 3 else 0
        order = {
            "order_id": f"o{number}",
            "created_at": (start + timedelta(seconds=at)).isoformat(),
            "customer": {"id": f"c{who}", "email": f"m{who}@example.com"},
            "currency": rng.choice(["EUR", "EUR", "USD"]),
            "items": [{"sku": f"s{number % 11}", "quantity": 1 + number % 2, "unit_price": 5.0 + number % 9}],
            "payment": {"method": "card", "fingerprint": f"f{number % 5}"},
            "device": {"id": f"d{number % 2}", "ip": "203.0.113.7"},
            "shipping_address": {"name": f"n{who}", "street": f"s{number % 3}", "country": "DE"},
        }
        lines.append(json.dumps(order))
    (folder / "orders.ndjson").write_text("\n".join(lines) + "\n")
    manifest = made(settings_of(folder, tmp_path / "out"), Limits(spilled=30, orders=12, ids=50))
    table, rows = table_of(folder), pq.read_table(tmp_path / "out" / "features")
    assert np.stack([rows[name].to_numpy() for name in manifest.feature_names], 1).tobytes() == table.X.tobytes()
    shared = [table.X[:, manifest.feature_names.index(f"{name}_others")] for name in ("device", "payment")]
    assert all((column > 0).any() for column in shared)
    expected = records_after(masked_orders(order_files(folder), KEYRING, free_text=False), table.order_tokens)
    assert {entry.key: entry.record for entry in read_entries(tmp_path / "out" / "histories")} == expected


def test_orders_after_a_moment_are_left_out_as_if_they_were_not_there(feed: Feed, tmp_path: Path) -> None:
    at = float(feed.table.created_at[900])
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    lines = gzip.decompress((feed.folder / "a.ndjson.gz").read_bytes()).splitlines()
    for name in ("b.ndjson", "c.ndjson"):
        lines += (feed.folder / name).read_bytes().splitlines()
    (earlier / "a.ndjson").write_bytes(b"\n".join(line for line in lines if placed(line) <= at) + b"\n")
    manifest = made(replace(settings_of(feed.folder, tmp_path / "out"), at=at))
    table, rows = table_of(earlier), pq.read_table(tmp_path / "out" / "features")
    assert rows["order"].to_pylist() == table.order_tokens
    assert np.stack([rows[name].to_numpy() for name in manifest.feature_names], 1).tobytes() == table.X.tobytes()
    assert manifest.later > 800 and manifest.last_order <= at
    assert written_catalogue(tmp_path / "out" / "catalogues", len(manifest.starts)) == table.catalogue


def placed(line: bytes) -> float:
    try:
        order = read_line(line).order
    except OrderError:
        return 0.0
    return order.created_at.timestamp() if order else 0.0


def backfill(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code, printed, said = command(capsys, "backfill", "--jobs", "1", *arguments)
    return code, str(printed), said


@pytest.mark.usefixtures("key_in_environment")
def test_the_command_says_what_it_did_and_never_touches_what_it_did_not_make(
    feed: Feed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, printed, _ = backfill(capsys, "--in", feed.folder, "--out", out)
    assert code == 0 and printed.startswith(f"made: {out}\n") and "next: " in printed
    whole = tree(out)
    code, printed, _ = backfill(capsys, "--in", feed.folder, "--out", out)
    assert code == 0 and printed.startswith("nothing to do")
    code, _, said = backfill(capsys, "--in", feed.folder / "b.ndjson", "--out", out)
    assert code == 2 and "of other order files" in said and "OUT=" in said
    code, _, said = backfill(capsys, "--in", feed.folder, "--out", out, "--at", "2026-03-09")
    assert code == 2 and "until another moment" in said
    assert tree(out) == whole
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    code, _, said = backfill(capsys, "--in", feed.folder, "--out", tmp_path / "mine")
    assert code == 2 and "holds something else" in said


@pytest.mark.usefixtures("key_in_environment")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "OUT="),
        (("--out", "x", "--runner", "spark"), "local, direct, dataflow"),
        (("--out", "x", "--at", "yesterday"), "2026-03-01"),
        (("--out", "x", "--model", "v0"), "v0"),
    ],
)
def test_a_backfill_that_can_not_be_run_is_told_the_way_out(
    arguments: tuple[str, ...], told: str, feed: Feed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = backfill(capsys, "--in", feed.folder, "--models", tmp_path, *arguments)
    assert code == 2 and told in said


@pytest.mark.usefixtures("key_in_environment")
def test_too_many_bad_lines_stop_it_and_are_there_to_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "orders.ndjson").write_text("{broken\n" * 3)
    code, _, said = backfill(capsys, "--in", tmp_path / "orders.ndjson", "--out", tmp_path / "out")
    assert code == 2 and "can't be used" in said
    assert len((tmp_path / "out" / "bad-lines.ndjson").read_bytes().splitlines()) == 3
    (tmp_path / "orders.ndjson").write_text(json.dumps(ORDER) + "\n")
    code, printed, _ = backfill(capsys, "--in", tmp_path / "orders.ndjson", "--out", tmp_path / "out")
    assert code == 0 and printed.startswith("made")
    assert not (tmp_path / "out" / "bad-lines.ndjson").exists()


def test_two_at_once_do_not_work_in_one_folder(feed: Feed, tmp_path: Path) -> None:
    settings = settings_of(feed.folder, tmp_path / "out")
    request = request_of(settings, [], source(), None)
    with work_folder(settings.out, request), pytest.raises(BackfillError, match="at work here"):
        made(settings)


@given(st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), max_size=9), min_size=1, max_size=5))
def test_what_is_remembered_of_parts_adds_up_to_what_is_remembered_of_all(parts: list[list[tuple[int, int]]]) -> None:
    together, merged = (Remembered(5, 3, ("value",)) for _ in range(2))
    window, merged_window = Window(4), Window(4)
    for part in parts:
        codes, values = np.array([code for code, _ in part], np.int64), np.array([value for _, value in part], float)
        own, own_window = Remembered(5, 3, ("value",)), Window(4)
        own.add(codes, value=values)
        own_window.add(values)
        merged.merge(own)
        merged_window.merge(own_window)
    every = [pair for part in parts for pair in part]
    together.add(np.array([code for code, _ in every], np.int64), value=np.array([value for _, value in every], float))
    window.add(np.array([value for _, value in every], float))
    assert merged_window.values.tolist() == window.values.tolist()
    for one in (merged, together):
        first, end = one.ranges()
        for code in range(5):
            expected = [value for number, value in every if number == code]
            assert one.values["value"][first[code] : end[code]].tolist() == expected[-3:]
            assert one.counts()[code] == len(expected)
