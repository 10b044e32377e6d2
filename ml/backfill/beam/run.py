"""The backfill as a pipeline: on this machine's cores, or on Dataflow."""

import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import apache_beam as beam
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from ml.backfill.beam.job import Job
from ml.backfill.beam.learning import LESSONS
from ml.backfill.beam.pasts import SEEDS
from ml.backfill.beam.pipeline import build
from ml.backfill.beam.writing import REFUSED
from ml.backfill.local.limits import Limits
from ml.backfill.manifest import BackfillManifest, Request, read_manifest
from ml.backfill.output import RESULT
from ml.backfill.settings import BackfillError, Settings
from ml.lineage import Source
from ml.order_files import ReadingError
from ml.quarantine import TooManyBadLines

BYTES_AN_ORDER = 512
"""Of a file of orders: fewer than most have, so that parts are rather small."""
COMPRESSION = 8
"""By so much order files are smaller when they are compressed."""
_ERRORS = {error.__name__: error for error in (ReadingError, TooManyBadLines)}


def run(settings: Settings, request: Request, code: Source, paths: Sequence[Path], work: Path) -> BackfillManifest:
    """Make the output of these order files with `settings.jobs` worker processes of Beam's direct runner.

    Raises `ReadingError` where no order is left, and `TooManyBadLines`.
    """
    for name in (RESULT, SEEDS, LESSONS):  # of a run that was killed
        shutil.rmtree(work / name, ignore_errors=True)
    refused = work / REFUSED
    refused.unlink(missing_ok=True)
    job = Job(
        files=tuple(str(path.absolute()) for path in paths),
        key="",
        request=request,
        code=code,
        version=str(settings.version_dir.absolute()) if settings.version_dir else None,
        parts=parts_for(((path.name, path.stat().st_size) for path in paths), settings.jobs),
        work=str(work.absolute()),
        out=str(settings.out.absolute()),
    )
    mode = "multi_processing" if settings.jobs > 1 else "in_memory"
    options = PipelineOptions([f"--direct_running_mode={mode}", f"--direct_num_workers={settings.jobs}"])
    # Beam warns of what it lacks on one machine; what goes wrong is raised.
    logging.getLogger().setLevel(logging.ERROR)
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
    build(pipeline, job)
    try:
        pipeline.run().wait_until_finish()
    except Exception:
        if refused.exists():
            kind, message = msgspec.json.decode(refused.read_bytes(), type=tuple[str, str])
            raise _ERRORS.get(kind, BackfillError)(message) from None
        raise
    return read_manifest(settings.out)


def parts_for(files: Iterable[tuple[str, int]], workers: int = 1) -> int:
    """Over how many parts customers, and entities of each kind, are spread, for order files of these names and sizes in
    bytes.
    """
    size = sum(size * COMPRESSION if name.endswith(".gz") else size for name, size in files)
    return max(2 * workers, Limits().parts(size // BYTES_AN_ORDER))
