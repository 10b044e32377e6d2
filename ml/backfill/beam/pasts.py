"""What was known of each order's customer and entities before it, and what a store would hold after all."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import TaggedOutput

from ml.backfill.beam.files import files_below, inside, written_to
from ml.backfill.beam.job import Job
from ml.backfill.beam.keyed import DAYS, currencies_of, key_of, kind_of, part_of
from ml.backfill.beam.pieces import Company, Records, by_part, counting, days_of
from ml.backfill.beam.sums import Counts
from ml.backfill.beam.usual import Usual
from ml.backfill.local.partitions import facts_of
from ml.backfill.local.records import coded_tokens
from ml.backfill.local.seeds import SeedParts, customer_entries, entity_entries
from orderguard.features.columns import Coded, Floats
from orderguard.features.shared import Sightings, company_of
from orderguard.history import ENTITIES
from orderguard.history.records import CUSTOMER, ENTITY, Kind

SEEDS = "seeds"
"""In the folder of work: what a store would hold, by part."""
PAIR = np.dtype(
    [(name, "<i8") for name in ("place", "before_place")]
    + [(name, "<f8") for name in ("at", "before_at", "before_net")]
    + [("before_currency", "<u4")]
)
"""An order that is not its customer's first, and the one before it."""

Group = tuple[int, Mapping[str, Iterable[Any]]]
"""A part's records as `rows`, and the places `out` that do not count."""


class MeetCompany(beam.DoFn):
    """What entities of a part see, to what each order finds them known for, by day. What a store would hold of them is
    written, and how many records that is goes aside, tagged `RECORDS`.
    """

    RECORDS = "records"

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, group: Group, counts: Counts) -> Iterator[Any]:
        key, seen = group[0], _in_turn(group)
        if not len(seen):
            return
        entity, at = coded_tokens(seen["entity"]), np.ascontiguousarray(seen["at"])
        card, minute = seen["card"].astype(np.float64), seen["minute"].astype(np.float64)
        company = company_of(Sightings(entity, at, seen["customer"].astype(np.int64), card, minute), {})
        records = write_records(self._job, ENTITY, key, (entity, at, entity_entries(seen)), counts.last)
        yield TaggedOutput(self.RECORDS, records)
        met = np.flatnonzero(company)
        kind, place = ENTITIES[kind_of(key) - 1], seen["place"].astype(np.int64)
        for day, rows in by_part(days_of(at[met])):
            yield key_of(DAYS, day), Company(kind, place[met[rows]], company[met[rows]])


class ComputePasts(beam.DoFn):
    """What customers of a part bought, to what was known of them before each order, by day. What a store would hold of
    them is written, and how many records that is goes aside, tagged `RECORDS`.
    """

    RECORDS = "records"

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, group: Group, counts: Counts, usual: Usual) -> Iterator[Any]:
        key, bought = group[0], _in_turn(group)
        if not len(bought):
            return
        customer, currency = coded_tokens(bought["customer"]), currencies_of(bought["currency"])
        at, place = np.ascontiguousarray(bought["at"]), bought["place"].astype(np.int64)
        bought["currency"] = currency.index
        entries = customer_entries(bought, currency.values)
        yield TaggedOutput(self.RECORDS, write_records(self._job, CUSTOMER, key, (customer, at, entries), counts.last))
        facts = facts_of(bought, customer, usual.looked_up(at, place, currency), {})
        for day, rows in by_part(days_of(at)):
            yield key_of(DAYS, day), facts[rows]


class FindPairs(beam.DoFn):
    """What customers of a part bought, to each order that is not its customer's first, with the one before, by day."""

    def process(self, group: Group) -> Iterator[tuple[int, Records]]:
        bought = _in_turn(group)
        if not len(bought):
            return
        number = coded_tokens(bought["customer"]).index
        by_customer = np.argsort(number, kind="stable")
        again = np.flatnonzero(np.diff(number[by_customer]) == 0) + 1
        now, then = bought[by_customer[again]], bought[by_customer[again - 1]]
        pairs = np.empty(len(now), PAIR)
        pairs["place"], pairs["at"] = now["place"], now["at"]
        for name in ("place", "at", "net", "currency"):
            pairs[f"before_{name}"] = then[name]
        for day, rows in by_part(days_of(pairs["at"])):
            yield key_of(DAYS, day), pairs[rows]


def _in_turn(group: Group) -> Records:
    """A part's records that count, in the order of their moments."""
    pieces = list(group[1]["rows"])
    records: Records = np.concatenate(pieces) if pieces else np.empty(0, [("at", "<f8"), ("place", "<i8")])
    return records[counting(records["at"], records["place"].astype(np.int64), group[1]["out"])]


def write_records(job: Job, kind: Kind, key: int, added: tuple[Coded, Floats, Records], end: float) -> int:
    """Write what a store would hold at the `end` of a part's tokens, after orders in turn; how many records."""
    with tempfile.TemporaryDirectory() as folder:
        held = SeedParts(Path(folder), end).begin(kind)
        held.add(*added)
        count = held.write(part_of(key))
        for name, _ in files_below(folder):
            with written_to(inside(job.work, SEEDS, name)) as path:
                shutil.copyfile(Path(folder, name), path)
    return count
