"""The lock files: each is compiled by `make lock`, and those that meet in one environment agree."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = sorted((REPOSITORY / "requirements").glob("*.txt"))
OF_ITS_OWN = {"beam.txt", "checkov.txt"}
"""Each in an environment of its own: they pin much of what they use."""


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_make_lock_compiles_every_lock(lock: Path) -> None:
    """One that it leaves out stays as it is for good, flaws and all."""
    recipe = re.search(r"^lock:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe and lock.stem in re.findall(r"[\w-]+", recipe[1])
    assert lock.with_suffix(".in").exists()


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.name not in OF_ITS_OWN], ids=lambda lock: lock.name)
def test_what_is_tested_is_what_ships(lock: Path) -> None:
    tested = pins(REPOSITORY / "requirements" / "dev.txt")
    found = pins(lock)
    assert found and {name: version for name, version in found.items() if tested.get(name, version) != version} == {}


def test_a_pipeline_computes_with_the_versions_that_train() -> None:
    """Beam pins the rest. Parquet files hold the version of what wrote them."""
    tested, found = (pins(REPOSITORY / "requirements" / name) for name in ("dev.txt", "beam.txt"))
    named = re.findall(r"^[a-z]+$", (REPOSITORY / "requirements" / "beam.in").read_text("utf-8"), re.MULTILINE)
    assert "pyarrow" in named and {name: found[name] for name in named} == {name: tested[name] for name in named}


def test_a_worker_of_dataflow_is_started_by_the_version_that_is_locked() -> None:
    image = re.search(r"/beam_python3\.11_sdk:(\S+) AS beam", (REPOSITORY / "Dockerfile").read_text("utf-8"))
    assert image and pins(REPOSITORY / "requirements" / "beam.txt")["apache-beam"] == image[1]
