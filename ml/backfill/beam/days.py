"""The orders of a day with all that is known of them: features, scores, and the file that they go to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import apache_beam as beam
import msgspec
import numpy as np

from ml.article_evidence import settled
from ml.backfill.beam.files import inside, opened_at, written_to
from ml.backfill.beam.job import Job
from ml.backfill.beam.model import Model
from ml.backfill.beam.pieces import Company, Piece, Records, Rows, counting, joined
from ml.backfill.beam.secret import keyring, unsealed
from ml.backfill.beam.usual import Usual
from ml.backfill.drift import DriftCounts
from ml.backfill.local.catalogues import FOLDER
from ml.backfill.local.partitions import OWN_SHARED, PAST
from ml.backfill.manifest import FEATURES, SCORES, Written
from ml.backfill.output import RESULT
from ml.backfill.rows import FEATURES_SCHEMA, FILE, SCORES_SCHEMA, date_of, feature_batch, score_batch, write_rows
from orderguard.catalogue import Catalogue
from orderguard.features.columns import Columns, Floats, Indices, taken
from orderguard.features.looked_up import looked_up
from orderguard.features.table import FEATURES as FORMULAS
from orderguard.features.vector import column_features
from orderguard.history import ENTITIES
from orderguard.masking import Keyring
from orderguard.model_version import sha256
from orderguard.scorer import Scores

ROWS_AT_ONCE = 2**15
"""What so many rows take fits into a processor's cache."""


class Day(NamedTuple):
    """A day's file, and with a version how many of its orders that flags, and what drift is told by."""

    written: Written
    anomalies: int
    drift: DriftCounts | None


class ComputeFeatures(beam.DoFn):
    """The orders of a day, what was known of their customers and whose company they met, to their features."""

    def __init__(self, job: Job, model: Model | None) -> None:
        self._job, self._model = job, model

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)
        self._catalogue = lru_cache(1)(self._read_catalogue)

    def _read_catalogue(self, number: int) -> Catalogue:
        if self._model:
            return self._model.loaded().catalogue
        place = inside(self._job.work, RESULT, FOLDER, f"{number:04}.json")
        with opened_at(place) as file:
            return catalogue_in(file.read())

    def process(self, group: tuple[int, Mapping[str, Iterable[Any]]], usual: Usual) -> Iterator[Rows]:
        values = group[1]
        piece = orders_of_day(values["orders"], values["out"])
        if piece is None:
            return
        at, place = piece.columns.numbers["at"], piece.place
        columns = settled_columns(piece.columns, self._keyring, usual.articles)
        by_place = np.argsort(place)
        past = past_at(place[by_place], by_place, values["past"])
        shared = {name: past.pop(name) for name in OWN_SHARED}
        shared |= company_at(place[by_place], by_place, values["company"])
        catalogue = usual.catalogue_of(at, place)
        features = np.empty((len(place), len(FORMULAS)), dtype=np.float32)
        for start, end in stretches(catalogue, ROWS_AT_ONCE):
            rows = np.arange(start, end)
            some = columns if len(rows) == len(place) else taken(columns, rows)
            features[rows] = column_features(
                some,
                looked_up(some, self._catalogue(int(catalogue[start]))),
                {name: column[rows] for name, column in shared.items()},
                past={name: column[rows] for name, column in past.items()},
            )
        yield Rows(at, piece.digests, columns.told, catalogue, features)


def orders_of_day(pieces: Iterable[Piece], out: Iterable[Indices]) -> Piece | None:
    """The orders of a day that count, in turn; None where none does."""
    found = list(pieces)
    if not found:
        return None
    piece = joined(found)
    rows = counting(piece.columns.numbers["at"], piece.place, out)
    return piece.taken(rows) if len(rows) else None


def settled_columns(columns: Columns, known: Keyring, articles: Iterable[str]) -> Columns:
    """The columns with their codes opened, and those that were undecided decided."""
    columns = replace(columns, skus=unsealed(columns.skus, known), categories=unsealed(columns.categories, known))
    return settled(columns, articles)[0]


def catalogue_in(data: bytes) -> Catalogue:
    """A catalogue that was learnt."""
    return msgspec.json.decode(data, type=Catalogue)


def past_at(ascending: Indices, by_place: Indices, pieces: Iterable[Records]) -> dict[str, Floats]:
    """By name what was known of the customers of orders (n,): that at row `by_place[i]` is at place `ascending[i]`."""
    facts = np.concatenate(list(pieces))
    facts = facts[np.argsort(facts["place"])]
    known = facts["place"].astype(np.int64)
    assert np.array_equal(known, ascending), f"of {len(ascending)} orders of a day {len(known)} have a customer's past"
    back = np.empty(len(by_place), dtype=np.int64)
    back[by_place] = np.arange(len(by_place))
    return {name: np.ascontiguousarray(facts[name][back]) for name in (*PAST, *OWN_SHARED)}


def company_at(ascending: Indices, by_place: Indices, met: Iterable[Company]) -> dict[str, Floats]:
    """By name the company that orders (n,) meet."""
    facts = {name: np.zeros(len(by_place)) for name in ENTITIES}
    for company in met:
        facts[company.kind][by_place[np.searchsorted(ascending, company.place)]] = company.value
    return {f"{name}_company": values for name, values in facts.items()}


def stretches(numbers: Indices, most: int) -> Iterator[tuple[int, int]]:
    """Where equal numbers stand together, at most so many at a time."""
    ends = [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        for start in range(begin, end, most):
            yield start, min(start + most, end)


class WriteDay(beam.DoFn):
    """The rows of a day to its file."""

    def __init__(self, job: Job, model: Model | None) -> None:
        self._job, self._model = job, model

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)
        self._threshold = self._model.loaded().threshold if self._model else 0.0

    def process(self, rows: Rows) -> Iterator[Day]:
        kind, schema = (SCORES, SCORES_SCHEMA) if rows.scores else (FEATURES, FEATURES_SCHEMA)
        name = f"{kind}/date={date_of(float(rows.at[0]))}/{FILE}"
        with written_to(inside(self._job.work, RESULT, name)) as path:
            count = write_rows(path, schema, self._batches(rows))
            digest = sha256(path)
        flagged = int(np.count_nonzero(rows.scores.score >= self._threshold)) if rows.scores else 0
        yield Day(Written(path=name, sha256=digest, rows=count), flagged, rows.drift)

    def _batches(self, rows: Rows) -> Iterator[Any]:
        for start in range(0, len(rows.at), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            tokens = self._keyring.written("order", rows.digests[some].tobytes())
            if rows.scores:
                scores = Scores(*(column[some] for column in rows.scores))
                yield score_batch(tokens, rows.at[some], scores, self._threshold)
            else:
                yield feature_batch(tokens, rows.at[some], rows.told[some], rows.catalogue[some], rows.features[some])
