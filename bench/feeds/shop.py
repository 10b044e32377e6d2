"""A feed through the product: a version trained on its earlier orders, and the rows of the later ones as they would be
in production, with and without anomalies in place of some.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.feeds.injection import Injected, before_of, inject
from ml.config import Config
from ml.feature_engineering import FeatureConfig, build_features
from ml.job import Job
from ml.pipeline import Outcome, train_version
from ml.reading import masked_orders
from ml.validation.held_out import Case, features_of, replay
from orderguard.masking import Keyring
from orderguard.scorer import Scorer

EARLIER = 0.6
SEED = 7
VERSION = "feed"

Rows = NDArray[np.float32]


class Later(NamedTuple):
    """Rows of the later orders, as they are and with an anomaly of each kind."""

    normal: Rows
    kinds: dict[str, Rows]


@dataclass(frozen=True)
class Shop:
    """`known` are the earlier orders' rows, which a detector may be fitted on. `later` are compared with a catalogue
    that is relearnt as in production, `aged` with the version's own, which never is. `places` says which of the later
    rows each kind has replaced.
    """

    orders: int
    names: list[str]
    known: Rows
    later: Later
    aged: Later
    places: dict[str, list[int]]
    left_out: dict[str, str]


class _Moment(msgspec.Struct):
    created_at: datetime


def split(path: Path, earlier: Path) -> int:
    """Write the first orders by time, whose number is returned, to a file of their own. Raises `ValueError` for a line
    without a moment.
    """
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if not line.isspace()]
    moments = [msgspec.json.decode(line, type=_Moment).created_at for line in lines]
    count = int(len(lines) * EARLIER)
    order = sorted(range(len(lines)), key=lambda number: moments[number])
    earlier.write_bytes(b"".join(lines[number] for number in sorted(order[:count])))
    return count


def train(earlier: Path, folder: Path, keyring: Keyring, config: Config, jobs: int) -> tuple[Outcome, Scorer]:
    """A version trained on the earlier orders, gates and all, whether they pass or not."""
    job = Job(data=earlier, models=folder, config=config, keyring=keyring, version=VERSION, jobs=jobs)
    outcome = train_version(job)
    return outcome, Scorer.load(folder / VERSION)


def rows_of(path: Path, count: int, scorer: Scorer, keyring: Keyring, config: Config) -> Shop:
    """The rows of the feed whose first `count` orders the version was trained on."""
    # The warm-up is a share of all orders; as a share of the earlier ones it is what training takes.
    warm_up = config.catalogue.warm_up * EARLIER
    table = build_features([path], keyring, FeatureConfig(refresh_days=config.catalogue.refresh_days, warm_up=warm_up))
    aged = build_features([path], keyring, catalogue=scorer.catalogue)
    orders = [order for chunk in masked_orders([path], keyring, free_text=False) for order in chunk]
    by_token = {order.order_token: order for order in reversed(orders)}
    in_time = [by_token[token] for token in table.order_tokens]
    catalogues = {token: table.catalogue_of(row) for row, token in enumerate(table.order_tokens) if row >= count}
    injected, left_out = inject(replay([in_time], catalogues), before_of(in_time[:count], in_time), SEED)
    return Shop(
        orders=len(in_time),
        names=scorer.manifest.feature_names,
        known=table.X[table.first : count],
        later=Later(table.X[count:], {kind: _changed(found, found.cases) for kind, found in injected.items()}),
        aged=Later(
            aged.X[count:],
            {
                kind: _changed(found, [case._replace(catalogue=scorer.catalogue) for case in found.cases])
                for kind, found in injected.items()
            },
        ),
        places={kind: found.rows for kind, found in injected.items()},
        left_out=left_out,
    )


def _changed(found: Injected, cases: list[Case]) -> Rows:
    rows: Rows = features_of(cases)[np.array(found.changed)]
    return rows
