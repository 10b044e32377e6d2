"""The folder of versions: whole or not there, one champion, back to the one before."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

import msgspec
import pytest

from ml import registry
from ml.pipeline import Outcome
from ml.validation.gates import Figure, Gate
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import (
    CHAMPION,
    MANIFEST,
    Manifest,
    ModelVersionError,
    champion,
    read_manifest,
    verify,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def copy_as(models: Path, version: str, name: str) -> None:
    """The same model under another version's name."""
    shutil.copytree(models / version, models / name)
    rewrite(models / name, version=name)


def rewrite(folder: Path, **changes: object) -> Manifest:
    manifest = msgspec.structs.replace(read_manifest(folder), **changes)
    manifest = msgspec.structs.replace(manifest, files=registry.file_hashes(folder))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return manifest


def test_promotion_and_rollback_walk_a_line(models: Path, trained: Outcome) -> None:
    first = trained.manifest.version
    for name in ("second", "third"):
        copy_as(models, first, name)
    for name in (first, "second", "third"):
        registry.promote(models, name, at=NOW)
    assert champion(models) == "third"
    assert registry.rollback(models, at=NOW).version == "second"
    assert registry.rollback(models, at=NOW).version == first
    with pytest.raises(ModelVersionError, match="no champion before"):
        registry.rollback(models, at=NOW)
    assert champion(models) == first
    assert [entry.action for entry in registry.history(models)] == ["promote"] * 3 + ["rollback"] * 2


def test_promoting_the_champion_again_changes_nothing(models: Path, trained: Outcome) -> None:
    registry.promote(models, trained.manifest.version, at=NOW)
    registry.promote(models, trained.manifest.version, at=NOW)
    assert len(registry.history(models)) == 1


def test_a_crash_before_the_pointer_moved_is_healed_by_promoting_again(models: Path, trained: Outcome) -> None:
    copy_as(models, trained.manifest.version, "second")
    registry.promote(models, trained.manifest.version, at=NOW)
    registry.promote(models, "second", at=NOW)
    (models / CHAMPION).write_text(trained.manifest.version)
    with (models / registry.HISTORY).open("ab") as file:
        file.write(b'{"action": "prom')
    with pytest.raises(ModelVersionError, match="no version 'third'"):
        registry.promote(models, "third", at=NOW)
    registry.promote(models, "second", at=NOW)
    assert registry.rollback(models, at=NOW).version == trained.manifest.version


def test_a_version_whose_gates_failed_is_not_promoted_unless_forced(models: Path, trained: Outcome) -> None:
    folder = models / trained.manifest.version
    validation = registry.read_validation(folder)
    failed = [msgspec.structs.replace(validation.gates[0], verdict="failed"), *validation.gates[1:]]
    changed = msgspec.structs.replace(validation, verdict="failed", gates=failed)
    (folder / registry.VALIDATION).write_bytes(msgspec.json.encode(changed))
    rewrite(folder)
    with pytest.raises(registry.NotPromoted, match="anomalies"):
        registry.promote(models, trained.manifest.version, at=NOW)
    assert champion(models) is None
    registry.promote(models, trained.manifest.version, at=NOW, force=True)
    assert [entry.forced for entry in registry.history(models)] == [True]


def test_a_version_that_lost_against_the_champion_is_not_promoted(models: Path, trained: Outcome) -> None:
    figure = Figure(name="average precision", value=0.5, bound="at least", limit=0.6)
    lost = Gate(name="champion", meaning="", verdict="failed", figures=[figure])
    (models / trained.manifest.version / registry.CHALLENGE).write_bytes(msgspec.json.encode(lost))
    with pytest.raises(registry.NotPromoted, match="champion"):
        registry.promote(models, trained.manifest.version, at=NOW)


def test_a_damaged_comparison_with_the_champion_is_named(models: Path, trained: Outcome) -> None:
    (models / trained.manifest.version / registry.CHALLENGE).write_text("{", "utf-8")
    with pytest.raises(ModelVersionError, match=f"{registry.CHALLENGE}: unreadable"):
        registry.promote(models, trained.manifest.version, at=NOW)


@pytest.mark.parametrize("name", ["model.onnx", "catalogue.json", "validation.json", "plots/scores.svg"])
def test_a_changed_file_is_named_and_its_version_refused(models: Path, trained: Outcome, name: str) -> None:
    path = models / trained.manifest.version / name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelVersionError, match="SHA-256 differs") as error:
        registry.promote(models, trained.manifest.version, at=NOW)
    assert str(path) in str(error.value)
    (listed,) = registry.versions(models)
    assert str(path) in (listed.trouble or "")


