"""The tables that come out: their columns, and files of them that are the same bytes each time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from orderguard.features import FEATURE_NAMES
from orderguard.scorer import Scores

ROWS_A_GROUP = 2**16
"""Rows of a row group, but for a file's last one: where groups end depends on the rows alone."""
FILE = "part-0.parquet"

_OWN = [("order", pa.string()), ("created_at", pa.float64())]
FEATURES_SCHEMA = pa.schema(
    [*_OWN, ("told", pa.int64()), ("catalogue", pa.int32()), *((name, pa.float32()) for name in FEATURE_NAMES)]
)
"""`order` is the pseudonym, `created_at` in epoch seconds, `told` the bits of `orderguard.presence`, `catalogue` the
number of the one that the order is compared with."""
SCORES_SCHEMA = pa.schema(
    [*_OWN, *((name, pa.float64()) for name in ("score", "forest", "guard")), ("anomaly", pa.bool_())]
)
"""What the version said: `anomaly` is true where the score reaches its threshold."""


def feature_batch(
    tokens: Sequence[str],
    created_at: NDArray[np.float64],
    told: NDArray[np.int64],
    catalogue: NDArray[np.int64],
    features: NDArray[np.float32],
) -> pa.RecordBatch:
    """Rows of `FEATURES_SCHEMA`; `features` are (n, d)."""
    columns = (np.ascontiguousarray(column) for column in features.T)
    arrays = [pa.array(tokens), pa.array(created_at), pa.array(told), pa.array(catalogue.astype(np.int32))]
    return pa.record_batch([*arrays, *map(pa.array, columns)], schema=FEATURES_SCHEMA)


def score_batch(
    tokens: Sequence[str], created_at: NDArray[np.float64], scores: Scores, threshold: float
) -> pa.RecordBatch:
    """Rows of `SCORES_SCHEMA`."""
    arrays = [pa.array(tokens), pa.array(created_at), *map(pa.array, scores), pa.array(scores.score >= threshold)]
    return pa.record_batch(arrays, schema=SCORES_SCHEMA)


def date_of(created_at: float) -> str:
    """The day in UTC, as folders of the output are named after it."""
    return datetime.fromtimestamp(created_at, UTC).date().isoformat()


def days_of(created_at: NDArray[np.float64]) -> Iterator[tuple[str, slice]]:
    """The days of rows in time order, each with where its rows stand."""
    days = created_at // 86_400.0
    starts = np.flatnonzero(np.diff(days, prepend=np.nan) != 0)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(days)], strict=True):
        yield date_of(float(created_at[start])), slice(start, end)


def write_rows(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write a Parquet file, whole or not at all; how many rows it has. However batches are cut, equal rows give equal
    bytes.
    """
    aside = path.with_name(f".{path.name}.part")
    with pq.ParquetWriter(aside, schema, compression="zstd", compression_level=1) as file:
        written = 0
        for group in _groups(schema, batches):
            file.write_table(group, row_group_size=ROWS_A_GROUP)
            written += len(group)
    aside.replace(path)
    return written


def _groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += len(batch)
        if count >= ROWS_A_GROUP:
            table = pa.Table.from_batches(held, schema)
            whole = count // ROWS_A_GROUP * ROWS_A_GROUP
            yield table.slice(0, whole).combine_chunks()
            held, count = table.slice(whole).to_batches(), count - whole
    if count:
        yield pa.Table.from_batches(held, schema).combine_chunks()
