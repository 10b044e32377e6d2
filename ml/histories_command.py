"""The command `histories`: past cases of a version, made from raw orders under the key that is at hand."""

import argparse
import os
import sys

from ml import registry
from ml.commands import chosen, output
from ml.config import read_config
from ml.histories import write_histories
from ml.job import Job, prepare
from orderguard.masking import Keyring


def histories(options: argparse.Namespace) -> int:
    """Read the orders, and write what belongs to the key's owner into the folder of histories."""
    version = chosen(options)
    folder = registry.known(options.models, version)
    job = Job(
        data=options.data,
        models=options.models,
        config=read_config(options.config),
        keyring=Keyring.from_environment(os.environ),
        quarantine=options.quarantine,
        jobs=max(1, options.jobs),
        progress=not options.json and sys.stderr.isatty(),
        say=lambda line: None if options.json else print(line, file=sys.stderr, flush=True),
    )
    paths, table, _ = prepare(job)
    written = write_histories(options.histories, folder, table, paths, job.keyring)
    lines = [
        f"{written.cases:,} past cases of version {version} under key {job.keyring.fingerprint} → {written.cases_file}"
    ]
    output(options, lines, {"version": version, "key": job.keyring.fingerprint, "cases": written.cases})
    return 0
