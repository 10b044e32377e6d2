"""The command line: what it prints, what it leaves behind, and its exit codes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ml import registry
from ml.__main__ import main
from ml.config import DEFAULT
from ml.job import Job, prepare
from ml.pipeline import Outcome
from ml.quarantine import quarantine_file
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.model_version import MANIFEST, ModelVersionError, champion, verify
from tests.unit.ml.command_line import run, train
from tests.unit.ml.conftest import Training
from tests.unit.ml.former import name_files

ROOT = Path(__file__).resolve().parents[3]


pytestmark = pytest.mark.usefixtures("key_in_environment")


def test_train_does_it_all_and_prints_the_version_last(training: Training) -> None:
    folder, code, printed, said, _ = training
    version = printed.splitlines()[-1]
    assert code == 0
    assert (folder / "models" / version / "manifest.json").is_file()
    assert "promoted" in printed and "make up" in printed
    assert [line for line in said.splitlines() if line.endswith("…")][:2] == ["prepare …", "train …"]
    assert champion(folder / "models") == version
    assert (folder / "bad.ndjson").stat().st_size > 0


def test_what_is_wrong_with_the_orders_is_said_before_anything_heavy_is_imported(tmp_path: Path, key_text: str) -> None:
    """A refusal doesn't cost the seconds that scikit-learn, matplotlib and ONNX take."""
    item = {"sku": "a", "quantity": 1, "unit_price": 2.0}
    plain = {"created_at": "2026-01-01T10:00:00Z", "customer": {"id": "c"}, "currency": "EUR", "items": [item]}
    data = tmp_path / "orders.ndjson"
    data.write_text("\n".join(json.dumps({"order_id": str(number), **plain}) for number in range(99)))
    script = (
        "import sys; from ml.__main__ import main; code = main(sys.argv[1:]);"
        " heavy = {'sklearn', 'matplotlib', 'onnx', 'skl2onnx'} & set(sys.modules); sys.exit(f'{code} {heavy}')"
    )
    command = [sys.executable, "-c", script, *map(str, train(data, tmp_path / "models", tmp_path))]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "MASKING_KEY": key_text}, capture_output=True, text=True
    )
    first, *_, said, ended = done.stderr.splitlines()
    assert first == "1 order file, 0.0 MB"
    assert said.startswith("error: 99 good orders are too few to train and validate on; 100 are the least, so 1 are")
    assert ended == "2 set()"


