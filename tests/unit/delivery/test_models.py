"""Model versions on their way: from the run that trained them, past the checks, into the model bucket."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from delivery import commands, models, provenance, release
from delivery.errors import DeliveryError
from tests.http_server import listening
from tests.unit.delivery.conftest import CLOUD, Recorder


def model_record(folder: Path, at: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = {"version": "v1", "commit": at, "manifest_sha256": "0" * 64}
    (folder / "model-record.json").write_text(json.dumps(made))


def test_a_model_comes_from_the_run_of_its_commit_in_this_repository(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: model_record(folder, "b" * 40))
    recorder.answers["gh api"] = f"{'b' * 40} 10 v1.2.0\n{'a' * 40} 7 main\n{'b' * 40} 9 main\n{'b' * 40} 8 main\n"
    found, run = models._find(["f" * 40, "b" * 40, "a" * 40], {})
    assert (found.commit, run) == (
        "b" * 40,
        models.Run("9", "refs/heads/main"),
    ), "the nearest commit, main's newest run"
    (query,) = recorder.those("gh api")
    assert "head_repository_id == .workflow_run.repository_id" in query
    assert '"model-record-" + .workflow_run.head_sha' in query
    assert '.workflow_run.head_branch as $ref | ["main", "v1.2.0"] | index($ref)' in query
    with pytest.raises(DeliveryError, match="speaks of b"):
        models._find(["a" * 40], {})


@pytest.mark.parametrize("repository", [{"GITHUB_REPOSITORY": "owner/orderguard"}, {}], ids=["workflow", "person"])
def test_a_model_version_has_to_come_from_the_model_retrainer_of_this_repository(
    recorder: Recorder, rivals: Path, monkeypatch: pytest.MonkeyPatch, repository: dict[str, str]
) -> None:
    recorder.answers["gh repo view"] = "owner/orderguard\n"
    monkeypatch.setattr(
        models, "_download", lambda run_id, name, folder: shutil.copytree(rivals / name, folder, dirs_exist_ok=True)
    )
    for branch, ref in (("main", "refs/heads/main"), ("v1.2.0", "refs/tags/v1.2.0")):
        recorder.answers["gh api"] = f"{'f' * 40} 7 {branch}\n"
        models.fetch(repository)
        asked = recorder.those("gh attestation verify")[-1]
        assert "--repo owner/orderguard --signer-workflow owner/orderguard/.github/workflows/train_model.yml" in asked
        assert f"--signer-digest {'f' * 40} --source-ref {ref} --source-digest {'f' * 40}" in asked


def test_a_commit_that_was_reverted_before_its_merge_leaves_no_model(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its retrainer was dispatched on the branch, and the run attested: nobody has reviewed what it trained with."""

    def git(*words: str) -> str:
        named = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *named, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(title: str) -> str:
        git("commit", "--quiet", "--allow-empty", "--message", title)
        return git("rev-parse", "HEAD")

    git("init", "--quiet", "--initial-branch=main")
    reviewed = commit("Take orders")
    git("switch", "--quiet", "--create", "change")
    planted = commit("Plant something")
    commit("Revert it")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--message", "Merge the change", "change")
    git("update-ref", "refs/remotes/origin/main", "main")
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: model_record(folder, name[-40:]))
    real = lambda words, **_: git(*words[1:]) if words[0] == "git" else recorder(words)  # noqa: E731
    for module in (models, provenance, commands):
        monkeypatch.setattr(module, "run", real)
    recorder.answers["gh api"] = f"{planted} 9 main\n{reviewed} 7 main\n"
    assert models._history()[1:] == [reviewed]
    assert models._find(models._history(), {})[0].commit == reviewed
    git("tag", "v1.0.0", planted)
    git("switch", "--quiet", "--detach", "v1.0.0")
    with pytest.raises(DeliveryError, match="v1.0.0 stands on .* or came with a merge"):
        release.check_tag()


def test_production_takes_the_model_that_staging_runs_and_no_newer_one(tmp_path: Path, recorder: Recorder) -> None:
    recorder.answers["git rev-list"] = f"{'f' * 40} {'a' * 40}"
    model_record(tmp_path / f"model-record-{'f' * 40}", "f" * 40)
    with pytest.raises(DeliveryError, match="contains no model version of this commit"):
        models.fetch({"MODEL_ARTIFACTS": str(tmp_path), "MODEL_COMMIT": "a" * 40})


def test_a_tag_that_is_pushed_with_its_orders_gets_their_model_and_not_the_one_before(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: model_record(folder, name[-40:]))
    recorder.answers["gh api"] = f"{'a' * 40} 7 main\n"
    recorder.answers["gh run list --workflow ml-pipeline.yml"] = f"{'f' * 40}\n{'a' * 40}\n{'0' * 40}\n"

    def training_ends(seconds: float) -> None:
        recorder.answers["gh api"] = f"{'f' * 40} 8 main\n{'a' * 40} 7 main\n"

    monkeypatch.setattr("delivery.models.time.sleep", training_ends)
    found, run = models._find(["f" * 40, "a" * 40], {}, wait=True)
    assert run and (found.commit, run.number) == (
        "f" * 40,
        "8",
    ), "its publication still waits, but the version is there"
    monkeypatch.setattr(models, "TRAINING_SECONDS", 0.0)
    recorder.answers["gh api"] = f"{'a' * 40} 7 main\n"
    with pytest.raises(DeliveryError, match="f{12} are still in training"):
        models._find(["f" * 40, "a" * 40], {}, wait=True)


