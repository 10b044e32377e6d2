"""A small sample of orders, and a version trained on it once a session."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from data.generator.__main__ import main as generate
from ml import pipeline
from ml.config import Config, read_config
from ml.job import Job, Prepared
from ml.pipeline import Outcome
from orderguard.masking import Keyring, new_key_text
from tests.unit.ml.command_line import run_once, train

ORDERS = 5_000


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of order files, some months of a small shop."""
    folder = tmp_path_factory.mktemp("sample")
    places = ["--out", str(folder / "raw"), "--truth", str(folder / "truth"), "--score", str(folder / "score")]
    generate([*places, "--orders", str(ORDERS), "--months", "3", "--quiet"])
    return folder / "raw"


@pytest.fixture(scope="session")
def config() -> Config:
    """The configuration that the repository ships."""
    return read_config()


@pytest.fixture(scope="session")
def key_text() -> str:
    """A masking key."""
    return new_key_text()


@pytest.fixture
def key_in_environment(monkeypatch: pytest.MonkeyPatch, key_text: str) -> None:
    """The masking key where commands look for it."""
    monkeypatch.setenv("MASKING_KEY", key_text)
    monkeypatch.delenv("MASKING_KEY_FILE", raising=False)


@pytest.fixture(scope="session")
def job(sample: Path, config: Config, key_text: str, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """How the session's version is trained."""
    return Job(
        data=sample,
        models=tmp_path_factory.mktemp("models"),
        config=config,
        keyring=Keyring.from_text(key_text),
        quarantine=None,
    )


class Training(NamedTuple):
    """What `make train` made in `folder`, said, and ended with."""

    folder: Path
    code: int
    printed: str
    said: str
    outcome: Outcome


@pytest.fixture(scope="session")
def training(sample: Path, key_text: str, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """The session's one training of the sample by the command line, into an empty folder of versions."""
    folder = tmp_path_factory.mktemp("training")
    outcomes: list[Outcome] = []
    train_version = pipeline.train_version

    def seen(job: Job, prepared: Prepared | None = None) -> Outcome:
        outcomes.append(train_version(job, prepared))
        return outcomes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "train_version", seen)
        code, printed, said = run_once(train(sample, folder / "models", folder), MASKING_KEY=key_text)
    return Training(folder, code, printed, said, outcomes[0])


@pytest.fixture(scope="session")
def trained(job: Job, training: Training) -> Outcome:
    """The session's version, not promoted."""
    version = training.outcome.manifest.version
    shutil.copytree(training.folder / "models" / version, job.models / version)
    return training.outcome


@pytest.fixture
def models(job: Job, trained: Outcome, tmp_path: Path) -> Path:
    """A folder of versions of the test's own, with the session's version in it."""
    return shutil.copytree(job.models, tmp_path / "models")
