"""Print the pipeline's graph: `python -m ml.backfill.beam`, or with `features` that of a backfill without a model."""

import sys

import apache_beam as beam

from ml.backfill.beam.graph import graph
from ml.backfill.beam.job import Job
from ml.backfill.beam.pipeline import build
from ml.backfill.manifest import FEATURES, Request
from ml.config import DEFAULT, read_config
from ml.lineage import Source


def main() -> None:
    """Print it."""
    pipeline = beam.Pipeline()
    build(pipeline, job(None if FEATURES in sys.argv[1:] else "version"))
    print(graph(pipeline), end="\n\n")


def job(version: str | None = "version") -> Job:
    """What a pipeline is shown with."""
    config = read_config(DEFAULT)
    request = Request(
        inputs=[],
        key="",
        version=version,
        version_sha256=None,
        at=None,
        input=config.input,
        catalogue=None if version else config.catalogue,
        code_sha256="",
        lock_sha256=None,
    )
    code = Source(commit=None, tag=None, dirty=False, code_sha256="", lock_sha256=None)
    files = ("orders.ndjson",)
    return Job(files, key="", request=request, code=code, version=version, parts=1, work="out/.part", out="out")


if __name__ == "__main__":
    main()