def test_a_training_waits_for_no_other(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other may wait for it: they share a concurrency group."""
    recorder.answers["gh run list"] = "a" * 40
    recorder.answers["git rev-list"] = "a" * 40
    monkeypatch.setattr(models, "models_folder", lambda environment: tmp_path)
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    assert models.fetch_champion({}) is None


@pytest.fixture
def rivals(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A fresh runner at commit f, and the artifacts of f itself and of a, the commit before it."""
    monkeypatch.setattr(models, "RECORD", tmp_path / "reports" / "model-record.json")
    monkeypatch.setattr(models, "RIVAL", tmp_path / "reports" / "champion.json")
    monkeypatch.setattr(models, "models_folder", lambda environment: tmp_path / "models")
    monkeypatch.setattr(models, "verify", lambda folder: None)
    (tmp_path / "models").mkdir()
    recorder.answers["git rev-list --first-parent --max-count=1000 HEAD"] = f"{'f' * 40} {'a' * 40}"
    recorder.answers["git rev-list --first-parent --max-count=1000 --skip=1 HEAD"] = "a" * 40
    store = tmp_path / "artifacts"
    for name, at in (("new", "f" * 40), ("old", "a" * 40)):
        (store / f"model-{at}").mkdir(parents=True)
        (store / f"model-{at}" / "manifest.json").write_text(name)
        made = models.Record(name, at, models.manifest_hash(store / f"model-{at}"))
        models.write(made, store / f"model-record-{at}" / "model-record.json")
    return store


def test_a_training_on_a_fresh_runner_is_compared_with_the_version_before_it(rivals: Path, tmp_path: Path) -> None:
    found = models.fetch_champion({"MODEL_ARTIFACTS": str(rivals)})
    assert found and found.version == "old", "a version is no rival of its own"
    assert (tmp_path / "models" / "CHAMPION").read_text() == "old\n"
    assert (tmp_path / "models" / "old" / "manifest.json").read_text() == "old"
    assert models.read(models.RIVAL) == found
    assert not models.RECORD.exists(), "nothing may deploy the version that is only compared with"
    assert models.fetch_champion({"MODEL_ARTIFACTS": str(rivals)}) is None, "a champion that is there stays"


def test_the_first_training_has_nothing_to_be_compared_with(rivals: Path, tmp_path: Path) -> None:
    assert models.fetch_champion({"MODEL_ARTIFACTS": str(tmp_path / "nothing")}) is None
    assert not (tmp_path / "models" / "CHAMPION").exists()


def test_a_version_that_is_not_the_recorded_one_is_no_champion_and_stops_no_training(
    rivals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (rivals / f"model-{'a' * 40}" / "manifest.json").write_text("another")
    assert models.fetch_champion({"MODEL_ARTIFACTS": str(rivals)}) is None
    assert "its manifest has another hash" in capsys.readouterr().out
    assert not (tmp_path / "models" / "CHAMPION").exists() and not (tmp_path / "models" / "old").exists()


class Storage(BaseHTTPRequestHandler):
    """Takes objects as Cloud Storage does: none twice, and none into a bucket that is closed."""

    objects: dict[str, bytes] = {}
    refusal = 412
    """How it says that there is one already: by the precondition, or by the right that replacing it would take."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        closed = "/b/closed/" in self.path or self.headers["Authorization"] != "Bearer token"
        status = 403 if closed else self.refusal if self.path in self.objects else 200
        body = f"Caller does not have storage.objects.{'create' if closed else 'delete'} access".encode()
        self.objects.setdefault(self.path, content)  # before the answer: the next request may come in between
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    monkeypatch.setattr(Storage, "objects", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Storage)
    monkeypatch.setattr(models, "STORAGE", f"http://127.0.0.1:{server.server_address[1]}")
    with listening(server):
        yield Storage.objects


def test_a_version_is_published_once_with_its_manifest_last(
    recorder: Recorder, storage: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recorder.answers["gcloud auth print-access-token"] = "token\n"
    monkeypatch.setattr(models, "verify", lambda folder: None)
    monkeypatch.setattr(models, "models_folder", lambda environment: tmp_path)
    (tmp_path / "v1" / "plots").mkdir(parents=True)
    for name in ("manifest.json", "model.onnx", "plots/scores.svg"):
        (tmp_path / "v1" / name).write_text(name)
    for refusal in (412, 412, 403):
        monkeypatch.setattr(Storage, "refusal", refusal)
        models.publish("p-models", "v1", CLOUD)
    query = "/upload/storage/v1/b/p-models/o?uploadType=media&ifGenerationMatch=0&name=v1%2F"
    names = ["model.onnx", "plots%2Fscores.svg", "manifest.json"]
    assert list(storage) == [f"{query}{name}" for name in names]
    assert not recorder.those("gcloud storage"), "which would list the bucket first"
    with pytest.raises(DeliveryError, match="gs://closed/v1/model.onnx could not be written: 403"):
        models.publish("closed", "v1", CLOUD)
