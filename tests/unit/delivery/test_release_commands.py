"""What the pipeline asks of Docker, gcloud, gh and git: one machine has no Google Cloud, so the commands themselves are
the promise."""

import gzip
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from delivery import images, records, release
from delivery.commands import follow, tag
from delivery.deployment import Deployment
from delivery.errors import DeliveryError
from delivery.models import manifest_hash
from delivery.stack import LOCKED, Stack
from orderguard.model_version import read_manifest
from tests.unit.delivery.conftest import CLOUD, Recorder
from tests.unit.delivery.manifests import manifest

REGISTRY = "europe-west1-docker.pkg.dev/orderguard-prod/orderguard-prod"
DIGESTS = {images.SCORER: "sha256:" + "a" * 64, images.TRAINER: "sha256:" + "b" * 64}
KEY = "projects/orderguard-prod/locations/europe-west1/keyRings/r/cryptoKeys/k/cryptoKeyVersions/"


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
        assert f"--signer-digest {'c' * 40} --source-ref refs/tags/v1.2.0 --source-digest {'c' * 40}" in check
    recorder.answers["git rev-parse"] = "e" * 40
    with pytest.raises(DeliveryError, match="eeeeeeeeeeee is not a commit of origin/main"):
        images.verify(REGISTRY, DIGESTS, {**CLOUD, **repository})


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


def test_a_repeated_run_means_its_own_tag(recorder: Recorder) -> None:
    recorder.answers["git tag"] = "v2.0.0\nv1.0.0"
    assert tag({}) == "v2.0.0"
    assert tag({"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0.0"}) == "v1.0.0"
    assert tag({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "v1.0.0"}) == "v2.0.0"


@pytest.mark.parametrize(
    ("runs", "told"),
    [("", "it never ran"), ("failure\ncancelled", "failure, cancelled"), ("failure\nsuccess", "failure, success")],
)
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
    monkeypatch.setattr(release, "VERSION", "1.2.0")
    assert release.check_tag() == "v1.2.0"
    recorder.answers["git rev-parse"] = "e" * 40
    with pytest.raises(DeliveryError, match=r"v1.2.0 stands on eeeeeeeeeeee, which is not on origin/main"):
        release.check_tag()


def test_a_tag_of_another_version_than_the_commit_is_refused(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "VERSION", "1.1.0")
    with pytest.raises(DeliveryError, match=r"The tag is v1.2.0, and this commit is version 1.1.0. Write 1.2.0 into"):
        release.check_tag()


