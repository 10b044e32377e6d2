"""What belongs to whoever has the masking key, and so to no model version: its past cases, and the seed.

Both are made from raw orders and hold pseudonyms. They go into the folder of histories, which nobody publishes, and
say under which key they were made.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.feature_engineering import FeatureTable
from ml.knowledge_index import flagged_cases
from ml.lineage import data_hash, source
from ml.reading import masked_orders
from orderguard.features import FEATURE_SET_VERSION
from orderguard.history.records import CUSTOMER, ENTITY, Counted, counted, kind_of, newest, with_entry
from orderguard.history.seed import Entry, SeedError, SeedHeader, read_entries, read_header, write_seed
from orderguard.masking import Keyring
from orderguard.masking.codes import known_articles
from orderguard.model_version import DataFile
from orderguard.repair import Feed
from orderguard.retrieval import Case, KnowledgeError, PastCases
from orderguard.schema import MaskedOrder
from orderguard.scorer import Scorer


class Written(NamedTuple):
    """What is in the folder of histories now. `new` is false where it was there already, made of the same orders by the
    same code.
    """

    cases: int
    seed: SeedHeader
    new: bool


def made_already(
    folder: Path, version: str, files: Sequence[DataFile], keyring: Keyring, feed: Feed = Feed()
) -> Written | None:
    """What the folder holds, if it was made of these very files, for this version, by this code, under this key."""
    try:
        seed, cases = read_header(folder), PastCases.read(folder, version, keyring)
    except (SeedError, KnowledgeError):
        return None
    if seed is None or cases is None or {seed.key, cases.key} != {keyring.fingerprint}:
        return None
    return (
        Written(len(cases.cases), seed, new=False) if {seed.made_of, cases.made_of} == {made_of(files, feed)} else None
    )


def made_of(files: Sequence[DataFile], feed: Feed = Feed()) -> str:
    """Tell orders, how they are read, and code apart, of which histories were made."""
    settings = "" if feed == Feed() else f" {feed.zone} {feed.decimal_comma}"
    return hashlib.sha256(f"{data_hash(files)} {source().code_sha256}{settings}".encode()).hexdigest()


def write_histories(
    folder: Path,
    version_dir: Path,
    table: FeatureTable,
    paths: Sequence[Path],
    keyring: Keyring,
    seed: Path | None = None,
) -> Written:
    """Write past cases of a version, and the seed, into the folder of histories.

    `table` are the orders of `paths`, masked by `keyring`, or drawn from them: then `seed` is the folder that holds the
    seed of all. Raises `ModelVersionError` for a version that is not whole, `SeedError` for a seed that is not.
    """
    scorer, told = Scorer.load(version_dir), made_of(table.data_files, table.feed)
    cases = past_cases(scorer, table, paths, keyring)
    PastCases(key=keyring.fingerprint, version=version_dir.name, made_of=told, cases=cases).write(folder)
    known = read_header(seed) if seed else None
    if seed and known:
        write_seed(folder, known, read_entries(seed))
        return Written(len(cases), known, new=True)
    orders = masked_orders(
        paths, keyring, free_text=False, doubt=known_articles(scorer.catalogue.articles), feed=table.feed
    )
    records = records_after(orders, table.order_tokens)
    header = SeedHeader(
        key=keyring.fingerprint,
        feature_set_version=FEATURE_SET_VERSION,
        made_of=told,
        orders=len(table.order_tokens),
        records=len(records),
        last_order=float(table.created_at[-1]),
    )
    write_seed(folder, header, (Entry(key, records[key]) for key in sorted(records)))
    return Written(len(cases), header, new=True)


def past_cases(scorer: Scorer, table: FeatureTable, paths: Sequence[Path], keyring: Keyring) -> list[Case]:
    """The orders that the version flags, the highest scores of them, with their reasons in words.

    What only fills the first catalogue is no case. A version of before reference orders has none.
    """
    if scorer.reference_orders is None:
        return []
    scores = scorer.score(table.X).score
    scores[: table.first] = 0.0

    def contributions(row: NDArray[np.float32]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = scorer.explain(row[None])[1][0]
        return values

    usual, threshold = scorer.reference_orders, scorer.threshold
    cases = flagged_cases(table, scores, threshold, usual, contributions, paths, keyring)
    return sorted(cases, key=lambda case: (case.created_at, case.order_token))


def records_after(chunks: Iterable[Sequence[MaskedOrder]], tokens: Sequence[str]) -> dict[str, bytes]:
    """The records of a store that has taken the orders with these tokens, each once, in this sequence; but for those
    that a store would have forgotten by the last of them.

    They are counted by the code that every store counts with, so an order that the store is asked about again is known.
    """
    place = {token: number for number, token in enumerate(tokens)}
    in_turn: list[Counted | None] = [None] * len(tokens)
    for chunk in chunks:
        for order in chunk:
            number = place.get(order.order_token)
            if number is not None and in_turn[number] is None:
                in_turn[number] = counted(order)
    records: dict[str, bytes] = {}
    end = 0.0
    for taken in in_turn:
        assert taken, "each token is of an order that was read"
        customer, *entities = taken.keys
        records[customer] = with_entry(records.get(customer), taken.customer_entry, CUSTOMER)
        for key in entities:
            if key:
                records[key] = with_entry(records.get(key), taken.entity_entry, ENTITY)
        end = max(end, taken.placed)
    kinds = ((key, record, kind_of(key)) for key, record in records.items())
    return {key: record for key, record, kind in kinds if end - newest(record, kind) <= kind.silence}
