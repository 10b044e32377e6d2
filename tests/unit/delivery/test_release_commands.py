"""What the pipeline asks of Docker, gcloud, gh and git: one machine has no Google Cloud, so the commands themselves are
the promise."""

import json
import shutil
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from delivery import images, models, records, release
from delivery.commands import follow, tag
from delivery.deploy import Deployment
from delivery.errors import DeliveryError
from delivery.stack import LOCKED, Stack
from orderguard.model_version import read_manifest
from tests.unit.delivery.manifests import manifest

CLOUD = {"PULUMI_BACKEND_URL": "gs://state"}
REGISTRY = "europe-west1-docker.pkg.dev/orderguard-prod/orderguard-prod"
DIGESTS = {images.SCORER: "sha256:" + "a" * 64, images.TRAINER: "sha256:" + "b" * 64}
KEY = "projects/orderguard-prod/locations/europe-west1/keyRings/r/cryptoKeys/k/cryptoKeyVersions/"


class Recorder:
    """Stands for `run`: notes commands and what was given to them; answers by the first words that fit."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.given: list[str] = []
        self.answers: dict[str, str] = {"git rev-parse": "c" * 40, "git tag": "v1.2.0"}

    def __call__(
        self,
        command: Sequence[str],
        *,
        given: str = "",
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        line = " ".join(command)
        self.commands.append(line)
        self.given.append(given)
        return next((answer for words, answer in self.answers.items() if line.startswith(words)), "")

    def those(self, words: str) -> list[str]:
        return [command for command in self.commands if command.startswith(words)]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    for module in (images, models, records, release):
        monkeypatch.setattr(module, "run", made)
    monkeypatch.setattr("delivery.commands.run", made)
    return made


def test_docker_is_signed_in_before_images_move_and_the_token_is_no_argument(recorder: Recorder) -> None:
    recorder.answers["gcloud auth print-access-token"] = "a-token\n"
    images.promote(f"{REGISTRY}-source", REGISTRY, DIGESTS, CLOUD)
    words = "docker login --username oauth2accesstoken --password-stdin europe-west1-docker.pkg.dev"
    assert recorder.commands.index(words) < recorder.commands.index(recorder.those("docker buildx")[0])
    assert recorder.given[recorder.commands.index(words)] == "a-token"
    assert not [command for command in recorder.commands if "a-token" in command]


def test_a_promoted_image_keeps_its_digest_and_gets_both_tags(recorder: Recorder) -> None:
    images.promote(f"{REGISTRY}-source", REGISTRY, DIGESTS, CLOUD)
    copies = recorder.those("docker buildx imagetools create")
    assert len(copies) == 2 and all("--prefer-index=false" in copy for copy in copies)
    assert f"--tag {REGISTRY}/orderguard:{'c' * 40} --tag {REGISTRY}/orderguard:latest" in copies[0]
    assert recorder.those("docker buildx imagetools inspect")[-1].endswith(
        f"orderguard-train@{DIGESTS[images.TRAINER]}"
    )


@pytest.mark.parametrize("repository", [{"GITHUB_REPOSITORY": "owner/orderguard"}, {}], ids=["workflow", "person"])
def test_both_images_have_to_come_from_this_workflow_at_this_commit_and_tag(
    recorder: Recorder, repository: dict[str, str]
) -> None:
    recorder.answers["gh repo view"] = "owner/orderguard\n"
    images.verify(REGISTRY, DIGESTS, {**CLOUD, **repository})
    checks = recorder.those("gh attestation verify")
    assert [check.split()[3].rpartition("/")[2].partition("@")[0] for check in checks] == list(DIGESTS)
    for check in checks:
        assert "--signer-workflow owner/orderguard/.github/workflows/deploy.yml" in check
        assert f"--source-digest {'c' * 40} --source-ref refs/tags/v1.2.0" in check


def test_both_images_are_signed_by_the_key_that_the_attestor_trusts(recorder: Recorder) -> None:
    keys = [{"id": f"//cloudkms.googleapis.com/v1/{KEY}{number}"} for number in (1, 2)]
    described = {"userOwnedGrafeasNote": {"publicKeys": keys}}
    recorder.answers["gcloud container binauthz attestors describe"] = json.dumps(described)
    images.sign(Stack("prod"), REGISTRY, DIGESTS, CLOUD)
    signed = recorder.those("gcloud beta container binauthz attestations sign-and-create")
    assert [command.rpartition(" ")[2] for command in signed] == [f"{REGISTRY}/{n}@{d}" for n, d in DIGESTS.items()]
    assert all(f"--keyversion {KEY}2" in command for command in signed)


def test_nothing_is_signed_for_a_stack_without_an_attestor_and_one_without_a_key_is_told(recorder: Recorder) -> None:
    assert "nothing to sign" in images.sign(Stack("staging"), REGISTRY, DIGESTS, CLOUD)
    assert recorder.commands == []
    recorder.answers["gcloud"] = "{}"
    with pytest.raises(DeliveryError, match="has no key of Cloud KMS"):
        images.sign(Stack("prod"), REGISTRY, DIGESTS, CLOUD)


def test_a_pushed_image_is_one_manifest_with_the_same_digest_at_each_run(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    for image in images.IMAGES:
        (tmp_path / "reports" / f"{image.name}.metadata.json").write_text('{"containerimage.digest": "sha256:d"}')
    built: list[tuple[str, Mapping[str, str]]] = []
    monkeypatch.setattr(images, "REPOSITORY", tmp_path)
    monkeypatch.setattr(images, "stream", lambda command, environment: built.append((" ".join(command), environment)))
    assert set(images.push(REGISTRY, "c" * 40, CLOUD)) == {image.name for image in images.IMAGES}
    assert recorder.those("docker login")
    for command, environment in built:
        assert "--sbom=false --provenance=false --output type=registry,rewrite-timestamp=true" in command
        assert environment["SOURCE_DATE_EPOCH"] == "0"
    assert f"SLIM_IMAGE={REGISTRY}/orderguard-slim@sha256:d" in built[1][0]


def test_googles_client_is_built_in_where_a_released_stack_asks_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    words = images.build_arguments(images.IMAGES[0], "c", "", {})
    assert not [word for word in words if word.startswith("SERVING_PACKAGES")]
    monkeypatch.setattr(Stack, "setting", lambda self, name: "vertex" if self.name == "prod" else "")
    assert "SERVING_PACKAGES=vertex" in images.build_arguments(images.IMAGES[0], "c", "", {})


def model_record(folder: Path, at: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = {"version": "v1", "commit": at, "manifest_sha256": "0" * 64}
    (folder / "model-record.json").write_text(json.dumps(made))


def test_a_model_comes_from_the_run_of_its_commit_in_this_repository(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: model_record(folder, "b" * 40))
    recorder.answers["gh api"] = f"{'a' * 40} 7\n{'b' * 40} 9\n{'b' * 40} 8\n"
    found, run_id = models._find(["f" * 40, "b" * 40, "a" * 40], {})
    assert (found.commit, run_id) == ("b" * 40, "9"), "the nearest commit, its newest run"
    (query,) = recorder.those("gh api")
    assert "head_repository_id == .workflow_run.repository_id" in query
    assert '"model-record-" + .workflow_run.head_sha' in query
    with pytest.raises(DeliveryError, match="speaks of b"):
        models._find(["a" * 40], {})


@pytest.mark.parametrize("repository", [{"GITHUB_REPOSITORY": "owner/orderguard"}, {}], ids=["workflow", "person"])
def test_a_model_version_has_to_come_from_the_model_retrainer_of_this_repository(
    recorder: Recorder, rivals: Path, monkeypatch: pytest.MonkeyPatch, repository: dict[str, str]
) -> None:
    recorder.answers["gh repo view"] = "owner/orderguard\n"
    recorder.answers["gh api"] = f"{'f' * 40} 7\n"
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: shutil.copytree(rivals / name, folder))
    models.fetch(repository)
    (asked,) = recorder.those("gh attestation verify")
    assert "--repo owner/orderguard --signer-workflow owner/orderguard/.github/workflows/train_model.yml" in asked
    assert f"--source-digest {'f' * 40}" in asked


def test_production_takes_the_model_that_staging_runs_and_no_newer_one(tmp_path: Path, recorder: Recorder) -> None:
    recorder.answers["git rev-list"] = f"{'f' * 40} {'a' * 40}"
    model_record(tmp_path / f"model-record-{'f' * 40}", "f" * 40)
    with pytest.raises(DeliveryError, match="holds no model version of this commit"):
        models.fetch({"MODEL_ARTIFACTS": str(tmp_path), "MODEL_COMMIT": "a" * 40})


def test_a_tag_that_is_pushed_with_its_orders_gets_their_model_and_not_the_one_before(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(models, "RECORD", tmp_path / "model-record.json")
    monkeypatch.setattr(models, "_download", lambda run_id, name, folder: model_record(folder, name[-40:]))
    recorder.answers["gh api"] = f"{'a' * 40} 7\n"
    recorder.answers["gh run list --workflow ml-pipeline.yml"] = f"{'f' * 40}\n{'a' * 40}\n{'0' * 40}\n"

    def training_ends(seconds: float) -> None:
        recorder.answers["gh api"] = f"{'f' * 40} 8\n{'a' * 40} 7\n"

    monkeypatch.setattr("delivery.models.time.sleep", training_ends)
    found, run_id = models._find(["f" * 40, "a" * 40], {}, wait=True)
    assert (found.commit, run_id) == ("f" * 40, "8"), "its publication still waits, but the version is there"
    monkeypatch.setattr(models, "TRAINING_SECONDS", 0.0)
    recorder.answers["gh api"] = f"{'a' * 40} 7\n"
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
    recorder.answers["git rev-list --max-count=1000 HEAD"] = f"{'f' * 40} {'a' * 40}"
    recorder.answers["git rev-list --max-count=1000 --skip=1 HEAD"] = "a" * 40
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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(models, "STORAGE", f"http://127.0.0.1:{server.server_address[1]}")
    yield Storage.objects
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_a_repeated_run_means_its_own_tag(recorder: Recorder) -> None:
    recorder.answers["git tag"] = "v2.0.0\nv1.0.0"
    assert tag({}) == "v2.0.0"
    assert tag({"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0.0"}) == "v1.0.0"
    assert tag({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "v1.0.0"}) == "v2.0.0"


@pytest.mark.parametrize(("runs", "told"), [("", "it never ran"), ("failure\ncancelled", "failure, cancelled")])
def test_a_commit_that_ci_has_not_passed_is_not_released(recorder: Recorder, runs: str, told: str) -> None:
    recorder.answers["gh run list"] = runs
    with pytest.raises(DeliveryError, match=rf"CI has not passed at c{{12}} \({told}\).*--ref v1.2.0"):
        release.check_ci()
    assert f"--workflow ci.yml --commit {'c' * 40}" in recorder.those("gh run list")[0]


def test_a_release_waits_for_ci_where_the_tag_comes_with_its_commit(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.answers["gh run list"] = "running"
    monkeypatch.setattr(
        "delivery.release.time.sleep", lambda _: recorder.answers.update({"gh run list": "success\nfailure"})
    )
    release.check_ci()
    assert len(recorder.those("gh run list")) == 2


def test_a_tag_beside_main_is_refused(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert release.check_tag() == "v1.2.0"

    def refuse(command: Sequence[str], **_: object) -> str:
        raise DeliveryError("exit code 1")

    monkeypatch.setattr(release, "run", refuse)
    with pytest.raises(DeliveryError, match=r"v1.2.0 stands on cccccccccccc, which is not on origin/main"):
        release.check_tag()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deployment:
    """A model version and the record of its deployment, in folders of the test's own."""
    (tmp_path / "models" / "v1").mkdir(parents=True)
    (tmp_path / "models" / "v1" / "manifest.json").write_bytes(msgspec.json.encode(manifest("v1")))
    monkeypatch.setattr(release, "REPOSITORY", tmp_path)
    monkeypatch.setattr(release, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr("delivery.deploy.REPORTS", tmp_path / "reports")
    monkeypatch.setattr(release, "models_folder", lambda: tmp_path / "models")
    made = Deployment("prod", "c" * 40, "v1.2.0", "r@sha256:d", "v1", "0" * 64, "https://u", "deployed")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "deployment-prod.json").write_text(json.dumps(made.__dict__))
    return made


