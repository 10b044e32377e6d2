"""The command `backfill`: past orders to features, scores, and what the store would hold."""

import argparse
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import gmtime, strftime

import msgspec
from tqdm import tqdm

from ml import registry
from ml.backfill.manifest import BackfillManifest, Request, request_of
from ml.backfill.output import RESULT, finished, work_folder
from ml.backfill.settings import RUNNERS, BackfillError, Settings
from ml.commands import output
from ml.config import read_config
from ml.lineage import Source, source
from ml.reading import order_files
from ml.repairs import repaired_in_words
from orderguard.masking import Keyring
from orderguard.model_version import MANIFEST, ModelVersionError, champion, sha256, verify

QUARANTINE = "quarantine/bad-lines.ndjson"
CHAMPION = "champion"


def backfill(options: argparse.Namespace) -> int:
    """Make the output, go on with one that was begun, or see that it is there."""
    settings = settings_of(options)
    paths, code = order_files(settings.data), source()
    request = request_of(settings, _hashes(paths, settings), code, _version_sha256(settings))
    manifest = finished(settings.out, request)
    new = manifest is None
    if manifest is None:
        with work_folder(settings.out, request) as work:
            manifest = _run(settings, request, code, paths, work)
    output(options, told(settings, manifest, new), facts(settings, manifest, new))
    return 0


def settings_of(options: argparse.Namespace) -> Settings:
    """What a command line asks for. Raises `BackfillError`, `ConfigError`, `MaskingKeyError`, `ModelVersionError`."""
    if not options.out:
        raise BackfillError("where does it go? Name an empty folder: make backfill OUT=…")
    if options.runner not in RUNNERS:
        raise BackfillError(f"there is no runner {options.runner}; there are: {', '.join(RUNNERS)}")
    return Settings(
        data=options.data,
        out=Path(options.out),
        config=read_config(options.config),
        keyring=Keyring.from_environment(os.environ),
        runner=options.runner,
        version_dir=_version_dir(options.models, options.model),
        at=moment_of(options.at),
        jobs=max(1, options.jobs),
        progress=not options.json and sys.stderr.isatty(),
        say=lambda line: None if options.json else print(line, file=sys.stderr, flush=True),
    )


def _version_dir(models: Path, version: str) -> Path | None:
    if not version:
        return None
    named = champion(models) if version == CHAMPION else version
    if named is None:
        raise ModelVersionError(f"{models}: no champion yet; name a version, or run `make train`")
    folder = registry.known(models, named)
    verify(folder)
    return folder


def _version_sha256(settings: Settings) -> str | None:
    return sha256(settings.version_dir / MANIFEST) if settings.version_dir else None


def moment_of(text: str) -> float | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BackfillError(f"AT={text} is no moment: write it as 2026-03-01 or 2026-03-01T12:00:00+01:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _hashes(paths: list[Path], settings: Settings) -> list[str]:
    return [sha256(path) for path in tqdm(paths, desc="recognise the order files", disable=not settings.progress)]


def _run(settings: Settings, request: Request, code: Source, paths: list[Path], work: Path) -> BackfillManifest:
    if (work / RESULT).is_dir():
        settings.say("going on with what was begun here")
    room = "local" if settings.runner == "local" else "beam"
    try:
        run = import_module(f"ml.backfill.{room}.run").run
    except ModuleNotFoundError as error:
        raise BackfillError(
            f"the runner {settings.runner} needs {error.name}, which is not installed here; make backfill installs it"
        ) from None
    made: BackfillManifest = run(settings, request, code, paths, work)
    return made


def told(settings: Settings, manifest: BackfillManifest, new: bool) -> list[str]:
    """What was done, where it is, and what to do next."""
    out, report = settings.out, manifest.report
    days = sum(file.rows is not None for file in manifest.files)
    first, last = (strftime("%Y-%m-%d", gmtime(moment)) for moment in (manifest.first_order, manifest.last_order))
    what = f"scores of version {manifest.request.version}" if manifest.request.version else "features"
    lines = [
        f"{'made' if new else 'nothing to do: already made, of these orders, by this code'}: {out}",
        f"  {manifest.orders:,} orders of {days:,} days, {first} until {last}: {what}, in {manifest.kind}/date=…/",
    ]
    if manifest.anomalies is not None:
        lines.append(f"  {manifest.anomalies:,} of them would be flagged ({manifest.anomalies / manifest.orders:.2%})")
    lines.append(f"  what a store would know by then: {manifest.seed.records:,} records, in histories/")
    lines += [f"  {report.duplicates:,} repeats of an order left out"] if report.duplicates else []
    lines += [f"  {manifest.later:,} orders placed later left out"] if manifest.later else []
    if report.quarantined:
        bad = sum(report.quarantined.values())
        lines.append(f"  {bad:,} bad lines quarantined: {out / QUARANTINE} (which file is which: make files)")
        by_count = sorted(report.quarantined.items(), key=lambda reason: (-reason[1], reason[0]))
        lines += [f"  {count:>7,}  {reason}" for reason, count in by_count]
    lines += [f"  {line}" for line in repaired_in_words(report)]
    store = f"HISTORIES_DIR={out}/histories HISTORY_URL=… {Path(sys.executable).name} -m app.seeding"
    lines.append(f"next: read {manifest.kind}/ with any reader of Parquet; fill a store of histories with: {store}")
    return lines


def facts(settings: Settings, manifest: BackfillManifest, new: bool) -> dict[str, object]:
    """The same for machines."""
    return {
        "out": str(settings.out),
        "new": new,
        "kind": manifest.kind,
        "orders": manifest.orders,
        "later": manifest.later,
        "anomalies": manifest.anomalies,
        "records": manifest.seed.records,
        "request": manifest.request_sha256,
        "report": msgspec.to_builtins(manifest.report),
    }
