"""A model of the stack's own training job is deployed only with that job's signature, of what was released."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from delivery import job_models, promotion
from delivery.errors import DeliveryError
from delivery.job_models import NoChampion, UnsignedChampion, by_job, champion, expected_scores, verified
from delivery.models import Record
from delivery.stack import Stack
from delivery.traffic import Revision, Share
from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION
from orderguard.model_version import model_sha256
from orderguard.model_signature import Promoted, Trained, signed
from tests.unit.delivery.manifests import manifest

KEY, STRANGERS = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
IMAGE = "europe-west1-docker.pkg.dev/p/r/orderguard-train@sha256:" + "a" * 64
WHOLE = msgspec.json.encode(
    msgspec.structs.replace(manifest("v1"), feature_set_version=FEATURE_SET_VERSION, feature_names=list(FEATURE_NAMES))
)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def signature(key: ec.EllipticCurvePrivateKey = KEY, **changed: str) -> bytes:
    """What the job writes for `WHOLE`."""
    says = {"version": "v1", "manifest_sha256": hashlib.sha256(WHOLE).hexdigest(), "image": IMAGE}
    return sealed(Trained(**{**says, **changed}), key)


def naming(
    key: ec.EllipticCurvePrivateKey = KEY, *, at: int = 2, champion: str = "v1", content: bytes = WHOLE
) -> bytes:
    """What the job writes of the champion on that day of the month."""
    moment = datetime(2026, 11, at, 12, 30, tzinfo=UTC)
    hash_of = hashlib.sha256(content).hexdigest()
    return sealed(Promoted(champion=champion, manifest_sha256=hash_of, promoted_at=moment), key)


def sealed(says: Trained | Promoted, key: ec.EllipticCurvePrivateKey) -> bytes:
    return signed(says, "k/1", key.sign(says.digest(), ec.ECDSA(utils.Prehashed(hashes.SHA256()))))


def test_what_the_job_signed_is_taken() -> None:
    assert verified("v1", WHOLE, signature(), pem(KEY), IMAGE).version == "v1"
    elsewhere = IMAGE.replace("europe-west1", "europe-west4")
    assert verified("v1", WHOLE, signature(), pem(KEY), elsewhere), "the same bytes in another registry"


@pytest.mark.parametrize(
    ("version", "content", "given", "image", "told"),
    [
        ("v1", WHOLE, signature(STRANGERS), IMAGE, "does not carry the signature"),
        ("v1", WHOLE, b"{}", IMAGE, "does not carry the signature"),
        ("v1", WHOLE, signature().replace(b"v1", b"v2"), IMAGE, "does not carry the signature"),
        ("v1", WHOLE + b" ", signature(), IMAGE, "its manifest is not the one"),
        ("v2", WHOLE, signature(), IMAGE, "its manifest is not the one"),
        ("v1", WHOLE, signature(), IMAGE.replace("a" * 64, "b" * 64), "run the job"),
        ("v1", WHOLE, signature(image=""), IMAGE, "trained by an unknown image"),
        ("v1", WHOLE, signature(image="orderguard-train:latest"), "orderguard-train:latest", "run the job"),
    ],
)
def test_anything_else_is_not(version: str, content: bytes, given: bytes, image: str, told: str) -> None:
    with pytest.raises(DeliveryError, match=told):
        verified(version, content, given, pem(KEY), image)


@dataclass
class Service:
    """A service with these revisions, of which the first has all traffic."""

    made: list[Revision] = field(default_factory=list)

    def shares(self) -> list[Share]:
        return [Share(one.name, 100) for one in self.made[:1]]

    def revisions(self) -> list[Revision]:
        return self.made


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    for module in (job_models, promotion):
        monkeypatch.setattr(module, "live_service", lambda stack: made)
    return made


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, service: Service) -> dict[str, bytes]:
    objects = {
        "CHAMPION": b"v1\n",
        "champion-signature.json": naming(),
        "v1/manifest.json": WHOLE,
        "v1/signature.json": signature(),
    }
    outputs: dict[str, Any] = {"trainer_image": IMAGE, "training_job": "trainer"}
    monkeypatch.setattr(Stack, "outputs", lambda self: outputs)
    monkeypatch.setattr(job_models, "_reader", lambda stack, name: objects.get)
    monkeypatch.setattr(job_models, "public_key", lambda stack, found: pem(KEY))
    return objects


def test_the_jobs_champion_is_recorded_as_the_jobs(bucket: dict[str, bytes]) -> None:
    found = champion(Stack("prod"))
    assert (found.version, found.source, found.run) == ("v1", "job", "")
    assert found.manifest_sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert found.promoted_at == "2026-11-02T12:30:00Z"
    assert found.model_sha256 == model_sha256(json.dumps(json.loads(WHOLE) | {"key": "another"}, indent=1).encode())


def test_a_stack_whose_job_has_named_none_says_how_to_get_one(bucket: dict[str, bytes]) -> None:
    del bucket["CHAMPION"], bucket["champion-signature.json"]
    with pytest.raises(NoChampion, match="put orders into its raw bucket"):
        champion(Stack("prod"))


def test_a_champion_without_a_signature_is_not_whole(bucket: dict[str, bytes]) -> None:
    del bucket["v1/signature.json"]
    with pytest.raises(DeliveryError, match="v1/signature.json is not in the model bucket"):
        champion(Stack("prod"))


def test_a_champion_of_other_features_has_to_be_trained_anew(bucket: dict[str, bytes]) -> None:
    former = msgspec.json.encode({**msgspec.json.decode(WHOLE), "feature_set_version": "0"})
    bucket["v1/manifest.json"] = former
    bucket["v1/signature.json"] = signature(manifest_sha256=hashlib.sha256(former).hexdigest())
    bucket["champion-signature.json"] = naming(content=former)
    with pytest.raises(DeliveryError, match="trained for feature set 0, .* has to train first"):
        champion(Stack("prod"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (naming(STRANGERS), "is not signed by the stack's training job"),
        (naming().replace(b'"v1"', b'"v0"'), "is not signed by the stack's training job"),
        (naming().replace(b"2026-11-02", b"2026-11-29"), "is not signed by the stack's training job"),
        (signature(), "is not signed by the stack's training job"),
        (b"v1\n", "is not signed by the stack's training job"),
        (naming(at=1), "somebody has put an older one back"),
        (naming(content=b"{}"), "its manifest is not the champion's"),
        (None, "is gone from the model bucket"),
    ],
)
def test_who_writes_to_the_bucket_does_not_say_who_is_the_champion(
    bucket: dict[str, bytes], service: Service, given: bytes | None, told: str
) -> None:
    """The stack has deployed the champion of the second of the month, and went back from it."""
    service.made = [Revision("r-1", "i", "v0"), Revision("r-2", "i", "v1", "2026-11-02T12:30:00Z")]
    bucket["CHAMPION"] = b"v0\n"
    assert champion(Stack("prod")).version == "v1", "what is not signed is not read"
    del bucket["champion-signature.json"]
    bucket |= {"champion-signature.json": given} if given else {}
    with pytest.raises(DeliveryError, match=told) as refused:
        promotion.by_itself(Stack("prod"))
    assert not isinstance(refused.value, NoChampion)


def test_what_a_version_says_of_the_example_orders_is_taken_where_the_signed_manifest_holds_its_hash(
    bucket: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scores = b'{"scores":{"an order":0.25}}'
    known = {**json.loads(WHOLE), "files": {"expected-scores.json": hashlib.sha256(scores).hexdigest()}}
    bucket |= {"v1/manifest.json": json.dumps(known).encode(), "v1/expected-scores.json": scores}
    recorded = hashlib.sha256(bucket["v1/manifest.json"]).hexdigest()
    stack = Stack("prod", {"MODELS_DIR": str(tmp_path)})
    assert expected_scores(stack, Record("v1", "c", recorded, source="job")) == {"an order": 0.25}
    bucket["v1/expected-scores.json"] = scores.replace(b"0.25", b"0.75")
    with pytest.raises(DeliveryError, match="is not what the manifest says"):
        expected_scores(stack, Record("v1", "c", recorded, source="job"))
    with pytest.raises(DeliveryError, match="its manifest is not the recorded one"):
        expected_scores(stack, Record("v1", "c", "0" * 64, source="job"))
    with pytest.raises(DeliveryError, match="can't be read"):
        expected_scores(stack, Record("v1", "c", recorded))
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "manifest.json").write_bytes(WHOLE)
    assert expected_scores(stack, Record("v1", "c", hashlib.sha256(WHOLE).hexdigest())) == {}, "from before"


def test_a_champion_of_a_former_job_changes_nothing_until_the_job_has_run(
    bucket: dict[str, bytes], service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(promotion, "write", lambda record: None)
    del bucket["champion-signature.json"]
    bucket["CHAMPION"] = b"v0\n"
    with pytest.raises(UnsignedChampion, match="then run the job"):
        promotion.deploy_champion(Stack("prod"))
    assert "nothing to promote" in promotion.by_itself(Stack("prod"))
    service.made = [Revision("r-1", "i", "v1")]
    found = promotion.of_job(Stack("prod"))
    assert isinstance(found, Record) and (found.version, found.promoted_at) == ("v1", ""), "a release keeps what serves"
    service.made = [Revision("r-1", "i", "of-the-pipeline")]
    assert promotion.of_job(Stack("prod")) is None
    assert capsys.readouterr().out.count("note: The champion of prod was named by a job from before") == 2


def test_the_word_that_chooses_is_checked() -> None:
    assert by_job({"MODEL": "job"}) and not by_job({}) and not by_job({"MODEL": "runner"})
    with pytest.raises(DeliveryError, match="MODEL=jobs is neither"):
        by_job({"MODEL": "jobs"})
