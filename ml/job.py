"""What to train, and its first step: orders read, set apart, masked and turned into features.

Kept apart from the rest of training, which takes seconds to import: what is wrong with the orders is said before.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from ml.config import Config
from ml.feature_engineering import FeatureConfig, FeatureTable, build_features, workers_for
from ml.reading import order_files
from orderguard.masking import Keyring

Say = Callable[[str], None]
HISTORIES = "histories"
"""The folder in a backfill's output that holds the seed."""


@dataclass(frozen=True)
class Job:
    """What to train, from what, and where to. `version` overrides the name that lineage gives; `jobs` is the most
    processor cores to use.

    `histories` is the folder for what belongs to the key's owner: the version's past cases, and what the store of
    histories would hold after these orders; None: nothing of that is made. With `run_key` the key is made for this run
    alone: what depends on it would be of no use to anybody, and is made nowhere. `outcomes` is the file of what former
    orders turned out to be. `features` is a backfill of these orders, whose features are taken instead of computing
    them.
    """

    data: Path
    models: Path
    config: Config
    keyring: Keyring
    histories: Path | None = None
    run_key: bool = False
    version: str | None = None
    outcomes: Path | None = None
    features: Path | None = None
    quarantine: Path | None = None
    jobs: int = 1
    progress: bool = False
    say: Say = field(default=lambda line: None)


@contextmanager
def timed(step: str, seconds: dict[str, float], say: Say) -> Iterator[None]:
    """Say what is being done, and keep how long it took."""
    say(f"{step} …")
    start = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - start, 3)


class Prepared(NamedTuple):
    """The order files, what became of them, and how many seconds that took."""

    paths: list[Path]
    table: FeatureTable
    seconds: float


def prepare(job: Job) -> Prepared:
    """Read, quarantine, mask and compute the features of all orders under `job.data`."""
    seconds: dict[str, float] = {}
    with timed("prepare", seconds, job.say):
        paths = order_files(job.data)
        if job.features:
            # Parquet is not wanted by those that read order files.
            read_table = import_module("ml.backfill.table").read_table
            table = read_table(job.features, paths, job.keyring, job.config, progress=job.progress)
        else:
            table = build_features(paths, job.keyring, _feature_config(job, paths))
    return Prepared(paths, table, seconds["prepare"])


def _feature_config(job: Job, paths: list[Path]) -> FeatureConfig:
    size = sum(path.stat().st_size for path in paths)
    return FeatureConfig(
        refresh_days=job.config.catalogue.refresh_days,
        warm_up=job.config.catalogue.warm_up,
        earliest=job.config.input.earliest,
        maximum_gap_days=job.config.input.maximum_gap_days,
        bad_line_ceiling=job.config.input.maximum_bad_share,
        quarantine=job.quarantine,
        feed=job.config.input.feed,
        workers=min(job.jobs, workers_for(size, 0)),
        progress=job.progress,
    )