def test_prepare_and_train_beside_each_other_write_apart(tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    script = (
        "import sys; from pathlib import Path; from ml.quarantine import quarantine_file\n"
        "with quarantine_file(Path(sys.argv[1])) as file:\n"
        "    file.write(b'other\\n'); print('open', flush=True); sys.stdin.readline()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "open\n"
    with quarantine_file(path) as file:
        assert file is not None
        file.write(b"own\n")
    assert path.read_text() == "own\n"
    other.communicate("\n")
    assert (other.returncode, path.read_text()) == (0, "other\n")
    assert [child.name for child in tmp_path.iterdir()] == ["bad.ndjson"]


def test_models_lists_lineage_and_marks_the_champion(
    models: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    version = trained.manifest.version
    assert run(capsys, "promote", version, "--models", models)[0] == 0
    code, printed, _ = run(capsys, "models", "--models", models)
    row = printed.splitlines()[1].split()
    assert (code, row[:2]) == (0, ["*", version])
    assert trained.manifest.data_sha256[:8] in row and row[-1] == trained.validation.verdict
    code, facts, _ = run(capsys, "models", "--models", models, "--json")
    assert facts[0]["manifest"]["files"] == trained.manifest.files


def test_a_broken_version_is_listed_as_unusable(
    models: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    (models / trained.manifest.version / "manifest.json").write_text("{")
    code, printed, _ = run(capsys, "models", "--models", models)
    assert code == 0
    assert "unusable" in printed and "manifest.json: unreadable" in printed


def test_export_copies_the_model_under_its_versions_name(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    version = trained.manifest.version
    code, _, _ = run(capsys, "export", version, "--models", models, "--to", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert (code, names) == (0, [f"orderguard-{version}.manifest.json", f"orderguard-{version}.onnx"])
    code, printed, _ = run(capsys, "trace", tmp_path / "out" / f"orderguard-{version}.onnx", "--models", models)
    assert (code, printed.splitlines()[0]) == (0, version)


def test_a_champion_of_a_former_feature_set_is_trained_anew_and_kept(
    models: Path, sample: Path, trained: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = trained.manifest.version
    assert run(capsys, "promote", version, "--models", models)[0] == 0
    command = ("champion", "--data", sample, "--models", models, "--config", DEFAULT)
    assert run(capsys, *command)[:2] == (0, f"champion: {version}\n")
    manifest = models / version / MANIFEST
    now = f'"feature_set_version": "{FEATURE_SET_VERSION}"'.encode()
    manifest.write_bytes(manifest.read_bytes().replace(now, b'"feature_set_version": "1"'))
    with pytest.raises(ModelVersionError, match="trained on feature set 1.*train a new version"):
        verify(models / version)
    monkeypatch.setattr("ml.training_commands.train", lambda options: print("trains") or 0)
    code, printed, _ = run(capsys, *command)
    assert code == 0 and printed.startswith(f"champion {version} was trained on feature set 1") and "trains" in printed
    assert manifest.is_file()


@pytest.mark.no_cover
def test_validate_trains_again_and_finds_the_same_bytes(
    models: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: Outcome
) -> None:
    own: list[str | Path] = ["--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson"]
    code, facts, _ = run(capsys, "validate", trained.manifest.version, *own, "--json")
    assert (code, facts["different"], facts["passed"]) == (0, [], trained.validation.passed)


def test_validate_names_what_differs_of_all_that_is_served(
    models: Path,
    sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    trained: Outcome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, names = models / trained.manifest.version, ["attribution.onnx", "validation.json"]
    for name in names:
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    manifest = msgspec.structs.replace(trained.manifest, files=registry.file_hashes(folder))
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    monkeypatch.setattr("ml.pipeline.rebuild", lambda *_: trained.manifest)
    own: list[str | Path] = ["--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson"]
    code, facts, _ = run(capsys, "validate", trained.manifest.version, *own, "--json")
    assert (code, facts["different"]) == (3, names)


def test_prepare_says_what_was_left_out_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = {"sku": "a", "quantity": 1, "unit_price": 2.0}
    plain = {"order_id": "1", "created_at": "2026-01-01T10:00:00Z", "customer": {"id": "c"}, "currency": "EUR"}
    order = json.dumps(plain | {"items": [item], "loyalty": 7})
    lines = [order, order, *(order.replace('"1"', f'"{number}"') for number in range(2, 90)), "{", "{", "[]"]
    data = tmp_path / "orders.ndjson"
    data.write_text("\n".join(lines), "utf-8")
    code, printed, _ = run(
        capsys, "prepare", "--data", data, "--out", tmp_path / "f.npz", "--quarantine", tmp_path / "bad"
    )
    assert code == 0
    said = [line.split() for line in printed.splitlines()]
    assert f"89 orders, {len(FEATURE_NAMES)} features" in printed and "1 repeats of an order left out" in printed
    assert ["2", "not", "valid", "JSON"] in said and ["1", "expected", "`object`,", "got", "`array`"] in said
    assert "every 50th line: * (2)" in printed


@pytest.mark.parametrize(("jobs", "workers"), [(1, 1), (3, 3), (64, 8)])
def test_no_more_processes_read_than_were_allowed_or_are_worth_it(
    job: Job, monkeypatch: pytest.MonkeyPatch, jobs: int, workers: int
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("ml.job.workers_for", lambda size, wanted: 8)
    monkeypatch.setattr("ml.job.build_features", lambda paths, keyring, config: asked.append(config.workers))
    prepare(replace(job, jobs=jobs))
    assert asked == [workers]


def test_prepare_writes_features(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "features.npz"
    code, facts, _ = run(capsys, "prepare", "--data", sample, "--out", out, "--quarantine", tmp_path / "q", "--json")
    assert (code, out.is_file()) == (0, True)
    assert facts["orders"] > 4_000 and facts["quarantined"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".npz"] == ["features.npz"]


def test_an_order_file_leads_to_its_versions_by_its_bytes_and_by_its_name(
    models: Path, sample: Path, trained: Outcome, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = min(sample.iterdir())
    changed = tmp_path / path.name
    changed.write_text("another content")
    for clue in (path, changed, path.name):
        code, printed, said = run(capsys, "trace", clue, "--models", models)
        assert code == 0, said
        assert trained.manifest.version in printed and path.name not in printed
    name_files(models / trained.manifest.version, sorted(path.name for path in sample.iterdir()))
    code, printed, _ = run(capsys, "trace", path.name, "--models", models, "--json")
    assert code == 0 and trained.manifest.version in str(printed) and path.name not in str(printed)


def test_the_owner_is_shown_which_order_file_is_which(
    sample: Path, trained: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = run(capsys, "files", "--data", sample)
    assert code == 0
    for file, path, line in zip(trained.manifest.data, sorted(sample.iterdir()), printed.splitlines(), strict=True):
        assert line.split() == [str(file.position), file.token, file.sha256[:16], str(path)]


def test_card_prints_the_card(models: Path, capsys: pytest.CaptureFixture[str], trained: Outcome) -> None:
    code, printed, _ = run(capsys, "card", trained.manifest.version, "--models", models)
    assert code == 0
    assert printed.startswith(f"# Order-anomaly model {trained.manifest.version}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rollback"], "no champion before"),
        (["promote", "absent"], "no version 'absent'"),
        (["card"], "no champion yet"),
        (["trace", "abcdef"], "no version has anything to do with"),
        (["train", "--data", "absent"], "no order files in the folder"),
        (["train", "--config", "absent.toml"], "absent.toml: not found"),
    ],
)
def test_bad_input_is_exit_code_2_with_a_way_out(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, error = run(capsys, *arguments, "--models", tmp_path)
    assert (code, printed) == (2, "")
    assert error.splitlines()[-1].startswith("error: ") and said in error


def test_without_a_masking_key_nothing_is_read(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASKING_KEY")
    code, _, said = run(capsys, *train(sample, tmp_path / "models", tmp_path))
    assert (code, "MASKING_KEY" in said) == (2, True)
    assert not (tmp_path / "models").exists()


def test_a_corrupted_feed_stops_training_and_leaves_no_version(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "raw"
    data.mkdir()
    for path in sample.iterdir():
        lines = path.read_bytes().splitlines(keepends=True)
        (data / path.name).write_bytes(
            b"".join(line[:40] if place % 10 == 0 else line for place, line in enumerate(lines))
        )
    code, _, said = run(capsys, *train(data, tmp_path / "models", tmp_path))
    assert code == 2
    assert "%" in said.splitlines()[-1]
    assert list((tmp_path / "models").glob("*")) == []


def test_usage_mistakes_are_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["retrain"])
    assert error.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_an_unexpected_error_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import ml.registry\n\ndef broken(*arguments):\n    raise RuntimeError('a defect')\n\nml.registry.versions "
        "= broken\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-m", "ml", "models"], env=environment, capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
