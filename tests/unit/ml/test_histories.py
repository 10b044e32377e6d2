"""What belongs to whoever has the masking key lies apart from the version, and says whose it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from ml.histories import write_histories
from ml.job import Job, prepare
from ml.pipeline import Outcome
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import read_manifest, verify
from orderguard.retrieval import ForeignKey, PastCases
from tests.unit.ml.command_line import run, train


def test_past_cases_are_made_under_any_key_for_a_version_that_another_key_has_made(
    job: Job, trained: Outcome, tmp_path: Path
) -> None:
    key = new_key_text()
    stack = Keyring.from_text(key)
    paths, table, _ = prepare(replace(job, keyring=stack))
    folder = job.models / trained.manifest.version
    made = write_histories(tmp_path, folder, table, paths, stack)
    known = PastCases.read(tmp_path, folder.name, stack)
    assert known and len(known.cases) == made.cases > 0
    assert all(case.score >= round(trained.manifest.threshold, 4) for case in known.cases)
    assert verify(folder) == trained.manifest, "the version stays as it is"
    with pytest.raises(ForeignKey, match="make seed-histories") as refused:
        PastCases.read(tmp_path, folder.name, job.keyring)
    assert stack.fingerprint in str(refused.value) and job.keyring.fingerprint in str(refused.value)
    rotated = Keyring.from_text(f"{new_key_text('k2')},{key}")
    assert PastCases.read(tmp_path, folder.name, rotated) == known, "the key before is still one of ours"


@pytest.mark.usefixtures("key_in_environment")
def test_the_command_line_says_whose_key_it_is(
    sample: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key_text: str
) -> None:
    (version,) = (path.name for path in models.iterdir() if path.is_dir())
    places: list[str | Path] = ["--data", sample, "--models", models, "--quarantine", tmp_path / "bad.ndjson"]
    code, told, _ = run(capsys, "histories", *places, version, "--histories", tmp_path / "kept", "--json")
    keyring = Keyring.from_text(key_text)
    assert (code, told["key"], told["version"]) == (0, keyring.fingerprint, version)
    known = PastCases.read(tmp_path / "kept", version, keyring)
    assert known and len(known.cases) == told["cases"]
    with pytest.raises(SystemExit):
        run(capsys, *train(sample, models, tmp_path, "--run-key", "--histories", tmp_path / "kept"))
    assert "not allowed with" in capsys.readouterr().err
    assert read_manifest(models / version).key == keyring.fingerprint
