"""The command that `make up` begins with: is there a champion to serve?

Where a gate refused a training, the same orders are not trained again: that would take a minute to say the same.
"""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec

from ml import registry
from ml.commands import output
from ml.config import read_config
from ml.labels import outcomes_path
from ml.lineage import source
from ml.reading import order_files
from ml.refusal import refusal
from orderguard.features import FEATURE_SET_VERSION
from orderguard.model_version import Manifest, ModelVersionError, read_manifest, sha256
from orderguard.model_version import champion as current_champion

EXIT_GATE = 3
SAMPLE_NOTE = "note: it was trained on the sample; put your own orders into data/raw, then: make train"


def champion(options: argparse.Namespace) -> int:
    """Say which version is champion and which newer one was refused; train where there is neither."""
    current = current_champion(options.models)
    former = current and _former_features(options.models / current)
    if former:
        lines = [
            f"champion {current} was trained on feature set {former}, and this code computes {FEATURE_SET_VERSION}: "
            "a new version is trained in its place",
            f"  {options.models / str(current)} stays as it is; to serve it, run the code that trained it",
        ]
        output(options, lines, {"champion": current, "feature_set": former})
    elif current is not None:
        refused = _refused_since(options.models, current)
        output(options, _goes_on(options.models, current, refused), {"champion": current, "refused": refused})
        return 0
    refused = _refused_of_the_same_orders(options)
    if refused is None:
        train = import_module("ml.training_commands").train
        return int(train(options))
    lines = [f"version {refused} was trained from these very orders, by this code; it is not trained again", ""]
    lines += refusal(options.models, refused, registry.gates_of(options.models / refused), options.config)
    output(options, lines, {"champion": None, "refused": refused})
    return EXIT_GATE


def _former_features(version: Path) -> str | None:
    """The feature set that a version was trained on, if this code computes another."""
    try:
        trained_on = read_manifest(version).feature_set_version
    except ModelVersionError:
        return None
    return trained_on if trained_on != FEATURE_SET_VERSION else None


def _goes_on(models: Path, current: str, refused: str | None) -> list[str]:
    lines = [f"champion: {current}", *made_from_sample(models / current)]
    if refused:
        names = ", ".join(gate.name for gate in registry.gates_of(models / refused) if gate.failed)
        lines += [
            f"note: version {refused}, trained since, was refused (gates: {names}); the champion is still served",
            f"  why                 {models / refused / 'report.html'}",
            f"  to serve it anyway  make promote VERSION={refused} FORCE=1, then: make up",
        ]
    return lines


def made_from_sample(version: Path) -> list[str]:
    """A note where a version was trained on the sample."""
    try:
        sample = read_manifest(version).sample
    except ModelVersionError:
        return []
    return [SAMPLE_NOTE] if sample else []


def _refused_since(models: Path, current: str) -> str | None:
    """The newest version that was refused and is younger than the champion."""
    made = {manifest.version: registry.recorded_at(models / manifest.version) for manifest in _refused(models)}
    since = {name: at for name, at in made.items() if at > registry.recorded_at(models / current)}
    return max(since, key=since.__getitem__, default=None)


def _refused_of_the_same_orders(options: argparse.Namespace) -> str | None:
    """The version that training these orders with this code and configuration has given, if gates refused it."""
    files = sorted(sha256(path) for path in order_files(options.data))
    path = None if options.run_key else outcomes_path(options.outcomes, options.histories)
    outcomes = sha256(path) if path else ""
    parameters, code = msgspec.to_builtins(read_config(options.config)), source()
    for manifest in _refused(options.models):
        same = sorted(file.sha256 for file in manifest.data) == files and manifest.parameters == parameters
        same = same and (manifest.outcomes.sha256 if manifest.outcomes else "") == outcomes
        if same and (manifest.code_sha256, manifest.lock_sha256) == (code.code_sha256, code.lock_sha256):
            return manifest.version
    return None


def _refused(models: Path) -> Iterator[Manifest]:
    """The versions that a gate refused, as far as they can be read."""
    for folder in registry.version_folders(models):
        try:
            if registry.verdict_on(folder) == "failed":
                yield read_manifest(folder)
        except ModelVersionError:
            continue
