"""The backfill on Dataflow, or whichever runner Beam is told of: places are in buckets, and workers read the key."""

import hashlib
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import apache_beam as beam

from apache_beam.options.pipeline_options import PipelineOptions

from ml.backfill.beam.files import exists, files_below, inside, opened_at
from ml.backfill.beam.job import Job
from ml.backfill.beam.pipeline import build
from ml.backfill.beam.run import parts_for
from ml.backfill.command import moment_of
from ml.backfill.manifest import Request
from ml.backfill.output import PART
from ml.backfill.settings import BackfillError
from ml.config import read_config
from ml.lineage import source
from ml.order_files import SUFFIXES
from orderguard.model_version import MANIFEST


class Asked(Protocol):
    """What is asked for: places, the full name of the masking key's version, and a moment, as in a template."""

    @property
    def data(self) -> str: ...
    @property
    def out(self) -> str: ...
    @property
    def masking_key(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def at(self) -> str: ...


def run(asked: Asked, options: Sequence[str]) -> int:
    """Start the pipeline with Beam's own options, and wait for it, but for Dataflow, which runs it by itself; the exit
    code.
    """
    try:
        job = job_of(asked)
    except BackfillError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    pipeline = beam.Pipeline(options=PipelineOptions(list(options)))
    build(pipeline, job)
    result = pipeline.run()
    if not any(option == "--runner=DataflowRunner" for option in options):
        result.wait_until_finish()
    print(f"begun: {len(job.files):,} order files to {asked.out}, where {MANIFEST} appears when all is written")
    return 0


def job_of(asked: Asked) -> Job:
    """What workers are told. Raises `BackfillError` where there are no orders, or an output is there already."""
    if exists(inside(asked.out, MANIFEST)):
        raise BackfillError(f"{asked.out}: a finished backfill is here. Name an empty folder, or remove this one")
    found = [(name, size) for name, size in files_below(asked.data) if name.endswith(SUFFIXES)]
    names = Counter(name.rpartition("/")[2] for name, _ in found)
    if not found:
        raise BackfillError(f"{asked.data}: no order files are here (*.ndjson, *.ndjson.gz)")
    if max(names.values()) > 1:
        raise BackfillError(f"{asked.data}: more than one order file is called the same. Rename them.")
    found.sort(key=lambda file: file[0].rpartition("/")[2])
    config, code, version = read_config(), source(), asked.model.rstrip("/")
    request = Request(
        inputs=[],
        key="",
        version=version.rpartition("/")[2] if version else None,
        version_sha256=_sha256(inside(version, MANIFEST)) if version else None,
        at=moment_of(asked.at),
        input=config.input,
        catalogue=None if version else config.catalogue,
        code_sha256=code.code_sha256,
        lock_sha256=code.lock_sha256,
    )
    return Job(
        files=tuple(inside(asked.data, name) for name, _ in found),
        key=asked.masking_key,
        request=request,
        code=code,
        version=version or None,
        parts=parts_for(found),
        # A folder of this run's own: what another one left is not mixed in.
        work=inside(asked.out, PART, uuid.uuid4().hex),
        out=asked.out.rstrip("/"),
    )


def _sha256(place: str) -> str:
    with opened_at(place) as file:
        return hashlib.sha256(file.read()).hexdigest()