def test_a_missing_file_is_named(models: Path, trained: Outcome) -> None:
    path = models / trained.manifest.version / "reference.json"
    path.unlink()
    with pytest.raises(ModelVersionError, match="reference.json: missing"):
        verify(path.parent)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_a_manifest_that_points_outside_is_refused(models: Path, trained: Outcome, name: str) -> None:
    folder = models / trained.manifest.version
    manifest = msgspec.structs.replace(trained.manifest, files={name: "0" * 64})
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(ModelVersionError, match="outside the folder"):
        verify(folder)


def test_another_feature_set_is_refused(models: Path, trained: Outcome) -> None:
    rewrite(models / trained.manifest.version, feature_set_version="other")
    with pytest.raises(ModelVersionError, match="trained on feature set other"):
        verify(models / trained.manifest.version)


def test_a_broken_manifest_is_named(models: Path, trained: Outcome) -> None:
    (models / trained.manifest.version / MANIFEST).write_text("{")
    with pytest.raises(ModelVersionError, match="manifest.json: unreadable"):
        verify(models / trained.manifest.version)


@pytest.mark.parametrize("name", ["", "..", "../models", "absent"])
def test_an_unknown_version_is_answered_with_those_there_are(models: Path, trained: Outcome, name: str) -> None:
    with pytest.raises(ModelVersionError, match=trained.manifest.version):
        registry.known(models, name)


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"), registry.building(tmp_path) as aside:
        (aside / "model.onnx").write_text("half")
        raise RuntimeError("stopped")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_left_is_removed_and_a_living_ones_is_kept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, living = (tmp_path / f".building-{gethostname()}-{process}-x" for process in (ended.pid, os.getppid()))
    elsewhere = tmp_path / f".building-another-machine-{ended.pid}-x"
    elsewhere.mkdir()
    dead.mkdir()
    living.mkdir()
    with registry.building(tmp_path):
        assert registry.version_folders(tmp_path) == []
    assert (dead.exists(), living.exists(), elsewhere.exists()) == (False, True, True)


def aside_of(models: Path, version: str) -> Path:
    return shutil.copytree(models / version, models / f".building-{os.getpid()}-test")


def test_the_same_version_again_is_not_new(models: Path, trained: Outcome) -> None:
    aside = aside_of(models, trained.manifest.version)
    assert registry.publish(aside, models, trained.manifest) is False


def test_another_model_under_the_same_name_is_refused(models: Path, trained: Outcome) -> None:
    aside = aside_of(models, trained.manifest.version)
    other = rewrite(aside, threshold=0.1)
    with pytest.raises(ModelVersionError, match="differs in threshold"):
        registry.publish(aside, models, other)
    assert verify(models / trained.manifest.version) == trained.manifest


def test_names_of_files_under_another_masking_key_take_the_old_ones_place(models: Path, trained: Outcome) -> None:
    aside = aside_of(models, trained.manifest.version)
    other = Keyring.from_text(new_key_text())
    data = [msgspec.structs.replace(file, token=other.token("file", "x")) for file in trained.manifest.data]
    assert registry.publish(aside, models, rewrite(aside, data=data, key=other.fingerprint)) is True
    assert verify(models / trained.manifest.version).key == other.fingerprint
    assert registry.version_folders(models) == [models / trained.manifest.version]


def test_every_clue_leads_to_the_version(models: Path, trained: Outcome) -> None:
    manifest = trained.manifest
    clues = [manifest.version, manifest.data_sha256[:12], manifest.data[0].sha256, manifest.files["model.onnx"]]
    clues += [manifest.code_sha256[:8], *([manifest.commit] if manifest.commit else [])]
    for clue in clues:
        assert registry.trace(models, clue) == [manifest]
    assert registry.trace(models, "ffff") == []


def test_the_manifest_names_the_key_without_giving_it_away_and_no_time(
    trained: Outcome, key_text: str, models: Path
) -> None:
    text = (models / trained.manifest.version / MANIFEST).read_text("utf-8")
    assert trained.manifest.key == Keyring.from_text(key_text).fingerprint
    assert key_text.partition(":")[2] not in text
    assert "recorded" not in text
