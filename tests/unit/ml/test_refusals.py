"""A version that a gate refuses: what is said, what is kept, and what goes on."""

import argparse
import shutil
from pathlib import Path

import msgspec
import pytest

from ml import registry
from ml.__main__ import main
from ml.config import DEFAULT
from ml.pipeline import Outcome
from ml.refusal import refusal
from orderguard.model_version import champion
from tests.unit.ml.command_line import run, train

pytestmark = pytest.mark.usefixtures("key_in_environment")


@pytest.mark.no_cover
def test_a_failed_gate_is_exit_code_3_and_no_promotion(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    text = DEFAULT.read_text("utf-8").replace("minimum_effect = 0.15", "minimum_effect = 0.95")
    config.write_text(text, "utf-8")
    code, facts, _ = run(capsys, *train(sample, tmp_path / "models", tmp_path, "--config", config, "--json"))
    assert (code, facts["passed"], facts["promoted"]) == (3, False, False)
    assert any("drift: share of the drift sets told is" in line and "missed by" in line for line in facts["failures"])
    assert champion(tmp_path / "models") is None
    code, _, said = run(capsys, "promote", facts["version"], "--models", tmp_path / "models")
    assert (code, "failed its gates (drift)" in said) == (3, True)
    assert f"make promote VERSION={facts['version']} FORCE=1" in said
    report = (tmp_path / "models" / facts["version"] / "report.html").read_text("utf-8")
    assert "Not to be promoted" in report


@pytest.fixture
def refused(models: Path, trained: Outcome) -> Path:
    """A folder of versions in which a gate refused the only one."""
    folder = models / trained.manifest.version
    validation = registry.read_validation(folder)
    gate, *others = validation.gates
    recall = msgspec.structs.replace(gate.figures[2], value=0.1, margin=0.0, advice="Look at the prices. " * 20)
    gate = msgspec.structs.replace(gate, verdict="failed", figures=[*gate.figures[:2], recall])
    changed = msgspec.structs.replace(validation, verdict="failed", gates=[gate, *others])
    (folder / registry.VALIDATION).write_bytes(msgspec.json.encode(changed))
    manifest = msgspec.structs.replace(trained.manifest, files=registry.file_hashes(folder))
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return models


def test_a_refusal_names_figure_advice_report_and_the_ways_on(refused: Path, trained: Outcome) -> None:
    version = trained.manifest.version
    lines = refusal(refused, version, registry.gates_of(refused / version))
    text = "\n".join(lines)
    assert lines[0] == "not promoted: 1 of 7 gates failed"
    assert "anomalies: recall at the threshold is 0.1, must be at least 0.6, missed by 0.5" in text
    assert " ".join(text.split()).count("Look at the prices.") == 20 and max(map(len, lines)) <= 120 + len(str(refused))
    assert str(refused / version / "report.html") in text
    assert "copy ml/config.toml, change" in text and "make train CONFIG=my.toml" in text
    assert f"make promote VERSION={version} FORCE=1" in text
    own = refusal(refused, version, registry.gates_of(refused / version), Path("own.toml"))
    assert any("in own.toml change" in line and "CONFIG=own.toml" in line for line in own)


def test_orders_that_a_gate_refused_are_not_trained_again(
    refused: Path,
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trained: Outcome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `make up` begins with. Nothing of it needs scikit-learn, so the answer is there at once."""
    version = trained.manifest.version
    code, printed, _ = run(capsys, "champion", "--models", refused, "--data", sample)
    assert code == 3
    assert printed.startswith(f"version {version} was trained from these very orders")
    assert f"make promote VERSION={version} FORCE=1" in printed
    other = tmp_path / "other.toml"
    other.write_text(DEFAULT.read_text("utf-8").replace("rate = 0.01 ", "rate = 0.02 "))
    trainings: list[argparse.Namespace] = []

    def training(options: argparse.Namespace) -> int:
        trainings.append(options)
        return 0

    monkeypatch.setattr("ml.training_commands.train", training)
    different: list[list[str | Path]] = [["--config", other], ["--models", tmp_path / "empty"]]
    for more in different:
        assert run(capsys, "champion", "--models", refused, "--data", sample, *more)[0] == 0
    assert [options.no_promote for options in trainings] == [False, False]


def test_the_champion_goes_on_where_a_newer_training_was_refused(
    refused: Path, sample: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    version = trained.manifest.version
    shutil.copytree(refused / version, refused / "older")
    manifest = msgspec.structs.replace(trained.manifest, version="older", files=registry.file_hashes(refused / "older"))
    (refused / "older" / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    (refused / "older" / registry.RECORDED).write_text('{"recorded_at":"2020-01-01T00:00:00Z"}')
    assert run(capsys, "promote", "older", "--force", "--models", refused)[0] == 0
    code, printed, _ = run(capsys, "champion", "--models", refused, "--data", sample)
    assert (code, printed.splitlines()[0]) == (0, "champion: older")
    assert f"version {version}, trained since, was refused (gates: anomalies); the champion is still served" in printed
    assert run(capsys, "promote", version, "--force", "--models", refused)[0] == 0
    code, printed, _ = run(capsys, "champion", "--models", refused, "--data", sample)
    assert (code, printed) == (0, f"champion: {version}\n")


@pytest.mark.no_cover
def test_a_challenger_worse_than_the_champion_is_not_promoted(
    sample: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    main(["promote", trained.manifest.version, "--models", str(models)])
    config = tmp_path / "config.toml"
    weak = (
        DEFAULT.read_text("utf-8")
        .replace("first_level = 1.0", "first_level = 90.0")
        .replace("trees = 100", "trees = 2")
    )
    config.write_text(weak, "utf-8")
    more: list[str | Path] = ["--config", config, "--version", "weak", "--json"]
    capsys.readouterr()
    code, facts, _ = run(capsys, *train(sample, models, tmp_path, *more))
    assert code == 3
    assert any(line.startswith("champion: average precision against") for line in facts["failures"])
    assert champion(models) == trained.manifest.version
