"""Tag, commit and data lead to a model's name, inside a clone and outside of one."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from ml.config import AlertConfig, Config, own_hash
from ml.lineage import Source, data_hash, source, version_name
from orderguard.model_version import DataFile

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LAST = "2026-10-31T23:59:00+00:00"


def code(**changes: object) -> Source:
    plain: dict[str, object] = {
        "commit": COMMIT,
        "tag": None,
        "dirty": False,
        "code_sha256": "c" * 64,
        "lock_sha256": None,
    }
    return Source(**{**plain, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "20261031-0123456-dddddddd"),
        ({"tag": "v1.2.0"}, "v1.2.0"),
        ({"dirty": True}, "20261031-0123456-dddddddd-dirty-cccccc"),
        ({"tag": "v1.2.0", "dirty": True}, "20261031-0123456-dddddddd-dirty-cccccc"),
        ({"commit": None}, "20261031-unknown-dddddddd-dirty-cccccc"),
    ],
)
def test_a_version_is_named_after_tag_or_day_commit_and_data(changes: dict[str, object], name: str) -> None:
    assert version_name(code(**changes), "d" * 64, LAST) == name
    assert version_name(code(**changes), "d" * 64, LAST, "e" * 64) == f"{name}-config-eeeeee"


def test_only_a_configuration_of_ones_own_has_a_hash(config: Config) -> None:
    assert own_hash(config) == ""
    own = [msgspec.structs.replace(config, alert=AlertConfig(rate=rate)) for rate in (0.02, 0.03)]
    assert len({own_hash(config), *map(own_hash, own)}) == 3


def test_the_data_hash_depends_on_bytes_and_their_sequence_and_on_no_name() -> None:
    one, two = (DataFile(sha256=name * 64, orders=1) for name in "ab")
    assert data_hash([one, two]) != data_hash([two, one])
    assert data_hash([one]) != data_hash([one, two])
    named = DataFile(position=7, token="fil_k1_another", sha256=one.sha256, orders=1)
    assert data_hash([one]) == data_hash([named])


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "a.py").write_text("a = 1\n")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "train.txt").write_text("numpy\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_in_a_clone_commit_and_tag_are_gits(clone: Path) -> None:
    git(clone, "tag", "v2.0.0")
    found = source(clone, {})
    assert (found.commit, found.tag, found.dirty) == (git(clone, "rev-parse", "HEAD"), "v2.0.0", False)


def test_only_what_can_change_a_model_makes_it_dirty(clone: Path) -> None:
    before = source(clone, {})
    (clone / "README.md").write_text("words")
    assert source(clone, {}) == before
    (clone / "ml" / "a.py").write_text("a = 2\n")
    after = source(clone, {})
    assert after.dirty
    assert after.code_sha256 != before.code_sha256


def test_outside_a_clone_the_image_says_its_commit(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    assert source(tmp_path, {}).commit is None
    assert source(tmp_path, {"ORDERGUARD_COMMIT": COMMIT}).commit == COMMIT
    assert source(tmp_path, {"ORDERGUARD_COMMIT": "unversioned"}).commit is None
