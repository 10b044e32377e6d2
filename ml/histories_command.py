"""The command `histories`: past cases of a version, and the seed of a store, made from raw orders under the key that is
at hand.
"""

import argparse
import os
import sys
import time

from ml import registry
from ml.commands import chosen, output
from ml.config import read_config
from ml.histories import Written, made_already, write_histories
from ml.job import Job, prepare
from ml.order_files import ReadingError, numbered
from ml.reading import order_files
from orderguard.masking import Keyring
from orderguard.model_version import DataFile, sha256


def histories(options: argparse.Namespace) -> int:
    """Read the orders, and write what belongs to the key's owner into the folder of histories. Where there are no
    orders there is nothing to make.
    """
    version, keyring = chosen(options), Keyring.from_environment(os.environ)
    folder = registry.known(options.models, version)
    try:
        paths = order_files(options.data)
    except ReadingError:
        line = "no order files, so there is nothing to make histories of: put some there, then make seed-histories"
        output(options, [line], {"version": version, "key": keyring.fingerprint, "cases": 0, "orders": 0})
        return 0
    files = [
        DataFile(position=file.position, token=file.token, sha256=sha256(file.path), orders=0)
        for file in numbered(paths, keyring)
    ]
    config = read_config(options.config)
    done = made_already(options.histories, version, files, keyring, config.input.feed)
    if done is None:
        job = Job(
            data=options.data,
            models=options.models,
            config=config,
            keyring=keyring,
            histories=options.histories,
            quarantine=options.quarantine,
            jobs=max(1, options.jobs),
            progress=not options.json and sys.stderr.isatty(),
            say=lambda line: None if options.json else print(line, file=sys.stderr, flush=True),
        )
        _, table, _ = prepare(job)
        done = write_histories(options.histories, folder, table, paths, keyring)
    output(options, told(options, version, done), facts(version, done))
    return 0


def told(options: argparse.Namespace, version: str, done: Written) -> list[str]:
    """What there is now, in words."""
    seed = done.seed
    until = time.strftime("%Y-%m-%d", time.gmtime(seed.last_order))
    return [
        f"{'made' if done.new else 'already there, made of these orders'}, under key {seed.key}: {options.histories}",
        f"  {done.cases:,} past cases of version {version}",
        f"  a seed of {seed.records:,} records: what a store would know after {seed.orders:,} orders, until {until}",
    ]


def facts(version: str, done: Written) -> dict[str, object]:
    """The same for machines."""
    return {
        "version": version,
        "key": done.seed.key,
        "cases": done.cases,
        "orders": done.seed.orders,
        "records": done.seed.records,
        "new": done.new,
    }
