"""What a backfill's output says of itself: what it was made of, by what, and what came of it."""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from ml.backfill.settings import BackfillError, Settings
from ml.config import CatalogueConfig, InputConfig
from ml.feature_engineering import ReadingReport
from ml.lineage import Source
from orderguard.features import FEATURE_SET_VERSION
from orderguard.history.seed import SeedHeader
from orderguard.model_version import MANIFEST, DataFile

FORM = 1
"""The form of what is written; another one is another output."""
FEATURES, SCORES = "features", "scores"
Kind = Literal["features", "scores"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an output depends on, so what tells two apart. `inputs` are the files' SHA-256 in their sequence, `key` the
    fingerprint of the masking key, `version` the model version that scores, by its manifest's SHA-256.
    """

    form: int = FORM
    inputs: list[str]
    key: str
    version: str | None
    version_sha256: str | None
    at: float | None
    input: InputConfig
    catalogue: CatalogueConfig | None
    code_sha256: str
    lock_sha256: str | None

    @property
    def kind(self) -> Kind:
        """What comes out: features for training, or a version's scores."""
        return "scores" if self.version else "features"

    @property
    def sha256(self) -> str:
        """The hash of all that."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the output, by its path in it. `rows` counts those of a table."""

    path: str
    sha256: str
    rows: int | None = None


class BackfillManifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an output. It is written last, and holds no time of writing: equal inputs give equal bytes.

    `orders` are those that came out, `later` those left out since they were placed after `request.at`. Without a
    version, blocks of orders begin at the rows `starts`, the first of which is `first`; catalogue c is that of block c
    and was learnt from the orders until `catalogue_ends[c]` (epoch seconds), see `ml.blocks`; the last one from all.
    With one, `anomalies` counts the orders that it flags at its `threshold`.
    """

    request_sha256: str
    request: Request
    kind: Kind
    commit: str | None
    dirty: bool
    feature_set_version: str = FEATURE_SET_VERSION
    feature_names: list[str]
    data_files: list[DataFile]
    report: ReadingReport
    orders: int
    later: int
    first_order: float
    last_order: float
    first: int = 0
    starts: list[int] = []
    catalogue_ends: list[float] = []
    threshold: float | None = None
    anomalies: int | None = None
    seed: SeedHeader
    files: list[Written]


def request_of(settings: Settings, hashes: list[str], code: Source, version_sha256: str | None) -> Request:
    """What is asked for, of files with these hashes."""
    version = settings.version_dir
    return Request(
        inputs=hashes,
        key=settings.keyring.fingerprint,
        version=version.name if version else None,
        version_sha256=version_sha256,
        at=settings.at,
        input=settings.config.input,
        catalogue=None if version else settings.config.catalogue,
        code_sha256=code.code_sha256,
        lock_sha256=code.lock_sha256,
    )


def read_manifest(out: Path) -> BackfillManifest:
    """The manifest of an output. Raises `BackfillError` where there is none, or it can't be read."""
    path = out / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=BackfillManifest)
    except FileNotFoundError:
        raise BackfillError(f"{out}: no finished backfill is here; make one with: make backfill") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise BackfillError(f"{path}: not the manifest of a backfill ({error})") from None
