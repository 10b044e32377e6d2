"""What a new version says of the example orders, kept with it: a deployment holds the revision's answers against it."""

from pathlib import Path

import msgspec

from ml.lineage import ROOT
from orderguard.catalogue import Catalogue
from orderguard.example_orders import ExpectedScores, example_file, key_of, read_orders
from orderguard.features.scalar import features_of
from orderguard.history import NO_PAST
from orderguard.masking import Keyring, mask_order
from orderguard.masking.codes import known_articles
from orderguard.schema import OrderError, decode_order
from orderguard.scorer import MODEL, score_rows, session


def expected_scores(folder: Path, catalogue: Catalogue, keyring: Keyring, examples: Path | None = None) -> bytes:
    """The content of a version's `expected-scores.json`, by the model in `folder`; no score depends on the key. Empty
    where there are no example orders; one that the schema no longer lets through is left out.
    """
    path = examples or example_file(ROOT)
    doubt = known_articles(catalogue.articles)
    keys, known = [], []
    for order in read_orders(path) if path.exists() else ():
        try:
            decoded = decode_order(msgspec.json.encode(order))
        except OrderError:
            continue
        known.append((mask_order(decoded, keyring, free_text=False, doubt=doubt), NO_PAST))
        keys.append(key_of(order))
    found = score_rows(session(folder / MODEL), features_of(known, catalogue)).score.tolist() if known else []
    return msgspec.json.format(msgspec.json.encode(ExpectedScores(dict(zip(keys, found)))), indent=1) + b"\n"
