"""What comes out: a Parquet file for each day, the quarantine, the seed of a store, and last of all the manifest."""

import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import apache_beam as beam
import msgspec
import numpy as np
from apache_beam.io.filesystems import FileSystems
from msgspec.structs import replace

from ml.backfill.beam.files import at_hand, files_below, folder_at_hand, inside, is_remote, written_to
from ml.backfill.beam.job import Job
from ml.backfill.beam.days import Day
from ml.backfill.beam.model import Model
from ml.backfill.beam.pasts import SEEDS
from ml.backfill.beam.pieces import place_of
from ml.backfill.beam.reading import BlockTally
from ml.backfill.beam.secret import keyring
from ml.backfill.beam.sums import Counts
from ml.backfill.beam.usual import Usual
from ml.backfill.drift import DRIFT, drift_report
from ml.backfill.local.reading import QUARANTINE, Reading, Findings
from ml.backfill.local.run import HISTORIES, report_of
from ml.backfill.local.seeds import entries_in_order
from ml.backfill.manifest import BackfillManifest, Written
from ml.backfill.output import RESULT, put_in_place
from ml.date_range import Allowed, lines_of_rows
from ml.histories import made_of
from ml.order_files import NAMESPACE, OrderFile, ReadingError
from ml.quarantine import Quarantined, TooManyBadLines, check_share, record
from ml.reading import Block, Tally
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.history.seed import SEED_FILE, SeedHeader, write_seed
from orderguard.model_version import MANIFEST, DataFile, sha256
from orderguard.scorer import Scorer

REFUSED = "refused.json"
"""In the folder of work: why there is no output."""


class SumUp(beam.DoFn):
    """The tallies of all blocks to what was found in all, by files and lines. Bad lines are written."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)

    def process(self, group: tuple[None, Iterable[BlockTally]], allowed: Allowed, counts: Counts) -> Iterator[Reading]:
        counted, found, bad = Findings(), Reading(), list[Quarantined]()
        lines_before, orders_before = Counter[int](), Counter[int]()
        unusable: defaultdict[int, set[int]] = defaultdict(set)
        misdated: dict[int, dict[int, str]] = defaultdict(dict)
        places = np.array(sorted(counts.misdated), dtype=np.int64)
        for block in sorted(group[1], key=lambda block: (block.position, block.start)):
            tally, position, begin = Tally(), block.position, place_of(block.position, block.start)
            tally.add(block.tally, lines_before[position])
            bad += tally.quarantined
            unusable[position].update(one.line for one in tally.quarantined)
            unusable[position].update(one.line for one in tally.apart)
            first, end = np.searchsorted(places, [begin, begin + block.tally.orders])
            for place in places[first:end].tolist():
                misdated[position][orders_before[position] + place - begin] = allowed.reason(counts.misdated[place])
            lines_before[position] += block.tally.lines
            orders_before[position] += block.tally.orders
            found.later += block.later
            counted.add(tally)
        for position, rows in sorted(misdated.items()):
            lines = list(self._lines_of(position, rows, unusable[position]))
            found.misdated += len(lines)
            bad += lines
            for line in lines:
                counted.bad(line)
        if bad:
            with written_to(inside(self._job.work, RESULT, QUARANTINE.as_posix())) as path, path.open("wb") as file:
                record(file, bad)
        counted.tell(found)
        yield found

    def _lines_of(self, position: int, rows: dict[int, str], unusable: set[int]) -> Iterator[Quarantined]:
        """The lines of a file's usable orders of these numbers."""
        place = self._job.files[position - 1]
        with at_hand(Block(Path(place), 0, sys.maxsize, position), place) as block:
            token = self._keyring.token(NAMESPACE, block.path.name)
            yield from lines_of_rows(OrderFile(block.path, position, token), rows, unusable)


class Hash(beam.DoFn):
    """(position, file) to (position, SHA-256), where nobody has read the files before."""

    def process(self, file: tuple[int, str]) -> Iterator[tuple[int, str]]:
        position, place = file
        with at_hand(Block(Path(place), 0, sys.maxsize, position), place) as block:
            yield position, sha256(block.path)


