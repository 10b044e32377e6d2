"""The backfill on this machine, step by step. Each step leaves a mark when it is done: killed, it is begun again with
the first that has none, and what it makes then is what it would have made.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from ml.backfill.local.catalogues import Learnt, blocks_of, of_version
from ml.backfill.local.features import Rows, write_all
from ml.backfill.local.in_time import Routed, route, sort_all
from ml.backfill.local.learn import learn
from ml.backfill.local.limits import Limits
from ml.backfill.local.partitions import Known, company_of_entities, facts_of_customers, pairs_of_customers
from ml.backfill.local.reading import QUARANTINE, Reading, check_quarantined, read_orders
from ml.backfill.local.seeds import entries_in_order
from ml.backfill.manifest import BackfillManifest, Request
from ml.backfill.output import RESULT, listed, once, put_in_place, spend
from ml.backfill.settings import Settings
from ml.feature_engineering import ReadingReport
from ml.histories import made_of
from ml.lineage import Source
from ml.order_files import ReadingError, numbered
from ml.quarantine import TooManyBadLines
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.history import ENTITIES
from orderguard.history.seed import SeedHeader, write_seed
from orderguard.model_version import DataFile, read_manifest as read_version
from orderguard.private_files import make_private_folder

HISTORIES = "histories"


class _Records(msgspec.Struct):
    customers: int
    entities: int


def run(
    settings: Settings,
    request: Request,
    code: Source,
    paths: Sequence[Path],
    work: Path,
    limits: Limits = Limits(),
) -> BackfillManifest:
    """Make the output of these order files, in the folder of work, and put it in place.

    Raises `ReadingError` where no order is left, and `TooManyBadLines`.
    """
    make_private_folder(work / RESULT)
    try:
        manifest = once(
            work / "manifest", BackfillManifest, lambda _: _made(settings, request, code, paths, work, limits)
        )
    except (ReadingError, TooManyBadLines):
        shutil.rmtree(work)  # so that the same command reads them once they are repaired
        raise
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    put_in_place(settings.out, work, manifest.files, encoded)
    return manifest


def _made(
    settings: Settings, request: Request, code: Source, paths: Sequence[Path], work: Path, limits: Limits
) -> BackfillManifest:
    read, routing, ordered, facts = (work / name for name in ("read", "route", "sort", "facts"))
    reading = once(read, Reading, lambda folder: read_orders(paths, settings, limits, work, folder))
    check_quarantined(reading, settings, work)
    if reading.orders - reading.later - reading.misdated < 1:
        raise ReadingError(f"no usable order in {len(paths)} order files", [path.name for path in paths])
    routed = once(routing, Routed, lambda folder: route(reading, settings, limits, read, folder))
    spend(read)
    once(ordered, int, lambda folder: sort_all(routed, settings, limits, routing, folder))
    spend(routing)
    first, last = _ends(ordered, routed)
    learnt = _learnt(settings, Known(routed, settings, limits, ordered, work / "pairs"), work)
    blocks = blocks_of(learnt, routed.codes["currency"])
    known = Known(routed, settings, limits, ordered, facts)
    records = once(
        facts,
        _Records,
        lambda _: _Records(facts_of_customers(known, blocks, last), company_of_entities(known, last)),
    )
    spend(ordered, "customers", *ENTITIES)
    files = [
        DataFile(position=file.position, token=file.token, sha256=digest, orders=orders)
        for file, digest, orders in zip(numbered(paths, settings.keyring), request.inputs, routed.kept, strict=True)
    ]
    seed = SeedHeader(
        key=settings.keyring.fingerprint,
        feature_set_version=FEATURE_SET_VERSION,
        made_of=made_of(files, settings.config.input.feed),
        orders=routed.orders,
        records=records.customers + records.entities,
        last_order=last,
    )
    once(work / "seed", int, lambda _: _seed(work, seed, facts / "seeds"))
    rows = once(work / "rows", Rows, lambda _: write_all(known, blocks, facts, work))
    version = settings.version_dir
    return BackfillManifest(
        request_sha256=request.sha256,
        request=request,
        kind=request.kind,
        commit=code.commit,
        dirty=code.dirty,
        feature_names=list(FEATURE_NAMES),
        data_files=files,
        report=report_of(reading, routed.orders, routed.duplicates),
        orders=routed.orders,
        later=reading.later,
        first_order=first,
        last_order=last,
        first=0 if version else (learnt.starts or [routed.orders])[0],
        starts=learnt.starts,
        catalogue_ends=learnt.ends,
        threshold=read_version(version).threshold if version else None,
        anomalies=rows.anomalies if version else None,
        seed=seed,
        files=listed(work / RESULT, rows.rows),
    )


def _learnt(settings: Settings, known: Known, work: Path) -> Learnt:
    """The version's catalogue, or those of all blocks."""
    if settings.version_dir:
        return of_version(settings.version_dir, known.routed.codes["currency"])
    once(known.folder, int, lambda _: pairs_of_customers(known))
    learnt = once(work / "learnt", Learnt, lambda _: learn(known.routed, settings, known.source, known.folder, work))
    spend(known.folder)
    return learnt


def _ends(ordered: Path, routed: Routed) -> tuple[float, float]:
    """When the first and the last order were placed."""
    filled = np.flatnonzero(routed.counts).tolist()
    first, last = (np.fromfile(ordered / f"at-{bucket:07}") for bucket in (filled[0], filled[-1]))
    return float(first[0]), float(last[-1])


def _seed(work: Path, header: SeedHeader, parts: Path) -> int:
    write_seed(work / RESULT / HISTORIES, header, entries_in_order(parts))
    return header.records


def report_of(reading: Reading, orders: int, duplicates: int) -> ReadingReport:
    """What was found while reading; so many orders count, and so many repeat one of them."""
    return ReadingReport(
        lines=reading.lines,
        blank_lines=reading.blank,
        orders=orders,
        duplicates=duplicates,
        quarantined=reading.quarantined,
        unknown_fields=reading.unknown_fields,
        repaired=reading.repaired,
        repairs=reading.repairs,
        apart=reading.apart,
        refused=reading.refused,
    )


__all__ = ["HISTORIES", "QUARANTINE", "run"]
