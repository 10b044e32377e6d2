"""The command line: what it prints, what it leaves behind, and its exit codes."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data.generator.__main__ import main as generate
from ml import registry
from ml.__main__ import main
from ml.config import DEFAULT
from ml.job import Job, prepare
from ml.pipeline import Outcome
from ml.quarantine import quarantine_file
from ml.refusal import refusal
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import MANIFEST, ModelVersionError, champion, sha256, verify
from tests.unit.ml.former import name_files

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch, key_text: str) -> None:
    monkeypatch.setenv("MASKING_KEY", key_text)
    monkeypatch.delenv("MASKING_KEY_FILE", raising=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any, str]:
    """Exit code, what it printed as JSON where it did, and what it said on standard error."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out.startswith(("{", "[")) else said.out, said.err


def train(sample: Path, models: Path, tmp_path: Path, *more: str | Path) -> list[str | Path]:
    return ["train", "--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson", *more]


def test_train_does_it_all_and_prints_the_version_last(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, said = run(capsys, *train(sample, tmp_path / "models", tmp_path))
    version = printed.splitlines()[-1]
    assert code == 0
    assert (tmp_path / "models" / version / "manifest.json").is_file()
    assert "promoted" in printed and "make up" in printed
    assert [line for line in said.splitlines() if line.endswith("…")][:2] == ["prepare …", "train …"]
    assert champion(tmp_path / "models") == version
    assert (tmp_path / "bad.ndjson").stat().st_size > 0


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
    assert f"version {version}, trained since, was refused (gates: anomalies); the champion goes on" in printed
    assert run(capsys, "promote", version, "--force", "--models", refused)[0] == 0
    code, printed, _ = run(capsys, "champion", "--models", refused, "--data", sample)
    assert (code, printed) == (0, f"champion: {version}\n")


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
    assert first == "1 order files, 0.0 MB"
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
    manifest.write_bytes(
        manifest.read_bytes().replace(
            f'"feature_set_version": "{FEATURE_SET_VERSION}"'.encode(), b'"feature_set_version": "1"'
        )
    )
    with pytest.raises(ModelVersionError, match="trained on feature set 1.*train a new version"):
        verify(models / version)
    monkeypatch.setattr("ml.training_commands.train", lambda options: print("trains") or 0)
    code, printed, _ = run(capsys, *command)
    assert code == 0 and printed.startswith(f"champion {version} was trained on feature set 1") and "trains" in printed
    assert manifest.is_file()


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


def copy_of_the_code(folder: Path) -> Path:
    """What a model depends on, outside of any clone."""
    for name in ("ml", "orderguard", "data/knowledge"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "train.txt", folder / "requirements")
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller sample: bytes can be compared whatever the gates say of it."""
    folder = tmp_path_factory.mktemp("few")
    places = ["--out", str(folder / "raw"), "--truth", str(folder / "truth"), "--score", str(folder / "score")]
    generate([*places, "--orders", "1200", "--months", "2", "--quiet"])
    return folder / "raw"


@pytest.fixture(scope="module")
def trainings(few: Path, key_text: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same code and data trained three times: here, elsewhere, and with another masking key. Their version
    folders.
    """
    code = copy_of_the_code(tmp_path_factory.mktemp("code") / "here")
    elsewhere = shutil.copytree(code, tmp_path_factory.mktemp("other") / "a longer way" / "elsewhere")
    plain = {**os.environ, "ORDERGUARD_COMMIT": "0123456789", "MASKING_KEY": key_text, "PYTHONHASHSEED": "1"}
    threads = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
    # Under this hash seed skl2onnx's set of operator sets comes out in another order than under the one above.
    odd = {**plain, **threads, "PYTHONHASHSEED": "370", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    rekeyed = {**plain, "MASKING_KEY": new_key_text("k2")}
    made = {}
    for name, root, environment, jobs in (
        ("here", code, plain, "1"),
        ("elsewhere", elsewhere, odd, "3"),
        ("rekeyed", code, rekeyed, "2"),
    ):
        models = root / f"models of {name}"
        command = train(few, models, root, "--jobs", jobs, "--no-promote", "--json")
        environment.pop("MASKING_KEY_FILE", None)
        done = subprocess.run(
            [sys.executable, "-m", "ml", *(str(part) for part in command)],
            env=environment,
            cwd=root,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, 3), done.stderr
        made[name] = models / json.loads(done.stdout)["version"]
    return made


def test_the_same_data_code_and_lock_give_the_same_bytes_anywhere(trainings: dict[str, Path]) -> None:
    """Another directory, time zone, locale, number of threads, hash seed and process: all files stay the same."""
    here, elsewhere = trainings["here"], trainings["elsewhere"]
    assert here.name == elsewhere.name
    assert here != elsewhere
    names = ["manifest.json", *verify(here).files]
    assert len(names) > 10
    for name in names:
        assert (here / name).read_bytes() == (elsewhere / name).read_bytes(), name


def test_another_masking_key_gives_the_same_model(trainings: dict[str, Path]) -> None:
    """Only the masked cases that answers quote depend on the key."""
    here, rekeyed = verify(trainings["here"]).files, verify(trainings["rekeyed"]).files
    assert here["model.onnx"] == rekeyed["model.onnx"]
    assert {name for name in here if here[name] != rekeyed[name]} <= {"knowledge/index.msgpack"}


def test_the_manifest_leads_back_to_what_it_was_made_from(trainings: dict[str, Path], few: Path, key_text: str) -> None:
    manifest = verify(trainings["here"])
    assert manifest.commit == "0123456789"
    assert manifest.lock_sha256 == sha256(ROOT / "requirements" / "train.txt")
    keyring = Keyring.from_text(key_text)
    tokens = {keyring.token("file", path.name): sha256(path) for path in few.iterdir()}
    assert {file.token: file.sha256 for file in manifest.data} == tokens
    assert [file.position for file in manifest.data] == list(range(1, len(tokens) + 1))
    assert manifest.version == f"{manifest.last_order[:10].replace('-', '')}-0123456-{manifest.data_sha256[:8]}"