class Finish(beam.DoFn):
    """Write the seed and the manifest, and put all in place. Raises `ReadingError` where no order is left, and
    `TooManyBadLines`; why is left in the folder of work.
    """

    def __init__(self, job: Job, model: Model | None) -> None:
        self._job, self._model = job, model

    def setup(self) -> None:
        self._keyring = keyring(self._job.key)

    def process(
        self,
        _: None,
        found: Reading,
        counts: Counts,
        records: int,
        days: list[Day],
        hashes: list[tuple[int, str]],
        usual: Usual,
    ) -> Iterator[BackfillManifest]:
        job = self._job
        self._check(found, counts)
        request = job.request
        if not request.inputs:
            request = replace(request, inputs=[one for _, one in sorted(hashes)], key=self._keyring.fingerprint)
        files = [
            DataFile(
                position=position,
                token=self._keyring.token(NAMESPACE, place.rpartition("/")[2]),
                sha256=digest,
                orders=counts.kept[position],
            )
            for position, (place, digest) in enumerate(zip(job.files, request.inputs, strict=True), 1)
        ]
        seed = SeedHeader(
            key=self._keyring.fingerprint,
            feature_set_version=FEATURE_SET_VERSION,
            made_of=made_of(files, request.input.feed),
            orders=counts.kept.total(),
            records=records,
            last_order=counts.last,
        )
        rows = sum(day.written.rows or 0 for day in days)
        assert rows == counts.kept.total(), f"{rows} rows of {counts.kept.total()} orders"
        written = [day.written for day in days] + [self._seed(seed), *self._others(found), *usual.files]
        scorer = self._model.loaded() if self._model else None
        if scorer:
            written.append(self._drift(scorer, days, counts))
        manifest = BackfillManifest(
            request_sha256=request.sha256,
            request=request,
            kind=request.kind,
            commit=job.code.commit,
            dirty=job.code.dirty,
            feature_names=list(FEATURE_NAMES),
            data_files=files,
            report=report_of(found, counts.kept.total(), counts.duplicates),
            orders=counts.kept.total(),
            later=found.later,
            first_order=counts.first,
            last_order=counts.last,
            first=0 if scorer else (usual.rows or [counts.kept.total()])[0],
            starts=usual.rows,
            catalogue_ends=usual.ends,
            threshold=scorer.threshold if scorer else None,
            anomalies=sum(day.anomalies for day in days) if scorer else None,
            seed=seed,
            files=sorted(written, key=lambda file: file.path),
        )
        put_all_in_place(job, manifest)
        yield manifest

    def _check(self, found: Reading, counts: Counts) -> None:
        job = self._job
        try:
            try:
                ceiling = job.request.input.maximum_bad_share
                check_share(Counter(found.quarantined), found.lines - found.blank, ceiling)
            except TooManyBadLines as error:
                place = inside(job.out, QUARANTINE.name)
                with folder_at_hand(inside(job.work, RESULT, QUARANTINE.parent.name)) as folder:
                    with written_to(place) as path:
                        shutil.copyfile(folder / QUARANTINE.name, path)
                raise TooManyBadLines(f"{error} The lines: {place}") from None
            if not counts.kept:
                raise ReadingError(f"no usable order in {len(job.files)} order files")
        except ValueError as error:
            with written_to(inside(job.work, REFUSED)) as path:
                path.write_bytes(msgspec.json.encode((type(error).__name__, str(error))))
            raise

    def _seed(self, header: SeedHeader) -> Written:
        name = f"{HISTORIES}/{SEED_FILE}"
        with folder_at_hand(inside(self._job.work, SEEDS)) as parts, tempfile.TemporaryDirectory() as folder:
            seed = write_seed(Path(folder), header, entries_in_order(parts))
            with written_to(inside(self._job.work, RESULT, name)) as path:
                shutil.copyfile(seed, path)
            return Written(path=name, sha256=sha256(seed))

    def _drift(self, scorer: Scorer, days: list[Day], counts: Counts) -> Written:
        """How far the orders are from those that the version was trained on."""
        parts = [day.drift for day in days if day.drift]
        data = drift_report(scorer.drift_reference, parts, counts.last - counts.first)
        with written_to(inside(self._job.work, RESULT, DRIFT)) as path:
            path.write_bytes(data)
            return Written(path=DRIFT, sha256=sha256(path))

    def _others(self, found: Reading) -> Iterator[Written]:
        """What was written of bad lines."""
        if found.quarantined:
            with folder_at_hand(inside(self._job.work, RESULT, QUARANTINE.parent.name)) as folder:
                yield Written(path=QUARANTINE.as_posix(), sha256=sha256(folder / QUARANTINE.name))


def put_all_in_place(job: Job, manifest: BackfillManifest) -> None:
    """Move what was made to where it belongs, the manifest last. Killed midway, it is done again."""
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    if not is_remote(job.out):
        put_in_place(Path(job.out), Path(job.work), manifest.files, encoded)
        return
    names = [(inside(job.work, RESULT, file.path), inside(job.out, file.path)) for file in manifest.files]
    left = [pair for pair in names if FileSystems.exists(pair[0])]
    if left:
        FileSystems.rename([source for source, _ in left], [target for _, target in left])
    with written_to(inside(job.out, MANIFEST)) as path:
        path.write_bytes(encoded)
    FileSystems.delete([inside(job.work, name) for name, _ in files_below(job.work)])
