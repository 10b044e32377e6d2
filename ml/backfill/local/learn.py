"""Catalogues of all blocks, learnt from orders in time order on the disk."""

from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from tqdm import tqdm

from ml.backfill.learning import ORDER_CODES, Learner, Piece
from ml.backfill.local.catalogues import FOLDER, Learnt, levels_of
from ml.backfill.local.in_time import Routed, sorted_bucket
from ml.backfill.local.partitions import PAIR
from ml.backfill.local.records import columns_of_records, lines_of_orders
from ml.backfill.local.shuffle import Indices, Records, Shuffle
from ml.backfill.output import RESULT, write_whole
from ml.backfill.settings import Settings
from ml.blocks import block_starts
from ml.currency_levels import net_values
from orderguard.features.columns import Floats
from orderguard.private_files import make_private_folder


class MomentsOnDisk:
    """When orders were placed, in time order: a sequence of which a few stretches are held."""

    def __init__(self, folder: Path, offsets: Indices) -> None:
        self._folder, self._offsets = folder, offsets
        self._bucket = lru_cache(8)(self._read)

    def _read(self, bucket: int) -> Floats:
        return np.fromfile(self._folder / f"at-{bucket:07}")

    def __len__(self) -> int:
        return int(self._offsets[-1])

    def __getitem__(self, place: int, /) -> float:
        bucket = int(np.searchsorted(self._offsets, place, side="right")) - 1
        return float(self._bucket(bucket)[place - self._offsets[bucket]])


class _Bucket(NamedTuple):
    """A bucket's orders in time order, their lines and the customers that came back."""

    orders: Records
    lines: Records
    begin: Indices
    net: Floats
    pairs: Records


class _Buckets:
    """The orders between two places in time, piece by piece."""

    def __init__(self, routed: Routed, ordered: Path, pairs: Path, starts: Indices) -> None:
        self._routed, self._ordered, self._starts = routed, ordered, starts
        self._offsets = routed.offsets()
        self._pairs = Shuffle(pairs / "pairs", PAIR, routed.buckets)
        self._bucket = lru_cache(1)(self._read)

    def _read(self, bucket: int) -> _Bucket:
        orders, lines = sorted_bucket(self._ordered, bucket)
        pairs = self._pairs.read(bucket)
        pairs = pairs[np.argsort(pairs["place"], kind="stable")]
        net = net_values(columns_of_records(orders, lines, self._routed.codes))
        return _Bucket(orders, lines, lines_of_orders(orders), net, pairs)

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The orders from `start` until before `end`."""
        first, last = (int(np.searchsorted(self._offsets, place, side="right")) - 1 for place in (start, end - 1))
        for bucket in range(first, last + 1):
            offset = int(self._offsets[bucket])
            begin, until = max(start - offset, 0), min(end - offset, self._routed.counts[bucket])
            if begin < until:
                yield self._piece(self._bucket(bucket), offset, begin, until)

    def _piece(self, bucket: _Bucket, offset: int, begin: int, end: int) -> Piece:
        orders, net = bucket.orders[begin:end], bucket.net[begin:end]
        lines = bucket.lines[bucket.begin[begin] : bucket.begin[end]]
        places = np.searchsorted(bucket.pairs["place"], [offset + begin, offset + end])
        pairs = bucket.pairs[places[0] : places[1]]
        again = pairs["place"].astype(np.int64) - offset - begin
        currency = orders["currency"].astype(np.int64)
        return Piece(
            codes={code: orders[code].astype(np.int64) for code in ORDER_CODES},
            net=net,
            minute=orders["minute"],
            account_days=orders["account_days"],
            line_currency=np.repeat(currency, orders["lines"]),
            sku=lines["sku"].astype(np.int64),
            category=lines["category"].astype(np.int64),
            price=np.ascontiguousarray(lines["price"]),
            quantity=np.ascontiguousarray(lines["quantity"]),
            again_currency=currency[again],
            again_net=net[again],
            before_currency=pairs["currency"].astype(np.int64),
            before_net=np.ascontiguousarray(pairs["net"]),
            before_segment=np.searchsorted(self._starts, pairs["before"].astype(np.int64), side="right"),
            gap_hours=(orders["at"][again] - pairs["at"]) / 3600.0,
        )


def learn(routed: Routed, settings: Settings, ordered: Path, pairs: Path, work: Path) -> Learnt:
    """Learn the catalogue of each block, and the one of all orders, into the output's folder of catalogues."""
    folder = make_private_folder(work / RESULT / FOLDER)
    at, config = MomentsOnDisk(ordered, routed.offsets()), settings.config.catalogue
    starts = block_starts(at, config.refresh_days, config.warm_up)
    buckets, learner = _Buckets(routed, ordered, pairs, starts), Learner(routed.codes)
    levels = []
    ends = [*starts.tolist(), len(at)]
    with tqdm(total=len(at), desc="learn what is usual", disable=not settings.progress) as bar:
        for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            catalogue = learner.learn(partial(buckets.pieces, start, end))
            if number == len(starts):
                catalogue = msgspec.structs.replace(catalogue, articles=routed.articles)
            write_whole(folder / f"{number:04}.json", msgspec.json.encode(catalogue, order="deterministic") + b"\n")
            levels.append(levels_of(catalogue, routed.codes["currency"]))
            bar.update(end - start)
    return Learnt(starts=starts.tolist(), ends=[at[min(end, len(at) - 1)] for end in ends], levels=levels)
