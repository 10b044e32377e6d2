"""The commands that read orders: prepare, train, validate.

scikit-learn, the plots and ONNX take seconds to import, so they are imported once the orders are read: what is wrong
with those is said at once.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ml import registry, signature
from ml.commands import chosen, output
from ml.config import read_config
from ml.feature_engineering import ReadingReport
from ml.job import Job, prepare as prepare_orders
from ml.labels import outcomes_path
from ml.lineage import source
from ml.reading import order_files
from ml.refusal import refusal
from ml.repairs import repaired_in_words, warning
from ml.slices import slices
from ml.validation.gates import worst
from orderguard.features import FEATURE_NAMES
from orderguard.masking import Keyring
from orderguard.model_version import verify
from orderguard.private_files import make_private_folder, open_private
from orderguard.scorer import GRAPH, MODEL

EXIT_GATE = 3
COMPARED = (MODEL, GRAPH, "catalogue.json", "reference.json", registry.VALIDATION)


def prepare(options: argparse.Namespace) -> int:
    """Features of all orders as one .npz file: `features` (n, d), `created_at` epoch seconds, `names`."""
    table = prepare_orders(job_of(options)).table
    out: Path = options.out
    make_private_folder(out.parent)
    aside = out.with_name(f".{out.name}.{os.getpid()}.npz")
    with open_private(aside, "wb") as file:
        np.savez_compressed(file, features=table.X, created_at=table.created_at, names=np.array(FEATURE_NAMES))
    aside.replace(out)
    report = msgspec.to_builtins(table.report)
    output(options, _counted(table.report, options), {**report, "features": str(out)})
    return 0


def _counted(report: ReadingReport, options: argparse.Namespace) -> list[str]:
    """What was read, and how many lines were left out for which reason."""
    bad = sum(report.quarantined.values())
    lines = [f"{report.orders:,} orders, {len(FEATURE_NAMES)} features → {options.out}"]
    lines += [f"{report.duplicates:,} repeats of an order left out"] if report.duplicates else []
    lines += [f"{bad:,} bad lines quarantined → {options.quarantine} (which file is which: make files)"] if bad else []
    by_count = sorted(report.quarantined.items(), key=lambda reason: (-reason[1], reason[0]))
    lines += [f"  {count:>7,}  {reason}" for reason, count in by_count]
    lines += repaired_in_words(report)
    places = ", ".join(f"{place} ({count:,})" for place, count in report.unknown_fields.items())
    lines += [f"fields that the schema doesn't name, in every 50th line: {places}"] if places else []
    return lines


def train(options: argparse.Namespace) -> int:
    """The whole line. The last thing printed is the version."""
    job = job_of(options)
    code = source()
    if code.commit is None:
        print("note: not in a git clone and ORDERGUARD_COMMIT is not set, so the commit is unknown", file=sys.stderr)
    elif code.dirty:
        print("note: code differs from the commit; the version's name says so", file=sys.stderr)
    prepared = prepare_orders(job)
    slices(len(prepared.table.X), job.config, prepared.table.first)
    ceiling = job.config.input.maximum_repaired_share
    for line in [*repaired_in_words(prepared.table.report), *warning(prepared.table.report, ceiling)]:
        job.say(line)
    outcome = _pipeline().train_version(job, prepared)
    manifest = outcome.manifest
    gates = [*outcome.validation.gates, outcome.challenge]
    verdict = worst(gate.verdict for gate in gates)
    told = [(gate, figure) for gate in gates for figure in gate.figures]
    failures = [f"{gate.name}: {figure}" for gate, figure in told if figure.verdict == "failed"]
    undecided = [f"{gate.name}: {figure}" for gate, figure in told if figure.verdict == "undecided"]
    folder = job.models / manifest.version
    lines = [
        f"  {'FAILED' if gate.failed else gate.verdict:<9}  {gate.name}: "
        f"{' '.join(filter(None, (gate.meaning, gate.note)))}"
        for gate in gates
    ]
    lines += ["", "undecided, which stops no promotion:", *(f"  {line}" for line in undecided)] if undecided else []
    took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in outcome.seconds.items())
    lines += ["", took, f"{'written' if outcome.new else 'already there, byte for byte'}: {folder}"]
    lines += [f"report: {folder / 'report.html'}", _kept_apart(job)]
    lines += ["trained on the sample: put your own orders into data/raw, and make train"] if manifest.sample else []
    promoted = False
    if verdict == "failed":
        lines += ["", *refusal(job.models, manifest.version, gates, options.config), ""]
    elif not options.no_promote:
        # First the signature: a champion without one would be deployed by nobody.
        lines += ["signed with the job's own key"] if signature.sign(folder, os.environ) else []
        promotion = registry.promote(job.models, manifest.version, at=(now := datetime.now(UTC)))
        signature.sign_champion(job.models, manifest.version, now, os.environ)
        promoted = True
        before = f" (before: {promotion.previous})" if promotion.previous not in (None, manifest.version) else ""
        lines += [f"promoted: it is the champion now{before}", "next: `make up` serves it, `make rollback` goes back"]
    else:
        lines += [f"next: make promote VERSION={manifest.version}"]
    facts = {
        "version": manifest.version,
        "passed": verdict == "passed",
        "verdict": verdict,
        "promoted": promoted,
        "new": outcome.new,
        "failures": failures,
        "undecided": undecided,
        "metrics": manifest.metrics,
        "seconds": outcome.seconds,
    }
    output(options, [*lines, manifest.version], facts)
    return EXIT_GATE if verdict == "failed" else 0


def _kept_apart(job: Job) -> str:
    """What was made of what depends on the key, in a sentence."""
    if job.run_key:
        return "under a key of this run alone: no past cases, no seed, no names of order files (make seed-histories)"
    if job.histories is None:
        return "no past cases and no seed were made: --histories names the folder for them"
    return f"past cases under key {job.keyring.fingerprint}: {job.histories}"


def validate(options: argparse.Namespace) -> int:
    """Train again from the data in a folder of its own, and hold what scores, and what the gates say, against the
    version's.
    """
    version = chosen(options)
    folder = registry.known(options.models, version)
    manifest = verify(folder)
    again = _pipeline().rebuild(job_of(options), version)
    different = [name for name in COMPARED if again.files.get(name) != manifest.files[name]]
    validation = registry.read_validation(folder)
    lines = [f"trained {version} again: {'the same bytes' if not different else 'differs in ' + ', '.join(different)}"]
    lines += [f"  {failure}" for failure in validation.failures()] or ["no gate failed"]
    facts = {"version": version, "passed": validation.passed, "verdict": validation.verdict, "different": different}
    output(options, lines, facts)
    return EXIT_GATE if validation.failed or different else 0


def _pipeline() -> Any:
    return import_module("ml.pipeline")


def job_of(options: argparse.Namespace) -> Job:
    """What a command line asks for. Raises `ConfigError`, `MaskingKeyError` and `ReadingError`."""
    histories, run_key = getattr(options, "histories", None), getattr(options, "run_key", False)
    job = Job(
        data=options.data,
        models=options.models,
        config=read_config(options.config),
        keyring=Keyring.from_environment(os.environ),
        histories=histories,
        run_key=run_key,
        features=getattr(options, "features", None),
        outcomes=None if run_key else outcomes_path(getattr(options, "outcomes", None), histories),
        version=getattr(options, "version", None),
        quarantine=options.quarantine,
        jobs=max(1, options.jobs),
        progress=not options.json and sys.stderr.isatty(),
        say=lambda line: None if options.json else print(line, file=sys.stderr, flush=True),
    )
    files = order_files(job.data)
    size = sum(path.stat().st_size for path in files) / 1e6
    job.say(f"{len(files)} order {'file' if len(files) == 1 else 'files'}, {size:,.1f} MB")
    return job
