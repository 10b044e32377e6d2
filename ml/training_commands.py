"""The commands that train: prepare, train, validate. Kept apart, since they import scikit-learn and the plots, which
takes seconds.
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from ml import pipeline, registry
from ml.commands import chosen, output
from ml.config import read_config
from ml.feature_engineering import ReadingReport
from ml.lineage import source
from orderguard import attribution
from orderguard.features import FEATURE_NAMES
from orderguard.masking import Keyring
from orderguard.model_version import verify
from orderguard.scorer import MODEL

EXIT_GATE = 3
COMPARED = (MODEL, attribution.GRAPH, attribution.FILE, "catalogue.json", "reference.json", registry.VALIDATION)


def prepare(options: argparse.Namespace) -> int:
    """Features of all orders as one .npz file: `features` (n, d), `created_at` epoch seconds, `names`."""
    _, table = pipeline.prepare(_job(options))
    out: Path = options.out
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}.npz")
    np.savez_compressed(aside, features=table.X, created_at=table.created_at, names=np.array(FEATURE_NAMES))
    aside.replace(out)
    report = msgspec.to_builtins(table.report)
    output(options, _counted(table.report, options), {**report, "features": str(out)})
    return 0


def _counted(report: ReadingReport, options: argparse.Namespace) -> list[str]:
    """What was read, and how many lines were left out for which reason."""
    bad = sum(report.quarantined.values())
    lines = [f"{report.orders:,} orders, {len(FEATURE_NAMES)} features → {options.out}"]
    lines += [f"{report.duplicates:,} repeats of an order left out"] if report.duplicates else []
    lines += [f"{bad:,} bad lines quarantined → {options.quarantine}"] if bad else []
    by_count = sorted(report.quarantined.items(), key=lambda reason: (-reason[1], reason[0]))
    lines += [f"  {count:>7,}  {reason}" for reason, count in by_count]
    places = ", ".join(f"{place} ({count:,})" for place, count in report.unknown_fields.items())
    lines += [f"fields that the schema doesn't name, in every 50th line: {places}"] if places else []
    return lines


def train(options: argparse.Namespace) -> int:
    """The whole line. The last thing printed is the version."""
    job = _job(options)
    code = source()
    if code.commit is None:
        print("note: not in a git clone and ORDERGUARD_COMMIT is not set, so the commit is unknown", file=sys.stderr)
    elif code.dirty:
        print("note: code differs from the commit; the version's name says so", file=sys.stderr)
    outcome = pipeline.train_version(job)
    manifest = outcome.manifest
    gates = [*outcome.validation.gates, outcome.challenge]
    failures = [f"{gate.name}: {figure}" for gate in gates for figure in gate.figures if not figure.passed]
    folder = job.models / manifest.version
    lines = [
        f"  {'passed' if gate.passed else 'FAILED'}  {gate.name}: {' '.join(filter(None, (gate.meaning, gate.note)))}"
        for gate in gates
    ]
    took = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in outcome.seconds.items())
    lines += ["", took, f"{'written' if outcome.new else 'already there, byte for byte'}: {folder}"]
    lines += [f"report: {folder / 'report.html'}"]
    promoted = False
    if failures:
        lines += ["not promoted, because:", *(f"  {failure}" for failure in failures)]
    elif not options.no_promote:
        promotion = registry.promote(job.models, manifest.version, at=datetime.now(UTC))
        promoted = True
        before = f" (before: {promotion.previous})" if promotion.previous not in (None, manifest.version) else ""
        lines += [f"promoted: it is the champion now{before}", "next: `make up` serves it, `make rollback` goes back"]
    else:
        lines += [f"next: python -m ml promote {manifest.version}"]
    facts = {
        "version": manifest.version,
        "passed": not failures,
        "promoted": promoted,
        "new": outcome.new,
        "failures": failures,
        "metrics": manifest.metrics,
        "seconds": outcome.seconds,
    }
    output(options, [*lines, manifest.version], facts)
    return EXIT_GATE if failures else 0


def validate(options: argparse.Namespace) -> int:
    """Train again from the data in a folder of its own, and hold what scores, and what the gates say, against the
    version's.
    """
    version = chosen(options)
    folder = registry.known(options.models, version)
    manifest = verify(folder)
    again = pipeline.rebuild(_job(options), version)
    different = [name for name in COMPARED if again.files.get(name) != manifest.files[name]]
    validation = registry.read_validation(folder)
    lines = [f"trained {version} again: {'the same bytes' if not different else 'differs in ' + ', '.join(different)}"]
    lines += [f"  {failure}" for failure in validation.failures()] or ["all gates passed"]
    output(options, lines, {"version": version, "passed": validation.passed, "different": different})
    return 0 if validation.passed and not different else EXIT_GATE


def _job(options: argparse.Namespace) -> pipeline.Job:
    return pipeline.Job(
        data=options.data,
        models=options.models,
        config=read_config(options.config),
        keyring=Keyring.from_environment(os.environ),
        version=getattr(options, "version", None),
        quarantine=options.quarantine,
        jobs=max(1, options.jobs),
        progress=not options.json and sys.stderr.isatty(),
        say=lambda line: None if options.json else print(line, file=sys.stderr, flush=True),
    )
