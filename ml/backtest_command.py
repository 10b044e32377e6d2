"""`python -m ml backtest`: what rules, or another threshold, would have made of the orders of the last days."""

import argparse
import os
import time
from pathlib import Path

import msgspec

from ml import registry
from ml.backtest import backtest as tried
from ml.backtest import past_of
from ml.backtest_report import html, lines
from ml.commands import chosen, output
from ml.job import prepare
from ml.labels import labels_of
from ml.training_commands import job_of
from orderguard.private_files import make_private_folder, open_private
from orderguard.rules import load_rules
from orderguard.scorer import Scorer


def backtest(options: argparse.Namespace) -> int:
    """Print the figures, and write them as a page."""
    started = time.perf_counter()
    job = job_of(options)
    rules = load_rules(options.rules, job.keyring.fingerprint)
    version = chosen(options)
    scorer = Scorer.load(registry.known(options.models, version))
    labels = labels_of(job.outcomes)
    prepared = prepare(job)
    past = past_of(prepared.table, prepared.paths, job.keyring, scorer, labels.newest, options.days)
    others = [] if options.threshold is None else [options.threshold]
    found = tried(past, rules, scorer.threshold, others)
    page: Path = options.out
    make_private_folder(page.parent)
    aside = page.with_name(f".{page.name}.{os.getpid()}.part")
    with open_private(aside, "wb") as file:
        file.write(html(found, options.rules.name, version).encode())
    aside.replace(page)
    seconds = time.perf_counter() - started
    met = labels.told(prepared.table.order_tokens)
    told = [*lines(found), *met, f"{found.orders:,} orders in {seconds:.1f} s; page: {page}"]
    output(options, told, {"seconds": round(seconds, 3), "page": str(page), **msgspec.to_builtins(found)})
    return 0
