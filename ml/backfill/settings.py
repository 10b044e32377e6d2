"""What a backfill is asked for, checked once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ml.config import Config
from orderguard.masking import Keyring

Runner = Literal["local", "direct", "dataflow"]
RUNNERS: tuple[Runner, ...] = get_args(Runner)


class BackfillError(ValueError):
    """A backfill that can't be run as asked. The message says why, and the way out."""


@dataclass(frozen=True)
class Settings:
    """Which orders become what, and where.

    `version_dir` is the model version whose scores are wanted; None: features for training. `at`, in epoch seconds:
    orders placed later are left out; None: none are. `jobs` is the most processor cores to use; it changes no result.
    """

    data: Path
    out: Path
    config: Config
    keyring: Keyring
    runner: Runner = "local"
    version_dir: Path | None = None
    at: float | None = None
    jobs: int = 1
    progress: bool = False
    say: Callable[[str], None] = field(default=lambda line: None)