def test_a_tag_that_was_not_tried_on_the_release_before_is_refused(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(release, "FORMER", tmp_path)
    (tmp_path / "prod.jsonl.gz").write_bytes(gzip.compress(b'{"commit":"%s"}\n{}\n' % (b"a" * 40)))
    recorder.answers["git tag"] = "v1.2.0\n"  # the first release has none before it
    release.check_way_up()
    recorder.answers["git tag"] = "v1.2.0\nv1.1.0\n"
    recorder.answers["git rev-list"] = "a" * 40
    release.check_way_up()
    recorder.answers["git rev-list"] = "b" * 40
    with pytest.raises(DeliveryError, match=r"The way up from v1.1.0 was not tried.*make former-state TAG=v1.1.0"):
        release.check_way_up()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deployment:
    """A model version and the record of its deployment, in folders of the test's own."""
    (tmp_path / "models" / "v1").mkdir(parents=True)
    (tmp_path / "models" / "v1" / "manifest.json").write_bytes(msgspec.json.encode(manifest("v1")))
    monkeypatch.setattr(release, "REPOSITORY", tmp_path)
    monkeypatch.setattr(release, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr("delivery.deployment.REPORTS", tmp_path / "reports")
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


@pytest.fixture
def release_assets(
    recorder: Recorder, deployed: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., list[str]]:
    """Keep what a release holds: the record of a deployment and its model version, each as a change makes it."""
    monkeypatch.setattr(records, "history_folder", lambda: tmp_path / "history")
    monkeypatch.setattr(records, "models_folder", lambda: tmp_path / "elsewhere")
    monkeypatch.setattr(records, "verify", lambda folder: None)
    recorder.answers["gh repo view"] = "owner/orderguard\n"
    digest = manifest_hash(tmp_path / "models" / "v1")

    def keep(**changes: object) -> list[str]:
        text = json.dumps({**deployed.__dict__, "manifest_sha256": digest, **changes})
        (tmp_path / "reports" / "deployment-prod.json").write_text(text)
        release.records(deployed)
        return records.keep(tmp_path / "reports", "v1.2.0")

    return keep


def test_what_a_release_keeps_is_put_where_the_trace_reads_it(
    recorder: Recorder, release_assets: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert release_assets() == []
    assert (tmp_path / "history" / "prod-v1.2.0.json").exists()
    assert read_manifest(tmp_path / "elsewhere" / "v1") == manifest("v1")
    assert not list((tmp_path / "elsewhere").glob(".*"))
    assert release_assets() == []  # again changes nothing
    asked = recorder.those("gh attestation verify")[0]
    assert (
        "deployment-prod.json --repo owner/orderguard --signer-workflow owner/orderguard/.github/workflows/d" in asked
    )
    assert f"--source-ref refs/tags/v1.2.0 --source-digest {'c' * 40}" in asked


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"manifest_sha256": "1" * 64}, ["no attested record of this release has deployed a v1 with this manifest"]),
        ({"manifest_sha256": ""}, ["no attested record of this release has deployed a v1 with this manifest"]),
        ({"model_version": "v2"}, ["no attested record of this release has deployed a v1 with this manifest"]),
        ({"tag": "v1.1.0"}, ["it speaks of v1.1.0", "no attested record"]),
        ({"surprise": 1}, ["unexpected keyword argument 'surprise'", "no attested record"]),
    ],
)
def test_a_foreign_model_or_record_among_a_releases_assets_is_refused(
    release_assets: Callable[..., list[str]], change: dict[str, object], told: list[str], tmp_path: Path
) -> None:
    refused = release_assets(**change)
    assert len(refused) == len(told) and all(words in one for words, one in zip(told, refused, strict=True))
    assert not list((tmp_path / "elsewhere").glob("*"))


