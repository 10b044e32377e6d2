"""A small sample of orders, and a version trained on it once a session."""

import shutil
from pathlib import Path

import pytest

from data.generator.__main__ import main as generate
from ml.config import Config, read_config
from ml.job import Job
from ml.pipeline import Outcome, train_version
from orderguard.masking import Keyring, new_key_text

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


@pytest.fixture(scope="session")
def trained(job: Job) -> Outcome:
    """The session's version, not promoted."""
    return train_version(job)


@pytest.fixture
def models(job: Job, trained: Outcome, tmp_path: Path) -> Path:
    """A folder of versions of the test's own, with the session's version in it."""
    return shutil.copytree(job.models, tmp_path / "models")
