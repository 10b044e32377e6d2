"""A backfill's features as training takes them: all of them, or a sample of those that are too many.

What is drawn depends on the rows' numbers and the seed alone: each row has a number of its own by chance, and the rows
with the lowest are taken (a reservoir whose parts merge, "bottom-k"). So however a backfill was made, and however its
files are read, the same rows are drawn.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tqdm import tqdm

from ml.backfill.local.catalogues import FOLDER, written_catalogue
from ml.backfill.manifest import FEATURES, BackfillManifest, read_manifest
from ml.backfill.settings import BackfillError
from ml.config import Config
from ml.feature_engineering import FeatureTable
from ml.lineage import source
from ml.slices import slices
from ml.tails import Tails
from orderguard.catalogue import Catalogue
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.masking import Keyring
from orderguard.model_version import sha256

_CHUNK = 2**20
_DAY = 86_400.0


class WrittenCatalogues:
    """The catalogues of rows, as a backfill wrote them. `numbers` (n,) are the rows' catalogues, `ages` (n,) how old
    they were, in days.
    """

    def __init__(self, out: Path, numbers: NDArray[np.int64], ages: NDArray[np.float64]) -> None:
        self._numbers, self._ages = numbers, ages
        self._read = lru_cache(maxsize=4)(lambda number: written_catalogue(out / FOLDER, number))

    def ages(self) -> NDArray[np.float64]:
        """How old each row's catalogue was, in days (n,)."""
        return self._ages

    def of_row(self, row: int) -> Catalogue:
        """The catalogue that the order at this row is compared with."""
        return self._read(int(self._numbers[row]))


def read_table(
    out: Path, paths: list[Path], keyring: Keyring, config: Config, *, progress: bool = False
) -> FeatureTable:
    """The features in a backfill's output of these order files.

    Raises `BackfillError` where they are of other orders, code or settings, and `TrainingError` for too few rows.
    """
    manifest = read_manifest(out)
    _check(manifest, out, paths, keyring, config)
    rows = np.arange(manifest.orders)
    tails = None
    first = manifest.first
    if manifest.orders > config.sample.rows:
        parts = slices(manifest.orders, config, first)
        rows = first + drawn(manifest.orders - first, config.sample.rows, config.sample.seed)
        tails, first = Tails(len(FEATURE_NAMES)), 0
        read = _Rows(rows, tails, parts.first, parts.reference)
    else:
        read = _Rows(rows)
    read.take(out, manifest, progress)
    ends = np.array(manifest.catalogue_ends)
    ages = np.maximum(read.created_at - ends[read.numbers], 0.0) / _DAY
    return FeatureTable(
        X=read.features,
        created_at=read.created_at,
        told=read.told,
        order_tokens=read.tokens,
        catalogue=written_catalogue(out / FOLDER, len(manifest.starts)),
        catalogues=WrittenCatalogues(out, read.numbers, ages),
        first=first,
        report=manifest.report,
        data_files=manifest.data_files,
        feed=config.input.feed,
        tails=tails,
    )


def _check(manifest: BackfillManifest, out: Path, paths: list[Path], keyring: Keyring, config: Config) -> None:
    request, problem = manifest.request, ""
    if manifest.kind != FEATURES or request.at is not None:
        problem = "holds no features of all orders: make them with `make backfill`, without MODEL and AT"
    elif manifest.feature_set_version != FEATURE_SET_VERSION or request.code_sha256 != source().code_sha256:
        problem = "was made by other code: make it again with `make backfill`, into an empty folder"
    elif request.key != keyring.fingerprint:
        problem = "was made under another masking key (MASKING_KEY_FILE names this one)"
    elif (request.input, request.catalogue) != (config.input, config.catalogue):
        problem = "was made with other settings of [input] or [catalogue]: name the same CONFIG"
    elif request.inputs != [sha256(path) for path in paths]:
        problem = "was made of other order files: name their folder with DATA=…"
    if problem:
        raise BackfillError(f"{out}: {problem}")


def drawn(count: int, wanted: int, seed: int) -> NDArray[np.int64]:
    """Which of `count` rows are drawn, ascending: `wanted` of them, or all where there are no more."""
    numbers, chosen = np.empty(0, np.uint64), np.empty(0, np.int64)
    for start in range(0, count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, count))
        numbers, chosen = np.append(numbers, _mixed(rows, seed)), np.append(chosen, rows)
        if len(chosen) > wanted:
            lowest = np.argpartition(numbers, wanted - 1)[:wanted]
            numbers, chosen = numbers[lowest], chosen[lowest]
    return np.sort(chosen)


def _mixed(rows: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """A number by chance for each row, no two alike: Steele, Lea and Flood's SplitMix (2014)."""
    with np.errstate(over="ignore"):
        z = (rows.astype(np.uint64) + np.uint64(seed << 32) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


class _Rows:
    """The wanted rows, ascending, of an output; and the tails of those from `begin` to `end`, if asked for."""

    def __init__(self, wanted: NDArray[np.int64], tails: Tails | None = None, begin: int = 0, end: int = 0) -> None:
        self._wanted, self._tails, self._begin, self._end = wanted, tails, begin, end
        self.features = np.empty((len(wanted), len(FEATURE_NAMES)), np.float32)
        self.created_at = np.empty(len(wanted))
        self.told, self.numbers = (np.empty(len(wanted), np.int64) for _ in range(2))
        self.tokens: list[str] = []

    def take(self, out: Path, manifest: BackfillManifest, progress: bool) -> None:
        """Read them. Raises `BackfillError` for a file that is not as the manifest says."""
        before = 0
        bar = tqdm(total=manifest.orders, desc="read features", unit="row", unit_scale=True, disable=not progress)
        with bar:
            for batch in _batches(out, manifest):
                self._take(batch, before)
                before += len(batch)
                bar.update(len(batch))
        if before != manifest.orders:
            raise BackfillError(f"{out}: holds {before:,} rows, and its manifest says {manifest.orders:,}")

    def _take(self, batch: pa.RecordBatch, before: int) -> None:
        begin, end = np.searchsorted(self._wanted, (before, before + len(batch)))
        inside = self._wanted[begin:end] - before
        columns = [batch.column(name).to_numpy() for name in FEATURE_NAMES]
        for place, column in enumerate(columns):
            self.features[begin:end, place] = column[inside]
        self.created_at[begin:end] = batch.column("created_at").to_numpy()[inside]
        self.told[begin:end] = batch.column("told").to_numpy()[inside]
        self.numbers[begin:end] = batch.column("catalogue").to_numpy()[inside]
        self.tokens += batch.column("order").take(inside).to_pylist()
        if self._tails is not None:
            counted = slice(max(self._begin - before, 0), max(self._end - before, 0))
            self._tails.add(np.stack([column[counted] for column in columns], axis=1))


def _batches(out: Path, manifest: BackfillManifest) -> Iterator[pa.RecordBatch]:
    """All rows, in time order: files are named by their days."""
    for file in sorted(file.path for file in manifest.files if file.rows is not None):
        try:
            with pq.ParquetFile(out / file) as table:
                yield from table.iter_batches()
        except (OSError, pa.ArrowInvalid) as error:
            raise BackfillError(f"{out / file}: can't be read: {error}") from None
