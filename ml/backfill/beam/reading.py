"""Order files to masked columns, and what was found on the way."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import TaggedOutput

from ml.article_evidence import settled
from ml.backfill.beam.files import at_hand, blocks_at
from ml.backfill.beam.job import Job
from ml.backfill.beam.model import Model
from ml.backfill.beam.pieces import Piece, place_of
from ml.backfill.beam.secret import keyring
from ml.column_masking import ColumnMasker
from ml.feature_engineering import masked_block
from ml.reading import BLOCK_BYTES, Block, Tally
from orderguard.masking.codes import undecided


class BlockTally(NamedTuple):
    """What was found in the block of a file that starts at this offset; line numbers count from there. `later` orders
    were placed after the moment that is asked about.
    """

    position: int
    start: int
    tally: Tally
    later: int


class CutIntoBlocks(beam.DoFn):
    """(position, file) to (file, block) for each of its blocks."""

    def process(self, file: tuple[int, str]) -> Iterator[tuple[str, Block]]:
        position, place = file
        for block in blocks_at(place, BLOCK_BYTES, position):
            yield place, block


class ReadAndMask(beam.DoFn):
    """A block to a `Piece` with the orders that can be used; aside, tagged `TALLIES`, its `BlockTally`."""

    TALLIES = "tallies"

    def __init__(self, job: Job, model: Model | None) -> None:
        self._job, self._model = job, model

    def setup(self) -> None:
        self._masker = ColumnMasker(keyring(self._job.key), undecided)
        self._articles = self._model.loaded().catalogue.articles if self._model else None

    def process(self, found: tuple[str, Block]) -> Iterator[Any]:
        place, block = found
        with at_hand(block, place) as readable:
            columns, digests, tally = masked_block(readable, self._masker, self._job.request.input.feed)
        ids = np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2)
        piece = Piece(columns, ids, place_of(block.position, block.start) + np.arange(len(columns)))
        later = 0
        if self._job.request.at is not None:
            wanted = columns.numbers["at"] <= self._job.request.at
            later = int(np.count_nonzero(~wanted))
            piece = piece.taken(np.flatnonzero(wanted)) if later else piece
        yield TaggedOutput(self.TALLIES, BlockTally(block.position, block.start, tally, later))
        if len(piece.place):
            if self._articles is not None:
                piece = replace(piece, columns=settled(piece.columns, self._articles)[0])
            yield piece
