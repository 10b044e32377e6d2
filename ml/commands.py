"""The commands of `python -m ml`. Each returns an exit code and says what it did and what comes next."""

import argparse
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ml import pipeline, registry
from ml.config import read_config
from ml.lineage import source
from orderguard import attribution
from orderguard.features import FEATURE_NAMES
from orderguard.masking import Keyring
from orderguard.model_version import Manifest, ModelVersionError, champion, sha256, verify
from orderguard.scorer import MODEL

EXIT_GATE = 3
SCORING_FILES = (MODEL, attribution.FILE, "catalogue.json", "reference.json")


def prepare(options: argparse.Namespace) -> int:
    """Features of all orders as one .npz file: `features` (n, d), `created_at` epoch seconds, `names`."""
    _, table = pipeline.prepare(_job(options))
    out: Path = options.out
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}.npz")
    np.savez_compressed(aside, features=table.X, created_at=table.created_at, names=np.array(FEATURE_NAMES))
    aside.replace(out)
    report = msgspec.to_builtins(table.report)
    bad = sum(table.report.quarantined.values())
    lines = [f"{table.report.orders:,} orders, {len(FEATURE_NAMES)} features → {out}"]
    lines += [f"{bad:,} bad lines quarantined → {options.quarantine}"] if bad else []
    _print(options, lines, {**report, "features": str(out)})
    return 0


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
    _print(options, [*lines, manifest.version], facts)
    return EXIT_GATE if failures else 0


def validate(options: argparse.Namespace) -> int:
    """Train again from the data in a folder of its own, and hold what scores against the version's."""
    version = _chosen(options)
    folder = registry.known(options.models, version)
    manifest = verify(folder)
    again = pipeline.rebuild(_job(options), version)
    different = [name for name in SCORING_FILES if again.files.get(name) != manifest.files[name]]
    validation = registry.read_validation(folder)
    lines = [f"trained {version} again: {'the same bytes' if not different else 'differs in ' + ', '.join(different)}"]
    lines += [f"  {failure}" for failure in validation.failures()] or ["all gates passed"]
    _print(options, lines, {"version": version, "passed": validation.passed, "different": different})
    return 0 if validation.passed and not different else EXIT_GATE


def export(options: argparse.Namespace) -> int:
    """A copy of model.onnx, named after its version, and of the manifest that links it to its commit."""
    version = _chosen(options)
    folder = registry.known(options.models, version)
    verify(folder)
    options.to.mkdir(parents=True, exist_ok=True)
    copies = {MODEL: options.to / f"orderguard-{version}.onnx"}
    copies["manifest.json"] = options.to / f"orderguard-{version}.manifest.json"
    for name, target in copies.items():
        shutil.copyfile(folder / name, target)
    _print(options, [str(target) for target in copies.values()], {"version": version, "model": str(copies[MODEL])})
    return 0


def promote(options: argparse.Namespace) -> int:
    """Make a version the champion."""
    promotion = registry.promote(options.models, options.version, at=datetime.now(UTC), force=options.force)
    return _said(options, promotion)


def rollback(options: argparse.Namespace) -> int:
    """Go back to the champion before this one."""
    return _said(options, registry.rollback(options.models, at=datetime.now(UTC)))


def card(options: argparse.Namespace) -> int:
    """Print a model card."""
    folder = registry.known(options.models, _chosen(options))
    verify(folder)
    text = (folder / "card.md").read_text("utf-8")
    _print(options, [text.rstrip()], {"card": text, "report": str(folder / "report.html")})
    return 0


def models(options: argparse.Namespace) -> int:
    """List the versions, champion marked."""
    listed = registry.versions(options.models)
    rows = [["", "VERSION", "COMMIT", "TAG", "DATA", "ORDERS", "LAST ORDER", "GATES"]]
    for entry in listed:
        state = "unusable" if entry.trouble else "passed" if entry.passed else "FAILED"
        lineage = _lineage(entry.manifest) if entry.manifest else [entry.version, *["?"] * 5]
        rows.append(["*" if entry.champion else "", *lineage, state])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{entry.version}: {entry.trouble}" for entry in listed if entry.trouble]
    if not listed:
        lines = [f"no versions in {options.models} yet: run `make train`"]
    _print(options, lines, [msgspec.to_builtins(entry) for entry in listed])
    return 0


def trace(options: argparse.Namespace) -> int:
    """From a tag, a commit, data or a file to the versions that hold it."""
    clue = sha256(Path(options.clue)) if Path(options.clue).is_file() else options.clue
    found = registry.trace(options.models, clue)
    if not found:
        raise ModelVersionError(f"{options.models}: no version has anything to do with {options.clue!r}")
    lines = []
    for manifest in found:
        lines += [
            manifest.version,
            f"  commit {manifest.commit}{' + changes' if manifest.dirty else ''}, tag {manifest.tag}",
        ]
        lines += [f"  data   {manifest.data_sha256}"]
        lines += [f"         {file.sha256}  {file.name} ({file.orders:,} orders)" for file in manifest.data]
        lines += [f"  model  {manifest.files[MODEL]}", f"  code   {manifest.code_sha256}, lock {manifest.lock_sha256}"]
    _print(options, lines, [msgspec.to_builtins(manifest) for manifest in found])
    return 0


def _lineage(manifest: Manifest) -> list[str]:
    commit = (manifest.commit or "unknown")[:10] + ("+" if manifest.dirty else "")
    orders = f"{sum(file.orders for file in manifest.data):,}"
    return [manifest.version, commit, manifest.tag or "-", manifest.data_sha256[:8], orders, manifest.last_order[:10]]


def _said(options: argparse.Namespace, promotion: registry.Promotion) -> int:
    _print(options, [f"champion: {promotion.version} (before: {promotion.previous})"], msgspec.to_builtins(promotion))
    return 0


def _chosen(options: argparse.Namespace) -> str:
    version: str | None = options.version or champion(options.models)
    if version is None:
        raise ModelVersionError(f"{options.models}: no champion yet; name a version, or run `make train`")
    return version


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


def _print(options: argparse.Namespace, lines: list[str], facts: Any) -> None:
    print(msgspec.json.encode(facts).decode() if options.json else "\n".join(lines))