@pytest.mark.parametrize(("known", "verb"), [("v1.1.0", "create"), ("v1.2.0\nv1.1.0", "edit")])
def test_a_release_is_made_or_brought_up_to_date_and_keeps_the_records(
    recorder: Recorder, deployed: Deployment, known: str, verb: str
) -> None:
    recorder.answers["gh release list"] = known
    release.release(publish=True)
    (written,) = [command for command in recorder.commands if command.split()[2:3] in (["create"], ["edit"])]
    assert written.startswith(f"gh release {verb} v1.2.0 --verify-tag")
    (kept,) = recorder.those("gh release upload v1.2.0 --clobber")
    assert "deployment-prod.json" in kept and "model-v1.tar.gz" in kept


def test_long_histories_are_cut_in_the_notes(deployed: Deployment) -> None:
    text = release.notes(deployed, manifest("v1"), [f"change {number}" for number in range(1000)])
    assert "- change 199\n- and 800 before these" in text


def test_what_a_release_keeps_is_put_where_the_trace_reads_it(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release.records(deployed)
    monkeypatch.setattr(records, "history_folder", lambda: tmp_path / "history")
    monkeypatch.setattr(records, "models_folder", lambda: tmp_path / "elsewhere")
    monkeypatch.setattr(records, "verify", lambda folder: None)
    records.keep(tmp_path / "reports", "v1.2.0")
    assert (tmp_path / "history" / "prod-v1.2.0.json").exists()
    assert read_manifest(tmp_path / "elsewhere" / "v1") == manifest("v1")
    assert not list((tmp_path / "elsewhere").glob(".*"))
    records.keep(tmp_path / "reports", "v1.2.0")  # again changes nothing


def test_a_model_version_of_a_release_is_checked_before_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "manifest.json").write_text("{}")
    with tarfile.open(tmp_path / "model-v1.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "v1", "v1")
    monkeypatch.setattr(records, "history_folder", lambda: tmp_path / "history")
    monkeypatch.setattr(records, "models_folder", lambda: tmp_path / "models")
    with pytest.raises(ValueError):
        records.keep(tmp_path, "v1.2.0")
    assert not (tmp_path / "models" / "v1").exists()


def test_a_lock_that_was_left_behind_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def locked(command: Sequence[str], **_: object) -> str:
        raise DeliveryError("error: the stack is currently locked by 1 lock(s).")

    monkeypatch.setattr("delivery.stack.ensure_engine", lambda **_: type("Engine", (), {"pulumi": tmp_path / "pulumi"}))
    monkeypatch.setattr("delivery.stack.follow", locked)
    with pytest.raises(DeliveryError, match=r"pulumi cancel --stack") as problem:
        Stack("staging", CLOUD).up({}, "a message")
    assert str(problem.value).endswith(LOCKED)


def test_the_engines_reasons_are_told_whichever_output_they_are_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeliveryError, match=r"(?s)the reason.*a warning"):
        follow(["sh", "-c", "echo the reason; echo a warning >&2; exit 3"])
    assert "the reason" in capfd.readouterr().out


def test_a_byte_that_is_no_text_does_not_break_off_a_run() -> None:
    assert follow(["printf", r"before \377\nafter\n"]) == "before \N{REPLACEMENT CHARACTER}\nafter\n"