def test_a_record_that_is_not_attested_is_not_kept_nor_the_model_that_it_vouches_for(
    release_assets: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise DeliveryError("no attestation matches")

    monkeypatch.setattr(records, "require_attestation", refuse)
    assert [one.rpartition(": ")[2] for one in release_assets()] == [
        "no attestation matches",
        "no attested record of this release has deployed a v1 with this manifest",
    ]
    assert not list((tmp_path / "history").glob("*")) and not list((tmp_path / "elsewhere").glob("*"))


@pytest.mark.parametrize(
    ("run_commit", "told"),
    [("a" * 40, ""), ("e" * 40, "main never was that"), ("", "no commit that it names: main never was that")],
)
def test_the_record_of_a_promotion_is_kept_with_the_release_and_taken_where_it_was_made_on_main(
    recorder: Recorder, release_assets: Callable[..., list[str]], tmp_path: Path, run_commit: str, told: str
) -> None:
    recorder.answers["gh release list"] = "v1.2.0"
    release_assets(run_commit=run_commit, model_source="job", model_version="v2", manifest_sha256="1" * 64)
    assert "promotion-prod-v2-deployed.json is kept with v1.2.0" in release.keep_promotions()
    assert recorder.those("gh release upload v1.2.0 --clobber")[-1].endswith("promotion-prod-v2-deployed.json")
    (tmp_path / "reports" / "deployment-prod.json").unlink()
    shutil.rmtree(tmp_path / "history")
    refused = [one for one in records.keep(tmp_path / "reports", "v1.2.0") if "promotion-" in one]
    assert bool(refused) == bool(told) and all(told in one for one in refused)
    assert [path.name for path in (tmp_path / "history").glob("*")] == ([] if told else ["prod-v1.2.0-v2.json"])
    asked = recorder.those("gh attestation verify")[-1]
    assert told or (
        "--signer-workflow owner/orderguard/.github/workflows/promote.yml" in asked
        and f"--source-ref refs/heads/main --source-digest {'a' * 40}" in asked
    )


def test_the_record_of_a_stack_without_a_release_is_said_to_be_kept_nowhere(
    recorder: Recorder, deployed: Deployment
) -> None:
    assert "prod runs v1.2.0, of which there is no release" in release.keep_promotions()
    assert not recorder.those("gh release upload")


def test_every_release_is_gone_through_before_what_was_refused_is_told(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.answers["gh release list"] = "v2 v1"
    recorder.answers["gh release view"] = "deployment-prod.json"
    monkeypatch.setattr(records, "keep", lambda folder, name: [f"{name}: foreign"] if name == "v2" else [])
    with pytest.raises(DeliveryError, match="(?s)1 of the releases' assets were not kept.*v2: foreign"):
        records.fetch()
    assert len(recorder.those("gh release download")) == 2


def test_a_model_version_of_a_release_is_checked_before_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "manifest.json").write_text("{}")
    with tarfile.open(tmp_path / "model-v1.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "v1", "v1")
    monkeypatch.setattr(records, "history_folder", lambda: tmp_path / "history")
    monkeypatch.setattr(records, "models_folder", lambda: tmp_path / "models")
    (refused,) = records.keep(tmp_path, "v1.2.0")
    assert refused.startswith("v1.2.0: model-v1.tar.gz: ")
    assert not (tmp_path / "models" / "v1").exists()


def test_a_lock_that_was_left_behind_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def locked(command: Sequence[str], **_: object) -> str:
        raise DeliveryError("error: the stack is currently locked by 1 lock(s).")

    monkeypatch.setattr("delivery.stack.ensure_engine", lambda **_: type("Engine", (), {"pulumi": tmp_path / "pulumi"}))
    monkeypatch.setattr("delivery.stack.follow", locked)
    with pytest.raises(DeliveryError, match=r"pulumi cancel --stack") as problem:
        Stack("staging", CLOUD).up({}, "a message")
    assert str(problem.value).endswith(LOCKED)


def test_a_lock_is_taken_away_where_somebody_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[str] = []

    def follow(command: Sequence[str], **_: object) -> str:
        done.append(" ".join(command[:2]))
        if len(done) == 1:
            raise DeliveryError("error: the stack is currently locked by 1 lock(s).")
        return "updated"

    monkeypatch.setattr("delivery.stack.ensure_engine", lambda **_: type("Engine", (), {"pulumi": tmp_path / "pulumi"}))
    monkeypatch.setattr("delivery.stack.follow", follow)
    monkeypatch.setattr("delivery.stack.run", lambda command, **_: done.append(" ".join(command[:3])))
    assert Stack("staging", {**CLOUD, "TAKE_LOCK": "1"}).up({}, "a message") == "updated"
    assert done == ["pulumi up", "pulumi cancel --yes", "pulumi up"]


def test_a_release_is_known_by_the_image_that_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    def update(message: str, digest: str, commit: str) -> dict[str, object]:
        digests = {"imageDigest": digest, "trainerImageDigest": f"{digest}-trainer"}
        config = {f"orderguard:{name}": {"value": value, "secret": False} for name, value in digests.items()}
        told = {"kind": "update", "result": "succeeded", "message": message, "config": config}
        return {**told, "environment": {"git.head": commit}}

    listed = [
        update("back: jobs of r-1", "sha256:a", "f"),
        update("v2", "sha256:b", "e"),
        update("v1", "sha256:a", "d"),
    ]
    monkeypatch.setattr(Stack, "_engine", lambda self, arguments: json.dumps(listed))
    stack = Stack("prod", CLOUD)
    assert (stack.released_commit("r/scorer@sha256:a"), stack.released_commit()) == ("d", "e")
    assert (stack.trainer_of("sha256:a"), stack.trainer_of("")) == ("sha256:a-trainer", "")


def test_the_engines_reasons_are_told_whichever_output_they_are_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeliveryError, match=r"(?s)the reason.*a warning"):
        follow(["sh", "-c", "echo the reason; echo a warning >&2; exit 3"])
    assert "the reason" in capfd.readouterr().out


def test_a_byte_that_is_no_text_does_not_break_off_a_run() -> None:
    assert follow(["printf", r"before \377\nafter\n"]) == "before \N{REPLACEMENT CHARACTER}\nafter\n"
