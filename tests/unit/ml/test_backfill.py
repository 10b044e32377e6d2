"""A backfill: in pieces what memory holds at once, to the bit; killed and begun again the same bytes; nothing
overwritten.
"""

import gzip
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml.backfill.local.catalogues import written_catalogue
from ml.backfill.local.limits import Limits
from ml.backfill.local.run import run
from ml.backfill.manifest import BackfillManifest, request_of
from ml.backfill.output import work_folder
from ml.backfill.settings import Settings
from ml.config import read_config
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features
from ml.histories import records_after
from ml.lineage import source
from ml.reading import masked_orders, order_files
from orderguard.catalogue import Catalogue
from orderguard.history.seed import read_entries
from orderguard.masking import Keyring, new_key_text
from orderguard.masking.codes import known_articles
from orderguard.model_version import sha256
from orderguard.scorer import Scorer

SMALL = Limits(spilled=500, orders=400, ids=600, compressed=1)
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
    scores = scorer.score(table_of(feed.folder, catalogue=scorer.catalogue).X)
    rows = pq.read_table(tmp_path / "out" / "scores")
    assert (rows["anomaly"].to_numpy() == (scores.score >= scorer.threshold)).all()
    assert np.abs(rows["score"].to_numpy() - scores.score).max() < 1e-12
    assert manifest.anomalies == int((scores.score >= scorer.threshold).sum()) > 0
    assert not (tmp_path / "out" / "catalogues").exists()
