"""The typed configuration of training and validation: read from TOML, checked at the edge, its mistakes explained."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from orderguard.drift import DriftSettings
from orderguard.repair import Feed, FeedError

DEFAULT = Path(__file__).with_name("config.toml")

Share = Annotated[float, Meta(gt=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Count = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class ConfigError(ValueError):
    """A configuration that can't be used; the message names the file and the setting."""


class ForestConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Isolation Forest's hyper-parameters, in scikit-learn's meaning, and how much its evidence weighs."""

    trees: Count
    sample_size: Annotated[int, Meta(ge=2)]
    features_share: Share
    seed: Seed
    weight: Share


class GuardConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The guard beside the forest; see `ml.guard`."""

    first_level: Positive
    last_level: Positive
    level_step: Annotated[float, Meta(ge=1.001, le=2)]
    tail: Annotated[float, Meta(gt=0, le=0.5)]
    tail_rows: Count
    half: Positive


class SampleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows of a backfill's features a training takes at most, and what draws them; see `ml.backfill.table`."""

    rows: Annotated[int, Meta(ge=1_000)] = 1_000_000
    seed: Seed = 20262


class CatalogueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How old the catalogue gets that an order is compared with, and which share of the orders only fills the first
    one; see `ml.blocks`.
    """

    refresh_days: Annotated[float, Meta(ge=0.01, le=3650)]
    warm_up: Annotated[float, Meta(ge=0, le=0.9)]


class SplitConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the orders after the warm-up, in time order: the first ones train, the next are the reference, the
    rest are the later orders.
    """

    train: Share
    reference: Share


class AlertConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many orders may be flagged."""

    rate: Share


class InputConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a feed may look like, and how it is read; see `orderguard.repair.Feed`."""

    maximum_bad_share: Annotated[float, Meta(ge=0, le=1)]
    maximum_repaired_share: Annotated[float, Meta(ge=0, le=1)]
    zone: str
    earliest: date
    maximum_gap_days: Annotated[float, Meta(ge=1, le=1e5)]
    decimal_comma: bool | None = None

    @property
    def feed(self) -> Feed:
        """How repair reads what can be read in more than one way. Raises `FeedError`."""
        return Feed(self.zone or None, self.decimal_comma)


class _Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    enabled: bool


class AnomalyGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seed: Seed
    orders_per_kind: Count
    minimum_roc_auc: Share
    minimum_average_precision: Share
    minimum_recall: Share
    minimum_kind_roc_auc: Share
    minimum_ring_recall: Share
    minimum_gain: Annotated[float, Meta(ge=-1, le=1)]


class DriftGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seed: Seed
    rows: Count


class AlertRateGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    minimum_ratio: Annotated[float, Meta(ge=0)]
    maximum_ratio: Positive


class ParityGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    maximum_difference: Positive


class MaskingGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rows: Count


class BehaviourGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    seed: Seed
    rows: Count
    minimum_share: Share
    maximum_flagged: Share


class ChampionGate(_Gate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tolerance: Annotated[float, Meta(ge=0, le=1)]
    labelled: Count = 20


class GatesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that a model must keep to before it is promoted."""

    orders: Count
    anomalies: AnomalyGate
    drift: DriftGate
    alert_rate: AlertRateGate
    parity: ParityGate
    masking: MaskingGate
    behaviour: BehaviourGate
    champion: ChampionGate


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that training and validation can be told."""

    forest: ForestConfig
    guard: GuardConfig
    catalogue: CatalogueConfig
    split: SplitConfig
    alert: AlertConfig
    drift: DriftSettings
    input: InputConfig
    gates: GatesConfig
    sample: SampleConfig = SampleConfig()


def read_config(path: Path = DEFAULT) -> Config:
    """Read and check a configuration. Raises `ConfigError` naming the file, the setting, what was found and what is
    allowed.
    """
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
    except FileNotFoundError:
        raise ConfigError(f"{path}: not found; give a file that looks like {DEFAULT.name} in ml/") from None
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        message = str(error).replace(" - at `$.", " - at `")
        raise ConfigError(f"{path}: {message}") from None
    if config.split.train + config.split.reference >= 1:
        raise ConfigError(
            f"{path}: split.train + split.reference must be below 1, or no later orders are left to validate on"
        )
    for name, rows in (("gates.orders", config.gates.orders), ("gates.drift.rows", config.gates.drift.rows)):
        if rows < config.drift.minimum_rows:
            raise ConfigError(
                f"{path}: {name} is {rows}, below drift.minimum_rows ({config.drift.minimum_rows}), so that the drift "
                f"gate could come to no verdict"
            )
    try:
        _ = config.input.feed
    except FeedError as error:
        raise ConfigError(f"{path}: input.{error}") from None
    if config.guard.last_level <= config.guard.first_level:
        raise ConfigError(f"{path}: guard.last_level must be above guard.first_level")
    if config.gates.alert_rate.minimum_ratio > config.gates.alert_rate.maximum_ratio:
        raise ConfigError(f"{path}: gates.alert_rate.minimum_ratio is above its maximum_ratio")
    return config


def own_hash(config: Config) -> str:
    """The hash of a configuration other than the one that the code ships; nothing of that one."""
    if config == read_config():
        return ""
    return hashlib.sha256(msgspec.json.encode(config, order="deterministic")).hexdigest()
