"""The last step: what is known of an order meets again in time order; features or scores are computed and written."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from ml.backfill.drift import DRIFT, DriftCounts, drift_report
from ml.backfill.local.catalogues import FOLDER, Blocks, written_catalogue
from ml.backfill.local.in_time import sorted_bucket
from ml.backfill.local.parallel import each
from ml.backfill.local.partitions import COMPANY, FACTS, OWN_SHARED, PAST, Known
from ml.backfill.local.records import columns_of_records, lines_of_orders
from ml.backfill.local.shuffle import Records, Shuffle
from ml.backfill.manifest import FEATURES, SCORES
from ml.backfill.output import RESULT, write_whole
from ml.backfill.scores import scores_of
from ml.backfill.rows import FEATURES_SCHEMA, FILE, SCORES_SCHEMA, days_of, feature_batch, score_batch, write_rows
from orderguard.catalogue import Catalogue
from orderguard.features.columns import Floats
from orderguard.features.looked_up import looked_up
from orderguard.features.table import FEATURES as FORMULAS
from orderguard.features.vector import column_features
from orderguard.history import ENTITIES
from orderguard.private_files import make_private_folder
from orderguard.scorer import Scorer, Scores


class Table(NamedTuple):
    """The orders of a bucket in time order, (n,) each, and their features (n, d)."""

    ids: bytes
    created_at: Floats
    told: NDArray[np.int64]
    catalogue: NDArray[np.int64]
    features: NDArray[np.float32]
    scores: Scores | None
    drift: DriftCounts | None


class Meeting:
    """Brings together what is known of the orders of a bucket. `facts` has what partitions found."""

    def __init__(self, known: Known, blocks: Blocks, facts: Path, work: Path) -> None:
        self._known, self._blocks = known, blocks
        self._offsets = known.routed.offsets()
        self._past = Shuffle(facts / "past", FACTS, known.routed.buckets)
        self._company = Shuffle(facts / "company", COMPANY, known.routed.buckets)
        self._catalogue = lru_cache(1)(self._read_catalogue)
        self._scorer = lru_cache(1)(self._read_scorer)
        self._catalogues = work / RESULT / FOLDER

    def _read_catalogue(self, number: int) -> Catalogue:
        version = self._known.settings.version_dir
        return Catalogue.read(version) if version else written_catalogue(self._catalogues, number)

    def _read_scorer(self) -> Scorer | None:
        version = self._known.settings.version_dir
        return Scorer.load(version) if version else None

    def table(self, bucket: int) -> Table:
        """The features of a bucket's orders."""
        orders, lines = sorted_bucket(self._known.source, bucket)
        shared, past = self._facts(bucket, len(orders))
        places = self._offsets[bucket] + np.arange(len(orders))
        catalogue = self._blocks.catalogue_of(places)
        begin = lines_of_orders(orders)
        features = np.empty((len(orders), len(FORMULAS)), dtype=np.float32)
        for start, end in _runs(catalogue):
            columns = columns_of_records(orders[start:end], lines[begin[start] : begin[end]], self._known.routed.codes)
            features[start:end] = column_features(
                columns,
                looked_up(columns, self._catalogue(int(catalogue[start]))),
                {name: values[start:end] for name, values in shared.items()},
                past={name: values[start:end] for name, values in past.items()},
            )
        scorer, told = self._scorer(), np.ascontiguousarray(orders["told"])
        scores = scores_of(scorer, features) if scorer else None
        return Table(
            ids=orders["id"].tobytes(),
            created_at=np.ascontiguousarray(orders["at"]),
            told=told,
            catalogue=catalogue,
            features=features if scorer is None else features[:0],
            scores=scores,
            drift=DriftCounts.of(scorer.drift_reference, features, scores.score, told) if scorer and scores else None,
        )

    def _facts(self, bucket: int, count: int) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """What partitions found of a bucket's orders: of entities and of own cards and addresses, and of customers."""
        company, past = self._company.read(bucket), self._past.read(bucket)
        shared = {name: np.zeros(count) for name in (*(f"{kind}_company" for kind in ENTITIES), *OWN_SHARED)}
        for number, kind in enumerate(ENTITIES):
            some = company[company["kind"] == number]
            shared[f"{kind}_company"][self._rows(some, bucket)] = some["company"]
        rows = self._rows(past, bucket)
        for name in OWN_SHARED:
            shared[name][rows] = past[name]
        found = {name: np.empty(count) for name in PAST}
        for name, values in found.items():
            values[rows] = past[name]
        return shared, found

    def _rows(self, records: Records, bucket: int) -> NDArray[np.int64]:
        rows: NDArray[np.int64] = records["place"].astype(np.int64) - self._offsets[bucket]
        return rows


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Where equal numbers stand together."""
    ends = [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    yield from zip([0, *ends[:-1]], ends, strict=True)


class Rows(msgspec.Struct):
    """How many rows each file has, and how many orders a version flags."""

    rows: dict[str, int]
    anomalies: int = 0


def write_all(known: Known, blocks: Blocks, facts: Path, work: Path) -> Rows:
    """Write the rows of all orders, a file for each day; with a version also how far its orders are from those that it
    was trained on.
    """
    settings = known.settings
    meeting = Meeting(known, blocks, facts, work)
    scorer = Scorer.load(settings.version_dir) if settings.version_dir else None
    kind, schema = (SCORES, SCORES_SCHEMA) if scorer else (FEATURES, FEATURES_SCHEMA)
    found, drift = Rows({}), list[DriftCounts]()
    span = [np.inf, -np.inf]
    with tqdm(total=known.routed.buckets, desc=kind, disable=not settings.progress) as bar:

        def batches() -> Iterator[tuple[str, pa.RecordBatch]]:
            for table in each(meeting.table, known.routed.buckets, settings.jobs, bar):
                if scorer and table.scores and table.drift:
                    found.anomalies += int((table.scores.score >= scorer.threshold).sum())
                    drift[:] = [drift[0] + table.drift if drift else table.drift]
                    span[:] = [min(span[0], *table.created_at[:1]), max(span[1], *table.created_at[-1:])]
                for day, some in days_of(table.created_at):
                    tokens = settings.keyring.written("order", table.ids[some.start * 16 : some.stop * 16])
                    yield day, _batch(table, some, tokens, scorer.threshold if scorer else 0.0)

        for day, some_batches in _by_day(batches()):
            path = work / RESULT / kind / f"date={day}" / FILE
            make_private_folder(path.parent)
            found.rows[path.relative_to(work / RESULT).as_posix()] = write_rows(path, schema, some_batches)
    if scorer:
        write_whole(work / RESULT / DRIFT, drift_report(scorer.drift_reference, drift, span[1] - span[0]))
    return found


def _batch(table: Table, some: slice, tokens: list[str], threshold: float) -> pa.RecordBatch:
    at = table.created_at[some]
    if table.scores is not None:
        return score_batch(tokens, at, Scores(*(part[some] for part in table.scores)), threshold)
    return feature_batch(tokens, at, table.told[some], table.catalogue[some], table.features[some])


def _by_day(batches: Iterator[tuple[str, pa.RecordBatch]]) -> Iterator[tuple[str, Iterator[pa.RecordBatch]]]:
    for day, group in groupby(batches, key=lambda pair: pair[0]):
        yield day, (batch for _, batch in group)
