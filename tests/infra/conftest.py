"""What the tests of the Pulumi program share: a model version that passes its own checks."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec
import pytest

from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.model_version import CHAMPION, MANIFEST, Manifest, sha256

VERSION = "2026-01-31-abc1234"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all tests. It is never closed: that would end threads in which the SDK leaves loops of its own open."""
    return asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def event_loop() -> None:
    """The SDK takes the thread's event loop, which is gone where a test before has used `asyncio.run`."""
    asyncio.set_event_loop(_loop())


def write_version(folder: Path, version: str) -> None:
    """Write a small model version under `folder`, whose manifest agrees with its files."""
    version_folder = folder / version
    (version_folder / "knowledge").mkdir(parents=True)
    files = {"model.onnx": b"a model", "catalogue.json": b"{}", "knowledge/index.json": b"{}"}
    for name, content in files.items():
        (version_folder / name).write_bytes(content)
    manifest = Manifest(
        version=version,
        commit="abc1234",
        tag=None,
        dirty=False,
        data=[],
        data_sha256="",
        first_order="",
        last_order="",
        code_sha256="",
        lock_sha256=None,
        schema_sha256="",
        feature_set_version=FEATURE_SET_VERSION,
        feature_names=list(FEATURE_NAMES),
        threshold=0.5,
        parameters={},
        metrics={},
        libraries={},
        files={name: sha256(version_folder / name) for name in files},
    )
    (version_folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


@contextmanager
def champion_in(folder: Path) -> Iterator[Path]:
    """A models folder with one version, the champion, which the environment names meanwhile."""
    models = folder / "models"
    write_version(models, VERSION)
    (models / CHAMPION).write_text(f"{VERSION}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(models))
        patch.setenv("ORDERGUARD_COMMIT", "0123abc")
        patch.delenv("ORDERGUARD_MASKING_KEY", raising=False)
        yield models


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Path]:
    """`champion_in` a folder of the test's own."""
    with champion_in(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def module_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`champion_in` a folder of the test module's own."""
    with champion_in(tmp_path_factory.mktemp("models")):
        yield
