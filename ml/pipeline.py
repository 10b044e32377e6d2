"""Training from end to end: prepare, train, export, validate, describe, publish."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ml import registry
from ml.histories import write_histories
from ml.job import HISTORIES, Job, Prepared, prepare, timed
from ml.config import own_hash
from ml.labels import labels_of
from ml.lineage import Source, data_hash, library_versions, schema_hash, source, version_name
from ml.reporting import describe
from ml.training import train
from ml.validation.champion import champion_gate, labelled_rows
from ml.validation.gates import Gate, Validation
from ml.validation.run import Evidence, validate
from ml.version_files import WRITERS, Training
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.order_folders import is_sample
from orderguard.model_version import MANIFEST, DataFile, Manifest, OutcomesUsed, champion


@dataclass(frozen=True)
class Outcome:
    """A published version. `new` is false where the same version was there already, byte for byte."""

    manifest: Manifest
    validation: Validation
    challenge: Gate
    new: bool
    seconds: dict[str, float]


def train_version(
    job: Job, prepared: Prepared | None = None, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Outcome:
    """Train, validate and publish a version; promotion is the caller's. Nothing shows under `job.models` before it
    is whole.
    """
    code = source()
    paths, table, took = prepared or prepare(job)
    seconds = {"prepare": took}
    with timed("train", seconds, job.say):
        told, ages = table.told, table.catalogue_ages()
        names = list(FEATURE_NAMES)
        config, jobs, first, tails = job.config, job.jobs, table.first, table.tails
        trained = train(table.X, table.created_at, names, config, jobs, told, ages, first=first, tails=tails)
    training = Training(paths, job.keyring, table, trained, data_hash(table.data_files), labels_of(job.outcomes))
    for line in training.labels.told(table.order_tokens):
        job.say(line)
    with registry.building(job.models) as aside:
        with timed("export", seconds, job.say):
            for write in WRITERS:
                write(training, aside)
        with timed("validate", seconds, job.say):
            evidence = validate(training, aside, job.config, job.progress)
        draft = _manifest(job, code, training, evidence.validation)
        with timed("describe", seconds, job.say):
            (aside / registry.VALIDATION).write_bytes(_json(evidence.validation))
            describe(draft, training, evidence, aside)
        manifest = msgspec.structs.replace(draft, files=registry.file_hashes(aside))
        (aside / MANIFEST).write_bytes(_json(manifest))
        with timed("compare with the champion", seconds, job.say):
            challenge = _challenge(job, manifest.version, training, evidence)
        (aside / registry.CHALLENGE).write_bytes(_json(challenge))
        (aside / registry.RECORDED).write_bytes(_json({"recorded_at": now(), "seconds": seconds}))
        new = registry.publish(aside, job.models, manifest)
    if job.histories is not None and not job.run_key:
        with timed("histories", seconds, job.say):
            seed = job.features / HISTORIES if job.features and table.tails else None
            write_histories(job.histories, job.models / manifest.version, table, paths, job.keyring, seed)
    return Outcome(manifest, evidence.validation, challenge, new, seconds)


def rebuild(job: Job, version: str) -> Manifest:
    """Train a version again in a folder that is then removed; its manifest."""
    with tempfile.TemporaryDirectory(prefix="orderguard-") as folder:
        return train_version(replace(job, models=Path(folder), histories=None, version=version)).manifest


def _challenge(job: Job, version: str, training: Training, evidence: Evidence) -> Gate:
    current = champion(job.models)
    rival = job.models / current if current and current != version else None
    parts = training.trained.slices
    train_rows = training.table.X[parts.first : parts.train]
    settings = job.config.gates.champion
    labelled = labelled_rows(training.labels, training.table, parts.reference, training.trained.model)
    rate = job.config.alert.rate
    return champion_gate(rival, evidence.evaluation, train_rows, evidence.cases, rate, settings, labelled)


def _manifest(job: Job, code: Source, training: Training, validation: Validation) -> Manifest:
    moments, labels = training.table.created_at, training.labels
    drawn = len(training.table.X) if training.table.tails else 0
    first, last = (datetime.fromtimestamp(float(moment), UTC).isoformat() for moment in (moments[0], moments[-1]))
    return Manifest(
        version=job.version
        or version_name(code, training.data_sha256, last, own_hash(job.config), labels.sha256, drawn),
        commit=code.commit,
        tag=code.tag,
        dirty=code.dirty,
        data=_data_files(job, training),
        data_sha256=training.data_sha256,
        first_order=first,
        last_order=last,
        code_sha256=code.code_sha256,
        lock_sha256=code.lock_sha256,
        schema_sha256=schema_hash(),
        feature_set_version=FEATURE_SET_VERSION,
        feature_names=list(FEATURE_NAMES),
        threshold=training.trained.threshold,
        parameters=msgspec.to_builtins(job.config),
        metrics={f"{gate.name}: {figure.name}": figure.value for gate in validation.gates for figure in gate.figures},
        libraries=library_versions(),
        files={},
        undecided=validation.undecided(),
        sample=is_sample(job.data),
        key="" if job.run_key else job.keyring.fingerprint,
        outcomes=(
            OutcomesUsed(
                sha256=labels.sha256, lines=labels.lines, unusable=len(labels.unusable), orders=len(labels.newest)
            )
            if labels.sha256
            else None
        ),
    )


def _data_files(job: Job, training: Training) -> list[DataFile]:
    """The order files. A pseudonym under a key that is thrown away says nothing to anybody."""
    files = training.table.data_files
    if not job.run_key:
        return files
    return [DataFile(position=file.position, sha256=file.sha256, orders=file.orders) for file in files]


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
